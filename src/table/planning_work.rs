//! Planning takes work in proportion to the number of keys, however many there are: counted, not timed.

use super::ALL;
use crate::cmd::Cmd;
use crate::command::args::steps;
use crate::command::KeySpec;
use crate::cross_node::steps_of;
use crate::execute::{Row, RowRef};
use crate::explain::Plan;
use crate::plan::{native, CrossNode, Planner};
use crate::topology::{Address, Crc32Modulo, HashTags, Placement, ReadFrom, ShardDescription, Topology};

/// As often as an argument may be walked over by everything together that plans a command and tells the plan.
const WALKS: u64 = 40;

#[inline]
fn nodes(count: u16) -> Topology {
    let node = |nth| ShardDescription {
        name: format!("node_{nth}").into(),
        address: Address::new("h", nth).unwrap(),
        replicas: Vec::new(),
        passed_over: Vec::new(),
    };
    Topology::new((1..=count).map(node).collect::<Vec<_>>())
}

/// The command of a row with so many keys; `None` where the number of its keys is fixed.
#[inline]
fn with_keys(spec: &'static Row, count: usize, name: &dyn Fn(usize) -> String) -> Option<Cmd> {
    let mut cmd: Cmd = Cmd::new(spec);
    let pad = |mut cmd: Cmd, to: usize| {
        while cmd.args().len() < to {
            cmd = cmd.arg(name(0));
        }
        cmd
    };
    match *spec.keys.last()? {
        KeySpec::Range(first, last, step) if last < 0 => {
            cmd = pad(cmd, first);
            for nth in 0..count {
                cmd = cmd.arg(name(nth));
                cmd = (1..step).fold(cmd, |cmd, _| cmd.arg("value"));
            }
            Some((1..last.unsigned_abs() / step).fold(cmd, |cmd, _| cmd.arg("0")))
        }
        KeySpec::Numkeys(at, step) => {
            cmd = pad(cmd, at).arg(count);
            for nth in 0..count {
                cmd = cmd.arg(name(nth));
                cmd = (1..step).fold(cmd, |cmd, _| cmd.arg("value"));
            }
            Some(if spec.name.ends_with("MPOP") { cmd.arg("LEFT") } else { cmd })
        }
        KeySpec::HalfAfter(word, _) => {
            let group = ["GROUP", "g", "c"];
            cmd = group.into_iter().filter(|_| spec.name == "XREADGROUP").fold(cmd, Cmd::arg).arg(word);
            cmd = (0..count).fold(cmd, |cmd, nth| cmd.arg(name(nth)));
            Some((0..count).fold(cmd, |cmd, _| cmd.arg("0")))
        }
        KeySpec::Options(_, words) if words.iter().any(|(word, ..)| *word == "GET") => {
            Some((0..count).fold(cmd.arg(name(0)), |cmd, nth| cmd.arg("GET").arg(format!("w*{}", name(nth)))))
        }
        _ => None,
    }
}

#[test]
fn a_plan_takes_work_in_proportion_to_its_keys() {
    let placement = Placement { hash_tags: HashTags::Strip, partitioner: Box::new(Crc32Modulo) };
    let mut rows = 0;
    for &spec in ALL {
        if with_keys(spec, 1, &|_| String::new()).is_none() {
            continue;
        }
        rows += 1;
        let forms: [(&str, &dyn Fn(usize) -> String); 3] = [
            ("plain", &|nth| format!("key:{nth}")),
            ("one tag", &|nth| format!("key:{nth}{{tag}}")),
            ("one key", &|_| "key".to_owned()),
        ];
        for (form, name) in forms {
            for count in [1, 2, 7] {
                let topology = nodes(count);
                let cross_node = CrossNode::Emulate;
                let planner =
                    Planner { topology: &topology, placement: &placement, read_from: ReadFrom::Master, cross_node };
                let cmd = with_keys(spec, 600, name).unwrap();
                let args = cmd.args();
                let work = || {
                    // What is refused is refused in little time as well.
                    let row = RowRef::from(spec);
                    let planned = row.route(&planner, args);
                    drop(
                        planned
                            .map(|route| Plan::of(&planner, args, row.spec, &route, steps_of(row.spec.across), &|_| 0)),
                    );
                    drop(native(&planner, args, row.spec, row.code.naming));
                    row.wait(args);
                };
                let ((), steps) = steps::of(work);
                assert!(
                    steps <= WALKS * args.len() as u64,
                    "{} with keys of the form {form} on {count} nodes: {steps} steps over {} arguments",
                    spec.name,
                    args.len()
                );
            }
        }
    }
    assert!(rows > 40, "the rows with any number of keys were found: {rows}");
}
