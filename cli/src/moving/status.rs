//! What `recover` tells of jobs.

use super::job::{Job, Mark, Phase, PROGRESS};
use super::link::{strings, Link};
use super::report::span;
use super::{fleet::Fleet, lock};
use crate::config::Config;
use serde_json::{json, Value};
use std::time::{SystemTime, UNIX_EPOCH};

/// The jobs that lie at the servers of a fleet, in lines for people or as values for programs.
///
/// # Errors
/// That a server does not answer.
pub fn told(config: &Config) -> Result<(Vec<String>, Vec<Value>), String> {
    let fleet = Fleet::connect(config.clone())?;
    let (mut lines, mut values): (Vec<String>, Vec<Value>) = (Vec::new(), Vec::new());
    let mut seen: Vec<String> = Vec::new();
    for server in &fleet.servers {
        let mut link = fleet.open(server)?;
        let Some(job) = Job::read(&mut link)? else { continue };
        if seen.contains(&job.id) {
            continue;
        }
        seen.push(job.id.clone());
        let holder = lock::holder(&mut link)?;
        let databases: Vec<u32> = server.facts.keys.iter().map(|(number, _)| *number).collect();
        let marks = marks(&mut link, &databases)?;
        lines.extend(in_words(&job, holder.as_ref(), &marks));
        let sources = marks.iter().map(|(database, source, mark)| {
            json!({"source": source, "database": database, "keys": mark.keys, "read": mark.cursor.is_none(), "pass": mark.pass})
        });
        values.push(json!({
            "job": job.id, "kind": job.kind, "from": job.from, "to": job.to, "options": job.options,
            "state": job.phase.word(), "begun": job.begun, "at_work": holder.map(|(who, _)| who),
            "sources": sources.collect::<Vec<_>>(), "choices": job.choices(),
        }));
    }
    Ok((lines, values))
}

/// How far each source is, as this target knows.
fn marks(link: &mut Link, databases: &[u32]) -> Result<Vec<(u32, String, Mark)>, String> {
    let mut marks = Vec::new();
    for &database in databases {
        link.select(database)?;
        for source in strings(link.ask_text(&["HKEYS", PROGRESS])?) {
            let source = String::from_utf8_lossy(&source).into_owned();
            marks.extend(Mark::read(link, &source)?.map(|mark| (database, source, mark)));
        }
    }
    link.select(0)?;
    marks.sort_by(|(one, a, _), (other, b, _)| (one, a).cmp(&(other, b)));
    Ok(marks)
}

fn in_words(job: &Job, holder: Option<&(String, u64)>, marks: &[(u32, String, Mark)]) -> Vec<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let age = span(now.saturating_sub(job.begun));
    let mut lines = vec![
        format!("{} {}: {}, begun {age} ago", job.kind, job.id, job.phase.word()),
        format!("  from {}", job.from),
        format!("  to {}", job.to),
    ];
    for (database, source, mark) in marks {
        let state = if mark.cursor.is_none() { "all read" } else { "under way" };
        let pass = if mark.pass > 1 { format!(", pass {}", mark.pass) } else { String::new() };
        lines.push(format!("  database {database} of {source}: {} copied, {state}{pass}", super::keys(mark.keys)));
    }
    match holder {
        Some((who, _)) => lines.push(format!("  {who} is at work with it")),
        None => {
            lines.push("  what `recover` does with it, when it is told to:".to_owned());
            lines.extend(job.choices().into_iter().map(|choice| format!("    {choice}")));
            let end = if job.phase == Phase::Finishing { " --finish" } else { "" };
            lines.push(
                "  the same by the command that began it (--clean forgets it; passwords are not remembered):"
                    .to_owned(),
            );
            lines.push(format!(
                "    rediscluster {} --from {} --to {} {}{end}",
                job.kind, job.from, job.to, job.options
            ));
        }
    }
    lines
}
