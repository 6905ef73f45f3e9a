//! The table of what was measured, and where it stands in the documentation.

use crate::Round;
use rediscluster_testing::{repository, Server};

const PAGE: &str = "docs/moving-a-fleet.md";
/// Between these lines the table stands there.
const BEGIN: &str = "<!-- written by `make bench-moving` -->\n";
const END: &str = "<!-- so far -->\n";

/// What was measured.
pub struct Table {
    rows: Vec<String>,
}

impl Table {
    pub fn new() -> Table {
        Table { rows: Vec::new() }
    }

    pub fn add(&mut self, what: &str, round: &Round) {
        self.rows.push(line(what, round));
    }

    /// The table and what it was measured on.
    pub fn text(&self) -> String {
        let head = "| keys | `DUMP` + `RESTORE` by raw pipelines, µs | source + targets under `clone`, µs | ratio | \
                    `clone` itself, µs | its memory | keys/s |\n|---|--:|--:|--:|--:|--:|--:|\n";
        format!("{}\n\n{head}{}", machine(), self.rows.concat())
    }

    /// Puts it into the documentation.
    pub fn write(&self) {
        let path = repository().join(PAGE);
        let page = std::fs::read_to_string(&path).expect("the page");
        let (before, rest) = page.split_once(BEGIN).expect("where the table begins");
        let (_, after) = rest.split_once(END).expect("where the table ends");
        std::fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", self.text())).expect("the page");
    }
}

/// One row.
pub fn line(what: &str, round: &Round) -> String {
    let each = |seconds: f64| {
        let micro = seconds * 1e6 / round.keys as f64;
        if micro < 100.0 {
            format!("{micro:.1}")
        } else {
            grouped(micro as u64)
        }
    };
    format!(
        "| {} {what} | {} + {} | {} + {} | {:.2} | {} | {:.0} MiB | {} |\n",
        grouped(round.keys),
        each(round.dump),
        each(round.restore),
        each(round.source),
        each(round.targets),
        round.ratio(),
        each(round.program),
        round.memory as f64 / f64::from(1 << 20),
        rate(round.keys as f64 / round.took),
    )
}

/// Keys a second.
fn rate(rate: f64) -> String {
    if rate < 10.0 {
        format!("{rate:.1}")
    } else {
        grouped(rate as u64)
    }
}

/// A number with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    let server = Server::start();
    let field = |name: &str| server.field("server", name);
    let version = match field("valkey_version") {
        Some(version) => format!("Valkey {version}"),
        None => format!("Redis {}", field("redis_version").unwrap_or_default()),
    };
    let model = model.map_or("a processor without a name", |(_, name)| name);
    format!(
        "{version} on {cores} cores ({model}), with a load of {load} in the last minute, of which 2 to 3 are this itself; \
         processor time for each key, in microseconds; the middle one of three rounds."
    )
}
