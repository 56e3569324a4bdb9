//! What can be typed.

pub(super) const HELP: &str = "\
  TEXT             say it (a line that begins with `//` says the rest from the second `/` on)
  /with NAME       ask somebody for a conversation, or go back to theirs
  /accept [NAME]   take an invitation, the last one or that of NAME; writing does so too
  /decline [NAME]  refuse it
  /leave           leave the conversation
  /typing          let the other side see that you are writing
  /seen            you know which conversations you have missed
  /who             who is there, and with whom you talk
  /quit            sign out, as do the end of input and Ctrl-C";

/// A line, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input<'a> {
    Nothing,
    Say(&'a str),
    With(&'a str),
    Accept(Option<&'a str>),
    Decline(Option<&'a str>),
    Leave,
    Typing,
    Seen,
    Who,
    Help,
    Quit,
    Unknown(&'a str),
}

impl<'a> Input<'a> {
    pub(super) fn read(line: &'a str) -> Self {
        let line = line.trim_end();
        let Some(command) = line.strip_prefix('/') else {
            return if line.is_empty() { Self::Nothing } else { Self::Say(line) };
        };
        if command.starts_with('/') {
            return Self::Say(command);
        }
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        let argument = Some(rest.trim()).filter(|rest| !rest.is_empty());
        match (word, argument) {
            ("with", Some(whom)) => Self::With(whom),
            ("accept", whose) => Self::Accept(whose),
            ("decline", whose) => Self::Decline(whose),
            ("leave", None) => Self::Leave,
            ("typing", None) => Self::Typing,
            ("seen", None) => Self::Seen,
            ("who", None) => Self::Who,
            ("help", None) => Self::Help,
            ("quit", None) => Self::Quit,
            _ => Self::Unknown(command),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_command_or_a_text() {
        for (line, input) in [
            ("", Input::Nothing),
            ("  ", Input::Nothing),
            ("Lunch?\r", Input::Say("Lunch?")),
            ("  indented", Input::Say("  indented")),
            ("//etc", Input::Say("/etc")),
            ("/with  ben ", Input::With("ben")),
            ("/accept", Input::Accept(None)),
            ("/decline carla", Input::Decline(Some("carla"))),
            ("/quit", Input::Quit),
            ("/with", Input::Unknown("with")),
            ("/quit now", Input::Unknown("quit now")),
            ("/", Input::Unknown("")),
        ] {
            assert_eq!(Input::read(line), input, "{line}");
        }
    }

    #[test]
    fn help_names_every_command() {
        for command in HELP.lines().filter_map(|line| line.trim_start().strip_prefix('/')) {
            let word = command.split([' ', '[']).next().unwrap();
            let (bare, with) = (format!("/{word}"), format!("/{word} ben"));
            let known = |line: &str| !matches!(Input::read(line), Input::Unknown(_));
            assert!(known(&bare) || known(&with), "{word}");
        }
    }
}
