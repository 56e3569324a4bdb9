//! What goes between a box and its house, in JSON.
//!
//! Fields that are not known are passed over, so that boxes of different releases understand each other.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fulmar_domain::{
    PushId, Timestamp,
    device::{Provider, PushRegistration},
    push::{BoxName, Notification, Outcome, Preview, Subject, TIME_TO_LIVE},
};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::answer::word;

/// The longest name of somebody who wrote, in characters.
const MAX_NAME: usize = 256;
/// The longest collapse id, in bytes.
const MAX_COLLAPSE_ID: usize = 64;

/// A box shows the ticket that it was given.
#[derive(Deserialize, Serialize)]
pub(super) struct PairingBody {
    pub(super) ticket: String,
}

/// What the house says of itself and of the box.
#[derive(Deserialize, Serialize)]
pub(super) struct HouseBody {
    /// What it calls the box.
    pub(super) name: String,
    /// To which services it sends.
    pub(super) services: Vec<String>,
}

impl HouseBody {
    pub(super) fn new(name: &BoxName, services: &[Provider]) -> Self {
        let services = services.iter().map(|service| service.as_str().to_owned()).collect();
        Self { name: name.to_string(), services }
    }

    /// Those that this release knows.
    pub(super) fn services(&self) -> Vec<Provider> {
        self.services.iter().filter_map(|service| service.parse().ok()).collect()
    }
}

/// A notification that is handed over.
#[derive(Deserialize, Serialize)]
struct NotificationBody {
    provider: String,
    /// What the device is known by at its service.
    address: String,
    subject: SubjectBody,
    badge: u32,
    collapse_id: String,
    /// Milliseconds since 1970.
    expires_at: i64,
    /// Which attempt this is, from 1.
    attempt: u32,
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum SubjectBody {
    Message {
        from: String,
        /// How the message begins, where the office of the box wants that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preview: Option<String>,
    },
    Invitation {
        from: String,
    },
    SignIn,
    Test,
}

/// Why a notification is not taken.
#[derive(Debug, Error)]
pub(super) enum NotTaken {
    /// It is not in the form of this file.
    #[error("that is no notification: {0}")]
    Form(#[from] serde_json::Error),
    /// A value can not be what it stands for. It is not repeated where it may be a device's address.
    #[error("{0}")]
    Value(String),
}

/// The notification as a box writes it.
pub(super) fn write(notification: &Notification) -> Result<Vec<u8>, serde_json::Error> {
    let subject = match &notification.subject {
        Subject::Message { from, preview } => {
            let preview = preview.as_ref().map(|preview| preview.reveal().to_owned());
            SubjectBody::Message { from: from.clone(), preview }
        }
        Subject::Invitation { from } => SubjectBody::Invitation { from: from.clone() },
        Subject::SignIn => SubjectBody::SignIn,
        Subject::Test => SubjectBody::Test,
    };
    serde_json::to_vec(&NotificationBody {
        provider: notification.registration.provider().as_str().to_owned(),
        address: notification.registration.address().to_owned(),
        subject,
        badge: notification.badge,
        collapse_id: notification.collapse_id.clone(),
        expires_at: notification.expires_at.as_millis(),
        attempt: notification.attempts.saturating_add(1),
    })
}

/// The notification as a house reads it from this box.
pub(super) fn read(body: &[u8], from: &BoxName, now: Timestamp) -> Result<Notification, NotTaken> {
    let body: NotificationBody = serde_json::from_slice(body)?;
    let collapse_id = &body.collapse_id;
    let fits = (1..=MAX_COLLAPSE_ID).contains(&collapse_id.len())
        && collapse_id.bytes().all(|b| b.is_ascii_graphic());
    if !fits {
        return Err(NotTaken::Value(format!("a collapse id has 1 to {MAX_COLLAPSE_ID} ASCII characters")));
    }
    let expires_at = Timestamp::from_millis(body.expires_at).min(now + TIME_TO_LIVE);
    if expires_at <= now {
        return Err(NotTaken::Value("the notification has expired: is one of the two clocks wrong?".into()));
    }
    Ok(Notification {
        id: PushId(0),
        registration: registration(&body.provider, &body.address)?,
        subject: subject(body.subject)?,
        badge: body.badge,
        collapse_id: own(collapse_id, from),
        expires_at,
        attempts: body.attempt.saturating_sub(1),
    })
}

fn registration(provider: &str, address: &str) -> Result<PushRegistration, NotTaken> {
    fn value(error: impl std::fmt::Display) -> NotTaken {
        NotTaken::Value(error.to_string())
    }
    Ok(match provider.parse().map_err(value)? {
        Provider::Apns => PushRegistration::Apns(address.parse().map_err(value)?),
        Provider::Fcm => PushRegistration::Fcm(address.parse().map_err(value)?),
        Provider::Wns => PushRegistration::Wns(address.parse().map_err(value)?),
        Provider::WebPush => {
            return Err(NotTaken::Value("a box speaks to services of Web Push itself".into()));
        }
    })
}

fn subject(body: SubjectBody) -> Result<Subject, NotTaken> {
    let name = |from: String| {
        let fits = from.chars().count() <= MAX_NAME && !from.chars().any(char::is_control);
        let problem = || NotTaken::Value(format!("a name has at most {MAX_NAME} characters in one line"));
        if fits { Ok(from) } else { Err(problem()) }
    };
    Ok(match body {
        SubjectBody::Message { from, preview } => Subject::Message {
            from: name(from)?,
            preview: preview.as_deref().map(beginning).transpose()?.flatten(),
        },
        SubjectBody::Invitation { from } => Subject::Invitation { from: name(from)? },
        SubjectBody::SignIn => Subject::SignIn,
        SubjectBody::Test => Subject::Test,
    })
}

/// As long as a preview may be, whatever the box sent.
fn beginning(text: &str) -> Result<Option<Preview>, NotTaken> {
    let text = text.parse().map_err(|error| NotTaken::Value(format!("{error}")))?;
    Ok(Preview::of(&text))
}

/// A collapse id that no other box has: 32 characters.
fn own(collapse_id: &str, from: &BoxName) -> String {
    let digest = digest(&SHA256, format!("{from}\0{collapse_id}").as_bytes());
    URL_SAFE_NO_PAD.encode(&digest.as_ref()[..24])
}

/// What became of a notification.
#[derive(Deserialize, Serialize)]
pub(super) struct OutcomeBody {
    outcome: String,
    /// The service's word.
    #[serde(default)]
    reason: String,
    /// When the registration was found dead, in milliseconds since 1970.
    since: Option<i64>,
    /// How long the service asks to be left alone, in milliseconds.
    after: Option<u64>,
}

impl OutcomeBody {
    pub(super) fn new(outcome: &Outcome) -> Self {
        let (since, after) = match outcome {
            Outcome::Gone { since, .. } => (since.map(Timestamp::as_millis), None),
            Outcome::Retry { after, .. } | Outcome::Unavailable { after, .. } => {
                (None, after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)))
            }
            Outcome::Accepted | Outcome::OursToFix { .. } => (None, None),
        };
        Self {
            outcome: outcome.as_str().to_owned(),
            reason: outcome.reason().unwrap_or_default().to_owned(),
            since,
            after,
        }
    }

    /// `None` for a word that this release does not know.
    pub(super) fn read(self) -> Option<Outcome> {
        let (reason, after) = (word(&self.reason), self.after.map(Duration::from_millis));
        match self.outcome.as_str() {
            "accepted" => Some(Outcome::Accepted),
            "gone" => Some(Outcome::Gone { reason, since: self.since.map(Timestamp::from_millis) }),
            "ours_to_fix" => Some(Outcome::OursToFix { reason }),
            "retry" => Some(Outcome::Retry { reason, after }),
            "unavailable" => Some(Outcome::Unavailable { reason, after }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

    fn notification() -> Notification {
        Notification {
            id: PushId(5),
            registration: PushRegistration::Apns("00fc13adff785122".parse().unwrap()),
            subject: Subject::Message { from: "Anna & Arndt".into(), preview: None },
            badge: 3,
            collapse_id: "message-17".into(),
            expires_at: NOW + Duration::from_secs(60),
            attempts: 2,
        }
    }

    fn name(text: &str) -> BoxName {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_box_writes_its_house_reads() {
        let registrations = [
            PushRegistration::Apns("00fc13adff785122".parse().unwrap()),
            PushRegistration::Fcm("dGhpcyBpcyBhIHRva2Vu:APA91b-_x".parse().unwrap()),
            PushRegistration::Wns("https://db5.notify.windows.com/?token=a".parse().unwrap()),
        ];
        let from = || "Anna".to_owned();
        let subjects = [
            Subject::Message { from: from(), preview: None },
            Subject::Message { from: from(), preview: Preview::of(&"long ".repeat(99).parse().unwrap()) },
            Subject::Invitation { from: from() },
            Subject::SignIn,
            Subject::Test,
        ];
        for registration in registrations {
            for subject in subjects.clone() {
                let written = Notification { registration: registration.clone(), subject, ..notification() };
                let read = read(&write(&written).unwrap(), &name("oslo"), NOW).unwrap();
                let collapse_id = read.collapse_id.clone();
                assert_eq!(read, Notification { id: PushId(0), collapse_id, ..written });
            }
        }
    }

    #[test]
    fn boxes_do_not_collapse_each_other() {
        let read = |from| read(&write(&notification()).unwrap(), &name(from), NOW).unwrap().collapse_id;
        assert_eq!(read("oslo"), read("oslo"));
        assert_ne!(read("oslo"), read("bergen"));
        assert_eq!(read("oslo").len(), 32);
    }

    #[test]
    fn what_is_not_right_is_refused_without_being_repeated() {
        let whole: Value = serde_json::from_slice(&write(&notification()).unwrap()).unwrap();
        for (field, value, problem) in [
            ("provider", json!("webpush"), "speaks to services of Web Push itself"),
            ("provider", json!("mpns"), "exists no more"),
            ("address", json!("secret-token"), "a device token has"),
            ("collapse_id", json!(""), "a collapse id has"),
            ("collapse_id", json!("x".repeat(65)), "a collapse id has"),
            ("collapse_id", json!("a\nb"), "a collapse id has"),
            ("expires_at", json!(NOW.as_millis()), "has expired"),
            ("badge", json!(-1), "no notification"),
            ("subject", json!({ "kind": "text", "text": "x" }), "no notification"),
            ("subject", json!({ "kind": "message", "from": "x".repeat(257) }), "a name has"),
            ("subject", json!({ "kind": "message", "from": "a\nb" }), "a name has"),
        ] {
            let mut body = whole.clone();
            body[field] = value;
            let told = read(body.to_string().as_bytes(), &name("oslo"), NOW).unwrap_err().to_string();
            assert!(told.contains(problem) && !told.contains("secret-token"), "{field}: {told}");
        }
        let mut later = whole;
        later["expires_at"] = i64::MAX.into();
        later["news"] = "of a later release".into();
        let read = read(later.to_string().as_bytes(), &name("oslo"), NOW).unwrap();
        assert_eq!(read.expires_at, NOW + TIME_TO_LIVE);
    }

    #[test]
    fn outcomes_come_back_as_they_were() {
        let reason = || "Unregistered".to_owned();
        for outcome in [
            Outcome::Accepted,
            Outcome::Gone { reason: reason(), since: Some(NOW) },
            Outcome::Gone { reason: reason(), since: None },
            Outcome::OursToFix { reason: reason() },
            Outcome::Retry { reason: reason(), after: Some(Duration::from_secs(7)) },
            Outcome::Retry { reason: reason(), after: None },
            Outcome::Unavailable { reason: reason(), after: None },
        ] {
            let body = serde_json::to_vec(&OutcomeBody::new(&outcome)).unwrap();
            let read: OutcomeBody = serde_json::from_slice(&body).unwrap();
            assert_eq!(read.read(), Some(outcome));
        }
        let newer: OutcomeBody = serde_json::from_str(r#"{"outcome":"delivered"}"#).unwrap();
        assert_eq!(newer.read(), None);
    }
}
