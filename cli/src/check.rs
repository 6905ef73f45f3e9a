//! `nodes --check`: what an operator should know of the servers, for monitoring.

use crate::config::Config;
use crate::nodes::{self, Row, Wish};
use crate::probe::Probe;
use crate::render::Mode;
use crate::session::Ran;
use rediscluster::Protocol;
use serde_json::{json, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

/// Between two looks at a replica.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What can be wrong. The names are those of `--ignore`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Down,
    Role,
    Replica,
    Version,
    Policy,
    Eviction,
    Balance,
}

const KINDS: [Kind; 7] =
    [Kind::Down, Kind::Role, Kind::Replica, Kind::Version, Kind::Policy, Kind::Eviction, Kind::Balance];

/// One thing that is wrong.
#[derive(Debug, PartialEq)]
struct Problem {
    kind: Kind,
    /// The servers, by their names.
    servers: Vec<String>,
    says: String,
}

/// `nodes --check`: every problem in a line of its own, which makes [`Ran::Failed`] of it; one line when there is none.
///
/// # Errors
/// When it cannot be told which servers to ask, in words.
pub fn check(config: &Config, wish: &Wish, mode: Mode) -> Result<(Vec<u8>, Ran), String> {
    config.is_fleet("nodes --check")?;
    config.builder().build().map_err(|error| error.to_string())?;
    let rows = nodes::rows(config);
    let mut problems = problems(&rows, wish.balance);
    problems.extend(late_replicas(config, &rows, wish.max_lag));
    problems.retain(|problem| !wish.ignore.contains(&problem.kind));
    problems.sort_by_key(|problem| problem.kind);
    let ran = if problems.is_empty() { Ran::Answered } else { Ran::Failed };
    let text = match mode {
        Mode::Json | Mode::QuotedJson => format!("{}\n", as_json(&rows, &problems)),
        _ if wish.json => format!("{}\n", as_json(&rows, &problems)),
        _ if problems.is_empty() => format!("ok: {}\n", count(&rows)),
        _ => problems.iter().map(|problem| format!("{problem}\n")).collect(),
    };
    Ok((text.into_bytes(), ran))
}

impl Kind {
    /// The one of a name.
    ///
    /// # Errors
    /// That there is none.
    pub fn named(name: &str) -> Result<Kind, String> {
        let kind = KINDS.into_iter().find(|kind| kind.name() == name.trim());
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name()).collect();
        kind.ok_or_else(|| format!("none of {}", names.join(", ")))
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Down => "down",
            Kind::Role => "role",
            Kind::Replica => "replica",
            Kind::Version => "version",
            Kind::Policy => "policy",
            Kind::Eviction => "eviction",
            Kind::Balance => "balance",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.kind.name(), self.servers.join(", "), self.says)
    }
}

/// What one look at the servers tells.
fn problems(rows: &[Row], balance: u64) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let problem = |kind, says: String| Problem { kind, servers: vec![row.title()], says };
        let probe = match &row.answer {
            Ok(probe) => probe,
            Err(error) => {
                problems.push(problem(Kind::Down, error.clone()));
                continue;
            }
        };
        match (row.master, probe.is_master) {
            (true, false) => problems.push(problem(Kind::Role, "it is a replica, and should be a master".into())),
            (false, true) => problems.push(problem(Kind::Role, "it is a master, and should be a replica".into())),
            (false, false) => {
                problems.extend(replica_problem(probe, master_of(rows, at)).map(|says| problem(Kind::Replica, says)));
            }
            (true, true) => problems.extend(unlisted(rows, at).map(|says| problem(Kind::Replica, says))),
        }
        if probe.max_memory > 0 && !probe.policy.is_empty() && probe.policy != "noeviction" {
            let says = format!(
                "maxmemory-policy {} drops keys when the {} of maxmemory are full ({} dropped since its start)",
                probe.policy,
                in_units(probe.max_memory),
                probe.evicted
            );
            problems.push(problem(Kind::Eviction, says));
        }
    }
    problems.extend(differing(rows, Kind::Version, "two versions", |probe| probe.version.clone()));
    problems.extend(differing(rows, Kind::Policy, "different maxmemory-policy", |probe| probe.policy.clone()));
    problems.extend(out_of_balance(rows, balance));
    problems
}

/// The row of the master of a replica: the one before it that should be a master.
fn master_of(rows: &[Row], replica: usize) -> Option<&Row> {
    rows[..replica].iter().rev().find(|row| row.master)
}

/// What a replica says of itself that keeps it from being in step.
fn replica_problem(probe: &Probe, master: Option<&Row>) -> Option<String> {
    let master = master.and_then(|master| master.answer.as_ref().ok()).filter(|master| master.is_master);
    if !probe.link_up {
        let since = probe.link_down_for.map_or(String::new(), |seconds| format!(" for {seconds} s"));
        let what = if probe.is_syncing { ": it is being sent everything anew" } else { "" };
        return Some(format!("its link to its master {} is down{since}{what}", probe.follows));
    }
    let master = master?;
    if !probe.replid.is_empty() && !master.replid.is_empty() && probe.replid != master.replid {
        return Some(format!("it follows {}, whose data is not that of its master here", probe.follows));
    }
    None
}

/// The replicas that a master lists as not in step, and that say themselves that all is well.
fn unlisted(rows: &[Row], master: usize) -> Option<String> {
    let probe = rows[master].answer.as_ref().ok()?;
    let replicas = || rows[master + 1..].iter().take_while(|row| !row.master);
    let is_well = |address: &str| {
        let row = replicas().find(|row| row.address == address)?;
        row.answer.as_ref().ok().map(|probe| probe.link_up)
    };
    let lost: Vec<String> = probe
        .replicas
        .iter()
        .filter(|(address, state)| !state.starts_with("online") && is_well(address) == Some(true))
        .map(|(address, state)| format!("{address} is {state}"))
        .collect();
    (!lost.is_empty()).then(|| format!("of its replicas {}", lost.join(", ")))
}

/// One problem when servers do not agree, with what each of them says.
fn differing(rows: &[Row], kind: Kind, what: &str, of: impl Fn(&Probe) -> String) -> Option<Problem> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        if let Some(value) = row.answer.as_ref().ok().map(&of).filter(|value| !value.is_empty()) {
            values.entry(value).or_default().push(row.title());
        }
    }
    if values.len() < 2 {
        return None;
    }
    let says: Vec<String> =
        values.iter().map(|(value, servers)| format!("{value} on {}", servers.join(", "))).collect();
    let what = if values.len() > 2 { what.replace("two", &values.len().to_string()) } else { what.to_owned() };
    Some(Problem {
        kind,
        servers: values.into_values().flatten().collect(),
        says: format!("{what}: {}", says.join("; ")),
    })
}

/// The masters whose number of keys differs from the mean by more than `limit` per cent, and by more than chance makes it
/// differ when keys are placed by their hash.
fn out_of_balance(rows: &[Row], limit: u64) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    let masters: Vec<(&Row, &Probe)> = rows
        .iter()
        .filter_map(|row| Some((row, row.answer.as_ref().ok()?)))
        .filter(|(row, probe)| row.master && probe.is_master && seen.insert(probe.run_id.clone()))
        .collect();
    if masters.len() < 2 {
        return Vec::new();
    }
    let mean = masters.iter().map(|(_, probe)| probe.all_keys).sum::<u64>() as f64 / masters.len() as f64;
    let chance = 4.0 * mean.sqrt();
    let mut problems = Vec::new();
    for (row, probe) in masters {
        let differs = probe.all_keys as f64 - mean;
        if differs.abs() > mean * limit as f64 / 100.0 && differs.abs() > chance {
            let (percent, how) = ((100.0 * differs.abs() / mean).round(), if differs > 0.0 { "more" } else { "fewer" });
            let says = format!("{} keys are {percent} % {how} than the mean of {:.0}", probe.all_keys, mean);
            problems.push(Problem { kind: Kind::Balance, servers: vec![row.title()], says });
        }
    }
    problems
}

/// The replicas that do not come as far as their master was before, in the time that they have: all are waited for at
/// the same time.
fn late_replicas(config: &Config, rows: &[Row], max_lag: Duration) -> Vec<Problem> {
    let until = Instant::now() + max_lag;
    std::thread::scope(|scope| {
        let mut waits = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let (Ok(probe), Some(Ok(master))) = (&row.answer, master_of(rows, at).map(|row| &row.answer)) else {
                continue;
            };
            if row.master
                || probe.is_master
                || !master.is_master
                || replica_problem(probe, master_of(rows, at)).is_some()
            {
                continue;
            }
            if probe.offset < master.offset {
                waits.push(scope.spawn(move || late(config, row, master.offset, until, max_lag)));
            }
        }
        waits.into_iter().filter_map(|wait| wait.join().ok().flatten()).collect()
    })
}

fn late(config: &Config, row: &Row, wanted: u64, until: Instant, max_lag: Duration) -> Option<Problem> {
    let mut behind = wanted;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let says = format!("it is {behind} bytes behind what its master had {} s before", max_lag.as_secs_f64());
            return Some(Problem { kind: Kind::Replica, servers: vec![row.title()], says });
        }
        let settings = config.settings().protocol(Protocol::Resp2).deadline(left);
        if let Ok(probe) = Probe::ask(settings, &row.reached_at) {
            behind = wanted.saturating_sub(probe.offset);
            if behind == 0 {
                return None;
            }
        }
        std::thread::sleep(LOOK_AGAIN.min(left));
    }
}

/// How many servers and keys there are.
fn count(rows: &[Row]) -> String {
    let masters = rows.iter().filter(|row| row.master).count();
    let replicas = rows.len() - masters;
    let keys: u64 = rows.iter().filter(|row| row.master).flat_map(|row| &row.answer).map(|probe| probe.all_keys).sum();
    let of = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!("{}, {}, {}", of(masters as u64, "master"), of(replicas as u64, "replica"), of(keys, "key"))
}

fn as_json(rows: &[Row], problems: &[Problem]) -> Value {
    let problem = |problem: &Problem| {
        let servers = problem.servers.clone();
        json!({"kind": problem.kind.name(), "servers": servers, "message": problem.says})
    };
    json!({
        "ok": problems.is_empty(),
        "servers": rows.len(),
        "problems": problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

/// Bytes as servers write them for people.
pub fn in_units(bytes: u64) -> String {
    let units = ["B", "K", "M", "G", "T", "P"];
    let mut value = bytes as f64;
    let mut at = 0;
    while value >= 1024.0 && at + 1 < units.len() {
        value /= 1024.0;
        at += 1;
    }
    if at == 0 {
        format!("{bytes}B")
    } else {
        format!("{value:.2}{}", units[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, master: bool, change: impl FnOnce(&mut Probe)) -> Row {
        let mut probe = Probe {
            run_id: name.to_owned(),
            is_master: master,
            link_up: !master,
            version: "7.0.15".into(),
            policy: "noeviction".into(),
            replid: "abc".into(),
            ..Probe::default()
        };
        change(&mut probe);
        let (name, address) = (name.to_owned(), "h:1".to_owned());
        Row { name, reached_at: address.clone(), address, master, answer: Ok(probe), note: None }
    }

    fn told(rows: &[Row]) -> Vec<String> {
        problems(rows, 20).iter().map(Problem::to_string).collect()
    }

    #[test]
    fn a_fleet_in_which_all_is_well() {
        let rows = [
            row("a", true, |probe| probe.all_keys = 1000),
            row("a/r", false, |_| {}),
            row("b", true, |probe| probe.all_keys = 1100),
        ];
        assert_eq!(told(&rows), [""; 0]);
        assert_eq!(count(&rows), "2 masters, 1 replica, 2100 keys");
    }

    #[test]
    fn each_problem_has_its_line() {
        let mut rows = vec![
            row("a", true, |probe| probe.all_keys = 10_000),
            row("a/r", false, |probe| (probe.link_up, probe.follows) = (false, "m:1".into())),
            row("b", true, |probe| (probe.all_keys, probe.version) = (6_000, "6.2.5".into())),
            row("b/r", false, |probe| probe.replid = "other".into()),
            row("c", true, |probe| {
                (probe.all_keys, probe.policy, probe.max_memory) = (10_000, "allkeys-lru".into(), 1 << 20)
            }),
            row("d", true, |probe| probe.is_master = false),
        ];
        rows[5].answer.as_mut().unwrap().link_up = true;
        let told = told(&rows);
        let has = |text: &str| assert!(told.iter().any(|line| line.contains(text)), "{text}: {told:#?}");
        has("replica: a/r (h:1): its link to its master m:1 is down");
        has("replica: b/r (h:1): it follows , whose data is not that of its master here");
        has("eviction: c (h:1): maxmemory-policy allkeys-lru drops keys when the 1.00M of maxmemory are full");
        has("role: d (h:1): it is a replica, and should be a master");
        has("two versions: 6.2.5 on b (h:1); 7.0.15 on a (h:1)");
        has("different maxmemory-policy: allkeys-lru on c (h:1); noeviction on a (h:1)");
        has("balance: b (h:1): 6000 keys are 31 % fewer than the mean of 8667");
        assert_eq!(told.len(), 7, "{told:#?}");
    }

    #[test]
    fn few_keys_are_out_of_balance_by_chance() {
        let rows = [row("a", true, |probe| probe.all_keys = 4), row("b", true, |probe| probe.all_keys = 12)];
        assert_eq!(told(&rows), [""; 0]);
    }

    #[test]
    fn options() {
        let read = |line: &str| {
            crate::asked::read::<Wish>(&line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
        };
        let wish = read("--check --max-lag 0.5 --balance=5% --ignore eviction,policy --json").unwrap();
        let ignore = vec![Kind::Eviction, Kind::Policy];
        let found = (wish.json, wish.max_lag, wish.balance, wish.ignore);
        assert_eq!(found, (true, Duration::from_millis(500), 5, ignore));
        for line in [
            "--chek",
            "--balance",
            "--check --balance x",
            "--check --ignore nothing",
            "--check --max-lag -1",
            "--check --max",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
