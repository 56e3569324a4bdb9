//! Lines from standard input, and what others say as lines that do nothing to a terminal.

use std::{
    io::{self, ErrorKind},
    thread,
};

use jiff::{Timestamp, tz::TimeZone};
use tokio::sync::mpsc::{Receiver, channel};

/// The lines of standard input as they come; an error where one is not UTF-8. The thread that waits for them is left
/// behind when the program ends, because nothing can wake it.
pub(super) fn lines() -> Receiver<io::Result<String>> {
    let (send, lines) = channel(16);
    thread::spawn(move || {
        for line in io::stdin().lines() {
            let ends = line.as_ref().is_err_and(|error| error.kind() != ErrorKind::InvalidData);
            if ends || send.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// A text of somebody else: what could move the cursor or change colours is replaced, further lines are indented.
pub(super) fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let plain = |character: char| match character {
        '\n' => "\n           ".to_owned(),
        '\t' => " ".to_owned(),
        other if other.is_control() => "\u{fffd}".to_owned(),
        other => other.to_string(),
    };
    text.trim_end().chars().map(plain).collect()
}

/// The time of day where this machine is; with the day where that is not today.
pub(super) fn clock(millis: i64, now: Timestamp) -> String {
    let zone = TimeZone::system();
    let time = Timestamp::from_millisecond(millis).unwrap_or_default().to_zoned(zone.clone());
    let today = time.date() == now.to_zoned(zone).date();
    time.strftime(if today { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_does_nothing_to_the_terminal() {
        assert_eq!(plain("\u{1b}]0;x\u{7}a\u{9b}31m\tb"), "\u{fffd}]0;x\u{fffd}a\u{fffd}31m b");
        assert_eq!(plain("one\r\ntwo\n"), "one\n           two");
    }

    #[test]
    fn a_message_of_another_day_says_which() {
        let now = Timestamp::from_millisecond(1_767_323_045_000).unwrap();
        assert_eq!(clock(1_767_323_045_000, now).len(), "03:04:05".len());
        let before = clock(1_767_323_045_000 - 3 * 24 * 3_600_000, now);
        assert!(before.starts_with("20") && before.len() == "2025-12-30 03:04:05".len(), "{before}");
    }
}
