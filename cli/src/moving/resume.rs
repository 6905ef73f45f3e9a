//! `recover --resume`, `--finish` and `--undo`: going on with a job from what it remembers of itself.

use super::fleet::Fleet;
use super::job::{Job, Phase};
use super::wish::Wish;
use super::{execute, of_fleet, side};
use crate::config::Config;
use crate::nodes::host;
use crate::options::Options;
use std::ffi::OsString;
use std::process::ExitCode;

/// What is done with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It goes on copying.
    Resume,
    /// It goes on to its end.
    Finish,
    /// It is taken back.
    Undo,
}

/// Which job, and what is done with it.
pub struct Resumed<'r> {
    pub action: Action,
    /// Which one, where several lie at the fleet.
    pub job: Option<&'r str>,
    /// How its two sides are reached, where the configured passwords and TLS are not enough.
    pub from: Option<&'r str>,
    pub to: Option<&'r str>,
    pub json: bool,
}

/// Goes on with a job that lies at the configured fleet.
///
/// # Errors
/// That there is none, or why it cannot go on.
pub fn resume(options: &Options, wish: &Resumed<'_>) -> Result<ExitCode, String> {
    let config = of_fleet(options)?;
    let job = the_one(jobs_at(&Fleet::connect(config.clone())?)?, wish.job)?;
    let reached = |told: Option<&str>, remembered: &str| match told {
        Some(list) => side(options, list),
        None => side(options, &reachable(remembered, &config)),
    };
    let (from, to) = (reached(wish.from, &job.from)?, reached(wish.to, &job.to)?);
    let mut again = wish_of(&job)?;
    (again.finish, again.undo) = (wish.action == Action::Finish, wish.action == Action::Undo);
    again.json = wish.json;
    execute(from, to, &job.kind, &again)
}

/// The jobs that lie at the servers of a fleet, each once.
///
/// # Errors
/// That a server does not answer.
fn jobs_at(fleet: &Fleet) -> Result<Vec<Job>, String> {
    let mut jobs: Vec<Job> = Vec::new();
    for server in &fleet.servers {
        let Some(job) = Job::read(&mut fleet.open(server)?)? else { continue };
        if jobs.iter().all(|other| other.id != job.id) {
            jobs.push(job);
        }
    }
    Ok(jobs)
}

fn the_one(jobs: Vec<Job>, id: Option<&str>) -> Result<Job, String> {
    let mut fitting = jobs.into_iter().filter(|job| id.is_none() || id == Some(&job.id));
    let none = || match id {
        Some(id) => format!("recover: no clone or reshard {id} lies at these nodes"),
        None => "recover: no clone or reshard lies at these nodes: the targets of a job know it".to_owned(),
    };
    let job = fitting.next().ok_or_else(none)?;
    match fitting.next() {
        None => Ok(job),
        Some(other) => Err(format!(
            "recover: several jobs lie at these nodes: say --job {} or --job {}, and see `recover` for what they are",
            job.id, other.id
        )),
    }
}

/// A list of nodes without credentials, with those of the configured nodes that are the same servers.
fn reachable(list: &str, config: &Config) -> String {
    let entry = |entry: &str| {
        let (name, address) = entry.split_once('=').unwrap_or((entry, entry));
        match config.nodes.iter().find(|(_, given)| host(given) == address) {
            Some((_, given)) => format!("{name}={given}"),
            None if address.starts_with('/') => format!("{name}=unix://{address}"),
            None => entry.to_owned(),
        }
    };
    list.split(',').map(entry).collect::<Vec<_>>().join(",")
}

/// What was asked for when a job began, as far as it has to be the same.
fn wish_of(job: &Job) -> Result<Wish, String> {
    let wrong = || format!("the options of the {} {} are not understood: {}", job.kind, job.id, job.options);
    let words: Vec<OsString> = shell_words(&job.options).ok_or_else(wrong)?.into_iter().map(OsString::from).collect();
    let name = if job.kind == "reshard" { "reshard" } else { "clone" };
    Wish::read(name, &words).map_err(|_| wrong())
}

/// The words of a line that [`quoted`](super::wish::quoted) has made; `None` when a quote is not closed.
fn shell_words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), None::<String>, false);
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\'' => {
                is_quoted = !is_quoted;
                word.get_or_insert_with(String::new);
            }
            '\\' if !is_quoted => word.get_or_insert_with(String::new).push(signs.next()?),
            ' ' if !is_quoted => words.extend(word.take()),
            _ => word.get_or_insert_with(String::new).push(sign),
        }
    }
    words.extend(word);
    (!is_quoted).then_some(words)
}

impl Job {
    /// What may be done with it in the state that it is in, by the options of `recover`.
    pub fn choices(&self) -> Vec<String> {
        let options = shell_words(&self.options).unwrap_or_default();
        let knows_its_keys = !options.iter().any(|word| word == "--replace" || word == "--skip-existing");
        let undo = match knows_its_keys {
            true => "--undo takes it back: what it brought is deleted where it is still equal at its old place",
            false => {
                "it cannot be taken back: with --replace or --skip-existing it does not know which keys it has brought"
            }
        };
        let choices: &[&str] = match self.phase {
            Phase::Copying => &["--resume goes on copying", "--finish goes on copying and ends it", undo],
            Phase::Copied => &["--finish ends it", "--resume copies what has changed since", undo],
            Phase::Finishing => &[
                "--finish goes on ending it",
                "it can no longer be taken back, because keys have been deleted at their old places",
            ],
        };
        choices.iter().map(|&choice| choice.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::wish::quoted;
    use super::*;

    #[test]
    fn options_are_read_as_they_are_remembered() {
        for word in ["a*", "it's", "", "a b", "\\", "$1{x}='\"'"] {
            let line = format!("--match {} --untagged", quoted(word));
            assert_eq!(shell_words(&line).unwrap(), ["--match", word, "--untagged"], "{line}");
        }
        assert_eq!(shell_words("'open"), None);
    }
}
