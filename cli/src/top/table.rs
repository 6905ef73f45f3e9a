//! Rows of figures, for the screen and for scripts. Pure.

use super::reading::{Figures, Replica};
use super::watch::{Server, State};
use crate::check::in_units;
use serde_json::{json, Value};
use std::cmp::Ordering;
use std::time::Duration;

/// What the rows are sorted by, and the names of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Node,
    Ops,
    Hits,
    Memory,
    Clients,
    Keys,
    Replicas,
    Evicted,
    Slow,
}

pub const COLUMNS: [Column; 9] = [
    Column::Node,
    Column::Ops,
    Column::Hits,
    Column::Memory,
    Column::Clients,
    Column::Keys,
    Column::Replicas,
    Column::Evicted,
    Column::Slow,
];

impl Column {
    /// As it stands above the column.
    pub fn head(self) -> &'static str {
        match self {
            Column::Node => "NODE",
            Column::Ops => "OPS/S",
            Column::Hits => "HITS",
            Column::Memory => "MEMORY",
            Column::Clients => "CLIENTS",
            Column::Keys => "KEYS",
            Column::Replicas => "REPLICAS",
            Column::Evicted => "EVICTED/S",
            Column::Slow => "SLOW",
        }
    }

    /// As the option `--sort` names it.
    pub fn name(self) -> String {
        self.head().trim_end_matches("/S").to_lowercase()
    }

    /// The column of a name.
    pub fn find(name: &str) -> Option<Column> {
        COLUMNS.into_iter().find(|column| column.name() == name.to_lowercase())
    }

    /// The next one, or the one before.
    pub fn next(self, by: usize) -> Column {
        COLUMNS[(self as usize + by) % COLUMNS.len()]
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub cells: [String; COLUMNS.len()],
    /// What stands in place of all cells but the first, or behind them.
    pub remark: Option<String>,
    /// There are figures.
    pub has_figures: bool,
}

impl State {
    pub fn figures(&self) -> Option<&Figures> {
        match self {
            State::Up(figures) | State::Wrong(_, figures) => Some(figures),
            State::Asked | State::Down(_) => None,
        }
    }
}

impl Server {
    /// What is wrong with it. A server that has not answered for longer than `patience` is taken for silent.
    pub fn remark(&self, patience: Duration) -> Option<String> {
        let silent = self.heard.elapsed();
        match &self.state {
            State::Down(error) => Some(format!("down: {}", error.lines().next().unwrap_or_default())),
            _ if silent > patience => Some(format!("no answer for {} s", silent.as_secs())),
            State::Wrong(what, _) => Some((*what).to_owned()),
            State::Asked => Some("asked".into()),
            State::Up(_) => None,
        }
    }

    pub fn line(&self, patience: Duration) -> Line {
        let name = if self.master { self.name.clone() } else { format!("  {}", self.name) };
        let remark = self.remark(patience);
        match self.state.figures() {
            Some(figures) => Line { cells: cells(name, figures), remark, has_figures: true },
            None => {
                let mut cells: [String; COLUMNS.len()] = Default::default();
                cells[0] = name;
                Line { cells, remark, has_figures: false }
            }
        }
    }

    pub fn json(&self, patience: Duration) -> Value {
        let state = match &self.state {
            State::Up(_) => "up",
            State::Wrong(..) => "wrong",
            State::Asked | State::Down(_) => "down",
        };
        let slow = self
            .slow
            .iter()
            .map(|slow| json!({"unix_time": slow.unix_time, "microseconds": slow.micros, "command": slow.command}));
        let mut row = json!({
            "name": self.name,
            "address": self.address,
            "role": if self.master { "master" } else { "replica" },
            "state": state,
            "remark": self.remark(patience),
            "slow_commands": slow.collect::<Vec<_>>(),
        });
        extend(&mut row, self.state.figures());
        row
    }
}

/// The sum of all masters.
pub fn total(servers: &[Server]) -> Option<Figures> {
    Figures::total(servers.iter().filter(|server| server.master).filter_map(|server| server.state.figures()))
}

pub fn total_line(servers: &[Server]) -> Option<Line> {
    let figures = total(servers)?;
    let mut cells = cells("total".into(), &figures);
    if figures.max_memory == 0 {
        cells[Column::Memory as usize] = in_units(figures.memory);
    }
    Some(Line { cells, remark: None, has_figures: true })
}

pub fn total_json(servers: &[Server]) -> Value {
    let mut row = json!({});
    extend(&mut row, total(servers).as_ref());
    row
}

fn extend(row: &mut Value, figures: Option<&Figures>) {
    let replica = |replica: &Replica| json!({"address": replica.address, "state": replica.state, "behind_bytes": replica.behind, "lag_seconds": replica.lag});
    let rounded = |number: f64| (number * 100.0).round() / 100.0;
    row["ops_per_second"] = json!(figures.map(|figures| rounded(figures.ops_per_second)));
    row["hit_rate"] =
        json!(figures.and_then(|figures| figures.hit_rate).map(|rate| (rate * 10_000.0).round() / 10_000.0));
    row["memory"] = json!(figures.map(|figures| figures.memory));
    row["max_memory"] = json!(figures.map(|figures| figures.max_memory));
    row["clients"] = json!(figures.map(|figures| figures.clients));
    row["keys"] = json!(figures.map(|figures| figures.keys));
    row["evicted_per_second"] = json!(figures.map(|figures| rounded(figures.evicted_per_second)));
    row["slow"] = json!(figures.and_then(|figures| figures.slow));
    row["replicas"] = json!(figures.map(|figures| figures.replicas.iter().map(replica).collect::<Vec<_>>()));
}

fn cells(name: String, figures: &Figures) -> [String; COLUMNS.len()] {
    let memory = in_units(figures.memory);
    [
        name,
        format!("{:.0}", figures.ops_per_second),
        figures.hit_rate.map_or("-".to_owned(), |rate| format!("{:.1} %", rate * 100.0)),
        if figures.max_memory == 0 { memory } else { format!("{memory} of {}", in_units(figures.max_memory)) },
        figures.clients.to_string(),
        figures.keys.to_string(),
        replicas(figures),
        format!("{:.0}", figures.evicted_per_second),
        figures.slow.map_or("-".to_owned(), |slow| slow.to_string()),
    ]
}

/// How many there are, and how far the worst of them is behind.
fn replicas(figures: &Figures) -> String {
    let count = figures.replicas.len();
    match figures.worst_replica() {
        None => "-".to_owned(),
        Some(worst) if worst.state != "online" => format!("{count}, {}", worst.state),
        Some(Replica { lag: Some(lag @ 2..), .. }) => format!("{count}, {lag} s"),
        Some(Replica { behind: Some(behind), .. }) => format!("{count}, {}", in_units(*behind)),
        Some(_) => count.to_string(),
    }
}

/// Sorts masters, each followed by its replicas. Numbers come from high to low, names as they were given; `reversed` turns
/// that round. What has no figures comes last.
pub fn sort(servers: &mut Vec<Server>, by: Column, reversed: bool) {
    let mut groups: Vec<Vec<Server>> = Vec::new();
    for server in servers.drain(..) {
        match groups.last_mut() {
            Some(group) if !server.master => group.push(server),
            _ => groups.push(vec![server]),
        }
    }
    if by != Column::Node {
        groups.sort_by(|left, right| match (left[0].state.figures(), right[0].state.figures()) {
            (Some(left), Some(right)) => {
                let order = value(right, by).total_cmp(&value(left, by));
                if reversed {
                    order.reverse()
                } else {
                    order
                }
            }
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        });
    } else if reversed {
        groups.reverse();
    }
    servers.extend(groups.into_iter().flatten());
}

fn value(figures: &Figures, by: Column) -> f64 {
    match by {
        Column::Node => 0.0,
        Column::Ops => figures.ops_per_second,
        Column::Hits => figures.hit_rate.unwrap_or(-1.0),
        Column::Memory => figures.memory as f64,
        Column::Clients => figures.clients as f64,
        Column::Keys => figures.keys as f64,
        Column::Replicas => figures.worst_replica().map_or(-1.0, |worst| {
            let lag = worst.lag.unwrap_or(0) as f64 * 1e12 + worst.behind.unwrap_or(0) as f64;
            if worst.state == "online" {
                lag
            } else {
                f64::MAX
            }
        }),
        Column::Evicted => figures.evicted_per_second,
        Column::Slow => figures.slow.unwrap_or(0) as f64,
    }
}

/// Lines in columns, the heads first: names to the left and numbers to the right.
pub fn aligned(lines: &[Line]) -> Vec<String> {
    let heads = COLUMNS.map(|column| column.head().to_owned());
    let figures = || lines.iter().filter(|line| line.has_figures).map(|line| &line.cells);
    let mut widths = heads.clone().map(|head| head.chars().count());
    for cells in figures() {
        cells.iter().zip(&mut widths).for_each(|(cell, width)| *width = (*width).max(cell.chars().count()));
    }
    widths[0] = lines.iter().map(|line| line.cells[0].chars().count()).chain([widths[0]]).max().unwrap_or(0);
    let row = |cells: &[String; COLUMNS.len()]| {
        let mut text = format!("{:<1$}", cells[0], widths[0]);
        for (cell, &width) in cells.iter().zip(&widths).skip(1) {
            text.push_str(&format!("  {cell:>width$}"));
        }
        text
    };
    let line = |line: &Line| match (&line.remark, line.has_figures) {
        (Some(remark), true) => format!("{}  {remark}", row(&line.cells)),
        (Some(remark), false) => format!("{:<1$}  {remark}", line.cells[0], widths[0]),
        (None, _) => row(&line.cells),
    };
    std::iter::once(row(&heads)).chain(lines.iter().map(line)).collect()
}
