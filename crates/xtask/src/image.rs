//! `cargo xtask image`: the image for tests, of Debian's packages and the release build of this machine.
//!
//! The same overlays, units and disk layout as the firmware has; only kernel and libraries are Debian's. What is
//! slow, the packages, is kept for the next time. The scripts below `image/` do the work: `debian/root` is for this
//! image alone, `disk/assemble` is for every image.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::{
    cargo,
    test::Report,
    tools::{self, Tool},
};

/// What the image is made with.
const TOOLS: &[Tool] = &[
    Tool { program: "busybox", package: "busybox-static" },
    Tool { program: "cpio", package: "cpio" },
    Tool { program: "depmod", package: "kmod" },
    Tool { program: "genimage", package: "genimage" },
    Tool { program: "grub-mkimage", package: "grub-common" },
    Tool { program: "/usr/lib/grub/i386-pc/boot.img", package: "grub-pc-bin" },
    Tool { program: "/usr/lib/grub/x86_64-efi/normal.mod", package: "grub-efi-amd64-bin" },
    Tool { program: "mcopy", package: "mtools" },
    Tool { program: "mkdosfs", package: "dosfstools" },
    Tool { program: "mksquashfs", package: "squashfs-tools" },
    Tool { program: "mmdebstrap", package: "mmdebstrap" },
    Tool { program: "systemd-sysusers", package: "systemd" },
];

/// Which packages, a line each.
const PACKAGES: &str = "image/debian/packages";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// For which machines.
    #[arg(long, value_enum, default_value_t = Arch::X86_64)]
    arch: Arch,
    /// Fetch the packages anew, also where the list of them is the same.
    #[arg(long)]
    fresh: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Arch {
    /// 64-bit PC, by BIOS and by UEFI.
    #[value(name = "x86_64")]
    X86_64,
}

impl Options {
    /// Where everything is made.
    pub(crate) fn directory(&self) -> Result<PathBuf> {
        let Arch::X86_64 = self.arch;
        Ok(cargo::metadata()?.target_directory.join("image/x86_64"))
    }
}

/// Makes the image and says where it lies.
pub(crate) fn image(options: &Options) -> Result<()> {
    make(options, &["image/rootfs", "image/box"])
}

/// Makes the image of these overlays, the later ones over the earlier ones.
pub(crate) fn make(options: &Options, overlays: &[&str]) -> Result<()> {
    let directory = options.directory()?;
    let (packages, root) = (directory.join("packages.tar"), directory.join("root"));
    fs::create_dir_all(&directory).with_context(|| format!("failed to make `{}`", directory.display()))?;
    let mut report = Report::default();
    report.step("tools", || tools::require(TOOLS))?;
    report.step("programs", build)?;
    report.step("packages", || fetch(&packages, options.fresh))?;
    report.step("root file system", || {
        let programs = cargo::metadata()?.target_directory.join("release");
        let mut script = Command::new("image/debian/root");
        cargo::succeed(script.arg(&packages).arg(programs).arg(&root).args(overlays))
    })?;
    report.step("disk", || cargo::succeed(Command::new("image/disk/assemble").arg(&root).arg(&directory)))?;
    report.print();
    print_sizes(&directory)
}

fn build() -> Result<()> {
    let programs = ["build", "--release", "--package", "fulmard", "--package", "fulmarctl"];
    cargo::succeed(cargo::command().args(programs))
}

/// Fetches the packages into an archive, unless it is there and was made of the same list.
fn fetch(archive: &Path, fresh: bool) -> Result<()> {
    let list = fs::read_to_string(PACKAGES).with_context(|| format!("failed to read `{PACKAGES}`"))?;
    let names: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let names = names.join(",");
    let made_of = archive.with_extension("list");
    if !fresh && archive.exists() && fs::read_to_string(&made_of).is_ok_and(|kept| kept == names) {
        println!("The packages are here already; `--fresh` fetches them anew.");
        return Ok(());
    }
    let mut mmdebstrap = Command::new("mmdebstrap");
    mmdebstrap.args(["--quiet", "--variant=extract", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]);
    mmdebstrap.arg(format!("--include={names}")).arg("bookworm").arg(archive);
    cargo::succeed(&mut mmdebstrap)?;
    fs::write(&made_of, names).with_context(|| format!("failed to write `{}`", made_of.display()))
}

fn print_sizes(directory: &Path) -> Result<()> {
    let size = |file: &str| {
        let path = directory.join(file);
        let found = fs::metadata(&path).with_context(|| format!("there is no `{}`", path.display()))?;
        anyhow::Ok((found.len(), found.blocks() * 512))
    };
    let (image, on_disk) = size("fulmar.img")?;
    let (system, _) = size("parts/root.squashfs")?;
    println!("\n{}", directory.join("fulmar.img").display());
    println!(
        "  {:>6.1} MiB  to flash, of which {:.1} MiB are not zeros",
        mebibytes(image),
        mebibytes(on_disk)
    );
    println!("  {:>6.1} MiB  system with its kernel, compressed; a slot has 64 MiB", mebibytes(system));
    Ok(())
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
