//! What is said of a run when it is over, and of one that was only asked for.

use super::job::Job;
use super::report::{self, keys, Report};
use super::route::Route;
use super::scan::Scan;
use super::stop::Stop;
use super::wish::Wish;
use super::{found, survey};
use std::process::ExitCode;

/// Says what came of a run.
pub fn tell(
    route: &Route,
    wish: &Wish,
    (stop, report): (&Stop, &Report),
    job: &Job,
    (all_copied, is_over): (bool, bool),
    seconds: f64,
) {
    let next = if is_over {
        "finished: nothing of the job is left on any server".to_owned()
    } else if stop.was_told() {
        "stopped; the same command goes on where it stopped".to_owned()
    } else if !all_copied {
        "there is more: the same command goes on".to_owned()
    } else if wish.finish && !route.is_in_place() {
        "not finished, because of what is named: the same command looks at everything once more".to_owned()
    } else if wish.finish {
        "not finished: what is named stays at its old place; copy it once more (without --finish) where the old place is right, delete \
         it there where the new one is, and then --finish again"
            .to_owned()
    } else if route.is_in_place() {
        format!(
            "everything is copied and nothing deleted: give programs the new nodes, then add --finish\nthe new nodes: {}",
            route.to.list()
        )
    } else if wish.skip_existing {
        "everything is copied: the same command copies keys that are new, and --finish ends the job".to_owned()
    } else {
        "everything is copied: the same command copies what has changed since, and --finish ends the job".to_owned()
    };
    if wish.json {
        let state = if is_over {
            "finished"
        } else if all_copied {
            "copied"
        } else {
            "copying"
        };
        let line = serde_json::json!({"job": job.id, "state": state, "seconds": seconds, "report": report.json()});
        println!("{line}");
    } else {
        let number = Report::of(&report.copied);
        // Of a moment it says nothing.
        let rate = match seconds >= 0.1 && number > 0 {
            true => format!(", {:.0} keys/s", number as f64 / seconds),
            false => String::new(),
        };
        println!("{}; {}{rate}\n{next}", report.line(), report::took(seconds));
    }
    report.trouble_lines().iter().for_each(|line| eprintln!("{line}"));
}

/// Looks through all names, and says what would be copied.
pub fn tell_dry_run(route: &Route, databases: &[u32], wish: &Wish, report: &Report) -> Result<ExitCode, String> {
    let scan = Scan::new(wish.keys.pattern.as_deref(), wish.keys.kind.as_deref(), None);
    let existing = !wish.replace && !wish.skip_existing && !wish.flush && found(route)?.is_none();
    let look = survey::Look { is_full: true, existing, is_later: false, big: wish.big };
    let seen = survey::survey(route, databases, &scan, look, report)?;
    if wish.json {
        println!("{}", serde_json::json!({"dry_run": seen.json(route), "report": report.json()}));
    } else {
        println!("{} would be copied, and nothing was written", keys(seen.moving()));
        seen.lines(route).iter().for_each(|line| println!("{line}"));
    }
    report.trouble_lines().iter().for_each(|line| eprintln!("{line}"));
    Ok(if report.troubles() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
