//! What came of a run: counts, and the keys that could not go.

use serde_json::{json, Value};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// So many keys of a kind are named; the others are counted.
const NAMED: usize = 10;

/// What all workers count.
#[derive(Default)]
pub struct Report {
    pub copied: AtomicU64,
    pub bytes: AtomicU64,
    /// They were there, and stayed as they were.
    pub skipped: AtomicU64,
    /// They were there and equal.
    pub equal: AtomicU64,
    /// They expired or were deleted meanwhile.
    pub gone: AtomicU64,
    /// Keys that went type by type, because the target does not take what the source packs.
    pub unpacked: AtomicU64,
    pub big: AtomicU64,
    pub deleted: AtomicU64,
    /// Of the keys that could not go: where a target has another key of that name.
    pub conflicts: AtomicU64,
    troubles: Mutex<Vec<Trouble>>,
}

/// One kind of what went wrong.
struct Trouble {
    /// With what: a key, a user, a library.
    thing: &'static str,
    what: String,
    names: Vec<String>,
    count: u64,
    /// How many of them are not named.
    more: u64,
}

impl Report {
    pub fn add(counter: &AtomicU64, number: u64) {
        counter.fetch_add(number, Ordering::Relaxed);
    }

    pub fn of(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// A key that could not go: why, and where it lies.
    pub fn trouble(&self, what: &str, name: &[u8], place: &str) {
        self.trouble_with("key", what, name, place);
    }

    /// The same of a user or a library.
    pub fn trouble_with(&self, thing: &'static str, what: &str, name: &[u8], place: &str) {
        self.add_trouble(thing, what, 1, || format!("{} on {place}", shown(name)));
    }

    /// The same of many keys of a server.
    pub fn trouble_at(&self, what: &str, keys: u64, place: &str) {
        self.add_trouble("key", what, keys, || place.to_owned());
    }

    fn add_trouble(&self, thing: &'static str, what: &str, count: u64, name: impl FnOnce() -> String) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let at = troubles.iter().position(|trouble| trouble.what == what && trouble.thing == thing);
        let at = at.unwrap_or_else(|| {
            troubles.push(Trouble { thing, what: what.to_owned(), names: Vec::new(), count: 0, more: 0 });
            troubles.len() - 1
        });
        let trouble = &mut troubles[at];
        trouble.count += count;
        if trouble.names.len() < NAMED {
            trouble.names.push(name());
        } else {
            trouble.more += count;
        }
    }

    /// How many keys could not go.
    pub fn troubles(&self) -> u64 {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|trouble| trouble.count).sum()
    }

    /// A line for each kind of trouble and for each key that is named.
    pub fn trouble_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for trouble in self.troubles.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            lines.push(format!("{}: {}", counted(trouble.count, trouble.thing), trouble.what));
            lines.extend(trouble.names.iter().map(|name| format!("  {name}")));
            if trouble.more > 0 {
                lines.push(format!("  and {} more", trouble.more));
            }
        }
        lines
    }

    /// The counts in words.
    pub fn line(&self) -> String {
        let mut parts = vec![match Report::of(&self.copied) {
            0 => "nothing was copied".to_owned(),
            copied => format!("{} copied ({})", keys(copied), bytes(Report::of(&self.bytes))),
        }];
        for (counter, what) in [
            (&self.big, "of them in pieces"),
            (&self.unpacked, "of them type by type"),
            (&self.equal, "there already and equal"),
            (&self.skipped, "there already and left as they were"),
            (&self.gone, "gone meanwhile"),
            (&self.deleted, "deleted"),
        ] {
            let number = Report::of(counter);
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        }
        parts.join(", ")
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let trouble = |trouble: &Trouble| json!({"what": trouble.what, "keys": trouble.count, "names": trouble.names});
        json!({
            "copied": Report::of(&self.copied),
            "bytes": Report::of(&self.bytes),
            "in_pieces": Report::of(&self.big),
            "type_by_type": Report::of(&self.unpacked),
            "equal": Report::of(&self.equal),
            "skipped": Report::of(&self.skipped),
            "gone": Report::of(&self.gone),
            "deleted": Report::of(&self.deleted),
            "troubles": troubles.iter().map(trouble).collect::<Vec<_>>(),
        })
    }
}

/// A name for people.
pub fn shown(name: &[u8]) -> String {
    let mut quoted = Vec::new();
    crate::quote::quote(name, &mut quoted);
    String::from_utf8_lossy(&quoted).into_owned()
}

/// A number of keys.
pub fn keys(number: u64) -> String {
    counted(number, "key")
}

fn counted(number: u64, thing: &str) -> String {
    match (number, thing) {
        (1, _) => format!("1 {thing}"),
        (_, "library") => format!("{number} libraries"),
        _ => format!("{number} {thing}s"),
    }
}

/// How long something took.
pub fn took(seconds: f64) -> String {
    match seconds {
        _ if seconds < 0.1 => "less than 0.1 s".to_owned(),
        _ if seconds < 600.0 => format!("{seconds:.1} s"),
        _ => span(seconds as u64),
    }
}

/// A time, about.
pub fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A number of bytes.
pub fn bytes(number: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = number as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{number} B")
    } else {
        format!("{size:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_are_named_and_all_are_counted() {
        let report = Report::default();
        (0..12).for_each(|n| report.trouble("a type that is not there", format!("k{n}").as_bytes(), "node_1"));
        let lines = report.trouble_lines();
        assert_eq!((lines.len(), report.troubles()), (12, 12));
        assert_eq!((lines[0].as_str(), lines[11].as_str()), ("12 keys: a type that is not there", "  and 2 more"));
        assert!(lines[1].contains("k0") && lines[1].ends_with("on node_1"));
    }

    #[test]
    fn times() {
        assert_eq!([took(0.04), took(1.94), took(7300.0)], ["less than 0.1 s", "1.9 s", "2 h"]);
        assert_eq!([span(7), span(600), span(200_000)], ["7 s", "10 min", "2 days"]);
        assert_eq!([keys(1), keys(0), counted(2, "library")], ["1 key", "0 keys", "2 libraries"]);
    }

    #[test]
    fn sizes() {
        assert_eq!([bytes(0), bytes(1023), bytes(1536), bytes(1 << 31)], ["0 B", "1023 B", "1.5 KiB", "2.0 GiB"]);
    }
}
