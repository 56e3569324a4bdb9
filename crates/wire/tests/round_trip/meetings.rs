//! What is said of meetings.

use fulmar_wire::mcx::{MeetingCommand, MeetingEvent, MeetingPlan};
use proptest::{collection::vec, option, prelude::*};

use crate::{millis, text};

fn plan() -> impl Strategy<Value = MeetingPlan> {
    (text(), text(), text(), millis(), vec(text(), 0..4), vec(text(), 0..4)).prop_map(
        |(subject, description, access_level, expires_at, attendees, leaders)| MeetingPlan {
            subject,
            description,
            access_level,
            expires_at,
            attendees,
            leaders,
        },
    )
}

pub(crate) fn command() -> impl Strategy<Value = MeetingCommand> {
    prop_oneof![
        plan().prop_map(|plan| MeetingCommand::PlanMeeting { plan }),
        (text(), text(), plan()).prop_map(|(meeting_id, revision, plan)| MeetingCommand::ChangeMeeting {
            meeting_id,
            revision,
            plan
        }),
        text().prop_map(|meeting_id| MeetingCommand::DeleteMeeting { meeting_id }),
        Just(MeetingCommand::QueryMeetings),
        (text(), option::of(text())).prop_map(|(meeting_uri, operation_id)| MeetingCommand::JoinMeeting {
            meeting_uri,
            operation_id
        }),
        (option::of(text()), option::of(text()))
            .prop_map(|(subject, operation_id)| { MeetingCommand::StartMeeting { subject, operation_id } }),
    ]
}

pub(crate) fn event() -> impl Strategy<Value = MeetingEvent> {
    prop_oneof![
        (text(), text(), any::<u32>(), plan()).prop_map(|(meeting_id, meeting_uri, revision, plan)| {
            MeetingEvent::Meeting { meeting_id, meeting_uri, revision, plan }
        }),
        text().prop_map(|meeting_id| MeetingEvent::MeetingDeleted { meeting_id }),
        (text(), option::of(text()), option::of(text())).prop_map(|(conf_id, meeting_uri, operation_id)| {
            MeetingEvent::MeetingJoined { conf_id, meeting_uri, operation_id }
        }),
    ]
}
