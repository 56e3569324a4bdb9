//! The same for meetings.

use fulmar_app::Command;
use fulmar_domain::{
    SipUri, Timestamp,
    id::MeetingId,
    invitation::{About, Invitation, Subject},
    meeting::{Meeting, MeetingEdit, MeetingPlan, MeetingUri},
};
use fulmar_wire::mcx::{self, MeetingCommand as Wire, MeetingEvent, RejectionCode};

use super::value;
use crate::mcx::commands::Why;

pub(super) fn command(command: Wire) -> Result<Command, Why> {
    Ok(match command {
        Wire::PlanMeeting { plan } => Command::EditMeeting(MeetingEdit::Plan(self::plan(&plan)?)),
        Wire::ChangeMeeting { meeting_id, revision, plan } => {
            let revision = revision.parse().map_err(|_| {
                (RejectionCode::InvalidValue, "`revision` is the number in an event `meeting`".to_owned())
            })?;
            let (id, plan) = (value(&meeting_id)?, self::plan(&plan)?);
            Command::EditMeeting(MeetingEdit::Change { id, revision, plan })
        }
        Wire::DeleteMeeting { meeting_id } => Command::EditMeeting(MeetingEdit::Delete(value(&meeting_id)?)),
        Wire::QueryMeetings => Command::QueryMeetings,
        Wire::JoinMeeting { meeting_uri, operation_id } => {
            let uri: MeetingUri = value(&meeting_uri)?;
            Command::JoinMeeting(uri, about(None, operation_id.as_deref())?)
        }
        Wire::StartMeeting { subject, operation_id } => {
            Command::StartMeeting(about(subject.as_deref(), operation_id.as_deref())?)
        }
    })
}

fn about(subject: Option<&str>, operation: Option<&str>) -> Result<About, Why> {
    Ok(About {
        subject: subject.map_or(Ok(Subject::default()), value)?,
        operation: operation.map(value).transpose()?,
        ..About::default()
    })
}

fn plan(plan: &mcx::MeetingPlan) -> Result<MeetingPlan, Why> {
    let people = |uris: &[String]| uris.iter().map(|uri| value(uri)).collect::<Result<Vec<_>, _>>();
    Ok(MeetingPlan {
        subject: plan.subject.clone(),
        description: plan.description.clone(),
        access: value(&plan.access_level)?,
        attendees: people(&plan.attendees)?,
        leaders: people(&plan.leaders)?,
        expires_at: Timestamp::from_millis(plan.expires_at),
    })
}

/// A meeting of one's own, or that it is there no more.
pub(super) fn event(id: &MeetingId, meeting: Option<&Meeting>) -> MeetingEvent {
    let Some(meeting) = meeting else { return MeetingEvent::MeetingDeleted { meeting_id: id.to_string() } };
    let uris = |people: &[SipUri]| people.iter().map(ToString::to_string).collect();
    MeetingEvent::Meeting {
        meeting_id: id.to_string(),
        meeting_uri: meeting.uri().to_string(),
        revision: meeting.revision,
        plan: mcx::MeetingPlan {
            subject: meeting.plan.subject.clone(),
            description: meeting.plan.description.clone(),
            access_level: meeting.plan.access.as_str().to_owned(),
            expires_at: meeting.plan.expires_at.as_millis(),
            attendees: uris(&meeting.plan.attendees),
            leaders: uris(&meeting.plan.leaders),
        },
    }
}

pub(super) fn joined(invitation: &Invitation) -> MeetingEvent {
    MeetingEvent::MeetingJoined {
        conf_id: invitation.conversation.to_string(),
        meeting_uri: invitation.meeting.as_ref().map(ToString::to_string),
        operation_id: invitation.operation.as_ref().map(ToString::to_string),
    }
}
