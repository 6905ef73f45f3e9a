//! Each command to the node of its keys.

use super::tally::Tally;
use super::{next, patience, read_input, Input, Numbered};
use crate::config::Config;
use crate::modes::fleet::LOOK;
use crate::modes::stop::Stop;
use crate::modes::wire::said;
use crate::modes::Ending;
use crate::words::{is_answer, told};
use rediscluster::prelude::*;
use rediscluster::{ErrorKind, FromValue, ValueRef};
use std::io;

/// Any reply at all: only that there is one counts.
struct Any;

impl FromValue for Any {
    fn from_value(_: ValueRef<'_>) -> rediscluster::Result<Any> {
        Ok(Any)
    }
}

/// Runs everything in pipelines, one after the other: of commands with the same key the order holds.
///
/// # Errors
/// When the output cannot be written.
pub fn routed(config: &Config, seconds: Option<u64>, stop: &Stop) -> io::Result<Result<Ending, String>> {
    let cluster = match config.builder().build() {
        Ok(cluster) => cluster.deadline(patience(seconds)),
        Err(error) => return Ok(Err(error.to_string())),
    };
    // One that is down fails the commands for its own keys.
    match cluster.masters_only().deadline(LOOK.min(config.deadline())).refresh() {
        Err(error) if error.kind() == ErrorKind::Config => return Ok(Err(error.to_string())),
        _ => {}
    }
    let input = read_input();
    let mut tally = Tally::new();
    while let Some(next) = next(&input, stop) {
        match next {
            Input::Batch(batch) => run(&cluster, batch, &mut tally),
            Input::Mistake(mistake) => tally.broken(&format!("line {}: {}", mistake.line, mistake.why)),
            Input::Unreadable(error) => tally.broken(&format!("standard input: {error}")),
        }
        tally.show();
    }
    tally.end(stop).map(Ok)
}

fn run(cluster: &Cluster, batch: Vec<Numbered>, tally: &mut Tally) {
    let mut pipeline = cluster.pipeline();
    let queued: Vec<_> = batch
        .into_iter()
        .map(|Numbered { line, words }| {
            let slot = pipeline.execute(cmd("").args_of(&words).reply::<Any>());
            (line, words, slot)
        })
        .collect();
    let replies = pipeline.run_each();
    for (line, words, slot) in queued {
        match replies.get(slot) {
            Ok(Any) => tally.answered(),
            Err(error) => match is_answer(&error, &words) {
                Some(text) => tally.error_reply(line, &said(&text)),
                None => tally.unanswered(line, &told(&error, false)),
            },
        }
    }
}
