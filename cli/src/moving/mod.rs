//! `clone` and `reshard`: copying the keys of a fleet to another one, or to where they belong in a larger or smaller one.

mod begin;
mod engine;
mod extras;
mod finish;
pub mod fleet;
mod guards;
pub mod job;
mod link;
mod lock;
mod pieces;
mod progress;
mod read;
mod replica;
pub mod report;
pub mod resume;
mod route;
mod same;
mod scan;
mod status;
pub mod stop;
mod stream;
mod survey;
pub mod wish;
mod write;

pub use status::told as jobs;
use stop::Stop;

use crate::asked;
use crate::config::Config;
use crate::options::Options;
use crate::render::Mode;
use crate::tags::Places;
use engine::Run;
use finish::Side;
use fleet::Fleet;
use job::{Job, Phase};
use lock::Lock;
use report::{keys, Report};
use route::Route;
use scan::Scan;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};
use wish::Wish;

/// What a shell reports of a program that ended at Ctrl-C.
const INTERRUPTED: u8 = 128 + 2;

/// The command of a word, and what kind of job it is.
fn kind(word: &OsString) -> Option<(&'static str, &'static str)> {
    match word.to_str()? {
        "clone" => Some(("clone", "clone")),
        "reshard" => Some(("reshard", "reshard")),
        "redis-copy" => Some(("redis-copy", "clone")),
        "redis-sharding" => Some(("redis-sharding", "clone")),
        _ => None,
    }
}

/// Runs a job; `None` when the command is another one.
pub fn run(options: &Options) -> Option<ExitCode> {
    let (first, words) = options.command.split_first()?;
    let (name, kind) = self::kind(first)?;
    let mut wish = match Wish::read(name, words) {
        Ok(wish) => wish,
        Err(message) if message.use_stderr() => {
            eprint!("{}", asked::without_secrets(&message.to_string(), words));
            return Some(ExitCode::FAILURE);
        }
        Err(help) => {
            let _ = help.print();
            return Some(ExitCode::SUCCESS);
        }
    };
    wish.json |= matches!(options.style(false).mode, Mode::Json | Mode::QuotedJson);
    Some(match begin_or_go_on(options, kind, &wish) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("rediscluster: {why}");
            ExitCode::FAILURE
        }
    })
}

/// A side's configuration: everything as the options say, but its own nodes; `@FILE` is a file of its own.
pub fn side(options: &Options, list: &str) -> Result<Config, String> {
    let mut options = options.clone();
    options.node.clear();
    match list.strip_prefix('@') {
        Some(file) => (options.nodes, options.config) = (None, Some(file.into())),
        None => options.nodes = Some(wish::list(list)),
    }
    of_fleet(&options)
}

/// The configured fleet.
fn of_fleet(options: &Options) -> Result<Config, String> {
    let config = Config::gather(&mut options.clone(), |name| std::env::var_os(name))?;
    config.is_fleet("to clone, reshard and compare").map(|()| config)
}

fn begin_or_go_on(options: &Options, kind: &str, wish: &Wish) -> Result<ExitCode, String> {
    let to = wish.to.as_deref().ok_or(format!("{kind}: --to LIST says where to"))?;
    let from = match (&wish.from, kind) {
        (Some(list), _) => side(options, list)?,
        (None, "reshard") => of_fleet(options)?,
        (None, _) => return Err(format!("{kind}: --from LIST says where from")),
    };
    execute(from, side(options, to)?, kind, wish)
}

/// Does what is asked for between two fleets.
fn execute(from: Config, to: Config, kind: &str, wish: &Wish) -> Result<ExitCode, String> {
    let (mut from, to) = (Fleet::connect(from)?, Fleet::connect(to)?);
    // What deletes, or forgets, reads nothing of a replica.
    if wish.read_from == "replica" && !wish.undo && !wish.clean {
        from.read_from_replicas()?;
    }
    let hash_tags = wish.tags.of_both(from.hash_tags(), to.hash_tags())?;
    let places = Places::new(&wish.tags, from.nodes, to.nodes, hash_tags)?.keeping_strays(wish.strays == "keep");
    if places.are_untold() {
        return Err(format!(
            "the number of nodes changes from {} to {}, and the name under which a key is stored does not tell whether it has \
             a tag: give --tags FILE or --tag-rule REGEX=TEMPLATE, or --untagged when no key has one",
            from.nodes, to.nodes
        ));
    }
    let route = Route::new(from, to, places);
    let databases = guards::databases(&route.from, &wish.keys.databases);
    let report = Report::default();
    if wish.dry_run {
        return dry_run(&route, &databases, wish, &report);
    }
    let readers = readers(&route)?;
    for line in guards::check(&route, kind, wish)? {
        eprintln!("{line}");
    }
    let stop = Stop::new(wish.limit, wish.rate)?;
    let lock = Lock::take(locked(&route)?, readers, &format!("{kind} of process {}", std::process::id()))?;
    if route.is_in_place() {
        lock::nobody_reads(&mut locked(&route)?)?;
    }
    let job = match (found(&route)?, job_of(&route, kind, wish)) {
        (Some(old), new) => match old.differs(&new) {
            Some(why) if !wish.clean => return Err(why),
            _ => old,
        },
        (None, _) if wish.clean || wish.undo => return Err("there is no job at the targets".into()),
        (None, new) => {
            begin::begin(&route, &databases, wish, &lock, &report)?;
            // Marks of a job that no target knows say nothing of this one.
            forget_progress(&route, &all_databases(&route, &databases)?)?;
            new
        }
    };
    if wish.clean {
        return clean(&route, &databases, &report, &job);
    }
    if wish.undo {
        return undo(&route, &databases, wish, (&lock, &stop, &report), &job);
    }
    if job.phase == Phase::Finishing && !wish.finish {
        return Err(format!("the {} {} is being finished: go on with --finish", job.kind, job.id));
    }
    let began = std::time::Instant::now();
    let all_copied = job.phase == Phase::Finishing || copy(&route, &databases, wish, (&lock, &stop, &report), &job)?;
    if all_copied && wish.finish && report.troubles() == 0 && !stop.was_told() {
        end(&route, &databases, wish, (&lock, &stop, &report), &job)?;
    }
    let is_over = all_copied && wish.finish && report.troubles() == 0 && !stop.was_told();
    tell(&route, wish, (&stop, &report), &job, (all_copied, is_over), began.elapsed().as_secs_f64());
    drop(lock);
    Ok(if stop.was_told() {
        ExitCode::from(INTERRUPTED)
    } else if report.troubles() > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Connections to all servers that a job writes to: the targets, and in place the sources as well.
fn locked(route: &Route) -> Result<Vec<link::Link>, String> {
    let mut links = route.to.open_all()?;
    for (at, server) in route.from.servers.iter().enumerate() {
        if route.is_in_place() && route.same(at).is_none() {
            links.push(route.from.open(server)?);
        }
    }
    Ok(links)
}

/// Connections to all servers that a job reads and does not lock: they show that it reads there.
fn readers(route: &Route) -> Result<Vec<link::Link>, String> {
    match route.is_in_place() {
        true => Ok(Vec::new()),
        false => route.from.servers.iter().map(|server| route.from.open_as_reader(server)).collect(),
    }
}

/// What is asked for, as it would be remembered.
fn job_of(route: &Route, kind: &str, wish: &Wish) -> Job {
    Job {
        id: format!("{:016x}", random()),
        kind: kind.to_owned(),
        from: route.from.list(),
        to: route.to.list(),
        options: wish.constant(route.places.hash_tags()),
        tags: route.places.checksum().map_or_else(String::new, |checksum| format!("{checksum:016x}")),
        phase: Phase::Copying,
        begun: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
        troubles: 0,
    }
}

/// The job that lies at the targets, as far as the one that is furthest knows. One that has lost its memory does not know it,
/// and one that has lost a part of it knows less.
fn found(route: &Route) -> Result<Option<Job>, String> {
    let mut found: Option<Job> = None;
    for link in &mut route.to.open_all()? {
        let Some(job) = Job::read(link)? else { continue };
        match &mut found {
            Some(other) if other.id != job.id => {
                return Err(format!(
                    "two jobs lie at the targets, {} and {}: finish one of them first",
                    other.id, job.id
                ));
            }
            Some(other) => other.phase = other.phase.max(job.phase),
            None => found = Some(job),
        }
    }
    Ok(found)
}

/// Writes what the job is to all targets.
fn write(route: &Route, job: &Job) -> Result<(), String> {
    route.to.open_all()?.iter_mut().try_for_each(|link| link.ask_owned(&job.written()).map(drop))
}

/// Those that are copied and those that an earlier run has copied.
fn all_databases(route: &Route, databases: &[u32]) -> Result<Vec<u32>, String> {
    let mut all = databases.to_vec();
    all.extend(guards::databases(&route.to, &[]));
    all.push(0);
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn copy(
    route: &Route,
    databases: &[u32],
    wish: &Wish,
    (lock, stop, report): (&Lock, &Stop, &Report),
    job: &Job,
) -> Result<bool, String> {
    let mut parts = engine::parts(route, databases)?;
    let is_read_again = job.phase == Phase::Copied && !wish.finish;
    // In place programs may write to the new nodes by now: what a target has forgotten is not copied over that, but named in
    // the end, where it is missing.
    if job.phase == Phase::Copied && wish.finish && (route.is_in_place() || engine::are_done(&parts)) {
        return Ok(true);
    }
    if is_read_again {
        engine::begin_again(&mut parts);
    }
    if is_read_again || (route.is_in_place() && engine::replaces(&parts)) {
        // What has come since the first time may be in the way of something else.
        begin::look_through(route, databases, wish, false, true, report)?;
    }
    if engine::were_cut(&parts) {
        // What was met before is not known any more.
        survey::stashes(route, databases, report)?;
    }
    write(route, &Job { phase: Phase::Copying, ..job.clone() })?;
    if wish.functions {
        extras::functions(route, wish.replace, report)?;
    }
    if wish.acl {
        extras::users(route, wish.replace, report)?;
    }
    let earlier = job.troubles.max(engine::troubles(&parts));
    let run = Run { route, wish, lock, stop, report, earlier };
    let go_on = || format!("start the same command again to go on where it stopped ({} {})", job.kind, job.id);
    let all_copied = run.copy(&parts).map_err(|why| {
        report.trouble_lines().iter().for_each(|line| eprintln!("{line}"));
        format!("{why}\n{}", go_on())
    })?;
    let troubles = earlier + report.troubles();
    match (all_copied, troubles) {
        (true, 0) => write(route, &Job { phase: Phase::Copied, ..job.clone() })?,
        // Everything is looked at once more by the next run: what was not copied is named again, until it is.
        (true, _) => {
            if earlier > 0 || Report::of(&report.conflicts) > 0 {
                // A key of somebody else may be at a target: it is not written over.
                forget_progress(route, databases)?;
            } else {
                engine::have_read_again(route, &parts)?;
            }
            write(route, &Job { phase: Phase::Copying, troubles: 0, ..job.clone() })?;
            if report.troubles() == 0 {
                return Err(format!(
                    "earlier runs named {} that were not copied: the same command names them",
                    keys(troubles)
                ));
            }
        }
        (false, _) => write(route, &Job { phase: Phase::Copying, troubles, ..job.clone() })?,
    }
    Ok(all_copied)
}

/// From now on nothing is known of how far the sources were read.
fn forget_progress(route: &Route, databases: &[u32]) -> Result<(), String> {
    for link in &mut route.to.open_all()? {
        for &database in databases {
            link.select(database)?;
            link.ask_text(&["DEL", job::PROGRESS])?;
        }
    }
    Ok(())
}

/// Deletes what has left, and then everything that is remembered of the job.
fn end(
    route: &Route,
    databases: &[u32],
    wish: &Wish,
    (lock, stop, report): (&Lock, &Stop, &Report),
    job: &Job,
) -> Result<(), String> {
    if route.is_in_place() {
        // Until something is deleted it can be taken back.
        finish::are_on_replicas(route, &Job { phase: job.phase.max(Phase::Copied), ..job.clone() })?;
    }
    write(route, &Job { phase: Phase::Finishing, ..job.clone() })?;
    if route.is_in_place() {
        let scan = Scan::new(wish.keys.pattern.as_deref(), wish.keys.kind.as_deref(), None);
        let leaving = finish::Leaving { side: Side::Old, route, lock, stop, report, scan: &scan };
        for source in 0..route.from.servers.len() {
            for &database in databases {
                leaving.delete(source, database)?;
            }
        }
        if stop.was_told() {
            return Ok(());
        }
        if report.troubles() == 0 && wish.keys.pattern.is_none() && wish.keys.kind.is_none() {
            for (place, keys) in finish::left_behind(route, databases)? {
                report.trouble_at("still there, though the server has left the fleet", keys, &place);
            }
        }
    }
    if report.troubles() > 0 {
        // What differs is for people to decide; then it can be finished or copied again.
        return write(route, &Job { phase: Phase::Copied, ..job.clone() });
    }
    finish::forget(route, &all_databases(route, databases)?)
}

/// Removes what is remembered of a job, and changes no key.
fn clean(route: &Route, databases: &[u32], report: &Report, job: &Job) -> Result<ExitCode, String> {
    let databases = all_databases(route, databases)?;
    let mut links = locked(route)?;
    for &database in &databases {
        for link in &mut links {
            link.select(database)?;
            finish::bring_back(link, report)?;
        }
    }
    finish::forget(route, &databases)?;
    println!("the {} {} is forgotten; all keys are where they were", job.kind, job.id);
    report.trouble_lines().iter().for_each(|line| eprintln!("{line}"));
    Ok(if report.troubles() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Deletes what a job has brought, where it is still equal at its old place, and then what is remembered of the job.
fn undo(
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
    let leaving = finish::Leaving { side: Side::New, route, lock, stop, report, scan: &scan };
    for source in 0..route.from.servers.len() {
        for &database in databases {
            leaving.delete(source, database)?;
        }
    }
    let is_over = report.troubles() == 0 && !stop.was_told();
    if is_over {
        finish::forget(route, &all_databases(route, databases)?)?;
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

/// Says what came of a run.
fn tell(
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

fn dry_run(route: &Route, databases: &[u32], wish: &Wish, report: &Report) -> Result<ExitCode, String> {
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

/// What this run is called at the servers: all of its connections bear this name, and so does its lock.
fn own_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("{}{:016x}", lock::OWN_NAME, random()))
}

/// A number that nobody else has drawn.
fn random() -> u64 {
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
