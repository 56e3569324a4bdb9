//! Planned meetings: text meetings, which is what the box can hold.

use axum::http::HeaderMap;
use fulmar_app::Command;
use fulmar_domain::{
    Office, SipUri,
    id::MeetingId,
    meeting::{AccessLevel, InvalidPlan, LIFETIME, MAX_INVITED, Meeting, MeetingEdit, MeetingPlan},
};
use fulmar_wire::ucwa::{Code, Resource, Subcode, Value};

use super::{
    answer::{Answer, Refused, unchanged},
    asker::{Asker, Given},
    communication::RETURN_WITH_PUT,
    hrefs::Hrefs,
};
use crate::meet;

/// Nobody hears who comes, and nobody leads because of where they work: the words for that.
pub(super) const DISABLED: &str = "Disabled";
const MEETING_REL: &str = "myOnlineMeetings";

pub(super) async fn show(asker: Asker) -> Answer {
    Answer::Found(resource(&asker.hrefs))
}

pub(super) fn resource(hrefs: &Hrefs) -> Resource {
    Resource::new("onlineMeetings", hrefs.at("onlineMeetings"))
        .link("myOnlineMeetings", hrefs.at("onlineMeetings/myOnlineMeetings"))
        .link("onlineMeetingDefaultValues", hrefs.at("onlineMeetings/defaultValues"))
        .link("onlineMeetingEligibleValues", hrefs.at("onlineMeetings/eligibleValues"))
        .link("onlineMeetingPolicies", hrefs.at("onlineMeetings/policies"))
}

/// `GET myOnlineMeetings`.
pub(super) async fn list(asker: Asker) -> Result<Answer, Refused> {
    let meetings = asker.app.store().meetings(asker.account.id, asker.app.now()).await?;
    let office = asker.office().await?;
    let meetings = meetings.iter().map(|meeting| self::meeting(meeting, &asker.hrefs, &office)).collect();
    let list = Resource::new("myOnlineMeetings", asker.hrefs.at("onlineMeetings/myOnlineMeetings"));
    Ok(Answer::Found(list.embed_all("myOnlineMeeting", meetings)))
}

/// `POST myOnlineMeetings`.
pub(super) async fn plan(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let none = MeetingPlan {
        subject: String::new(),
        description: String::new(),
        access: AccessLevel::SameEnterprise,
        attendees: Vec::new(),
        leaders: Vec::new(),
        expires_at: asker.app.now() + LIFETIME,
    };
    let planned = edit(&asker, MeetingEdit::Plan(filled(&asker, &given, none)?)).await?;
    Ok(Answer::Created(meeting(&planned, &asker.hrefs, &asker.office().await?)))
}

/// Makes or changes a plan; what came of it.
async fn edit(asker: &Asker, edit: MeetingEdit) -> Result<Meeting, Refused> {
    let made = asker.execute_meeting(Command::EditMeeting(edit)).await?;
    let none = || Refused::new(Code::NotFound, Subcode::ResourceNotFound);
    let id = made.meeting.ok_or_else(none)?;
    asker.app.store().meeting(id, asker.app.now()).await?.ok_or_else(none)
}

pub(super) async fn show_one(asker: Asker) -> Result<Answer, Refused> {
    Ok(Answer::Found(meeting(&named(&asker).await?, &asker.hrefs, &asker.office().await?)))
}

/// `PUT`: what is not said goes back to what a meeting is without it, but for the time of its end.
pub(super) async fn change(asker: Asker, headers: HeaderMap, given: Given) -> Result<Answer, Refused> {
    let known = named(&asker).await?;
    let office = asker.office().await?;
    unchanged(&headers, &meeting(&known, &asker.hrefs, &office))?;
    if !given.0.has(RETURN_WITH_PUT) {
        return Err(Refused::parameter(RETURN_WITH_PUT, "this is to be sent back as it came"));
    }
    let plan = MeetingPlan {
        subject: String::new(),
        description: String::new(),
        attendees: Vec::new(),
        leaders: Vec::new(),
        ..known.plan
    };
    let plan = filled(&asker, &given, plan)?;
    let changed = edit(&asker, MeetingEdit::Change { id: known.id, revision: known.revision, plan }).await?;
    Ok(Answer::Found(meeting(&changed, &asker.hrefs, &office)))
}

pub(super) async fn delete(asker: Asker) -> Result<Answer, Refused> {
    let name = named(&asker).await?.id;
    asker.execute(Command::EditMeeting(MeetingEdit::Delete(name))).await?;
    Ok(Answer::Done)
}

pub(super) async fn default_values(asker: Asker) -> Answer {
    let values = Resource::new("onlineMeetingDefaultValues", asker.hrefs.at("onlineMeetings/defaultValues"))
        .property("accessLevel", AccessLevel::SameEnterprise.as_str())
        .property("automaticLeaderAssignment", DISABLED)
        .property("defaultOnlineMeetingRel", MEETING_REL)
        .property("entryExitAnnouncement", DISABLED)
        .property("lobbyBypassForPhoneUsers", DISABLED)
        .property("participantsWarningThreshold", largest());
    Answer::Found(values)
}

pub(super) async fn eligible_values(asker: Asker) -> Answer {
    let one = |word: &str| vec![word.to_owned()];
    let levels: Vec<_> = AccessLevel::ALL.iter().map(|level| level.as_str().to_owned()).collect();
    let values =
        Resource::new("onlineMeetingEligibleValues", asker.hrefs.at("onlineMeetings/eligibleValues"))
            .property("accessLevels", levels)
            .property("automaticLeaderAssignments", one(DISABLED))
            .property("eligibleOnlineMeetingRels", one(MEETING_REL))
            .property("entryExitAnnouncements", one(DISABLED))
            .property("lobbyBypassForPhoneUsersSettings", one(DISABLED));
    Answer::Found(values)
}

pub(super) async fn policies(asker: Asker) -> Answer {
    let policies = Resource::new("onlineMeetingPolicies", asker.hrefs.at("onlineMeetings/policies"))
        .property("entryExitAnnouncement", DISABLED)
        .property("externalUserMeetingRecording", DISABLED)
        .property("meetingRecording", "None")
        .property("meetingSize", largest())
        .property("phoneUserAdmission", DISABLED)
        .property("voipAudio", DISABLED);
    Answer::Found(policies)
}

fn largest() -> i64 {
    i64::try_from(MAX_INVITED).unwrap_or(i64::MAX)
}

/// The meeting of the asker's that the path names.
async fn named(asker: &Asker) -> Result<Meeting, Refused> {
    let name: MeetingId = asker.named("meeting", Subcode::ResourceNotFound)?;
    let found = asker.app.store().meeting(name, asker.app.now()).await?;
    let own = found.filter(|meeting| meeting.organizer == asker.account.uri && !meeting.ad_hoc);
    own.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ResourceNotFound))
}

fn filled(asker: &Asker, given: &Given, plan: MeetingPlan) -> Result<MeetingPlan, Refused> {
    let text = |name| -> Result<Option<String>, Refused> { Ok(given.0.text(name)?.map(str::to_owned)) };
    let plan = MeetingPlan {
        subject: text("subject")?.unwrap_or(plan.subject),
        description: text("description")?.unwrap_or(plan.description),
        access: given.optional("accessLevel")?.unwrap_or(plan.access),
        attendees: people(given, "attendees")?.unwrap_or(plan.attendees),
        leaders: people(given, "leaders")?.unwrap_or(plan.leaders),
        expires_at: given
            .0
            .date("expirationTime")?
            .map_or(plan.expires_at, fulmar_domain::Timestamp::from_millis),
    };
    plan.check(asker.app.now()).map_err(|invalid| {
        let name = match invalid {
            InvalidPlan::Subject => "subject",
            InvalidPlan::Description => "description",
            InvalidPlan::TooMany => "attendees",
            InvalidPlan::Expiry => "expirationTime",
        };
        Refused::parameter(name, invalid)
    })?;
    Ok(plan)
}

fn people(given: &Given, name: &'static str) -> Result<Option<Vec<SipUri>>, Refused> {
    let Some(texts) = given.0.list(name)? else { return Ok(None) };
    let people = texts.iter().map(|text| text.parse().map_err(|error| Refused::parameter(name, error)));
    people.collect::<Result<_, _>>().map(Some)
}

fn meeting(meeting: &Meeting, hrefs: &Hrefs, office: &Office) -> Resource {
    let place = hrefs.at(&format!("onlineMeetings/myOnlineMeetings/{}", meeting.id));
    described(Resource::new("myOnlineMeeting", place), meeting, office)
        .property(RETURN_WITH_PUT, "please pass this in a PUT request")
        .etagged()
}

/// What is said of a meeting, by its organizer and in it.
pub(super) fn described(resource: Resource, meeting: &Meeting, office: &Office) -> Resource {
    let uris = |people: &[SipUri]| people.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (id, plan) = (meeting.id.as_str(), &meeting.plan);
    resource
        .property("accessLevel", plan.access.as_str())
        .property("attendees", uris(&plan.attendees))
        .property("automaticLeaderAssignment", DISABLED)
        .property("description", plan.description.as_str())
        .property("entryExitAnnouncement", DISABLED)
        .property("expirationTime", Value::Date(plan.expires_at.as_millis()))
        .property("joinUrl", meet::url(office, meeting))
        .property("leaders", uris(&plan.leaders))
        .property("lobbyBypassForPhoneUsers", DISABLED)
        .property("onlineMeetingId", id)
        .property("onlineMeetingRel", MEETING_REL)
        .property("onlineMeetingUri", meeting.uri().to_string())
        .property("organizerUri", meeting.organizer.to_string())
        .property("phoneUserAdmission", DISABLED)
        .property("subject", plan.subject.as_str())
}
