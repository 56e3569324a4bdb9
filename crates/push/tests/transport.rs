//! Only the transport of our own opens connections, although a2 brings one with it.

#![expect(clippy::unwrap_used, reason = "a source file that can not be read ends the test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What opens connections in the crates that this one uses.
const OPENERS: [&str; 4] = ["HttpConnector", "TcpStream", "TcpSocket", "UnixStream"];

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The paths and import lists that begin with a2's name.
fn uses_of_a2(source: &str) -> impl Iterator<Item = &str> {
    source.split("a2::").skip(1).map(|rest| {
        let end = if rest.starts_with('{') { rest.find(';') } else { rest.find(|c: char| !is_of_a_path(c)) };
        &rest[..end.unwrap_or(rest.len())]
    })
}

fn is_of_a_path(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':')
}

#[test]
fn nothing_of_a2_that_connects_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut uses = 0;
    for path in sources(&root) {
        let source = fs::read_to_string(&path).unwrap();
        for named in uses_of_a2(&source) {
            uses += 1;
            assert!(!named.to_lowercase().contains("client"), "{}: {named}", path.display());
        }
    }
    assert!(uses > 0, "a2 is used no more: take it out of the manifest");
}

#[test]
fn one_file_opens_connections() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let opens = |path: &PathBuf| {
        let source = fs::read_to_string(path).unwrap();
        OPENERS.iter().any(|opener| source.contains(opener))
    };
    let found: Vec<_> = sources(&root).into_iter().filter(opens).collect();
    assert_eq!(found, [root.join("transport.rs")]);
}
