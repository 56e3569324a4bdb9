//! Which of our crates may use which. The table here is the law; `crates/README.md` draws it.
//!
//! Normal and build dependencies are checked, as they ship. A crate's tests may use anything, and so may the
//! packages below `tests/`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::cargo::{self, Metadata, Package};

/// Every package that ships, with those of ours that it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("fulmar-domain", &[]),
    ("fulmar-wire", &[]),
    ("fulmar-store", &["fulmar-domain"]),
    ("fulmar-app", &["fulmar-domain", "fulmar-store"]),
    ("fulmar-dns", &["fulmar-domain", "fulmar-store"]),
    ("fulmar-push", &["fulmar-domain", "fulmar-http", "fulmar-store"]),
    ("fulmar-http", &[]),
    ("fulmar-mobility", &["fulmar-app", "fulmar-domain", "fulmar-http", "fulmar-wire"]),
    ("fulmar-admin", &["fulmar-app", "fulmar-domain", "fulmar-http"]),
    ("fulmar-sip", &["fulmar-app", "fulmar-domain"]),
    (
        "fulmard",
        &[
            "fulmar-admin",
            "fulmar-app",
            "fulmar-dns",
            "fulmar-domain",
            "fulmar-http",
            "fulmar-mobility",
            "fulmar-push",
            "fulmar-sip",
            "fulmar-store",
            "fulmar-wire",
        ],
    ),
    ("fulmarctl", &["fulmar-domain", "fulmar-wire"]),
    ("xtask", &[]),
];

/// Checks the workspace that this program was built from.
pub(crate) fn check_workspace() -> Result<()> {
    let metadata = cargo::metadata()?;
    let wrong = violations(&metadata);
    if !wrong.is_empty() {
        bail!("the structure of the workspace is broken:\n  {}", wrong.join("\n  "));
    }
    println!("{} packages use only what they may use.", metadata.packages.len());
    Ok(())
}

/// A sentence for each arrow that may not be, and for each shipped crate that the table does not know.
fn violations(metadata: &Metadata) -> Vec<String> {
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let tests = metadata.workspace_root.join("tests");
    let shipped = metadata.packages.iter().filter(|package| !package.manifest_path.starts_with(&tests));
    shipped.flat_map(|package| violations_of(package, &ours)).collect()
}

fn violations_of(package: &Package, ours: &BTreeSet<&str>) -> Vec<String> {
    let name = &package.name;
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| known == name) else {
        return vec![format!("`{name}` is not in the table of `crates/xtask/src/arrows.rs`")];
    };
    let uses = package.dependencies.iter();
    let uses = uses.filter(|d| d.path.is_some() && d.kind.as_deref() != Some("dev"));
    let uses = uses.map(|dependency| dependency.name.as_str()).filter(|used| ours.contains(used));
    uses.filter(|used| !allowed.contains(used)).map(|used| format!("`{name}` may not use `{used}`")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A workspace of `fulmar-domain`, `fulmar-store`, `fulmar-standins` and `name`, which has one dependency.
    fn workspace(name: &str, used: &str, kind: Option<&str>) -> Metadata {
        let package = |directory: &str, name: &str, dependencies: serde_json::Value| {
            let manifest_path = format!("/w/{directory}/{name}/Cargo.toml");
            json!({ "name": name, "manifest_path": manifest_path, "dependencies": dependencies })
        };
        let dependency = json!([{ "name": used, "kind": kind, "path": format!("/w/crates/{used}") }]);
        let metadata = json!({
            "workspace_root": "/w",
            "target_directory": "/w/target",
            "packages": [
                package("crates", name, dependency),
                package("crates", "fulmar-domain", json!([])),
                package("crates", "fulmar-store", json!([])),
                package("tests", "fulmar-standins", json!([])),
            ],
        });
        serde_json::from_value(metadata).unwrap()
    }

    #[test]
    fn an_arrow_in_the_table_is_allowed() {
        assert!(violations(&workspace("fulmar-app", "fulmar-store", None)).is_empty());
    }

    #[test]
    fn a_forbidden_arrow_is_found_in_normal_and_build_dependencies() {
        for kind in [None, Some("build")] {
            let wrong = violations(&workspace("fulmar-mobility", "fulmar-store", kind));
            assert_eq!(wrong, ["`fulmar-mobility` may not use `fulmar-store`"], "{kind:?}");
        }
    }

    #[test]
    fn a_stand_in_is_for_tests_only() {
        assert!(violations(&workspace("fulmar-push", "fulmar-standins", Some("dev"))).is_empty());
        let wrong = violations(&workspace("fulmar-push", "fulmar-standins", None));
        assert_eq!(wrong, ["`fulmar-push` may not use `fulmar-standins`"]);
    }

    #[test]
    fn a_shipped_crate_outside_the_table_is_found() {
        let wrong = violations(&workspace("fulmar-utils", "fulmar-domain", None));
        assert_eq!(wrong, ["`fulmar-utils` is not in the table of `crates/xtask/src/arrows.rs`"]);
    }

    #[test]
    fn a_foreign_crate_of_the_same_name_is_not_ours() {
        let mut metadata = workspace("fulmar-wire", "fulmar-store", None);
        metadata.packages[0].dependencies[0].path = None;
        assert!(violations(&metadata).is_empty());
    }

    #[test]
    fn the_table_allows_only_packages_that_it_lists() {
        let known: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
        let used: BTreeSet<&str> = ALLOWED.iter().flat_map(|(_, used)| used.iter().copied()).collect();
        assert!(used.is_subset(&known));
    }

    #[test]
    fn this_workspace_keeps_to_the_table() {
        let metadata = cargo::metadata().unwrap();
        assert!(metadata.packages.iter().any(|package| package.name == "fulmard"));
        assert_eq!(violations(&metadata), Vec::<String>::new());
    }
}
