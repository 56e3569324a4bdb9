//! What one side writes, the other side reads, for every message of the grammar.

mod meetings;
mod people;

use fulmar_wire::{
    Secret,
    mcx::{
        About, Command, Contact, Details, Event, Events, Format, Instant, Invitation, McxError, Numbered,
        Participant, PeopleEvent, Poll, Rejection, RejectionCode, Request, Requests, Response, Responses,
    },
    ws_trust::{Fault, FaultCode, TokenResponse, TokenType},
};
use proptest::{collection::vec, option, prelude::*};

/// Any text that XML 1.0 can carry (§2.2), line ends and quotes among it.
fn text() -> impl Strategy<Value = String> {
    "[^\0-\u{8}\u{b}\u{c}\u{e}-\u{1f}\u{fffe}\u{ffff}]{0,40}"
}

fn secret() -> impl Strategy<Value = Secret> {
    text().prop_map(Secret::from)
}

/// What is written as `xsd:dateTime` with four digits for the year.
fn millis() -> impl Strategy<Value = i64> {
    -62_135_596_800_000_i64..253_370_764_800_000
}

fn instant() -> impl Strategy<Value = Instant> {
    (text(), any::<bool>(), secret()).prop_map(|(message_id, html, text)| {
        let format = if html { Format::Html } else { Format::Plain };
        Instant { message_id, format, text }
    })
}

fn about() -> impl Strategy<Value = About> {
    (option::of(text()), option::of(text()), option::of(text()), option::of(text())).prop_map(
        |(subject, importance, thread_id, operation_id)| About {
            subject,
            importance,
            thread_id,
            operation_id,
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (text(), text(), text(), option::of(text())).prop_map(
            |(endpoint_id, device_name, client_tag, availability)| Command::InitiateSession {
                endpoint_id,
                device_name,
                client_tag,
                availability
            }
        ),
        Just(Command::TerminateSession),
        people::command().prop_map(Command::People),
        meetings::command().prop_map(Command::Meetings),
        text().prop_map(|state| Command::SetApplicationState { state }),
        (text().prop_filter("it has an endpoint", |provider| provider != "webpush"), secret())
            .prop_map(|(provider, token)| Command::RegisterPush { provider, token }),
        (secret(), text(), secret()).prop_map(|(endpoint, p256dh, auth)| Command::RegisterWebPush {
            endpoint,
            p256dh,
            auth
        }),
        Just(Command::UnregisterPush),
        Just(Command::TestPush),
        (text(), about(), option::of(instant())).prop_map(|(to, about, first)| Command::InitiateImSession {
            to,
            about,
            first
        }),
        (text(), text(), option::of(text())).prop_map(|(conf_id, to, operation_id)| {
            Command::InviteParticipant { conf_id, to, operation_id }
        }),
        option::of(text()).prop_map(|conf_id| Command::QueryImSessions { conf_id }),
        text().prop_map(|conf_id| Command::AcceptImSession { conf_id }),
        (text(), option::of(text()))
            .prop_map(|(conf_id, reason)| Command::DeclineImSession { conf_id, reason }),
        text().prop_map(|invitation_id| Command::CancelInvitation { invitation_id }),
        option::of(text()).prop_map(|conf_id| Command::AcknowledgeMissed { conf_id }),
        text().prop_map(|conf_id| Command::TerminateImSession { conf_id }),
        (text(), instant()).prop_map(|(conf_id, message)| Command::SendMessage { conf_id, message }),
        (text(), option::of(text()), option::of(text()))
            .prop_map(|(conf_id, from, message_id)| { Command::QueryMessages { conf_id, from, message_id } }),
        (text(), text(), text()).prop_map(|(conf_id, from, message_id)| Command::MarkRead {
            conf_id,
            from,
            message_id
        }),
        text().prop_map(|conf_id| Command::MuteImSession { conf_id }),
        text().prop_map(|conf_id| Command::UnmuteImSession { conf_id }),
        (text(), option::of(text())).prop_map(|(conf_id, state)| Command::NotifyComposing { conf_id, state }),
    ]
}

fn code() -> impl Strategy<Value = RejectionCode> {
    use RejectionCode::{
        InvalidValue, Malformed, NoSession, NotAllowed, ServiceFailure, TooManyCommands, UnknownCommand,
    };
    prop::sample::select(vec![
        Malformed,
        UnknownCommand,
        InvalidValue,
        TooManyCommands,
        NoSession,
        NotAllowed,
        ServiceFailure,
    ])
}

fn response() -> impl Strategy<Value = Response> {
    prop_oneof![
        text().prop_map(|rid| Response::Accepted { rid }),
        (text(), text(), any::<u64>(), any::<u64>(), option::of(text())).prop_map(
            |(rid, sid, poll_wait_time, session_timeout, vapid_key)| Response::SessionInitiated {
                rid,
                sid,
                poll_wait_time,
                session_timeout,
                vapid_key
            }
        ),
        (option::of(text()), code(), text()).prop_map(|(rid, code, reason)| Response::Rejected(Rejection {
            rid,
            code,
            reason
        })),
    ]
}

fn participant() -> impl Strategy<Value = Participant> {
    (text(), text(), text(), text()).prop_map(|(uri, display_name, state, composing)| Participant {
        uri,
        display_name,
        state,
        composing,
    })
}

fn invitation() -> impl Strategy<Value = Invitation> {
    (text(), text(), text(), text(), option::of(text())).prop_map(
        |(id, thread_id, subject, importance, meeting_uri)| Invitation {
            id,
            thread_id,
            subject,
            importance,
            meeting_uri,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (text(), option::of(text())).prop_map(|(rid, conf_id)| Event::RequestSucceeded { rid, conf_id }),
        (text(), text()).prop_map(|(rid, code)| Event::RequestFailed { rid, code }),
        people::event().prop_map(Event::People),
        meetings::event().prop_map(Event::Meetings),
        (text(), text(), invitation()).prop_map(|(conf_id, from, invitation)| Event::ImSessionReceived {
            conf_id,
            from,
            invitation
        }),
        (text(), text(), invitation(), option::of(text())).prop_map(
            |(conf_id, to, invitation, operation_id)| Event::ImSessionStarted {
                conf_id,
                to,
                invitation,
                operation_id
            }
        ),
        (text(), text(), text(), option::of(text()), any::<bool>()).prop_map(
            |(conf_id, invitation_id, outcome, reason, elsewhere)| Event::InvitationEnded {
                conf_id,
                invitation_id,
                outcome,
                reason,
                elsewhere
            }
        ),
        Just(Event::Resync),
        (text(), text(), text(), text(), text(), option::of(text()), any::<bool>(), vec(participant(), 0..4))
            .prop_map(
                |(conf_id, state, thread_id, subject, importance, meeting_uri, muted, participants)| {
                    Event::ImSession {
                        conf_id,
                        state,
                        thread_id,
                        subject,
                        importance,
                        meeting_uri,
                        muted,
                        participants,
                    }
                }
            ),
        (text(), any::<bool>()).prop_map(|(conf_id, muted)| Event::ImSessionMuted { conf_id, muted }),
        any::<(u32, u32)>().prop_map(|(total, unread)| Event::MissedConversations { total, unread }),
        (text(), text(), text()).prop_map(|(conf_id, user, state)| Event::ImSessionState {
            conf_id,
            user,
            state
        }),
        (text(), text(), text(), millis(), secret(), option::of(secret())).prop_map(
            |(conf_id, from, message_id, sent_at, text, html)| Event::MessageReceived {
                conf_id,
                from,
                message_id,
                sent_at,
                text,
                html
            }
        ),
        (text(), text(), millis(), secret(), option::of(secret())).prop_map(
            |(conf_id, message_id, sent_at, text, html)| Event::MessageSent {
                conf_id,
                message_id,
                sent_at,
                text,
                html
            }
        ),
        (text(), text(), text()).prop_map(|(conf_id, message_id, to)| Event::MessageDelivered {
            conf_id,
            message_id,
            to
        }),
        (text(), text(), text(), text()).prop_map(|(conf_id, from, message_id, by)| Event::MessageRead {
            conf_id,
            from,
            message_id,
            by
        }),
        (text(), text(), text()).prop_map(|(conf_id, message_id, to)| Event::MessageFailed {
            conf_id,
            message_id,
            to
        }),
        (text(), text(), text()).prop_map(|(conf_id, from, state)| Event::Composing { conf_id, from, state }),
        (text(), any::<bool>(), text()).prop_map(|(rid, accepted, reason)| Event::PushTested {
            rid,
            accepted,
            reason
        }),
    ]
}

fn numbered() -> impl Strategy<Value = Numbered> {
    (any::<u64>(), event()).prop_map(|(eid, event)| Numbered { eid, event })
}

proptest! {
    #[test]
    fn commands_read_back(
        sid in option::of(text()),
        commands in vec((text(), command()).prop_map(|(rid, command)| Ok(Request { rid, command })), 1..=16),
    ) {
        let requests = Requests { sid, commands };
        prop_assert_eq!(Requests::parse(requests.to_xml().as_bytes()), Ok(requests));
    }

    #[test]
    fn answers_read_back(responses in vec(response(), 0..=17)) {
        let responses = Responses { responses };
        prop_assert_eq!(Responses::parse(responses.to_xml().as_bytes()), Ok(responses));
    }

    #[test]
    fn events_read_back(
        sid in text(),
        (poll_wait_time, ack_id, session_timeout) in any::<(u64, u64, u64)>(),
        events in vec(numbered(), 0..8),
    ) {
        let events = Events { sid, poll_wait_time, ack_id, session_timeout, events };
        prop_assert_eq!(Events::parse(events.to_xml().as_bytes()), Ok(events));
    }

    #[test]
    fn errors_read_back(code in text(), reason in text()) {
        let error = McxError { code, reason };
        prop_assert_eq!(McxError::parse(error.to_xml().as_bytes()), Ok(error));
    }

    #[test]
    fn polls_read_back(sid in "\\PC{0,40}", ack in 0..=i64::MAX as u64, wait in option::of(0..=i64::MAX as u64)) {
        let poll = Poll { sid, ack_id: ack, wait };
        prop_assert_eq!(Poll::parse(&poll.to_query()), Ok(poll));
    }

    #[test]
    fn answers_of_the_ticket_service_read_back(
        context in option::of(text()),
        ticket in "[A-Za-z0-9_-]{1,64}",
        saml: bool,
        (created, expires) in (millis(), millis()),
        reason in text(),
    ) {
        let person = if saml { "sip:anna@office.test".to_owned() } else { String::new() };
        let response = TokenResponse {
            context,
            token_type: if saml { TokenType::Saml } else { TokenType::Compact },
            ticket: ticket.into(),
            person,
            origin: "https://web.office.test".into(),
            created,
            expires,
        };
        prop_assert_eq!(TokenResponse::parse(response.to_xml().as_bytes()), Ok(response));
        let fault = Fault { code: FaultCode::RequestFailed, reason };
        prop_assert_eq!(Fault::parse(fault.to_xml().as_bytes()), Ok(fault));
    }
}

/// The store hands out at most 100 events at a time, and `&amp;` is the longest escape.
#[test]
fn a_client_reads_the_longest_answer_that_a_box_gives() {
    let message = |eid| Numbered {
        eid,
        event: Event::MessageReceived {
            conf_id: "c".into(),
            from: "sip:ben@office.test".into(),
            message_id: "m".into(),
            sent_at: 0,
            text: "&".repeat(8192).into(),
            html: Some("<b></b>".repeat(1170).into()),
        },
    };
    let contact = |n| Contact {
        uri: format!("sip:{n}@office.test"),
        display_name: "N".repeat(64),
        groups: vec!["default".into()],
        details: Details::default(),
    };
    let list = PeopleEvent::ContactList { groups: Vec::new(), contacts: (0..10_000).map(contact).collect() };
    let events = (1..100).map(message).chain([Numbered { eid: 100, event: Event::People(list) }]).collect();
    let events = Events { sid: "s".into(), poll_wait_time: 1, ack_id: 100, session_timeout: 1, events };
    assert_eq!(Events::parse(events.to_xml().as_bytes()), Ok(events));
}

#[test]
fn what_people_write_is_not_printed() {
    let said = Instant { message_id: "m".into(), format: Format::Plain, text: "meet at nine".into() };
    let commands = [
        Command::SendMessage { conf_id: "c".into(), message: said },
        Command::RegisterPush { provider: "apns".into(), token: "00fc13adff785122".into() },
        Command::RegisterWebPush {
            endpoint: "https://push.example/00fc".into(),
            p256dh: "B".into(),
            auth: "00fc".into(),
        },
    ];
    for command in commands {
        let printed = format!("{command:?}");
        assert!(!printed.contains("nine") && !printed.contains("00fc"), "{printed}");
    }
}
