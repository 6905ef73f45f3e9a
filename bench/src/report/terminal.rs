//! What is shown while it runs.

use super::cells::{rows, HEADINGS};
use crate::goals::Reached;
use crate::groups::Group;
use crate::measure::Outcome;

const WIDTHS: [usize; 8] = [42, 9, 20, 13, 15, 9, 13, 12];

pub fn group(group: &Group) {
    println!("\n=== {}: {}", group.word, group.title);
    line(&HEADINGS.map(str::to_owned));
}

pub fn outcome(outcome: &Outcome) {
    println!("{}, a {}", outcome.title, outcome.unit);
    rows(outcome).iter().for_each(line);
}

fn line(cells: &[String; 8]) {
    let mut text = format!("  {:<width$}", cells[0], width = WIDTHS[0]);
    for (cell, width) in cells.iter().zip(WIDTHS).skip(1) {
        text.push_str(&format!(" {cell:>width$}"));
    }
    println!("{}", text.trim_end());
}

pub fn goals(goals: &[Reached]) {
    println!("\n=== goals");
    for goal in goals {
        println!("  {:<72} {:<9} {:<20} {}", goal.what, goal.goal, goal.measured, goal.verdict);
    }
}
