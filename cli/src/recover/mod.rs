//! `recover`: what programs have left behind that ended in the middle of a move between two nodes.

mod apply;
mod find;
mod wish;

use crate::asked;
use crate::config::Config;
use crate::moving::{self, jobs};
use crate::options::Options;
use crate::quote::shown;
use crate::render::Mode;
use crate::session::Ran;
use apply::{deliver, expire, forget, Did, Lies};
use find::{calls, servers, Call, Found, Server};
use rediscluster::{Stash, StashContent, StashRecovery, StashRole};
use serde_json::{json, Value};
use std::process::ExitCode;
pub use wish::Wish;

/// For how long, in seconds, nobody may have used a stash: a program that still lives works with its own.
const OLDER_THAN: u64 = 60;
/// A copy that may yet be needed is kept for this long, in milliseconds.
const HOUR: u64 = 3_600_000;

/// How it stands with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    ToDo,
    Done,
    LeftAlone,
    Failed,
    Unknown,
}

/// A call, and what is said of it.
struct Told {
    state: State,
    /// What the stashes are, and what is done with them.
    does: String,
    /// What else there is to say.
    remark: Option<String>,
}

/// Goes on with a clone or reshard, where that is asked for; `None` when the command is another one.
pub fn job(options: &Options) -> Option<ExitCode> {
    let words = options.words();
    let (first, rest) = words.split_first()?;
    if first != b"recover" {
        return None;
    }
    // What is wrong with them is told by who looks for stashes.
    let wish: Wish = asked::read(rest).ok()?;
    let json = matches!(options.style(false).mode, Mode::Json | Mode::QuotedJson);
    let done = moving::resume::resume(options, &wish.of_job(json)?);
    Some(done.unwrap_or_else(|why| {
        eprintln!("rediscluster: {why}");
        ExitCode::FAILURE
    }))
}

/// Every stash, what it is and what is done with it; with `--apply` that is done.
///
/// # Errors
/// Why nothing could be looked at, in words.
pub fn recover(config: &Config, words: &[Vec<u8>], mode: Mode) -> Result<(Vec<u8>, Ran), String> {
    let wish: Wish = asked::read(words)?;
    if wish.of_job(false).is_some() {
        return Err("recover: a clone or reshard is gone on with from a shell, and not in a session or a script".into());
    }
    config.is_fleet("recover")?;
    let mut servers = servers(config)?;
    let calls = calls(&mut servers)?;
    let told: Vec<Told> = calls.iter().map(|call| Told::of(call, &mut servers, &wish)).collect();
    let ran = if told.iter().any(|told| told.state == State::Failed) { Ran::Failed } else { Ran::Answered };
    let (jobs, jobs_json) = jobs(config)?;
    let text = match mode {
        _ if wish.json || matches!(mode, Mode::Json | Mode::QuotedJson) => {
            let rows = calls.iter().zip(&told).map(|(call, told)| told.json(call, &servers));
            format!("{}\n", Value::from_iter(rows.chain(jobs_json)))
        }
        _ => {
            let jobs: String = jobs.into_iter().map(|line| line + "\n").collect();
            let parts = calls.iter().zip(&told).map(|(call, told)| told.text(call, &servers));
            format!("{jobs}{}{}\n", parts.collect::<String>(), summary(&told, &wish))
        }
    };
    Ok((text.into_bytes(), ran))
}

impl Call {
    /// The stash at the other end of the way.
    fn pair_of(&self, stash: &Stash) -> Option<&Found> {
        self.found.iter().find(|found| found.stash.as_ref().is_some_and(|other| other.is_pair_with(stash)))
    }

    /// What has to be done with each stash, in this order.
    fn steps(&self) -> Vec<(&Found, &Stash, StashRecovery)> {
        let step = |found: &'_ Found| {
            let stash = found.stash.as_ref().filter(|_| !found.sealed)?;
            Some(stash.recovery(self.pair_of(stash).is_some()))
        };
        let mut steps: Vec<_> =
            self.found.iter().filter_map(|found| Some((found, found.stash.as_ref()?, step(found)?))).collect();
        steps.sort_by_key(|(.., step)| *step != StashRecovery::Deliver);
        // A copy that expires soon enough needs nothing.
        steps.retain(|(found, _, step)| {
            *step != StashRecovery::Expire || !found.expires.is_some_and(|expires| expires <= HOUR)
        });
        steps
    }

    /// For how many seconds nobody has used any of what has to be dealt with.
    fn idle(&self) -> Option<u64> {
        let idle: Option<Vec<u64>> = self.steps().iter().map(|(found, ..)| found.idle).collect();
        idle?.into_iter().min()
    }
}

impl Told {
    fn of(call: &Call, servers: &mut [Server], wish: &Wish) -> Told {
        let stashes: Vec<&Stash> = call.found.iter().filter_map(|found| found.stash.as_ref()).collect();
        let is_alone = |role| stashes.iter().filter(|stash| stash.role() == role).count() <= 1;
        let is_one_call = stashes.windows(2).all(|two| two[0].is_pair_with(two[1]));
        if stashes.is_empty() || !is_one_call || ![StashRole::From, StashRole::To].into_iter().all(is_alone) {
            let does = "this program leaves nothing like it; nothing is done with it".to_owned();
            return Told { state: State::Unknown, does, remark: None };
        }
        let steps = call.steps();
        let does = does(call, &steps, servers);
        let told = |state, remark: Option<String>| Told { state, does: does.clone(), remark };
        if steps.is_empty() {
            return told(State::LeftAlone, None);
        }
        if !call.steady {
            return told(State::LeftAlone, Some("somebody is at work with it".into()));
        }
        match call.idle() {
            _ if wish.older_than == 0 => {}
            None => {
                let remark = "the server does not tell when it was used last, so only --older-than 0 includes it";
                return told(State::LeftAlone, Some(remark.into()));
            }
            Some(idle) if idle < wish.older_than => {
                let remark = format!("a program may still be at work: --older-than is {} s", wish.older_than);
                return told(State::LeftAlone, Some(remark));
            }
            Some(_) => {}
        }
        if !wish.apply {
            return told(State::ToDo, None);
        }
        match run(call, &steps, servers) {
            Ok(Did::Done) => told(State::Done, None),
            Ok(Did::WentBack) => told(State::Done, Some("the name was taken, so it went back".into())),
            Ok(Did::Changed) => told(State::LeftAlone, Some("somebody else was faster: look again".into())),
            Err(error) => told(State::Failed, Some(error)),
        }
    }

    fn state(&self) -> &'static str {
        match self.state {
            State::ToDo => "to do",
            State::Done => "done",
            State::LeftAlone => "left alone",
            State::Failed => "failed",
            State::Unknown => "unknown",
        }
    }

    fn text(&self, call: &Call, servers: &[Server]) -> String {
        let mut text = match call.found.first().and_then(|found| found.stash.as_ref()) {
            Some(stash) => format!("{} {:016x}", stash.command(), stash.id()),
            None => "a name that is not known".to_owned(),
        };
        if let Some(idle) = call.idle().filter(|_| self.state != State::Unknown) {
            text.push_str(&format!(", not used for {idle} s"));
        }
        for found in &call.found {
            let sealed = if found.sealed { ", sealed" } else { "" };
            text.push_str(&format!("\n  {} on {}{sealed}", shown(&found.name), servers[found.server].place()));
        }
        text.push_str(&format!("\n  {}: {}", self.state(), self.does));
        if let Some(remark) = &self.remark {
            text.push_str(&format!("\n  {remark}"));
        }
        text.push('\n');
        text
    }

    fn json(&self, call: &Call, servers: &[Server]) -> Value {
        let first = call.found.first().and_then(|found| found.stash.as_ref());
        let stash = |found: &Found| {
            json!({
                "name": shown(&found.name),
                "node": servers[found.server].name(),
                "address": servers[found.server].address(),
                "role": found.stash.as_ref().map(|stash| role(stash.role())),
                "key": found.stash.as_ref().map(|stash| shown(stash.key())),
                "sealed": found.sealed,
            })
        };
        json!({
            "command": first.map(Stash::command),
            "id": first.map(|stash| format!("{:016x}", stash.id())),
            "state": self.state(),
            "does": self.does,
            "remark": self.remark,
            "idle": call.idle(),
            "stashes": Value::from_iter(call.found.iter().map(stash)),
        })
    }
}

/// Does the steps, as far as nobody else interferes.
fn run(call: &Call, steps: &[(&Found, &Stash, StashRecovery)], servers: &mut [Server]) -> Result<Did, String> {
    let mut did = Did::Done;
    for (found, stash, step) in steps {
        match step {
            StashRecovery::Deliver => {
                let pair = call.pair_of(stash).and_then(|pair| Some((pair.stash.as_ref()?, pair.server)));
                let lies: Lies<'_> = (stash, found.server);
                did = deliver(servers, lies, pair)?;
                if did == Did::Changed {
                    return Ok(did);
                }
                if did == Did::WentBack {
                    // The value is the source again, and its stash is gone: what is left is the copy.
                    return forget(&mut servers[found.server], stash).map(|()| did);
                }
            }
            StashRecovery::Drop => forget(&mut servers[found.server], stash)?,
            StashRecovery::Expire => did = expire(&mut servers[found.server], stash)?,
        }
    }
    Ok(did)
}

/// What was going on, and what is done, in words.
fn does(call: &Call, steps: &[(&Found, &Stash, StashRecovery)], servers: &[Server]) -> String {
    let key = |stash: &Stash, found: &Found| format!("{} on {}", shown(stash.key()), servers[found.server].name());
    let mut words: Vec<String> = Vec::new();
    for (found, stash, step) in steps {
        let into = key(stash, found);
        let end = match stash.content() {
            StashContent::ListLeft => format!("to the left end of {into}"),
            StashContent::ListRight => format!("to the right end of {into}"),
            _ => format!("into {into}"),
        };
        words.push(match (step, stash.role(), stash.content()) {
            (StashRecovery::Deliver, StashRole::To, StashContent::Value) => {
                let source = call.pair_of(stash).and_then(|pair| Some((pair.stash.as_ref()?, pair)));
                let source = source.map_or(String::new(), |(stash, found)| key(stash, found));
                let unless = format!(", or goes back to {source} where that is taken");
                let unless = if stash.command() == "RENAMENX" { unless } else { String::new() };
                format!("it was committed, so the value of {source} becomes {into}{unless}")
            }
            (StashRecovery::Deliver, StashRole::To, _) => format!("it was committed, so what it moves goes on {end}"),
            (StashRecovery::Deliver, ..) => format!("it was not finished, so what it took goes back {end}"),
            (StashRecovery::Expire, ..) => format!("it was not committed, so the copy for {into} expires in an hour"),
            (StashRecovery::Drop, ..) => format!("the stash for {into} is deleted, since what it holds is elsewhere"),
        });
    }
    if words.is_empty() {
        return "it holds nothing that is needed, and goes by itself within an hour".into();
    }
    words.join("; ")
}

fn summary(told: &[Told], wish: &Wish) -> String {
    if told.is_empty() {
        return "no stashes".into();
    }
    let states = [State::ToDo, State::Done, State::LeftAlone, State::Failed, State::Unknown];
    let counts = states.into_iter().filter_map(|state| {
        let of_it: Vec<&Told> = told.iter().filter(|told| told.state == state).collect();
        of_it.first().map(|told| format!("{} {}", of_it.len(), told.state()))
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    match wish.apply {
        true => counts,
        false => format!("{counts}; nothing was changed, --apply does what is to do"),
    }
}

fn role(role: StashRole) -> &'static str {
    match role {
        StashRole::From => "from",
        StashRole::To => "to",
        StashRole::Copy => "copy",
    }
}
