//! What the fuzzer begins with and what it once found, in every ordinary test run.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use fulmar_fuzz::{SELF_CHECK, TARGETS, target};

/// The files of a kind, `seeds` or `crashes`, each below the name of its target.
fn inputs(kind: &str) -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind);
    let targets = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let targets = targets.filter(|path| path.is_dir());
    let files = targets.flat_map(|target| {
        let name = target.file_name().unwrap().to_str().unwrap().to_owned();
        let files = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().path());
        files.map(|file| (name.clone(), file)).collect::<Vec<_>>()
    });
    files.collect()
}

#[test]
fn seeds_and_what_once_broke_something_are_survived() {
    let inputs = [inputs("seeds"), inputs("crashes")].concat();
    assert!(inputs.len() > 40, "{} inputs", inputs.len());
    for (name, file) in inputs {
        let target = target(&name).unwrap_or_else(|| panic!("there is no target `{name}`"));
        let bytes = fs::read(&file).unwrap();
        assert!(bytes.len() <= 4096, "`{}` is longer than what the fuzzer makes", file.display());
        let survived = catch_unwind(|| (target.feed)(&bytes)).is_ok();
        assert!(survived, "`{}` breaks `{name}`", file.display());
    }
}

#[test]
fn every_target_has_seeds() {
    let with_seeds: BTreeSet<_> = inputs("seeds").into_iter().map(|(name, _)| name).collect();
    let targets: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(with_seeds, targets);
}

#[test]
fn the_planted_fault_is_there_and_nowhere_else() {
    assert!(catch_unwind(|| (SELF_CHECK.feed)(b"fulmar")).is_err());
    (SELF_CHECK.feed)(b"fulmac");
}
