//! What a client can do in MCX it can do in UCWA, as the table of `MCX.md` says.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

const SPECIFICATION: &str = include_str!("../MCX.md");

/// The rows of the table below that heading: cells without their bars.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, below) = SPECIFICATION.split_once(heading).unwrap();
    let table =
        below.lines().skip_while(|line| !line.starts_with("| ")).take_while(|line| line.starts_with('|'));
    table.skip(2).map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What stands between backticks.
fn words(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The program text below a directory.
fn sources(below: &Path) -> String {
    let files = fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() }).collect()
}

#[test]
fn every_command_says_what_it_is_in_ucwa_and_that_is_there() {
    let commands: Vec<_> = rows("## Commands").iter().flat_map(|row| words(row[0])).collect();
    let same = rows("## The same in UCWA");
    let named: Vec<_> = same.iter().flat_map(|row| words(row[0])).collect();
    assert!(commands.len() > 30, "{commands:?}");
    assert_eq!(named, commands, "the tables have the same commands in the same order");
    let facade = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ucwa"));
    for row in same {
        let there = words(row[1]);
        assert!(!there.is_empty() || row[1].starts_with('–'), "{row:?}");
        for word in there {
            assert!(facade.contains(&format!("\"{word}\"")), "UCWA has no `{word}`");
        }
    }
}

#[test]
fn every_link_of_ucwa_says_what_it_is_in_mcx() {
    let (_, below) = SPECIFICATION.split_once("## The same in UCWA").unwrap();
    let named = words(below.split("\n## ").next().unwrap());
    let facade = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ucwa"));
    let links = facade.split(".link(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
    let links: Vec<_> = links.map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(links.len() > 50, "{links:?}");
    let missing: Vec<_> = links.into_iter().filter(|link| !named.contains(link)).collect();
    assert!(missing.is_empty(), "`MCX.md` has to say in \"The same in UCWA\" what these are: {missing:?}");
}
