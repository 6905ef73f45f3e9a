//! On what it was measured, and with which versions.

use crate::peers::{redis_benchmark, twemproxy};
use rediscluster_testing::Server;
use std::path::Path;
use std::process::Command;

/// Names and what they are.
pub fn facts() -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("processor", format!("{} × {}", std::thread::available_parallelism().map_or(0, usize::from), processor())),
        ("system", format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease"))),
        ("load when it began", read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(", ")),
        ("compiler", said(Path::new("rustc"), "--version")),
        ("server", server()),
    ];
    for package in ["rediscluster", "redis", "r2d2"] {
        facts.push((package, locked(package)));
    }
    facts.push(("hiredis", hiredis().unwrap_or_else(|| SKIPPED.to_owned())));
    let version = |path: Option<_>, option| {
        path.map_or_else(|| SKIPPED.to_owned(), |path: std::path::PathBuf| said(&path, option))
    };
    facts.push(("redis-benchmark", version(redis_benchmark::path(), "--version")));
    facts.push(("twemproxy", version(twemproxy::path(), "--version")));
    facts
}

const SKIPPED: &str = "not to be had here, so **skipped**";

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn processor() -> String {
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("unknown", |(_, model)| model).to_owned()
}

/// The first line that a program says of itself.
fn said(program: &Path, option: &str) -> String {
    let Ok(output) = Command::new(program).arg(option).output() else { return "unknown".to_owned() };
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().unwrap_or("unknown").trim().to_owned()
}

fn server() -> String {
    let server = Server::start();
    match server.field("server", "valkey_version") {
        Some(version) => format!("Valkey {version}"),
        None => format!("Redis {}", server.field("server", "redis_version").unwrap_or_default()),
    }
}

/// The version of a package that this was built with.
fn locked(package: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \"")).expect("it is locked");
    rest.split_once('"').expect("a version").0.to_owned()
}

/// By the name of the library that this process has loaded.
fn hiredis() -> Option<String> {
    let maps = read("/proc/self/maps");
    let name = maps.lines().find_map(|line| line.rsplit_once("/libhiredis.so."))?.1;
    cfg!(feature = "hiredis").then(|| name.to_owned())
}
