//! What the chat knows, from the events that came, and what it says of each.

use std::collections::{BTreeMap, HashSet};

use fulmar_domain::SipUri;
use fulmar_wire::mcx::{Contact, Event, Invitation, PeopleEvent, Presence};
use jiff::Timestamp;

use super::terminal::{clock, plain};

/// People, conversations, invitations. People are SIP URIs.
pub(super) struct Room {
    me: String,
    people: BTreeMap<String, Person>,
    /// With whom each one is.
    conversations: BTreeMap<String, String>,
    /// In the order in which they came.
    invitations: Vec<String>,
    current: Option<String>,
    said: HashSet<String>,
}

#[derive(Default)]
struct Person {
    name: String,
    /// How they are, in words.
    state: String,
}

impl Room {
    pub(super) fn new(me: &SipUri) -> Self {
        Self {
            me: me.to_string(),
            people: BTreeMap::new(),
            conversations: BTreeMap::new(),
            invitations: Vec::new(),
            current: None,
            said: HashSet::new(),
        }
    }

    /// Learns who works here.
    pub(super) fn meet(&mut self, contacts: Vec<Contact>) {
        for Contact { uri, display_name, .. } in contacts {
            self.people.entry(uri).or_default().name = plain(&display_name);
        }
    }

    /// How somebody is called: by their name, or else by their address.
    pub(super) fn name(&self, uri: &str) -> String {
        let known = self.people.get(uri).map(|person| person.name.as_str()).filter(|name| !name.is_empty());
        known.map_or_else(|| plain(uri.strip_prefix("sip:").unwrap_or(uri)), str::to_owned)
    }

    /// With whom a conversation is.
    pub(super) fn peer(&self, conf_id: &str) -> String {
        let with = self.conversations.get(conf_id).map(|with| self.name(with));
        with.unwrap_or_else(|| "somebody".to_owned())
    }

    /// The conversation to which a line goes.
    pub(super) fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// Everybody and how they are, and with whom a conversation is open.
    pub(super) fn who(&self) -> String {
        let width = self.people.values().map(|person| person.name.chars().count()).max().unwrap_or(0);
        let address = |uri: &str| uri.strip_prefix("sip:").unwrap_or(uri).to_owned();
        let addresses = self.people.keys().map(|uri| address(uri).len()).max().unwrap_or(0);
        let person = |(uri, Person { name, state }): (&String, &Person)| {
            format!("  {name:<width$}  {:<addresses$}  {state}", address(uri))
        };
        let mut lines: Vec<String> = self.people.iter().map(person).collect();
        if lines.is_empty() {
            lines.push("  Nobody else works here.".to_owned());
        }
        for conf_id in self.conversations.keys() {
            let mark = if self.current() == Some(conf_id) { "; what you type goes there" } else { "" };
            lines.push(format!("  A conversation with {}{mark}.", self.peer(conf_id)));
        }
        lines.join("\n")
    }

    /// A conversation that was asked for here.
    pub(super) fn open(&mut self, conf_id: &str, with: &str) {
        self.conversations.insert(conf_id.to_owned(), with.to_owned());
        self.current = Some(conf_id.to_owned());
    }

    /// Goes back to an open conversation with somebody; whether there is one.
    pub(super) fn turn_to(&mut self, with: &str) -> bool {
        let mut open = self.conversations.iter();
        match open.find(|(_, peer)| *peer == with) {
            Some((conf_id, _)) => {
                self.current = Some(conf_id.clone());
                true
            }
            None => false,
        }
    }

    /// The last invitation, or the last of somebody.
    pub(super) fn invitation(&self, from: Option<&str>) -> Option<String> {
        let is_of = |conf_id: &&String| {
            from.is_none_or(|from| self.conversations.get(*conf_id).is_some_and(|with| with == from))
        };
        self.invitations.iter().rev().find(is_of).cloned()
    }

    /// The invitation was taken here, and lines go there.
    pub(super) fn answered(&mut self, conf_id: &str) {
        self.invitations.retain(|invitation| invitation != conf_id);
        self.current = Some(conf_id.to_owned());
    }

    /// Nothing more is said there.
    pub(super) fn close(&mut self, conf_id: &str) {
        self.invitations.retain(|invitation| invitation != conf_id);
        self.conversations.remove(conf_id);
        self.current.take_if(|current| current == conf_id);
    }

    /// A message that is given from here: what comes of it on this device is no news.
    pub(super) fn said(&mut self, message_id: &str) {
        self.said.insert(message_id.to_owned());
    }

    /// Takes an event in; what a person should read of it.
    pub(super) fn hear(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::People(PeopleEvent::UserPresence { uri, presence }) => self.presence(uri, presence),
            Event::ImSessionReceived { conf_id, from, invitation } => {
                self.hear_from(conf_id, from);
                self.invitations.push(conf_id.clone());
                let (name, about) = (self.name(from), about(invitation));
                Some(format!(
                    "{name} asks you for a conversation{about}: /accept or /decline, or just write."
                ))
            }
            Event::InvitationEnded { conf_id, outcome, elsewhere, .. } => {
                self.invitation_ended(conf_id, outcome, *elsewhere)
            }
            Event::MissedConversations { unread, .. } if *unread > 0 => {
                Some(format!("  (missed conversations: {unread}; /seen when you know)"))
            }
            Event::ImSessionState { conf_id, user, state } => self.state(conf_id, user, state),
            Event::MessageReceived { conf_id, from, sent_at, text, .. } => {
                self.hear_from(conf_id, from);
                Some(line(*sent_at, &self.name(from), text.reveal()))
            }
            Event::MessageSent { conf_id, message_id, sent_at, text, .. } => {
                let elsewhere = !self.said.contains(message_id);
                let to = format!("you to {}, on another device", self.peer(conf_id));
                elsewhere.then(|| line(*sent_at, &to, text.reveal()))
            }
            Event::MessageDelivered { to, .. } => Some(format!("  (delivered to {})", self.name(to))),
            Event::Composing { from, state, .. } if state == "active" => {
                Some(format!("  ({} is writing …)", self.name(from)))
            }
            _ => None,
        }
    }

    /// Somebody else speaks in a conversation; lines go there unless they go elsewhere.
    fn hear_from(&mut self, conf_id: &str, from: &str) {
        self.conversations.entry(conf_id.to_owned()).or_insert_with(|| from.to_owned());
        self.current.get_or_insert_with(|| conf_id.to_owned());
    }

    fn presence(&mut self, uri: &str, presence: &Presence) -> Option<String> {
        let state = state(presence);
        let person = self.people.entry(uri.to_owned()).or_default();
        let changed = person.state != state;
        person.state.clone_from(&state);
        changed.then(|| format!("  {} is {state}.", self.name(uri)))
    }

    fn invitation_ended(&mut self, conf_id: &str, outcome: &str, elsewhere: bool) -> Option<String> {
        let was_asked = self.invitations.iter().any(|invitation| invitation == conf_id);
        self.invitations.retain(|invitation| invitation != conf_id);
        let peer = self.peer(conf_id);
        match outcome {
            _ if elsewhere => Some(format!("You answered {peer} on another device.")),
            "missed" | "cancelled" if was_asked => {
                Some(format!("The invitation of {peer} has ended, you missed it; you can still write."))
            }
            _ => None,
        }
    }

    fn state(&mut self, conf_id: &str, user: &str, state: &str) -> Option<String> {
        let was_open = self.conversations.contains_key(conf_id);
        let ended = match state {
            "connected" if user == self.me => return None,
            "connected" => return Some(format!("{} takes part.", self.name(user))),
            "declined" => "declined",
            "left" => "left the conversation",
            // Whoever was asked may still write; whoever asked begins anew.
            "missed" if user != self.me => "did not answer in time",
            _ => return None,
        };
        let peer = self.conversations.get(conf_id).is_some_and(|with| with == user);
        if was_open && !peer && user != self.me {
            return Some(format!("{} {ended}; the others go on.", self.name(user)));
        }
        self.close(conf_id);
        let address = user.strip_prefix("sip:").unwrap_or(user);
        let told = was_open && user != self.me;
        told.then(|| format!("{} {ended}. /with {} asks again.", self.name(user), plain(address)))
    }
}

/// What was said of an invitation.
fn about(Invitation { subject, importance, .. }: &Invitation) -> String {
    let subject = if subject.is_empty() { String::new() } else { format!(" about `{}`", plain(subject)) };
    if importance == "normal" { subject } else { format!("{subject} ({})", plain(importance)) }
}

fn line(sent_at: i64, who: &str, text: &str) -> String {
    format!("[{}] {who}: {}", clock(sent_at, Timestamp::now()), plain(text))
}

/// How somebody is: `online in Room 3 (back at two)`.
fn state(presence: &Presence) -> String {
    let Presence { availability, note, location, .. } = presence;
    let mut state = word(*availability).to_owned();
    if !location.is_empty() {
        state += &format!(" in {}", plain(location));
    }
    if !note.is_empty() {
        state += &format!(" ({})", plain(note));
    }
    state
}

/// The ranges of the published ancestor (Communicator Web Access, "availability").
fn word(availability: u16) -> &'static str {
    match availability {
        0..3000 => "unknown",
        3000..4500 => "online",
        4500..6000 => "online, but not looking",
        6000..7500 => "busy",
        7500..9000 => "busy, but not looking",
        9000..12000 => "not to be disturbed",
        12000..15000 => "right back",
        15000..18000 => "away",
        18000.. => "offline",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEN: &str = "sip:ben@office.test";

    fn room() -> Room {
        let mut room = Room::new(&"anna@office.test".parse().unwrap());
        room.meet(vec![Contact {
            uri: BEN.into(),
            display_name: "Ben \u{1b}[1mBerg".into(),
            groups: Vec::new(),
            details: fulmar_wire::mcx::Details::default(),
        }]);
        room
    }

    fn invited(conf_id: &str, from: &str) -> Event {
        let invitation = Invitation {
            id: format!("i-{conf_id}"),
            thread_id: "t".into(),
            subject: "The budget".into(),
            importance: "urgent".into(),
            meeting_uri: None,
        };
        Event::ImSessionReceived { conf_id: conf_id.into(), from: from.into(), invitation }
    }

    fn ended(conf_id: &str, outcome: &str, elsewhere: bool) -> Event {
        Event::InvitationEnded {
            conf_id: conf_id.into(),
            invitation_id: format!("i-{conf_id}"),
            outcome: outcome.into(),
            reason: None,
            elsewhere,
        }
    }

    fn state(conf_id: &str, user: &str, state: &str) -> Event {
        Event::ImSessionState { conf_id: conf_id.into(), user: user.into(), state: state.into() }
    }

    fn sent(message_id: &str) -> Event {
        let (conf_id, message_id) = ("c".into(), message_id.into());
        Event::MessageSent { conf_id, message_id, sent_at: 0, text: "x".into(), html: None }
    }

    #[test]
    fn names_do_nothing_to_the_terminal() {
        assert_eq!(room().name(BEN), "Ben \u{fffd}[1mBerg");
        assert_eq!(room().name("sip:x@office.test"), "x@office.test");
    }

    #[test]
    fn the_last_invitation_is_answered_unless_one_is_named() {
        let mut room = room();
        assert_eq!(room.invitation(None), None);
        room.hear(&invited("c1", BEN));
        room.hear(&invited("c2", "sip:carla@office.test"));
        assert_eq!(room.invitation(None).as_deref(), Some("c2"));
        assert_eq!(room.invitation(Some(BEN)).as_deref(), Some("c1"));
        assert_eq!(room.invitation(Some("sip:dora@office.test")), None);
        assert_eq!(room.current(), Some("c1"), "lines do not change their way unasked");
        room.answered("c2");
        assert_eq!((room.current(), room.invitation(None).as_deref()), (Some("c2"), Some("c1")));
    }

    #[test]
    fn an_invitation_says_what_it_is_about() {
        let told = room().hear(&invited("c1", "sip:carla@office.test")).unwrap();
        assert!(told.contains("a conversation about `The budget` (urgent): /accept"), "{told}");
    }

    #[test]
    fn an_invitation_that_was_answered_elsewhere_is_none_here() {
        let mut room = room();
        room.hear(&invited("c1", BEN));
        assert_eq!(room.hear(&state("c1", "sip:anna@office.test", "connected")), None);
        assert!(room.hear(&ended("c1", "accepted", true)).unwrap().contains("another device"));
        assert_eq!((room.invitation(None), room.current()), (None, Some("c1")));
        assert_eq!(room.hear(&state("c1", "sip:anna@office.test", "left")), None);
        assert_eq!(room.current(), None);
    }

    #[test]
    fn who_missed_an_invitation_can_still_write() {
        let mut room = room();
        room.hear(&invited("c1", BEN));
        assert_eq!(room.hear(&state("c1", "sip:anna@office.test", "missed")), None);
        assert!(room.hear(&ended("c1", "missed", false)).unwrap().contains("you can still write"));
        assert_eq!((room.invitation(None), room.current()), (None, Some("c1")));
    }

    #[test]
    fn nobody_is_written_to_who_declined_left_or_did_not_answer() {
        for (word, told) in [("declined", "declined"), ("left", "left"), ("missed", "in time")] {
            let mut room = room();
            room.open("c1", BEN);
            assert!(room.hear(&state("c1", BEN, "connected")).unwrap().contains("takes part"));
            assert!(room.hear(&state("c1", BEN, word)).unwrap().contains(told));
            assert_eq!(room.hear(&ended("c1", word, false)), None);
            assert_eq!(room.current(), None);
            assert!(!room.turn_to(BEN));
        }
    }

    #[test]
    fn what_was_said_here_is_no_news() {
        let mut room = room();
        room.open("c", BEN);
        room.said("m-1");
        assert_eq!(room.hear(&sent("m-1")), None);
        assert!(room.hear(&sent("m-2")).unwrap().contains("on another device: x"));
    }

    #[test]
    fn presence_is_told_when_it_changes() {
        let mut room = room();
        let presence = |availability| {
            let presence = Presence {
                availability,
                activity: None,
                note: "out\n".into(),
                location: "Room 3".into(),
                last_active: None,
                device_type: "PC".into(),
            };
            Event::People(PeopleEvent::UserPresence { uri: BEN.into(), presence })
        };
        assert_eq!(room.hear(&presence(6500)).unwrap(), "  Ben \u{fffd}[1mBerg is busy in Room 3 (out).");
        assert_eq!(room.hear(&presence(6500)), None);
        assert!(room.hear(&presence(18500)).is_some());
        assert!(room.who().ends_with("offline in Room 3 (out)"), "{}", room.who());
    }
}
