//! What happened to people and to whom an application follows.

use fulmar_domain::{
    SipUri,
    contacts::{GroupId, GroupName, ListChange},
    id::SubscriptionId,
    presence::Changed,
    subscription::SubscriptionChange,
};
use fulmar_wire::ucwa::{Event, Link};

use super::{Renderer, to};
use crate::ucwa::{groups, subscriptions};

impl Renderer<'_> {
    pub(super) fn presence(&mut self, of: &SipUri, changed: Changed) {
        let contact = self.asker.hrefs.contact(of);
        let parts = [
            ("contactPresence", "presence", changed.availability),
            ("contactNote", "note", changed.note),
            ("contactLocation", "location", changed.location),
        ];
        for (rel, path, _) in parts.into_iter().filter(|(.., changed)| *changed) {
            let event = Event::updated(Link::new(rel, format!("{contact}/{path}")));
            self.of_people(event.within("contact", &contact));
        }
    }

    /// "Updated" is the word for one that will end soon.
    pub(super) fn subscription(&mut self, id: &SubscriptionId, change: SubscriptionChange) {
        let hrefs = &self.asker.hrefs;
        if subscriptions::is_of_list(id) {
            if change == SubscriptionChange::Expiring {
                let list = Link::new("myContactsAndGroupsSubscription", subscriptions::list_href(hrefs));
                self.of_people(Event::updated(list));
            }
            return;
        }
        let resource = subscriptions::resource(id, hrefs);
        match change {
            SubscriptionChange::Added => self.of_people(Event::added(to(&resource))),
            SubscriptionChange::Expiring => self.of_people(Event::updated(to(&resource)).embed(resource)),
            SubscriptionChange::Deleted => self.of_people(Event::deleted(to(&resource))),
            // The answer to who asked for it says so.
            SubscriptionChange::Extended => {}
        }
    }

    pub(super) fn group(&mut self, group: GroupId, name: Option<&GroupName>, change: ListChange) {
        let hrefs = &self.asker.hrefs;
        let link = Link::new(groups::rel(group), hrefs.group(group));
        let link = match name {
            Some(name) => link.titled(name.as_str()),
            None => link,
        };
        let event = changed(link, change);
        let is_new_or_gone = change != ListChange::Updated;
        self.of_people(if is_new_or_gone { event.within("myGroups", hrefs.groups()) } else { event });
    }

    pub(super) fn contact(&mut self, contact: &SipUri, group: Option<GroupId>, change: ListChange) {
        let hrefs = &self.asker.hrefs;
        let (rel, place) = match group {
            Some(group) => (groups::rel(group), hrefs.group(group)),
            None => ("myContacts", hrefs.at("people/contacts")),
        };
        let contact = Link::new("contact", hrefs.contact(contact));
        self.of_people(changed(contact, change).within(rel, place));
    }

    pub(super) fn following(&mut self, people: &[SipUri], change: ListChange) {
        let subscribed = self.asker.hrefs.at("people/subscribedContacts");
        for person in people {
            let contact = Link::new("contact", self.asker.hrefs.contact(person));
            self.of_people(changed(contact, change).within("subscribedContacts", &subscribed));
        }
    }

    fn of_people(&mut self, event: Event) {
        self.document.push("people", &self.asker.hrefs.at("people"), event);
    }
}

fn changed(link: Link, change: ListChange) -> Event {
    match change {
        ListChange::Added => Event::added(link),
        ListChange::Updated => Event::updated(link),
        ListChange::Deleted => Event::deleted(link),
    }
}
