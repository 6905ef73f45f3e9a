//! docs/performance.md and its pictures.

use super::cells::{rows, HEADINGS};
use super::plot;
use crate::goals::Reached;
use crate::groups::Section;
use crate::measure::{Curve, Meter, Outcome};
use rediscluster_testing::repository;
use std::fs;
use std::io;

const BEGIN: &str = "<!-- `make bench` writes this page and its pictures; nothing in it is typed by hand -->

# Performance

rediscluster beside other clients, measured in one run of `make bench`. The contenders of a case take turns, A B C A B C …, so
that what disturbs the machine disturbs all of them. Figures of two runs, or of two machines, say nothing about each other; the
ratios within a run do.

```sh
make bench                  # everything; writes this page
make bench BENCH=threads    # one group; writes nothing
BENCH_ROUNDS=1 make bench   # a quick look at everything; writes nothing
```
";

const HOW_TO_READ: &str = "
## How to read the tables

- **time** is the median of the rounds, for one of what the case names: a call, a command, a key, a value.
- **speed** is how many times as fast somebody is as the one with speed 1, within a round: the median of all rounds, and in
  brackets the quarters: half of the rounds lie between these two. Where they lie far apart, or on both sides of 1, the machine
  was too noisy to tell.
- **client, user** and **client, system** are processor time of the process that asks, **servers** of all that answer, twemproxy
  among them. All of them share the cores of this machine: what one takes the others miss.
- **system calls** are those of the client, counted by the kernel, and **allocations** those of its Rust code. Both are counted in a turn of
  its own, whose time does not count. An empty cell was not counted: allocations of C, and whatever another program does by itself.
- All servers are on the same machine and keep nothing on disk. A network makes every round trip longer, and what saves round
  trips worth more.
- redis-rs is asked through r2d2 where threads share connections, without the PING that r2d2 sends before each use unless told
  otherwise. redis-benchmark drops what it reads; its processor time is that of its whole process, with its start.
- The instructions of a call, which hardly depend on the machine, are counted by `make instructions`; the README has them.
";

/// Writes all of it.
pub fn write(meter: &Meter, facts: &[(&str, String)], goals: &[Reached], sections: &[Section]) -> io::Result<()> {
    let docs = repository().join("docs");
    let pictures = docs.join("performance");
    if pictures.exists() {
        fs::remove_dir_all(&pictures)?;
    }
    fs::create_dir_all(&pictures)?;
    let mut text = format!("{BEGIN}\n{}\n{}{HOW_TO_READ}", goals_table(goals), machine_table(meter, facts));
    for section in sections {
        text.push_str(&format!("\n## {}\n\n{}\n", section.group.title, section.group.text));
        text.push_str(&table(&section.outcomes));
        for (curve, outcomes) in curves(&section.outcomes) {
            text.push_str(&format!("\n![{}](performance/{}.svg)\n", curve.title, curve.file));
            fs::write(pictures.join(format!("{}.svg", curve.file)), plot::svg(&curve, &outcomes))?;
        }
    }
    fs::write(docs.join("performance.md"), text)?;
    println!("\nwritten: docs/performance.md and docs/performance/");
    Ok(())
}

fn goals_table(goals: &[Reached]) -> String {
    let mut text = String::from("## Goals\n\n| what | goal | in this run (quarters) | |\n|---|--:|--:|---|\n");
    for goal in goals {
        text.push_str(&format!("| {} | {} | {} | {} |\n", goal.what, goal.goal, goal.measured, goal.verdict));
    }
    text
}

fn machine_table(meter: &Meter, facts: &[(&str, String)]) -> String {
    let mut text = String::from("## Machine and versions\n\n| | |\n|---|---|\n");
    facts.iter().for_each(|(name, fact)| text.push_str(&format!("| {name} | {fact} |\n")));
    text.push_str(&format!("| rounds | {}, fewer where one takes seconds |\n", meter.rounds));
    if let Some(why) = meter.system_calls.missing() {
        text.push_str(&format!("| system calls | not counted: {why} |\n"));
    }
    text
}

fn table(outcomes: &[Outcome]) -> String {
    let mut text = format!("\n| {} |\n|---{}|\n", HEADINGS.join(" | "), "|--:".repeat(HEADINGS.len() - 1));
    for outcome in outcomes {
        text.push_str(&format!("| **{}**, a {} |{}\n", outcome.title, outcome.unit, " |".repeat(HEADINGS.len() - 1)));
        for row in rows(outcome) {
            text.push_str(&format!("| {} |\n", row.join(" | ")));
        }
    }
    text
}

/// The curves in the order of their first points.
fn curves(outcomes: &[Outcome]) -> Vec<(Curve, Vec<&Outcome>)> {
    let mut curves: Vec<(Curve, Vec<&Outcome>)> = Vec::new();
    for outcome in outcomes {
        let Some((curve, _)) = outcome.point else { continue };
        match curves.iter_mut().find(|(known, _)| *known == curve) {
            Some((_, points)) => points.push(outcome),
            None => curves.push((curve, vec![outcome])),
        }
    }
    curves
}
