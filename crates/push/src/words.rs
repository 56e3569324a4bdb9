//! What a notification says: who wrote, never what, since it is shown on a locked screen.

use fulmar_domain::push::Subject;

/// Title and text.
pub(crate) fn of(subject: &Subject) -> (Option<&str>, &'static str) {
    match subject {
        Subject::Message { from } => (Some(from), "New message"),
        Subject::Invitation { from } => (Some(from), "New conversation"),
        Subject::SignIn => (None, "Sign in again to get your messages"),
        Subject::Test => (None, "Notifications work"),
    }
}
