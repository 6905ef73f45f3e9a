//! What running a command would take, told before anything is sent. Pure.

mod hidden;
#[cfg(test)]
mod work;

use crate::args::Args;
use crate::error::escape;
use crate::order::sort_by_key;
use crate::plan::{groups, Carried, Order, Part, Pattern, Placed, Planner, Route, Sorting, StreamRead, Target};
use crate::resp::{Decoder, Limits, Protocol, ValueRef};
use crate::spec::{Access, Across, Spec, WaitArgument};
use crate::topology::{Node, Role};
use std::fmt;

/// What is asked first of a server that is to say when a key changes.
const TRACKING: &str = "HELLO 3, CLIENT TRACKING ON, ";

/// What running a command would take: which servers get what, in how many rounds. Made by
/// [`Cluster::plan`](crate::Cluster::plan); nothing is sent.
///
/// ```
/// use rediscluster::prelude::*;
///
/// let cluster = Cluster::builder().nodes("node_1=10.0.0.1,node_2=10.0.0.2").build()?;
/// let plan = cluster.plan(&cmd("MGET").arg("foo").arg("bar"))?;
/// assert_eq!((plan.is_native(), plan.is_atomic(), plan.round_trips()), (false, false, 1));
/// assert_eq!(plan.steps()[0].does(), "MGET foo");
/// assert_eq!(plan.steps()[1].node().name(), "node_1");
/// # Ok::<(), rediscluster::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
    native: bool,
}

/// What one server is asked in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    round: usize,
    node: Node,
    role: Role,
    does: String,
}

impl Plan {
    /// The steps, by rounds. Those of one round go out at the same time.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether one server gets the command as it is, and its answer is the answer.
    pub fn is_native(&self) -> bool {
        self.native
    }

    /// Whether others see either everything or nothing of what the command does. On one server they always do.
    pub fn is_atomic(&self) -> bool {
        self.native
    }

    /// How many times the caller waits for the slowest server of a round; more when a race has to be run again.
    pub fn round_trips(&self) -> usize {
        self.steps.iter().map(|step| step.round).max().unwrap_or(0)
    }
}

impl Step {
    /// The round that the step belongs to, counted from 1.
    pub fn round(&self) -> usize {
        self.round
    }

    /// The server that is asked; of several that take turns the first.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// What the server is asked as.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The commands that it gets, for people to read: escaped, with long arguments cut. `STASH` stands for a name that
    /// begins with `rediscluster:stash:`, and words with an ellipsis for what earlier rounds bring.
    pub fn does(&self) -> &str {
        &self.does
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.role {
            Role::Master => "master",
            Role::Replica => "replica",
        };
        write!(f, "{}. {} {role} {}: {}", self.round, self.node.name(), self.node.address(), self.does)
    }
}

impl Plan {
    /// The plan of a route that was chosen for a command; `asked` says which server a target leads to first.
    pub(crate) fn of(
        planner: &Planner<'_>,
        args: &Args,
        spec: &Spec,
        route: &Route<'_>,
        asked: &dyn Fn(Target) -> usize,
    ) -> Plan {
        let draft = Draft { planner, args, spec, asked };
        let native = matches!(route, Route::One(_));
        let steps = match route {
            Route::One(part) => vec![draft.part(1, part)],
            Route::Fan(parts, _) => parts.iter().map(|part| draft.part(1, part)).collect(),
            Route::Emulate(across, keys) => draft.emulated(*across, keys),
        };
        Plan { steps, native }
    }
}

struct Draft<'d> {
    planner: &'d Planner<'d>,
    args: &'d Args,
    spec: &'d Spec,
    asked: &'d dyn Fn(Target) -> usize,
}

impl Draft<'_> {
    fn part(&self, round: usize, part: &Part<'_>) -> Step {
        let topology = self.planner.topology;
        let server = (self.asked)(part.target);
        let role = topology.role(server);
        Step { round, node: topology.node(server).clone(), role, does: words(&part.request) }
    }

    fn on(&self, round: usize, key: &Placed<'_>, does: String) -> Step {
        let node = self.planner.topology.node(key.master).clone();
        Step { round, node, role: Role::Master, does }
    }

    /// The rounds of a command over several nodes, as `carry` runs them.
    fn emulated(&self, across: Across, keys: &[Placed<'_>]) -> Vec<Step> {
        let name = |key: &Placed<'_>| shown(key.stored);
        let arg = |at| shown(self.args.get(at).unwrap_or_default());
        match (across, keys) {
            (Across::StoreSets(operation), [destination, sources @ ..]) => {
                let mut steps = match self.planner.merged_sets(operation, sources, Role::Master) {
                    Route::One(part) => vec![self.part(1, &part)],
                    Route::Fan(parts, _) => parts.iter().map(|part| self.part(1, part)).collect(),
                    Route::Emulate(..) => Vec::new(),
                };
                let to = name(destination);
                steps.push(self.on(2, destination, "MULTI".into()));
                steps.push(self.on(3, destination, format!("DEL {to}, SADD {to} MEMBERS…, EXEC")));
                steps
            }
            (Across::SetIfNoneExists, _) => {
                let mut groups = groups(keys);
                sort_by_key(&mut groups, |group| group[0].master);
                let each = |word: &str, group: &[&Placed<'_>], with_values: bool| {
                    let pairs = group.iter().map(|key| match with_values {
                        true => format!(" {} {}", name(key), arg(key.position + 1)),
                        false => format!(" {}", name(key)),
                    });
                    format!("{word}{}", pairs.collect::<String>())
                };
                let with_each = |word: &str, group: &[&Placed<'_>], value: &str| {
                    group.iter().map(|key| format!("{word} {}{value}", name(key))).collect::<Vec<_>>().join(", ")
                };
                let looks = groups.iter().map(|group| {
                    let (watch, exists) = (each("WATCH", group, false), each("EXISTS", group, false));
                    self.on(1, group[0], format!("{exists}, {watch}, {exists}, MULTI"))
                });
                let sets = groups.iter().enumerate().map(|(nth, group)| {
                    let (set, mark) = (each("MSETNX", group, true), with_each("PEXPIRE", group, " MARK…"));
                    let (watch, left) = (each("WATCH", group, false), with_each("PTTL", group, ""));
                    let first = name(group[0]);
                    let does = format!("{set}, PERSIST {first}, PTTL {first}, {mark}, EXEC, {watch}, {left}, MULTI");
                    self.on(2 + nth.min(1), group[0], does)
                });
                let keeps = groups
                    .iter()
                    .map(|group| self.on(4, group[0], format!("{}, EXEC", with_each("PERSIST", group, ""))));
                looks.chain(sets).chain(keeps).collect()
            }
            (Across::Rename, [source, destination]) => {
                let (from, to) = (name(source), name(destination));
                let mut does = vec![(source, format!("WATCH {from}, DUMP {from}, PTTL {from}"))];
                if self.spec.name == "RENAMENX" {
                    does.push((destination, format!("EXISTS {to}")));
                }
                does.push((destination, "RESTORE STASH TTL… VALUE… REPLACE".into()));
                does.push((source, "MULTI".into()));
                // DUMP and PTTL of the stash come in between where WATCH does not see everything, as of a stream.
                does.push((source, format!("RENAME {from} STASH, EXEC")));
                does.push((destination, format!("{} STASH {to}", self.spec.name)));
                does.push((source, "UNLINK STASH".into()));
                (1..).zip(does).map(|(round, (key, does))| self.on(round, key, does)).collect()
            }
            (Across::Copy, [source, destination]) => {
                let (from, to) = (name(source), name(destination));
                let rest: Vec<&[u8]> = self.args.iter().skip(3).collect();
                let databases = rest.windows(2).filter(|two| two[0].eq_ignore_ascii_case(b"DB"));
                let select: Vec<String> = databases.map(|two| format!("SELECT {}", shown(two[1]))).collect();
                let replaces = rest.iter().any(|word| word.eq_ignore_ascii_case(b"REPLACE"));
                let replace = if replaces { " REPLACE" } else { "" };
                let mut restore = format!("RESTORE {to} TTL… VALUE…{replace}");
                let mut steps = vec![self.on(1, source, format!("DUMP {from}, PTTL {from}"))];
                if !select.is_empty() {
                    steps.push(self.on(1, destination, select.join(", ")));
                    restore.push_str(", SELECT DATABASE…");
                }
                steps.push(self.on(2, destination, restore));
                steps
            }
            (Across::FirstThatHas, _) => self.first_that_has(keys),
            (Across::MoveMember, [source, destination]) => {
                let (from, to, member) = (name(source), name(destination), arg(3));
                vec![
                    self.on(1, source, format!("SCARD {from}")),
                    self.on(1, destination, format!("SCARD {to}")),
                    self.on(2, source, format!("SMOVE {from} STASH {member}")),
                    self.on(3, destination, format!("SADD STASH {member}")),
                    self.on(4, source, format!("SREM STASH {member}")),
                    self.on(5, destination, format!("SMOVE STASH {to} {member}")),
                ]
            }
            (Across::MoveElement, [source, destination]) => {
                let (from, to) = (name(source), name(destination));
                let rest: String = self.args.iter().skip(3).map(|arg| format!(" {}", shown(arg))).collect();
                let right = self.args.get(4).is_some_and(|side| side.eq_ignore_ascii_case(b"RIGHT"));
                let end = if right { "RIGHT" } else { "LEFT" };
                vec![
                    self.on(1, source, format!("LLEN {from}")),
                    self.on(1, destination, format!("LLEN {to}")),
                    self.on(2, source, format!("{} {from} STASH{rest}", self.spec.name)),
                    self.on(3, destination, "RPUSH STASH ELEMENT…".into()),
                    self.on(4, source, "LPOP STASH".into()),
                    self.on(5, destination, format!("LMOVE STASH {to} LEFT {end}")),
                ]
            }
            (Across::CarrySources, _) => {
                let carried = Carried::of(self.spec, keys);
                let groups = groups(&carried.foreign);
                let dumps = |group: &[&Placed<'_>]| {
                    group.iter().map(|key| format!("DUMP {}", name(key))).collect::<Vec<_>>().join(", ")
                };
                let mut steps: Vec<Step> = groups.iter().map(|group| self.on(1, group[0], dumps(group))).collect();
                let home = Placed { master: carried.home, ..keys[0] };
                let mut round = 2;
                if self.spec.access != Access::Read {
                    let probes = "RESTORE STASH 0 VALUE…, ".repeat(groups.len());
                    steps.push(self.on(round, &home, "MULTI".into()));
                    steps.push(self.on(round + 1, &home, format!("{probes}DEL STASH…, EXEC")));
                    round += 2;
                }
                let restores = "RESTORE STASH 0 VALUE…, ".repeat(carried.foreign.len());
                let mut native: Vec<String> = self.args.iter().map(shown).collect();
                keys.iter().for_each(|key| native[key.position] = name(key));
                carried.foreign.iter().for_each(|key| native[key.position] = "STASH".to_owned());
                let native = native.join(" ");
                steps.push(self.on(round, &home, "MULTI".into()));
                steps.push(self.on(round + 1, &home, format!("{restores}{native}, DEL STASH…, EXEC")));
                steps
            }
            (Across::Sort, [source, rest @ ..]) => self.sorted(source, rest.first()),
            (Across::ReadStreams, _) => self.read_streams(keys),
            (Across::DrawNode, _) => {
                let (parts, role) = self.planner.sizes();
                let mut steps: Vec<Step> = parts.iter().map(|part| self.part(1, part)).collect();
                let drawn = Part { target: Target::Shard(0, role), request: Vec::new().into(), keys: Vec::new() };
                steps.push(Step { does: "RANDOMKEY, on the node that is drawn".into(), ..self.part(2, &drawn) });
                steps
            }
            _ => Vec::new(),
        }
    }
}

impl Draft<'_> {
    /// One round after the other until a node has something. What waits looks at all nodes at once, and again when a key
    /// changes; the first that has something gives.
    fn first_that_has(&self, keys: &[Placed<'_>]) -> Vec<Step> {
        let waits = self.spec.wait != WaitArgument::None;
        let counted = self.spec.wait != WaitArgument::LastSeconds;
        // The keys stand in a row.
        let first = keys[0].position;
        let native = |group: &[&Placed<'_>]| {
            let mut words: Vec<String> = self.args.iter().take(first - usize::from(counted)).map(shown).collect();
            words.extend(counted.then(|| group.len().to_string()));
            words.extend(group.iter().map(|key| shown(key.stored)));
            words.extend(self.args.iter().skip(first + keys.len()).map(shown));
            words.join(" ")
        };
        if waits {
            let types = self.types_of(1, keys, "");
            let told = self.types_of(2, keys, TRACKING);
            let looked_at = self.types_of(3, keys, "");
            let gives = groups(keys).iter().map(|group| self.on(4, group[0], native(group))).collect();
            return [types, told, looked_at, gives].concat();
        }
        let mut steps = Vec::new();
        let mut left = keys;
        while let Some(first) = left.first() {
            let count = left.iter().take_while(|key| key.master == first.master).count();
            let (group, others) = left.split_at(count);
            let does = native(&group.iter().collect::<Vec<_>>());
            steps.push(self.on(steps.len() + 1, first, does));
            left = others;
        }
        steps
    }

    /// Each node is asked for the types of its keys.
    fn types_of(&self, round: usize, keys: &[Placed<'_>], before: &str) -> Vec<Step> {
        let types = |group: &[&Placed<'_>]| {
            group.iter().map(|key| format!("TYPE {}", shown(key.stored))).collect::<Vec<_>>().join(", ")
        };
        groups(keys).iter().map(|group| self.on(round, group[0], format!("{before}{}", types(group)))).collect()
    }
}

impl Draft<'_> {
    /// The elements; their weights, on all nodes at once; the values that take their place; the list that is stored.
    fn sorted(&self, source: &Placed<'_>, destination: Option<&Placed<'_>>) -> Vec<Step> {
        let sorting = Sorting::of(self.args, self.spec);
        let role = self.planner.role(self.spec.access);
        let on = |round, shard, does| {
            let part = Part { target: Target::Shard(shard, role), request: Vec::new().into(), keys: Vec::new() };
            Step { does, ..self.part(round, &part) }
        };
        let request = sorting.request(self.spec, source.stored);
        let request = request.into_iter().map(shown).collect::<Vec<_>>().join(" ");
        let mut round = 1;
        let mut steps = match sorting.order {
            Order::AsTheyAre => {
                round += 1;
                let request = format!("TYPE {}, {request}, EXEC", shown(source.stored));
                vec![self.on(1, source, "MULTI".into()), self.on(2, source, request)]
            }
            _ => vec![on(1, source.shard, request)],
        };
        if !sorting.is_whole {
            // It refuses the command.
            return steps;
        }
        for patterns in [sorting.by().into_iter().collect(), sorting.gets()] {
            if patterns.is_empty() {
                continue;
            }
            round += 1;
            let looked_up = self.planner.topology.distinct_shards().filter_map(|shard| {
                let does = self.looked_up(&patterns, shard);
                (!does.is_empty()).then(|| on(round, shard, does))
            });
            steps.extend(looked_up);
        }
        if let Some(destination) = destination {
            let to = shown(destination.stored);
            steps.push(self.on(round + 1, destination, "MULTI".into()));
            steps.push(self.on(round + 2, destination, format!("DEL {to}, RPUSH {to} ELEMENTS…, EXEC")));
        }
        steps
    }

    /// What one node is asked for: what lives there, or may.
    fn looked_up(&self, patterns: &[Pattern<'_>], shard: usize) -> String {
        let shards = self.planner.topology.shards();
        let here = patterns.iter().filter(|pattern| match self.planner.home_of(pattern) {
            Some(home) => shards[home].master() == shards[shard].master(),
            None => true,
        });
        let told: Vec<_> = here.map(|pattern| self.planner.told(pattern)).collect();
        let strings: String =
            told.iter().filter(|(_, field)| field.is_none()).map(|(key, _)| format!(" {}", shown(key))).collect();
        let strings = (!strings.is_empty()).then(|| format!("MGET{strings}"));
        let fields = told.iter().filter_map(|(key, field)| Some(format!("HGET {} {}", shown(key), shown((*field)?))));
        strings.into_iter().chain(fields).collect::<Vec<_>>().join(", ")
    }

    /// What has to be known first, then one read a node; what waits then waits on all nodes in one round.
    fn read_streams(&self, keys: &[Placed<'_>]) -> Vec<Step> {
        let Some(read) = StreamRead::of(self.args, keys) else { return Vec::new() };
        let takes_nothing = self.spec.access == Access::Read;
        let waits = read.waits();
        let mut steps: Vec<Step> = Vec::new();
        let mut round = 1;
        let ask = |key: &&Placed<'_>| match read.group() {
            Some(group) if !takes_nothing => Some(format!("XPENDING {} {}", shown(key.stored), shown(group))),
            None if takes_nothing && waits && read.id_of(key) == b"$" => {
                Some(format!("XINFO STREAM {}", shown(key.stored)))
            }
            _ => None,
        };
        for group in read.groups() {
            let asks: Vec<String> = group.iter().filter_map(ask).collect();
            if !asks.is_empty() {
                steps.push(self.on(round, group[0], asks.join(", ")));
            }
        }
        round += usize::from(!steps.is_empty());
        let role = if waits { Role::Master } else { self.planner.role(self.spec.access) };
        for group in read.groups() {
            let target = Target::Shard(group[0].shard, role);
            let request = read.request(&group, None).into();
            steps.push(self.part(round, &Part { target, request, keys: Vec::new() }));
        }
        if waits {
            steps.extend(self.types_of(round + 1, keys, TRACKING));
            let read = |group: &Vec<&Placed<'_>>| self.on(round + 2, group[0], words(&read.request(group, None)));
            steps.extend(groups(keys).iter().map(read));
        }
        steps
    }
}

/// A request for people to read, without the passwords in it.
fn words(request: &[u8]) -> String {
    let mut decoder = Decoder::new(Protocol::Resp2, Limits::default());
    decoder.feed(request);
    let Ok(Some(frame)) = decoder.decode() else { return String::new() };
    let ValueRef::Array(items) = frame.value() else { return String::new() };
    let mut words: Vec<&[u8]> = items.map(|word| word.as_bytes().unwrap_or_default()).collect();
    hidden::hide(&mut words);
    words.into_iter().map(shown).collect::<Vec<_>>().join(" ")
}

/// An argument for people to read, in quotes where it would be mistaken for several.
fn shown(word: &[u8]) -> String {
    let text = escape(word, 64);
    if text.is_empty() || text.contains([' ', '"', '\'']) {
        return format!("{text:?}");
    }
    text
}
