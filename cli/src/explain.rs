//! `explain`: what a command would do, without sending it.

use crate::config::Config;
use crate::render::Mode;
use crate::session::Nodes;
use rediscluster::prelude::*;
use rediscluster::{Plan, Protocol, Role, Step};
use serde_json::{json, Value};

/// The plan of a command. The servers that it needs are asked for their replicas, and never for anything about the command.
///
/// # Errors
/// What would keep the command from being sent, in words.
pub fn explain(config: &Config, words: &[Vec<u8>], mode: Mode) -> Result<String, String> {
    config.is_fleet("explain")?;
    if words.is_empty() {
        return Err("explain: which command?".into());
    }
    let command = cmd("").args_of(words);
    // A plan is the same in either protocol, and every server speaks this one.
    let builder = config.builder().protocol(Protocol::Resp2);
    let mut nodes = Nodes::new(builder, config.deadline()).map_err(|error| error.to_string())?;
    let cluster = nodes.for_command(words, &command, config.deadline()).map_err(|error| error.to_string())?;
    let plan = cluster.plan(&command).map_err(|error| error.to_string())?;
    match mode {
        Mode::Json | Mode::QuotedJson => Ok(format!("{}\n", as_json(&plan))),
        _ => Ok(for_people(&plan)),
    }
}

fn for_people(plan: &Plan) -> String {
    let way = if plan.is_native() { "native" } else { "emulated" };
    let atomic = if plan.is_atomic() { "atomic" } else { "not atomic" };
    let rounds = match plan.round_trips() {
        1 => "1 round trip".to_owned(),
        rounds => format!("{rounds} round trips"),
    };
    let steps: String = plan.steps().iter().map(|step| format!("{step}\n")).collect();
    format!("{way}, {atomic}, {rounds}\n{steps}")
}

fn as_json(plan: &Plan) -> Value {
    let step = |step: &Step| {
        json!({
            "round": step.round(),
            "node": step.node().name(),
            "address": step.node().address().to_string(),
            "role": match step.role() {
                Role::Master => "master",
                Role::Replica => "replica",
            },
            "does": step.does(),
        })
    };
    json!({
        "native": plan.is_native(),
        "atomic": plan.is_atomic(),
        "round_trips": plan.round_trips(),
        "steps": plan.steps().iter().map(step).collect::<Vec<_>>(),
    })
}
