//! The commands and events about meetings.

use roxmltree::Node;

use crate::{
    date,
    mcx::{
        Rejection, RejectionCode,
        event::number,
        requests::{attribute, bounded, elements, rejection},
    },
    xml::{self, Writer},
};

/// What a client can ask about meetings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeetingCommand {
    /// Plan one.
    PlanMeeting {
        /// How.
        plan: MeetingPlan,
    },
    /// Plan it otherwise.
    ChangeMeeting {
        /// Which.
        meeting_id: String,
        /// The change of it that the client has seen.
        revision: String,
        /// How.
        plan: MeetingPlan,
    },
    /// Give it up.
    DeleteMeeting {
        /// Which.
        meeting_id: String,
    },
    /// Tell me what I have planned.
    QueryMeetings,
    /// Let me in.
    JoinMeeting {
        /// Its address.
        meeting_uri: String,
        /// The client's own name for this.
        operation_id: Option<String>,
    },
    /// Begin one at once and let me in.
    StartMeeting {
        /// What it is about.
        subject: Option<String>,
        /// The client's own name for this.
        operation_id: Option<String>,
    },
}

/// What the organizer of a meeting says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeetingPlan {
    /// What it is about, empty when nothing is said.
    pub subject: String,
    /// More of that, likewise.
    pub description: String,
    /// One of the levels of the grammar.
    pub access_level: String,
    /// Milliseconds since 1970.
    pub expires_at: i64,
    /// SIP URIs.
    pub attendees: Vec<String>,
    /// SIP URIs.
    pub leaders: Vec<String>,
}

/// What can happen to meetings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeetingEvent {
    /// A meeting that this person has planned, as it is when the event is fetched.
    Meeting {
        /// Which.
        meeting_id: String,
        /// Its address.
        meeting_uri: String,
        /// Grows with every change.
        revision: u32,
        /// How it is planned.
        plan: MeetingPlan,
    },
    /// It is there no more.
    MeetingDeleted {
        /// Which.
        meeting_id: String,
    },
    /// This person has come into a meeting, on whichever device.
    MeetingJoined {
        /// The conversation that it is.
        conf_id: String,
        /// Its address, while it can be joined.
        meeting_uri: Option<String>,
        /// The person's own name for this, where it has one.
        operation_id: Option<String>,
    },
}

impl MeetingCommand {
    /// The name of its element.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PlanMeeting { .. } => "planMeeting",
            Self::ChangeMeeting { .. } => "changeMeeting",
            Self::DeleteMeeting { .. } => "deleteMeeting",
            Self::QueryMeetings => "queryMeetings",
            Self::JoinMeeting { .. } => "joinMeeting",
            Self::StartMeeting { .. } => "startMeeting",
        }
    }
}

/// Reads a command; `None` when it is not one about meetings.
pub(super) fn read_command(node: Node<'_, '_>) -> Result<Option<MeetingCommand>, Rejection> {
    let optional = |name| bounded(node, name, node.attribute(name));
    Ok(Some(match node.tag_name().name() {
        "planMeeting" => MeetingCommand::PlanMeeting { plan: plan(node)? },
        "changeMeeting" => MeetingCommand::ChangeMeeting {
            meeting_id: attribute(node, "meetingId")?,
            revision: attribute(node, "revision")?,
            plan: plan(node)?,
        },
        "deleteMeeting" => MeetingCommand::DeleteMeeting { meeting_id: attribute(node, "meetingId")? },
        "queryMeetings" => MeetingCommand::QueryMeetings,
        "joinMeeting" => MeetingCommand::JoinMeeting {
            meeting_uri: attribute(node, "meetingUri")?,
            operation_id: optional("operationId")?,
        },
        "startMeeting" => MeetingCommand::StartMeeting {
            subject: optional("subject")?,
            operation_id: optional("operationId")?,
        },
        _ => return Ok(None),
    }))
}

fn plan(node: Node<'_, '_>) -> Result<MeetingPlan, Rejection> {
    let expires_at = attribute(node, "expiresAt")?;
    let people = |name| {
        let uri = |person| {
            attribute(person, "uri")
                .map_err(|r| Rejection { rid: node.attribute("rid").map(str::to_owned), ..r })
        };
        elements(node, name).map(uri).collect::<Result<_, _>>()
    };
    Ok(MeetingPlan {
        subject: attribute(node, "subject")?,
        description: elements(node, "description").next().map(xml::text).unwrap_or_default(),
        access_level: attribute(node, "accessLevel")?,
        expires_at: date::read(&expires_at).ok_or_else(|| {
            rejection(node, RejectionCode::InvalidValue, "`expiresAt` is an `xsd:dateTime` with its offset")
        })?,
        attendees: people("attendee")?,
        leaders: people("leader")?,
    })
}

/// Writes a command as an element that has this name.
pub(super) fn write_command(writer: &mut Writer, rid: &str, command: &MeetingCommand) {
    let mut attributes = vec![("rid", rid)];
    let optional = |name, value: &'_ Option<String>| value.clone().map(|value| (name, value));
    let mut said = Vec::new();
    match command {
        MeetingCommand::ChangeMeeting { meeting_id, revision, .. } => {
            attributes.extend([("meetingId", meeting_id.as_str()), ("revision", revision)]);
        }
        MeetingCommand::DeleteMeeting { meeting_id } => attributes.push(("meetingId", meeting_id)),
        MeetingCommand::JoinMeeting { meeting_uri, operation_id } => {
            attributes.push(("meetingUri", meeting_uri));
            said.extend(optional("operationId", operation_id));
        }
        MeetingCommand::StartMeeting { subject, operation_id } => {
            said.extend(optional("subject", subject));
            said.extend(optional("operationId", operation_id));
        }
        MeetingCommand::PlanMeeting { .. } | MeetingCommand::QueryMeetings => {}
    }
    attributes.extend(said.iter().map(|(name, value)| (*name, value.as_str())));
    match command {
        MeetingCommand::PlanMeeting { plan } | MeetingCommand::ChangeMeeting { plan, .. } => {
            write_plan(writer, command.name(), &attributes, plan);
        }
        _ => {
            writer.empty(command.name(), &attributes);
        }
    }
}

fn write_plan(writer: &mut Writer, name: &str, which: &[(&str, &str)], plan: &MeetingPlan) {
    let expires_at = date::write(plan.expires_at);
    let said =
        [("subject", plan.subject.as_str()), ("accessLevel", &plan.access_level), ("expiresAt", &expires_at)];
    writer.element(name, &[which, &said].concat(), |w| {
        if !plan.description.is_empty() {
            w.leaf("description", &plan.description);
        }
        for uri in &plan.attendees {
            w.empty("attendee", &[("uri", uri)]);
        }
        for uri in &plan.leaders {
            w.empty("leader", &[("uri", uri)]);
        }
    });
}

/// Writes an event as an element.
pub(super) fn write_event(w: &mut Writer, eid: (&'static str, &str), event: &MeetingEvent) {
    match event {
        MeetingEvent::Meeting { meeting_id, meeting_uri, revision, plan } => {
            let revision = revision.to_string();
            let which =
                [eid, ("meetingId", meeting_id), ("meetingUri", meeting_uri), ("revision", &revision)];
            write_plan(w, "meeting", &which, plan);
        }
        MeetingEvent::MeetingDeleted { meeting_id } => {
            w.empty("meetingDeleted", &[eid, ("meetingId", meeting_id)]);
        }
        MeetingEvent::MeetingJoined { conf_id, meeting_uri, operation_id } => {
            let mut attributes = vec![eid, ("confId", conf_id)];
            attributes.extend(meeting_uri.as_deref().map(|uri| ("meetingUri", uri)));
            attributes.extend(operation_id.as_deref().map(|name| ("operationId", name)));
            w.empty("meetingJoined", &attributes);
        }
    }
}

/// Reads an event; `None` for what the grammar does not have.
pub(super) fn read_event(node: Node<'_, '_>) -> Option<MeetingEvent> {
    let of = |name: &str| node.attribute(name).map(str::to_owned);
    Some(match node.tag_name().name() {
        "meeting" => MeetingEvent::Meeting {
            meeting_id: of("meetingId")?,
            meeting_uri: of("meetingUri")?,
            revision: number(node, "revision")?,
            plan: plan(node).ok()?,
        },
        "meetingDeleted" => MeetingEvent::MeetingDeleted { meeting_id: of("meetingId")? },
        "meetingJoined" => MeetingEvent::MeetingJoined {
            conf_id: of("confId")?,
            meeting_uri: of("meetingUri"),
            operation_id: of("operationId"),
        },
        _ => return None,
    })
}
