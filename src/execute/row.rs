//! Rows of the command table: what is known of a command, and the code that it takes.
//!
//! A row points to its code, and nothing else does: a program has the code of those rows only that it names.

use super::{Answer, Call};
use crate::args::Args;
use crate::command::{Access, Across, KeySpec, RequestPolicy, ResponsePolicy, Spec};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::explain::{Draft, Step};
use crate::plan::{
    any_node, every_server, every_shard, name_one_key, on_one_server, one_key, one_node, one_server, refuse_connection,
    Naming, Placed, Planner, Route, Router,
};
use crate::wait::{wait_of, Wait, WaitOf};
use std::ops::Deref;

/// A row of the command table. It derefs to what is known of its command.
///
/// ```
/// use rediscluster::{spec, Cmd};
///
/// let get: Cmd<Option<String>> = Cmd::new(&spec::GET).arg("foo");
/// assert_eq!((spec::GET.name, get.args().len()), ("GET", 2));
/// ```
#[derive(Debug)]
pub struct Row {
    spec: Spec,
    code: Code,
    name: EncodedName,
}

/// A name of one word as it goes over the wire; of two words nothing. Encoded once and for all, because every call begins
/// with it.
#[derive(Debug)]
struct EncodedName {
    bytes: [u8; EncodedName::LONGEST],
    length: usize,
}

impl EncodedName {
    const LONGEST: usize = 32;

    const fn of(name: &str) -> EncodedName {
        let name = name.as_bytes();
        let mut encoded = EncodedName { bytes: [0; EncodedName::LONGEST], length: 0 };
        let mut at = 0;
        while at < name.len() {
            if name[at] == b' ' {
                return encoded;
            }
            at += 1;
        }
        encoded.bytes[0] = b'$';
        let mut length = 1;
        if name.len() > 9 {
            encoded.bytes[length] = b'0' + (name.len() / 10) as u8;
            length += 1;
        }
        encoded.bytes[length] = b'0' + (name.len() % 10) as u8;
        encoded.bytes[length + 1] = b'\r';
        encoded.bytes[length + 2] = b'\n';
        length += 3;
        let mut at = 0;
        while at < name.len() {
            encoded.bytes[length] = name[at];
            length += 1;
            at += 1;
        }
        encoded.bytes[length] = b'\r';
        encoded.bytes[length + 1] = b'\n';
        encoded.length = length + 2;
        encoded
    }
}

/// What is done with the keys of a command that live on several nodes: how it is routed, how it is run, and what is told of
/// that before. One file of `cross_node/` has all of it.
pub(crate) struct Strategy {
    pub(crate) across: Across,
    pub(crate) route: Router,
    /// Runs what was routed.
    pub(crate) run: Runner,
    /// The names that one server gets in a transaction.
    pub(crate) naming: Naming,
    /// Waits for data of keys that all live on one server, in a way that another thread can end.
    pub(crate) wait: fn(&Call<'_>, &[Placed<'_>]) -> Result<Vec<u8>>,
    /// The rounds that `run` takes over several nodes.
    pub(crate) steps: fn(&Draft<'_>, &[Placed<'_>]) -> Vec<Step>,
}

/// Runs a command that was routed.
pub(crate) type Runner = fn(&Call<'_>, Route<'_>) -> Result<Answer>;

/// On the one server that it was routed to.
const ON_ONE: Runner = |call, route| call.run_on_one(route);

impl Strategy {
    /// The keys are on one node always, or there is no key.
    pub(crate) const ONE_NODE: Strategy = Strategy {
        across: Across::NEVER,
        route: one_node,
        run: ON_ONE,
        naming: on_one_server,
        wait: |_, _| Err(no_meaning()),
        steps: |_, _| Vec::new(),
    };

    /// Keys on several nodes are refused.
    pub(crate) const REFUSE: Strategy = Strategy { across: Across::REFUSE, ..Strategy::ONE_NODE };
}

/// The code of a row: of its strategy, where it has not less to do.
pub(crate) struct Code {
    route: Router,
    pub(super) run: Runner,
    pub(crate) naming: Naming,
    pub(crate) wait: fn(&Call<'_>, &[Placed<'_>]) -> Result<Vec<u8>>,
    pub(crate) steps: fn(&Draft<'_>, &[Placed<'_>]) -> Vec<Step>,
    wait_of: Option<WaitOf>,
}

impl Code {
    const fn new(route: Router, run: Runner, strategy: &Strategy) -> Code {
        Code { route, run, naming: strategy.naming, wait: strategy.wait, steps: strategy.steps, wait_of: None }
    }
}

/// The code for what the table does not have: rows of the user's own, and commands whose keys the caller marked.
static OWN: Code = Code::new(own, ON_ONE, &Strategy::REFUSE);

fn own<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    match (spec.access, spec.keys) {
        (Access::Connection, _) => refuse_connection(planner, args, spec),
        (_, []) => any_node(planner, args, spec),
        _ => one_node(planner, args, spec),
    }
}

impl Row {
    /// The row of a command whose keys on several nodes are what the strategy is for.
    pub(crate) const fn of(spec: Spec, strategy: &'static Strategy) -> Row {
        let code = match (spec.access, spec.request, spec.keys) {
            (Access::Connection, ..) => Code::new(refuse_connection, ON_ONE, strategy),
            (_, RequestPolicy::OneServer, _) => Code::new(one_server, ON_ONE, strategy),
            (_, RequestPolicy::AllShards, _) => Code::new(every_shard, fan_of(&spec.response), strategy),
            (_, RequestPolicy::AllNodes, _) => Code::new(every_server, fan_of(&spec.response), strategy),
            (_, RequestPolicy::Special, _) => Code::new(strategy.route, strategy.run, strategy),
            (_, _, []) => Code::new(any_node, ON_ONE, strategy),
            (_, _, [KeySpec::Range(first, last, _)]) if *last == *first as isize => {
                Code { naming: name_one_key, ..Code::new(one_key, ON_ONE, strategy) }
            }
            _ => Code::new(strategy.route, strategy.run, strategy),
        };
        let code = Code { wait_of: wait_of(spec.wait), ..code };
        Row { name: EncodedName::of(spec.name), spec: Spec { across: strategy.across, ..spec }, code }
    }

    /// The command's own words.
    pub(crate) fn begin(&self) -> Args {
        match self.name.bytes.get(..self.name.length) {
            Some(name @ [_, ..]) => Args::of_encoded(name),
            _ => Args::of_words(self.spec.name),
        }
    }
}

const fn fan_of(response: &ResponsePolicy) -> Runner {
    if response.wants_one {
        |call, route| call.run_on_first_that_succeeds(route)
    } else {
        |call, route| call.run_on_all(route)
    }
}

impl Deref for Row {
    type Target = Spec;

    fn deref(&self) -> &Spec {
        &self.spec
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code")
    }
}

/// What is known of a command, and its code, whether the table has a row for it or not.
#[derive(Clone, Copy)]
pub(crate) struct RowRef {
    pub(crate) spec: &'static Spec,
    pub(crate) code: &'static Code,
}

impl RowRef {
    /// Of a row that is the user's own, or of no row.
    pub(crate) fn own(spec: &'static Spec) -> RowRef {
        RowRef { spec, code: &OWN }
    }

    /// Says what has to be sent where.
    pub(crate) fn route<'c>(self, planner: &Planner<'_>, args: &'c Args) -> Result<Route<'c>> {
        (self.code.route)(planner, args, self.spec).map_err(|error| error.with_command(self.spec.name_of(args)))
    }

    /// How long the command may wait for data before its server answers.
    pub(crate) fn wait(self, args: &Args) -> Wait {
        self.code.wait_of.map_or(Wait::None, |wait| wait(args, self.spec))
    }
}

impl From<&'static Row> for RowRef {
    fn from(row: &'static Row) -> RowRef {
        RowRef { spec: &row.spec, code: &row.code }
    }
}

/// The error for a route that its command has not.
#[cold]
pub(crate) fn no_meaning() -> Error {
    Error::new(ErrorKind::CrossNode, Outcome::NotApplied, "it has no meaning across nodes")
}
