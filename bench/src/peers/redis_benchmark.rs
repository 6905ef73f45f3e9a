//! redis-benchmark: how fast a server can be asked, by a program that does nothing with what it answers.

use super::program;
use crate::measure::{Contender, Job};
use rediscluster_testing::Server;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// As it is told.
pub const NAME: &str = "redis-benchmark";

pub fn path() -> Option<PathBuf> {
    program("REDIS_BENCHMARK", NAME)
}

/// What redis-benchmark does in a call.
pub struct Load<'a> {
    /// Connections at the same time.
    pub clients: usize,
    /// Commands that are written together, which are one call.
    pub pipeline: u64,
    /// The command, or options that name one.
    pub words: &'a [&'a str],
}

/// redis-benchmark, where it is.
pub fn contender(server: &Server, load: &Load<'_>) -> Option<Contender> {
    let (path, pipeline, port) = (path()?, load.pipeline, server.port().to_string());
    let clients = load.clients.to_string();
    let mut options: Vec<String> = ["--csv", "-p", &port, "-c", &clients, "-P"].map(str::to_owned).to_vec();
    options.push(pipeline.to_string());
    let words: Vec<String> = load.words.iter().map(|word| (*word).to_owned()).collect();
    let run = move |calls: u64| run(&path, &options, &words, calls * pipeline);
    Some(Contender::of(NAME, &[server.pid()], Job::Elsewhere(Box::new(run))))
}

/// How long so many commands took, by its own account.
fn run(path: &Path, options: &[String], words: &[String], commands: u64) -> Duration {
    let mut command = Command::new(path);
    command.args(options).args(["-n", &commands.to_string()]).args(words).stdin(Stdio::null());
    let output = command.output().expect("redis-benchmark runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let row = said.lines().last().unwrap_or_default();
    let rate: Option<f64> = row.split("\",\"").nth(1).and_then(|rate| rate.parse().ok());
    let rate = rate
        .unwrap_or_else(|| panic!("redis-benchmark gives no rate: {said}{}", String::from_utf8_lossy(&output.stderr)));
    Duration::from_secs_f64(commands as f64 / rate)
}
