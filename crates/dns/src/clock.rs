//! The clock of the system, for signatures that are made and checked while serving.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::tsig::Seconds;

pub(crate) fn now() -> Seconds {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
