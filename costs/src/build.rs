//! Builds programs, and says what that took.

use crate::programs::{Profile, Program};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

type Result<T> = std::result::Result<T, String>;

/// The folder of this package.
pub fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The binary with its symbols.
pub fn build(program: &Program, profile: Profile) -> Result<PathBuf> {
    cargo(program, profile, &home().join("target/measured"))
}

/// The library as it was compiled for programs that were built last with a profile.
pub fn library(profile: Profile) -> Result<PathBuf> {
    let folder = home().join("target/measured").join(profile.name()).join("deps");
    let files = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let is_ours = |file: &std::fs::DirEntry| {
        let name = file.file_name().to_string_lossy().into_owned();
        name.starts_with("librediscluster-") && name.ends_with(".rlib")
    };
    // Libraries of earlier versions of the sources may lie there as well.
    let newest =
        files.flatten().filter(is_ours).max_by_key(|file| file.metadata().and_then(|facts| facts.modified()).ok());
    newest.map(|file| file.path()).ok_or_else(|| format!("there is no library in {}", folder.display()))
}

/// Processor time of a build into an empty folder: all dependencies, nothing from earlier.
pub fn clean_build(program: &Program) -> Result<Duration> {
    let target = home().join("target/clean");
    let emptied = std::fs::remove_dir_all(&target);
    if let Err(error) = emptied.or_else(|error| if target.exists() { Err(error) } else { Ok(()) }) {
        return Err(format!("cannot empty {}: {error}", target.display()));
    }
    let before = time_of_children()?;
    cargo(program, Profile::Release, &target)?;
    Ok(time_of_children()?.saturating_sub(before))
}

fn cargo(program: &Program, profile: Profile, target: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked", "--package", program.package, "--bin", program.binary]);
    command.args(["--profile", profile.name(), "--manifest-path"]).arg(home().join("Cargo.toml"));
    command.arg("--target-dir").arg(target).stdin(Stdio::null());
    command.env("CARGO_ENCODED_RUSTFLAGS", same_paths());
    let status = command.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    match status.success() {
        true => Ok(target.join(profile.name()).join(program.binary)),
        false => Err(format!("{} does not build", program.binary)),
    }
}

/// Flags for a compiler that writes no path of this machine. Whatever may panic names its source file, so that the length of
/// such paths would count a hundred times. These flags also take the place of those that the user may have set.
fn same_paths() -> OsString {
    let root = home().parent().unwrap_or(home());
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let sources = cargo_home.map(|home| home.join("registry/src")).unwrap_or_default();
    let registries = std::fs::read_dir(sources).into_iter().flatten().flatten().map(|registry| registry.path());
    let mut flags = OsString::new();
    for from in registries.chain([root.to_owned()]) {
        let name = if from == root { "/sources/rediscluster" } else { "/sources" };
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(name);
    }
    flags
}

/// The processor time of all processes that this one has waited for, and of those that they waited for.
fn time_of_children() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").map_err(|error| format!("/proc/self/stat: {error}"))?;
    // The name of the program stands in brackets and may hold anything; cutime and cstime are the 16th and 17th field.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks: u64 = fields.split_whitespace().skip(13).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // Linux tells them in hundredths of a second, whatever its own clock.
    Ok(Duration::from_millis(ticks * 10))
}

/// The compiler that cargo uses.
pub fn toolchain() -> Result<String> {
    let said = Command::new("rustc").arg("-vV").output().map_err(|error| format!("cannot run rustc: {error}"))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let field = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    Ok(format!("rustc {} {}", field("release:"), field("host:")))
}
