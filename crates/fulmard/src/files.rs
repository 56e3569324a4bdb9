//! How many files the process may have open: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is open beside the connections of phones with TLS: those without and of the console, those that are told
/// that there is no place, DNS by TCP, the store.
const OTHERS: usize = 4096;
/// Whatever the limit is, so many phones are served.
const LEAST: usize = 64;

/// Makes room for so many connections; for how many there is room.
pub(crate) fn make_room(connections: usize) -> usize {
    let wanted = connections.saturating_add(OTHERS);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let allowed = limit(maximum).min(wanted);
    if limit(current) >= wanted {
        return connections;
    }
    let raised = Rlimit { current: Some(allowed as u64), maximum };
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => allowed,
        Err(_) => limit(current),
    };
    let room = room(connections, allowed);
    if room < connections {
        tracing::warn!(
            wanted,
            allowed,
            connections = room,
            "The limit of open files is too low for `phones.connections`; fewer phones are served."
        );
    }
    room
}

/// For how many of the connections there is room among so many files.
fn room(connections: usize, files: usize) -> usize {
    connections.min(files.saturating_sub(OTHERS).max(files / 2).max(LEAST))
}

fn limit(limit: Option<u64>) -> usize {
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_all_or_for_what_the_limit_leaves() {
        assert_eq!(room(16_384, 65_536), 16_384);
        assert_eq!(room(16_384, 20_000), 20_000 - OTHERS);
        assert_eq!(room(16_384, 1024), 512);
        assert_eq!(room(16_384, 0), LEAST);
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let low = Rlimit { current: Some(256), maximum };
        setrlimit(Resource::Nofile, low).unwrap();
        let room = make_room(1000);
        let raised = getrlimit(Resource::Nofile).current;
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
        let wanted = 1000 + OTHERS as u64;
        assert_eq!((room, raised), (1000, Some(maximum.map_or(wanted, |maximum| maximum.min(wanted)))));
    }
}
