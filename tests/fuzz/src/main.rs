//! With `--cfg fuzzing` libFuzzer's program for the target in `FULMAR_FUZZ`, which `cargo xtask fuzz` builds and
//! starts. Without it: feeds files to a target, to see in a debugger what an input does.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static TARGET: std::sync::LazyLock<&'static fulmar_fuzz::Target> = std::sync::LazyLock::new(|| {
        let name = std::env::var("FULMAR_FUZZ").unwrap_or_default();
        match fulmar_fuzz::target(&name) {
            Some(target) => target,
            None => panic!("`FULMAR_FUZZ` names no target: `{name}`"),
        }
    });
    (TARGET.feed)(bytes);
});

#[cfg(not(fuzzing))]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("say a target and files")?;
    let target = fulmar_fuzz::target(&name).ok_or_else(|| format!("there is no target `{name}`"))?;
    for file in arguments {
        (target.feed)(&std::fs::read(file)?);
    }
    Ok(())
}
