//! What running a command would take, told before anything is sent. Pure.

mod passwords;

use crate::command::{Args, Spec};
use crate::error::escape;
use crate::plan::{groups, Part, Placed, Planner, Route, Target};
use crate::resp::{Decoder, Limits, Protocol, ValueRef};
use crate::topology::{Node, Role};
use std::fmt;

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
    #[inline]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether one server gets the command as it is, and its answer is the answer.
    #[inline]
    pub fn is_native(&self) -> bool {
        self.native
    }

    /// Whether others see either everything or nothing of what the command does. On one server they always do.
    #[inline]
    pub fn is_atomic(&self) -> bool {
        self.native
    }

    /// How many times the caller waits for the slowest server of a round; more when a race has to be run again.
    #[inline]
    pub fn round_trips(&self) -> usize {
        self.steps.iter().map(|step| step.round).max().unwrap_or(0)
    }
}

impl Step {
    /// The round that the step belongs to, counted from 1.
    #[inline]
    pub fn round(&self) -> usize {
        self.round
    }

    /// The server that is asked; of several that take turns the first.
    #[inline]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// What the server is asked as.
    #[inline]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The commands that it gets, for people to read: escaped, with long arguments cut. `STASH` stands for a name that
    /// begins with `rediscluster:stash:`, and words with an ellipsis for what earlier rounds bring.
    #[inline]
    pub fn does(&self) -> &str {
        &self.does
    }
}

impl fmt::Display for Step {
    #[inline]
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
    #[inline]
    pub(crate) fn of(
        planner: &Planner<'_>,
        args: &Args,
        spec: &'static Spec,
        route: &Route<'_>,
        rounds: fn(&Draft<'_>, &[Placed<'_>]) -> Vec<Step>,
        asked: &dyn Fn(Target) -> usize,
    ) -> Plan {
        let draft = Draft { planner, args, spec, asked };
        let native = matches!(route, Route::One(_));
        let steps = match route {
            Route::One(part) => vec![draft.part(1, part)],
            Route::Fan(parts) => draft.parts(1, parts),
            Route::Across(keys) => rounds(&draft, keys),
        };
        Plan { steps, native }
    }
}

/// What a strategy tells its steps with.
pub(crate) struct Draft<'d> {
    pub(crate) planner: &'d Planner<'d>,
    pub(crate) args: &'d Args,
    pub(crate) spec: &'static Spec,
    asked: &'d dyn Fn(Target) -> usize,
}

impl Draft<'_> {
    /// One request.
    #[inline]
    pub(crate) fn part(&self, round: usize, part: &Part<'_>) -> Step {
        self.at(round, part.target, words(&part.request))
    }

    /// The same, when only its words are known.
    #[inline]
    pub(crate) fn at(&self, round: usize, target: Target, does: String) -> Step {
        let server = (self.asked)(target);
        let topology = self.planner.topology;
        Step { round, node: topology.node(server).clone(), role: topology.role(server), does }
    }

    /// Requests to several servers at the same time.
    #[inline]
    pub(crate) fn parts(&self, round: usize, parts: &[Part<'_>]) -> Vec<Step> {
        parts.iter().map(|part| self.part(round, part)).collect()
    }

    /// A step on the master of a key.
    #[inline]
    pub(crate) fn on(&self, round: usize, key: &Placed<'_>, does: String) -> Step {
        let node = self.planner.topology.node(key.master).clone();
        Step { round, node, role: Role::Master, does }
    }

    /// Each node is asked for the types of its keys.
    #[inline]
    pub(crate) fn types_of(&self, round: usize, keys: &[Placed<'_>], before: &str) -> Vec<Step> {
        let types = |group: &[&Placed<'_>]| {
            group.iter().map(|key| format!("TYPE {}", shown(key.stored))).collect::<Vec<_>>().join(", ")
        };
        groups(keys).iter().map(|group| self.on(round, group[0], format!("{before}{}", types(group)))).collect()
    }
}

/// A request for people to read, without the passwords in it.
#[inline]
pub(crate) fn words(request: &[u8]) -> String {
    let mut decoder = Decoder::new(Protocol::Resp2, Limits::default());
    decoder.feed(request);
    let Ok(Some(frame)) = decoder.decode() else { return String::new() };
    let ValueRef::Array(items) = frame.value() else { return String::new() };
    let mut words: Vec<&[u8]> = items.map(|word| word.as_bytes().unwrap_or_default()).collect();
    passwords::hide(&mut words);
    words.into_iter().map(shown).collect::<Vec<_>>().join(" ")
}

/// An argument for people to read, in quotes where it would be mistaken for several.
#[inline]
pub(crate) fn shown(word: &[u8]) -> String {
    let text = escape(word, 64);
    if text.is_empty() || text.contains([' ', '"', '\'']) {
        return format!("{text:?}");
    }
    text
}
