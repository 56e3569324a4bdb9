use std::fmt;

use unicode_normalization::char::is_combining_mark;

use crate::conversation::MessageText;

/// The most characters of a preview.
const LENGTH: usize = 120;

/// The beginning of a message, in one line of at most 120 characters. `Debug` prints its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Preview(String);

impl Preview {
    /// What is shown of a message; `None` where there is nothing to see.
    pub fn of(text: &MessageText) -> Option<Self> {
        let blank = |character: char| character.is_whitespace() || character.is_control();
        let words: Vec<&str> = text.reveal().split(blank).filter(|word| !word.is_empty()).collect();
        let line = words.join(" ");
        (!line.is_empty()).then(|| Self(shortened(line)))
    }

    /// The line, for the device that it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Cut where a character ends that people see: not before a mark that belongs to it, nor within what is joined.
fn shortened(line: String) -> String {
    if line.chars().count() <= LENGTH {
        return line;
    }
    let mut kept: Vec<char> = line.chars().take(LENGTH).collect();
    while let Some(last) = kept.pop() {
        if !belongs_to_the_last(last) && kept.last() != Some(&JOINER) {
            break;
        }
    }
    kept.push('…');
    kept.into_iter().collect()
}

const JOINER: char = '\u{200d}';

fn belongs_to_the_last(character: char) -> bool {
    let skin = '\u{1f3fb}'..='\u{1f3ff}';
    character == JOINER || is_combining_mark(character) || skin.contains(&character)
}

impl fmt::Debug for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Preview({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Preview::of(&text.parse().unwrap()).map(|preview| preview.reveal().to_owned())
    }

    #[test]
    fn a_preview_is_one_line_and_not_printed() {
        assert_eq!(shown(" Lunch?\r\n\tAt\u{0}one. ").unwrap(), "Lunch? At one.");
        assert_eq!(shown("\n \t"), None);
        let preview = Preview::of(&"secret".parse().unwrap());
        assert_eq!(format!("{preview:?}"), "Some(Preview(6 bytes))");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(shown(&"x".repeat(120)).unwrap(), "x".repeat(120));
        assert_eq!(shown(&"x".repeat(121)).unwrap(), format!("{}…", "x".repeat(119)));
        let umlauts = shown(&"ü".repeat(8000 / 2)).unwrap();
        assert_eq!((umlauts.chars().count(), umlauts.len()), (120, 119 * 2 + 3));
        // The hundred-and-twentieth character belongs to the one before.
        let family = "\u{1f469}\u{200d}\u{1f467}";
        for tail in ["e\u{301}", family, "\u{1f44d}\u{1f3fd}"] {
            let text = format!("{}{tail}{}", "x".repeat(118), "y".repeat(9));
            assert_eq!(shown(&text).unwrap(), format!("{}…", "x".repeat(118)), "{tail}");
        }
        assert_eq!(shown(&"\u{301}".repeat(500)).unwrap(), "…");
    }
}
