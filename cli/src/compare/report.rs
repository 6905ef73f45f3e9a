//! What a comparison found: a line for each difference, and the counts.

use super::content::{Difference, Expiry};
use super::fleet::{Fleet, Member};
use super::progress::Progress;
use crate::moving::report::{keys, took};
use crate::moving::stop::Stop;
use crate::quote::shown;
use serde_json::{json, Map, Value};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a key can be found as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The target does not have it.
    Missing,
    /// Only the target has it, or has it once more.
    Superfluous,
    /// Another type.
    Type,
    /// Another value.
    Value,
    /// It expires at another time.
    Expiry,
    /// The target has it on a node to which it does not belong.
    Misplaced,
    /// Two nodes of the source have it, and the target has one place for both.
    Twice,
    /// A name of this program, under which something waits that belongs into another key.
    Stash,
    /// Nobody can tell whether it is the same.
    Incomparable,
}

/// All of them, with their names.
const KINDS: [(Kind, &str); 9] = [
    (Kind::Missing, "missing"),
    (Kind::Superfluous, "superfluous"),
    (Kind::Type, "type"),
    (Kind::Value, "value"),
    (Kind::Expiry, "expiry"),
    (Kind::Misplaced, "misplaced"),
    (Kind::Twice, "twice"),
    (Kind::Stash, "stash"),
    (Kind::Incomparable, "incomparable"),
];

/// One key that is not as it should be.
pub struct Finding<'k> {
    pub kind: Kind,
    pub database: u32,
    /// Its name at the source, or where it is not there at the target.
    pub name: &'k [u8],
    /// Which server of the source has it.
    pub from: Option<usize>,
    /// Which server of the target has it, or should.
    pub to: Option<usize>,
    /// What else there is to say.
    pub what: String,
    /// When it expires at both, where that is the difference.
    pub expiries: Option<(Expiry, Expiry)>,
}

/// What all threads report to.
pub struct Report<'r> {
    from: &'r Fleet,
    to: &'r Fleet,
    json: bool,
    stop: &'r Stop,
    counts: [AtomicU64; KINDS.len()],
    /// Keys that are the same.
    pub same: AtomicU64,
    /// Keys that expired or were deleted meanwhile.
    pub gone: AtomicU64,
    /// Keys of the source of which nobody knows to which node of the target they belong.
    pub strays: AtomicU64,
    /// Why it could not go on.
    failures: Mutex<Vec<String>>,
    /// Why the output could not be written.
    unwritten: Mutex<Option<io::Error>>,
}

impl<'r> Report<'r> {
    pub fn new(from: &'r Fleet, to: &'r Fleet, json: bool, stop: &'r Stop) -> Report<'r> {
        let zero = || AtomicU64::new(0);
        let (same, gone, strays) = (zero(), zero(), zero());
        Report {
            from,
            to,
            json,
            stop,
            counts: Default::default(),
            same,
            gone,
            strays,
            failures: Mutex::default(),
            unwritten: Mutex::default(),
        }
    }

    /// Tells of a key.
    pub fn tell(&self, finding: &Finding<'_>, progress: &Progress) {
        let (at, (_, kind)) =
            (KINDS.iter().enumerate().find(|(_, (kind, _))| *kind == finding.kind)).unwrap_or((0, &KINDS[0]));
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        let line = if self.json { self.json(kind, finding) } else { self.line(kind, finding) };
        if let Err(error) = progress.aside(|| writeln!(io::stdout(), "{line}")) {
            // Whoever reads the output has gone: that is no failure of a server.
            self.stop.fail();
            self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    /// Tells of each difference of a key.
    pub fn differences(&self, differences: Vec<Difference>, of: Finding<'_>, progress: &Progress) {
        let mut finding = of;
        for difference in differences {
            finding.expiries = None;
            (finding.kind, finding.what) = match difference {
                Difference::Type(from, to) => (Kind::Type, format!("{from} against {to}")),
                Difference::Value(what) => (Kind::Value, what),
                Difference::Expiry(from, to) => {
                    finding.expiries = Some((from, to));
                    (Kind::Expiry, expiries(&from, &to))
                }
            };
            self.tell(&finding, progress);
        }
    }

    /// It cannot go on, and why.
    pub fn fail(&self, why: String) {
        self.stop.fail();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if !failures.contains(&why) {
            failures.push(why);
        }
    }

    /// Why it could not go on.
    pub fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many differences there are by now.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// How many keys could not be compared.
    pub fn incomparable(&self) -> u64 {
        self.of(Kind::Incomparable)
    }

    fn of(&self, wanted: Kind) -> u64 {
        let at = KINDS.iter().position(|(kind, _)| *kind == wanted).unwrap_or(0);
        self.counts[at].load(Ordering::Relaxed)
    }

    /// Why the output could not be written.
    pub fn unwritten(&self) -> Option<io::Error> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn line(&self, kind: &str, finding: &Finding<'_>) -> String {
        let database = match finding.database {
            0 => String::new(),
            number => format!(" (database {number})"),
        };
        let place = |fleet: &Fleet, at: usize| fleet.members[at].server.place();
        let place = match (finding.from, finding.to) {
            (Some(from), Some(to)) => format!("{} -> {}", place(self.from, from), place(self.to, to)),
            (Some(from), None) => format!("on {} of the source", place(self.from, from)),
            (None, Some(to)) => format!("on {} of the target", place(self.to, to)),
            (None, None) => String::new(),
        };
        let what = if finding.what.is_empty() { String::new() } else { format!(": {}", finding.what) };
        format!("{kind}: {}{database}: {place}{what}", shown(finding.name))
    }

    fn json(&self, kind: &str, finding: &Finding<'_>) -> String {
        let server = |member: &Member| json!({"node": member.server.name(), "address": member.server.address()});
        let mut line = Map::new();
        let mut set = |name: &str, value: Value| drop(line.insert(name.to_owned(), value));
        set("difference", json!(kind));
        set("key", json!(std::str::from_utf8(finding.name).map_or_else(|_| shown(finding.name), str::to_owned)));
        set("database", json!(finding.database));
        set("from", json!(finding.from.map(|at| server(&self.from.members[at]))));
        set("to", json!(finding.to.map(|at| server(&self.to.members[at]))));
        set("what", json!(finding.what));
        if let Some((from, to)) = &finding.expiries {
            set("from_expires", json!(from.moment()));
            set("to_expires", json!(to.moment()));
        }
        Value::Object(line).to_string()
    }

    /// What came of it, in words or for programs. `far` is how much was gone through of both sides.
    pub fn end(&self, seconds: f64, far: [(u64, u64); 2], whole: bool) -> String {
        let (same, gone) = (self.same.load(Ordering::Relaxed), self.gone.load(Ordering::Relaxed));
        let counts = KINDS.iter().map(|(kind, name)| (*name, self.of(*kind)));
        if self.json {
            let [from, to] = far.map(|(passed, of)| json!({"keys": passed, "of": of}));
            let differences: Map<String, Value> = counts.map(|(name, count)| (name.to_owned(), json!(count))).collect();
            let known_to = self.expiry_known_to();
            return json!({"end": {
                "whole": whole, "seconds": seconds, "from": from, "to": to, "same": same, "gone": gone,
                "differences": differences, "expiry_known_to_ms": known_to,
            }})
            .to_string();
        }
        let mut parts = vec![format!("{} the same", keys(same))];
        let named = |(name, count): (&str, u64)| match (name, count) {
            ("stash", 2..) => format!("{count} stashes"),
            _ => format!("{count} {name}"),
        };
        parts.extend(counts.filter(|(_, count)| *count > 0).map(named));
        if gone > 0 {
            parts.push(format!("{gone} gone meanwhile"));
        }
        let [(one, of_one), (other, of_other)] = far;
        let far = match whole {
            true => String::new(),
            false => {
                format!("stopped after {one} of {of_one} keys of the source and {other} of {of_other} of the target: ")
            }
        };
        format!("{far}{}; {}", parts.join(", "), took(seconds))
    }

    fn expiry_known_to(&self) -> i64 {
        let members = self.from.members.iter().chain(&self.to.members);
        members.map(|member| member.server.expiry_known_to()).max().unwrap_or(0)
    }

    /// What has to be known of the result, in words.
    pub fn remarks(&self, are_untold: bool) -> Vec<String> {
        let mut remarks = Vec::new();
        let known_to = self.expiry_known_to();
        if known_to > 0 {
            remarks.push(format!("servers before 7.0 tell when keys expire to within {known_to} ms here"));
        }
        let strays = self.strays.load(Ordering::Relaxed);
        if strays > 0 && !are_untold {
            remarks.push(format!(
                "{} of the source whose names do not lead to where they are: looked for on all nodes of the target",
                keys(strays)
            ));
        }
        remarks
    }
}

/// When a key expires at both sides.
fn expiries(from: &Expiry, to: &Expiry) -> String {
    let moment = |expiry: &Expiry| expiry.moment().map_or("never".to_owned(), |moment| format!("at {moment}"));
    let later = match (from.moment(), to.moment()) {
        (Some(from), Some(to)) => format!(", {:+} ms", to - from),
        _ => String::new(),
    };
    format!("{} against {}{later}", moment(from), moment(to))
}
