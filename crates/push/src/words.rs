//! What a notification says: who wrote, and only where the office wants it what, since it is shown on a locked screen and
//! most services read it.

use fulmar_domain::push::{Preview, Subject};

/// Title and text.
pub(crate) fn of(subject: &Subject) -> (Option<&str>, &str) {
    match subject {
        Subject::Message { from, preview } => {
            (Some(from), preview.as_ref().map_or("New message", Preview::reveal))
        }
        Subject::Invitation { from } => (Some(from), "New conversation"),
        Subject::SignIn => (None, "Sign in again to get your messages"),
        Subject::Test => (None, "Notifications work"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use fulmar_domain::{
        PushId, Timestamp,
        push::{Notification, Preview, Subject},
    };

    /// What takes the most room, of characters that take the most when they are written: a name of a hundred, and a
    /// message as long as there are.
    pub(crate) fn longest() -> impl Iterator<Item = Notification> {
        ["\u{1f514}", "\"", "&", "\u{2028}"].into_iter().map(|character| Notification {
            id: PushId(i64::MAX),
            registration: fulmar_domain::device::PushRegistration::Apns("a".repeat(200).parse().unwrap()),
            subject: Subject::Message {
                from: character.repeat(100),
                preview: Preview::of(&character.repeat(2000).parse().unwrap()),
            },
            badge: u32::MAX,
            collapse_id: format!("message-{}", i64::MAX),
            expires_at: Timestamp::from_millis(i64::MAX),
            attempts: 0,
        })
    }

    #[test]
    fn a_notification_says_what_was_written_only_where_it_may() {
        let subject = |preview| Subject::Message { from: "Anna".into(), preview };
        assert_eq!(super::of(&subject(None)), (Some("Anna"), "New message"));
        let preview = Preview::of(&"Lunch?".parse().unwrap());
        assert_eq!(super::of(&subject(preview)), (Some("Anna"), "Lunch?"));
    }
}
