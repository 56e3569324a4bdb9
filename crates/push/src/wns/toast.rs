//! What Windows shows ("Toast schema").

use fulmar_domain::push::Notification;

use crate::words;

/// The document.
pub(super) fn document(notification: &Notification) -> String {
    let (title, text) = words::of(&notification.subject);
    let lines: String =
        title.into_iter().chain([text]).map(|line| format!("<text>{}</text>", escaped(line))).collect();
    format!(r#"<toast><visual><binding template="ToastGeneric">{lines}</binding></visual></toast>"#)
}

/// The tag that makes a later toast take the place of an earlier one: at most 16 letters and digits. The end of a collapse
/// id tells messages apart.
pub(super) fn tag(collapse_id: &str) -> String {
    let letters: Vec<_> = collapse_id.chars().filter(char::is_ascii_alphanumeric).collect();
    letters[letters.len().saturating_sub(16)..].iter().collect()
}

/// XML 1.0 §2.4; control characters can not be written at all.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !character.is_control()) {
        match character {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            other => written.push(other),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_whatever_is_in_it() {
        assert_eq!(escaped("A & <b>\u{1}"), "A &amp; &lt;b&gt;");
    }

    /// WNS takes 5,000 bytes ("Push notification service request and response headers").
    #[test]
    fn the_longest_document_is_taken() {
        for notification in words::tests::longest() {
            let document = document(&notification);
            assert!((200..=5000).contains(&document.len()), "{} bytes", document.len());
        }
    }

    #[test]
    fn a_tag_is_short_and_tells_messages_apart() {
        assert_eq!(tag("message-17"), "message17");
        assert_ne!(tag("message-1234567890123"), tag("message-1234567890124"));
        assert_eq!(tag("message-1234567890123").len(), 16);
    }
}
