//! `clone` and `reshard`: copying the keys of a fleet to another one, or to where they belong in a larger or smaller one.

mod begin;
mod end;
mod engine;
mod extras;
pub mod fleet;
mod guards;
pub mod job;
mod leaving;
mod link;
mod lock;
mod outcome;
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
use fleet::Fleet;
use job::{Job, Phase};
use lock::Lock;
use report::{keys, Report};
use route::Route;
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
        return outcome::tell_dry_run(&route, &databases, wish, &report);
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
        return end::clean(&route, &databases, &report, &job);
    }
    if wish.undo {
        return end::undo(&route, &databases, wish, (&lock, &stop, &report), &job);
    }
    if job.phase == Phase::Finishing && !wish.finish {
        return Err(format!("the {} {} is being finished: go on with --finish", job.kind, job.id));
    }
    let began = std::time::Instant::now();
    let all_copied = job.phase == Phase::Finishing || copy(&route, &databases, wish, (&lock, &stop, &report), &job)?;
    if all_copied && wish.finish && report.troubles() == 0 && !stop.was_told() {
        end::finish(&route, &databases, wish, (&lock, &stop, &report), &job)?;
    }
    let is_over = all_copied && wish.finish && report.troubles() == 0 && !stop.was_told();
    outcome::tell(&route, wish, (&stop, &report), &job, (all_copied, is_over), began.elapsed().as_secs_f64());
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
