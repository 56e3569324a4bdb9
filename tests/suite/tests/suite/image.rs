//! The files of a box in service (`image/`), looked at with the tools of systemd and without starting anything.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// The most that `systemd-analyze security` may find, in tenths.
const EXPOSURE: &str = "20";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// What a program prints; it has to end with success.
fn printed(program: &mut Command) -> String {
    let output = program.output().unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}\n{text}{errors}");
    text
}

/// A root file system of systemd's own units and the overlays, with programs that are only names.
fn root() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    for directory in ["usr/lib/systemd", "usr/bin", "usr/sbin", "etc"] {
        fs::create_dir_all(at(directory)).unwrap();
    }
    symlink("usr/lib", at("lib")).unwrap();
    for directory in ["system", "system-preset"] {
        let from = Path::new("/lib/systemd").join(directory);
        printed(Command::new("cp").arg("-a").arg(from).arg(at("usr/lib/systemd")));
    }
    for overlay in ["rootfs", "box"] {
        let from = workspace().join("image").join(overlay).join(".");
        printed(Command::new("cp").arg("-a").arg(from).arg(root.path()));
    }
    for program in [
        "bin/fulmard",
        "bin/fulmarctl",
        "bin/grub-editenv",
        "bin/sleep",
        "bin/systemctl",
        "bin/systemd-repart",
        "sbin/sfdisk",
    ] {
        let program = at("usr").join(program);
        fs::write(&program, "").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    root
}

/// The units that are ours, as files of the workspace.
fn units() -> Vec<PathBuf> {
    let directories = ["image/rootfs/usr/lib/systemd/system", "image/box/usr/lib/systemd/system"];
    let files = directories.iter().flat_map(|directory| fs::read_dir(workspace().join(directory)).unwrap());
    files.map(|file| file.unwrap().path()).filter(|path| path.is_file()).collect()
}

#[test]
fn units_are_well_formed() {
    let root = root();
    let names = units().into_iter().map(|file| file.file_name().unwrap().to_owned());
    for name in names.chain(["emergency.service".into(), "systemd-repart.service".into()]) {
        printed(Command::new("systemd-analyze").args(["verify", "--root"]).arg(root.path()).arg(name));
    }
}

#[test]
fn no_unit_of_ours_is_exposed_by_more_than_two() {
    let units = units();
    assert!(units.len() > 1, "{units:?}");
    for unit in units {
        let threshold = format!("--threshold={EXPOSURE}");
        let mut security = Command::new("systemd-analyze");
        printed(security.args(["security", "--offline=true", "--no-pager", &threshold]).arg(unit));
    }
}

#[test]
fn exactly_the_services_of_a_box_are_enabled_and_nobody_can_log_in() {
    let root = root();
    let systemctl = || {
        let mut command = Command::new("systemctl");
        command.arg("--root").arg(root.path());
        command
    };
    printed(systemctl().arg("preset-all"));
    let state = |name: &str| {
        let output = systemctl().args(["is-enabled", name]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let ours = ["fulmard.service", "fulmar-machine-id.service", "fulmar-screen.service"];
    for name in ours.iter().chain(&["systemd-pstore.service"]) {
        assert_eq!(state(name), "enabled", "{name}");
    }
    for name in ["getty@tty1", "serial-getty@ttyS0", "console-getty", "debug-shell", "rescue"] {
        assert!(state(&format!("{name}.service")).starts_with("masked"), "{name}: {}", state(name));
    }
    let wants = fs::read_dir(root.path().join("etc/systemd/system/multi-user.target.wants")).unwrap();
    for unit in wants.map(|unit| unit.unwrap().file_name().into_string().unwrap()) {
        let systemds = ["systemd-networkd.service", "systemd-resolved.service"];
        assert!(ours.contains(&unit.as_str()) || systemds.contains(&unit.as_str()), "{unit} is enabled");
    }
}

#[test]
fn the_daemon_has_the_same_number_in_every_system() {
    let root = root();
    printed(Command::new("systemd-sysusers").arg("--root").arg(root.path()).arg("fulmar.conf"));
    let users = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    assert!(users.contains("fulmar:x:880:880:"), "{users}");
}

#[test]
fn the_first_boot_makes_the_data_partition_and_changes_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (flashed, disk) = (dir.path().join("flashed"), dir.path().join("disk"));
    fs::create_dir(&flashed).unwrap();
    for (number, kind) in ["esp", "root", "root"].iter().enumerate() {
        let partition = format!("[Partition]\nType={kind}\nSizeMinBytes=16M\nSizeMaxBytes=16M\n");
        fs::write(flashed.join(format!("{number}.conf")), partition).unwrap();
    }
    let repart = |definitions: &Path, options: &[&str]| {
        let mut command = Command::new("systemd-repart");
        command.arg("--definitions").arg(definitions).args(options).arg("--json=short").arg(&disk);
        printed(&mut command)
    };
    repart(&flashed, &["--empty=create", "--size=64M", "--dry-run=no"]);
    fs::File::options().write(true).open(&disk).unwrap().set_len(1 << 30).unwrap();
    printed(Command::new("sfdisk").args(["--no-reread", "--relocate", "gpt-bak-std"]).arg(&disk));
    let plan = repart(&workspace().join("image/box/usr/lib/repart.d"), &["--dry-run=yes"]);
    let plan: Vec<serde_json::Value> = serde_json::from_str(&plan).unwrap();
    let activities: Vec<_> = plan.iter().map(|partition| &partition["activity"]).collect();
    assert_eq!(activities, ["unchanged", "unchanged", "unchanged", "create"]);
    assert!(plan[3]["raw_size"].as_u64().unwrap() > 900 << 20, "{plan:#?}");
}

#[test]
fn shellcheck_has_nothing_to_say_of_any_script() {
    let mut list = Command::new("git");
    list.args(["grep", "-lIE", "-e", "^#!.*[/ ](ba|da)?sh$"]).current_dir(workspace());
    let scripts = printed(&mut list);
    assert!(scripts.contains(".ci/run"), "{scripts}");
    printed(Command::new("shellcheck").args(scripts.lines()).current_dir(workspace()));
}
