//! How a job ends: it is finished, forgotten, or undone.

use super::job::{Job, Phase};
use super::leaving::{self, Side};
use super::lock::Lock;
use super::report::{keys, Report};
use super::route::Route;
use super::scan::Scan;
use super::stop::Stop;
use super::wish::Wish;
use super::{all_databases, forget_progress, locked, write, INTERRUPTED};
use std::process::ExitCode;

/// Deletes what has left, and then everything that is remembered of the job.
pub fn finish(
    route: &Route,
    databases: &[u32],
    wish: &Wish,
    (lock, stop, report): (&Lock, &Stop, &Report),
    job: &Job,
) -> Result<(), String> {
    if route.is_in_place() {
        // Until something is deleted it can be taken back.
        leaving::are_on_replicas(route, &Job { phase: job.phase.max(Phase::Copied), ..job.clone() })?;
    }
    write(route, &Job { phase: Phase::Finishing, ..job.clone() })?;
    if route.is_in_place() {
        let scan = Scan::new(wish.keys.pattern.as_deref(), wish.keys.kind.as_deref(), None);
        let leaving = leaving::Leaving { side: Side::Old, route, lock, stop, report, scan: &scan };
        for source in 0..route.from.servers.len() {
            for &database in databases {
                leaving.delete(source, database)?;
            }
        }
        if stop.was_told() {
            return Ok(());
        }
        if report.troubles() == 0 && wish.keys.pattern.is_none() && wish.keys.kind.is_none() {
            for (place, keys) in leaving::left_behind(route, databases)? {
                report.trouble_at("still there, though the server has left the fleet", keys, &place);
            }
        }
    }
    if report.troubles() > 0 {
        // What differs is for people to decide; then it can be finished or copied again.
        return write(route, &Job { phase: Phase::Copied, ..job.clone() });
    }
    leaving::forget(route, &all_databases(route, databases)?)
}

/// Removes what is remembered of a job, and changes no key.
pub fn clean(route: &Route, databases: &[u32], report: &Report, job: &Job) -> Result<ExitCode, String> {
    let databases = all_databases(route, databases)?;
    let mut links = locked(route)?;
    for &database in &databases {
        for link in &mut links {
            link.select(database)?;
            leaving::bring_back(link, report)?;
        }
    }
    leaving::forget(route, &databases)?;
    println!("the {} {} is forgotten; all keys are where they were", job.kind, job.id);
    report.trouble_lines().iter().for_each(|line| eprintln!("{line}"));
    Ok(if report.troubles() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Deletes what a job has brought, where it is still equal at its old place, and then what is remembered of the job.
pub fn undo(
    route: &Route,
    databases: &[u32],
    wish: &Wish,
    (lock, stop, report): (&Lock, &Stop, &Report),
    job: &Job,
) -> Result<ExitCode, String> {
    if job.phase == Phase::Finishing {
        return Err(format!(
            "the {} {} is being finished, and has deleted at the old places: go on with --finish",
            job.kind, job.id
        ));
    }
    if wish.replace || wish.skip_existing {
        return Err(
            "with --replace or --skip-existing nobody knows which keys this job has brought: --clean forgets it".into(),
        );
    }
    let scan = Scan::new(wish.keys.pattern.as_deref(), wish.keys.kind.as_deref(), None);
    // What is deleted from here on is copied again if somebody goes on with the job.
    forget_progress(route, databases)?;
    write(route, &Job { phase: Phase::Copying, ..job.clone() })?;
    let leaving = leaving::Leaving { side: Side::New, route, lock, stop, report, scan: &scan };
    for source in 0..route.from.servers.len() {
        for &database in databases {
            leaving.delete(source, database)?;
        }
    }
    let is_over = report.troubles() == 0 && !stop.was_told();
    if is_over {
        leaving::forget(route, &all_databases(route, databases)?)?;
    }
    println!("{} deleted at the targets", keys(Report::of(&report.deleted)));
    println!(
        "{}",
        if is_over {
            "undone: nothing of the job is left on any server"
        } else {
            "not undone yet: the same command goes on"
        }
    );
    report.trouble_lines().iter().for_each(|line| eprintln!("{line}"));
    Ok(match (stop.was_told(), is_over) {
        (true, _) => ExitCode::from(INTERRUPTED),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    })
}
