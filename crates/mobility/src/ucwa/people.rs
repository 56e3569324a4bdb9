//! The people of the office, and what they let others see.

use fulmar_domain::{
    SipUri,
    contacts::ListedContact,
    details::{DetailText, PhoneNumber},
    presence::Presence,
};
use fulmar_wire::ucwa::{Code, Link, Resource, Subcode, Value};

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    groups,
    hrefs::Hrefs,
    me, subscriptions,
};

pub(super) async fn show(asker: Asker) -> Answer {
    Answer::Found(resource(&asker.hrefs))
}

pub(super) fn resource(hrefs: &Hrefs) -> Resource {
    Resource::new("people", hrefs.at("people"))
        .link("myContacts", hrefs.at("people/contacts"))
        .revised_link("myGroups", hrefs.groups(), groups::REVISION)
        .revised_link("myGroupMemberships", hrefs.at("people/groupMemberships"), groups::REVISION)
        .link("search", hrefs.at("people/search"))
        .link("presenceSubscriptions", hrefs.at("people/presenceSubscriptions"))
        .link("presenceSubscriptionMemberships", hrefs.at("people/presenceSubscriptionMemberships"))
        .link("subscribedContacts", hrefs.at("people/subscribedContacts"))
        .link("myContactsAndGroupsSubscription", subscriptions::list_href(hrefs))
}

/// `GET contacts`: those of the list, or of a group in it; with `expand=false` links alone.
pub(super) async fn contacts(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let expand = given.0.bool("expand")? != Some(false);
    if let Some(group) = given.optional("groupId")? {
        return groups::contacts(&asker, group, expand).await;
    }
    let contacts = asker.app.store().contact_list(asker.account.id).await?.contacts;
    let list = Resource::new("myContacts", asker.hrefs.at("people/contacts"));
    Ok(Answer::Found(with_contacts(list, &contacts, expand, &asker.hrefs)))
}

/// With these contacts embedded, or with links to them.
pub(super) fn with_contacts(
    list: Resource,
    contacts: &[ListedContact],
    expand: bool,
    hrefs: &Hrefs,
) -> Resource {
    if expand {
        return list
            .embed_all("contact", contacts.iter().map(|contact| self::contact(contact, hrefs)).collect());
    }
    let link = |ListedContact { contact, .. }: &ListedContact| {
        Link::new("contact", hrefs.contact(&contact.uri)).titled(contact.display_name.as_str())
    };
    list.links("contact", contacts.iter().map(link))
}

pub(super) async fn show_contact(asker: Asker) -> Result<Answer, Refused> {
    let person = asker.person()?;
    let contact = asker.app.store().contact(asker.account.id, &person).await?;
    let contact = contact.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ResourceNotFound))?;
    Ok(Answer::Found(self::contact(&contact, &asker.hrefs)))
}

pub(super) async fn show_presence(asker: Asker) -> Result<Answer, Refused> {
    let (person, presence) = presence_of(&asker).await?;
    let href = format!("{}/presence", asker.hrefs.contact(&person));
    let resource = Resource::new("contactPresence", href)
        .property("deviceType", presence.device_type.as_str())
        .optional("lastActive", presence.last_active.map(|at| Value::Date(at.as_millis())));
    Ok(Answer::Found(me::with_availability(resource, &presence)))
}

pub(super) async fn show_note(asker: Asker) -> Result<Answer, Refused> {
    let (person, presence) = presence_of(&asker).await?;
    let href = format!("{}/note", asker.hrefs.contact(&person));
    Ok(Answer::Found(me::note("contactNote", href, &presence.note)))
}

pub(super) async fn show_location(asker: Asker) -> Result<Answer, Refused> {
    let (person, presence) = presence_of(&asker).await?;
    let href = format!("{}/location", asker.hrefs.contact(&person));
    Ok(Answer::Found(me::location("contactLocation", href, &presence.location)))
}

/// `GET supportedMedia`: everybody can be written to.
pub(super) async fn show_modalities(asker: Asker) -> Result<Answer, Refused> {
    let person = asker.person()?;
    let href = format!("{}/supportedMedia", asker.hrefs.contact(&person));
    let resource = Resource::new("contactSupportedModalities", href);
    Ok(Answer::Found(resource.property("modalities", vec!["Messaging".to_owned()])))
}

async fn presence_of(asker: &Asker) -> Result<(SipUri, Presence), Refused> {
    let person = asker.person()?;
    let presence = asker.app.store().presence(&person, asker.app.now()).await?;
    let presence = presence.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ResourceNotFound))?;
    Ok((person, presence))
}

pub(super) fn contact(listed: &ListedContact, hrefs: &Hrefs) -> Resource {
    let ListedContact { contact, details, .. } = listed;
    let place = hrefs.contact(&contact.uri);
    let text = |text: &Option<DetailText>| text.as_ref().map(|text| text.as_str().to_owned());
    let phone = |number: &Option<PhoneNumber>| number.as_ref().map(|number| number.as_str().to_owned());
    Resource::new("contact", &place)
        .property("uri", contact.uri.to_string())
        .property("sourceNetwork", "SameEnterprise")
        .property("emailAddresses", listed.emails())
        .optional("title", text(&details.title))
        .optional("department", text(&details.department))
        .optional("company", text(&details.company))
        .optional("office", text(&details.office))
        .optional("workPhoneNumber", phone(&details.work_phone))
        .optional("mobilePhoneNumber", phone(&details.mobile_phone))
        .optional("homePhoneNumber", phone(&details.home_phone))
        .optional("otherPhoneNumber", phone(&details.other_phone))
        .property("type", "User")
        .property("name", contact.display_name.as_str())
        .link("contactPhoto", hrefs.photo(&contact.uri))
        .link("contactPresence", format!("{place}/presence"))
        .link("contactLocation", format!("{place}/location"))
        .link("contactNote", format!("{place}/note"))
        .link("contactSupportedModalities", format!("{place}/supportedMedia"))
        .etagged()
}
