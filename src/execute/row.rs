//! Rows of the command table: what is known of a command, and the code that it takes.
//!
//! A row points to its code, and nothing else does: a program has the code of those rows only that it names.

mod own_commands;

use super::of_scripts::{OfScripts, OF_SCRIPTS};
use super::{Answer, Call};
use crate::command::{
    wait_of, Access, Across, Args, EncodedWord, KeySpec, Merge, RequestPolicy, ResponsePolicy, Spec, Wait,
    WaitArgument, WaitOf, MARKED,
};
use crate::error::{Error, ErrorKind, Outcome, OwnWords, Result};
use crate::net::{Deadline, Lease, Pool};
use crate::plan::{
    any_node, every_server, every_shard, name_one_key, on_one_server, one_key, one_node, one_server, refuse_connection,
    Naming, Placed, Planner, Route, Router,
};
use std::ops::Deref;
use std::sync::Arc;

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
    /// What runs it: its strategy, or less where less is enough.
    code: &'static Strategy,
    /// Its name, encoded once and for all, because every call begins with it; not where that is long or two words.
    name: Option<EncodedWord>,
}

/// Lends a connection in a way of its own.
pub(crate) type LendsByItself = fn(&Arc<Pool>, Deadline) -> Result<Lease>;

/// What is done with the keys of a command that live on several nodes: how it is routed and how it is run. One file of
/// `cross_node/` has all of it.
pub(crate) struct Strategy {
    pub(crate) across: Across,
    pub(crate) route: Router,
    /// Runs what was routed.
    pub(crate) run: Runner,
    /// Makes one reply of those of several servers.
    pub(crate) merge: Merge,
    /// Routes the command and runs it.
    pub(crate) execute: fn(&Call<'_>) -> Result<Answer>,
    /// It has one key, at a fixed place, which is all that has to be looked at to route it.
    pub(crate) is_of_one_key: bool,
    /// How a connection is lent, where that is not as for nearly all commands.
    pub(crate) lend: Option<LendsByItself>,
    /// For commands that run scripts: what an error says of the outcome.
    pub(crate) scripts: Option<&'static OfScripts>,
    /// The names that one server gets in a transaction.
    pub(crate) naming: Naming,
    /// Whether any server refuses these arguments because they do not say which of them are keys.
    pub(crate) is_refused: fn(&Spec, &Args) -> bool,
    /// Waits for data of keys that all live on one server, in a way that another thread can end.
    pub(crate) wait: fn(&Call<'_>, &[Placed<'_>]) -> Result<Vec<u8>>,
    /// Reads how long it may wait; `None` when it never does.
    pub(crate) wait_of: Option<WaitOf>,
}

/// Runs a command that was routed.
pub(crate) type Runner = fn(&Call<'_>, Route<'_>) -> Result<Answer>;

/// On the one server that it was routed to.
const ON_ONE: Runner = |call, route| call.run_on_one(route);
/// On all that it was routed to.
const ON_ALL: Runner = |call, route| call.run_on_all(route);
/// On all, of which one success is enough.
const ON_FIRST: Runner = |call, route| call.run_on_first_that_succeeds(route);

impl Strategy {
    /// The keys are on one node always, or there is no key.
    pub(crate) const ONE_NODE: Strategy = Strategy {
        across: Across::NEVER,
        route: one_node,
        run: ON_ONE,
        merge: ResponsePolicy::AS_IS.merge(),
        execute: |call| call.execute_routed(),
        is_of_one_key: false,
        lend: None,
        scripts: None,
        naming: on_one_server,
        is_refused: |spec, args| spec.is_refused_for_its_keys(args, Spec::key_positions),
        wait: |_, _| Err(no_meaning()),
        wait_of: None,
    };

    /// Keys on several nodes are refused.
    pub(crate) const REFUSE: Strategy = Strategy { across: Across::REFUSE, ..Strategy::ONE_NODE };

    /// The same for a command that waits for data, and says there for how long.
    pub(crate) const fn that_waits(self, argument: WaitArgument) -> Strategy {
        Strategy { wait_of: wait_of(argument), ..self }
    }

    /// The same where this becomes of several replies.
    pub(crate) const fn that_merges(self, response: ResponsePolicy) -> Strategy {
        Strategy { merge: response.merge(), ..self }
    }

    /// Of a row whose keys, if it has any, cannot be on several nodes.
    const fn simple(route: Router, run: Runner) -> Strategy {
        Strategy { route, run, ..Strategy::ONE_NODE }
    }
}

const REFUSED: &Strategy = &Strategy::simple(refuse_connection, ON_ONE);
const OF_ONE_SERVER: Strategy = Strategy::simple(one_server, ON_ONE);
const OF_SHARDS: Strategy = Strategy::simple(every_shard, ON_ALL);
const OF_SERVERS: Strategy = Strategy::simple(every_server, ON_ALL);
/// The same for what a server heeds while it runs a script for too long.
const OF_BUSY_SERVERS: Strategy = Strategy { lend: Some(Pool::lend_to_busy), ..OF_SERVERS };
const OF_ANY_NODE: Strategy = Strategy::simple(any_node, ON_ONE);
const OF_ONE_KEY: Strategy = Strategy {
    execute: |call| call.execute_one_key(),
    is_of_one_key: true,
    naming: name_one_key,
    is_refused: |_, _| false,
    ..Strategy::simple(one_key, |_, _| Err(no_meaning()))
};

/// For commands that run scripts.
const SCRIPTS: &Strategy = &Strategy { scripts: Some(&OF_SCRIPTS), ..Strategy::REFUSE };

/// For commands that no table has and whose keys the caller marked.
const OF_MARKED_KEYS: Strategy = Strategy::simple(one_node, ON_ONE);

/// For requests to servers that are known. It names no code that has to look for keys.
const ROUTED_ALREADY: &Strategy = &Strategy {
    naming: |_, _, _| Err(no_meaning()),
    is_refused: |_, _| false,
    ..Strategy::simple(|_, _, _| Err(no_meaning()), |_, _| Err(no_meaning()))
};

/// Who gets a command.
enum Way {
    Refused,
    OneServer,
    EveryShard,
    EveryServer,
    EveryBusyServer,
    AnyNode,
    Script,
    OneKey,
    Keys,
}

impl Way {
    const fn of(spec: &Spec) -> Way {
        match (spec.access, spec.request, spec.keys) {
            (Access::Connection, ..) => Way::Refused,
            (_, RequestPolicy::OneServer, _) => Way::OneServer,
            (_, RequestPolicy::AllShards, _) => Way::EveryShard,
            (_, RequestPolicy::AllNodes, _) if spec.is_heeded_while_busy() => Way::EveryBusyServer,
            (_, RequestPolicy::AllNodes, _) => Way::EveryServer,
            (_, RequestPolicy::Special, _) if !spec.is_of_scripts() => Way::Keys,
            (_, _, []) => Way::AnyNode,
            _ if spec.is_of_scripts() => Way::Script,
            (_, _, [KeySpec::Range(first, last, _)]) if *last == *first as isize => Way::OneKey,
            _ => Way::Keys,
        }
    }
}

/// A strategy with what a policy makes of several replies: a program has what the policies of its rows need.
macro_rules! merged_by {
    ($response:expr, $strategy:expr; $($policy:ident)*) => {
        match $response {
            $(
                ResponsePolicy::$policy => {
                    const MERGED: &Strategy = &Strategy {
                        run: if ResponsePolicy::$policy.wants_one() { ON_FIRST } else { ON_ALL },
                        ..$strategy.that_merges(ResponsePolicy::$policy)
                    };
                    MERGED
                }
            )*
            _ => panic!("a policy for servers that are all asked"),
        }
    };
}

/// What runs a command of the table whose keys on several nodes are what the strategy is for.
const fn code_of(spec: &Spec, strategy: &'static Strategy) -> &'static Strategy {
    match Way::of(spec) {
        Way::Refused => REFUSED,
        Way::OneServer => &OF_ONE_SERVER,
        Way::EveryShard => {
            merged_by!(spec.response, OF_SHARDS; UNION AGG_SUM AGG_MAX AGG_LOGICAL_AND SUM_BY_NAME ALL_SUCCEEDED)
        }
        Way::EveryServer => merged_by!(spec.response, OF_SERVERS; AGG_SUM ALL_SUCCEEDED PER_NODE),
        Way::EveryBusyServer => merged_by!(spec.response, OF_BUSY_SERVERS; ONE_SUCCEEDED PER_NODE),
        Way::AnyNode => &OF_ANY_NODE,
        Way::Script => SCRIPTS,
        Way::OneKey => &OF_ONE_KEY,
        Way::Keys => strategy,
    }
}

impl Row {
    /// The row of a command whose keys on several nodes are what the strategy is for.
    pub(crate) const fn of(spec: Spec, strategy: &'static Strategy) -> Row {
        let code = code_of(&spec, strategy);
        Row { name: EncodedWord::of(spec.name), spec: Spec { across: strategy.across, in_table: true, ..spec }, code }
    }

    /// The command's own words.
    #[inline]
    pub(crate) fn begin(&self) -> Args {
        match &self.name {
            Some(name) => Args::of_encoded(name),
            None => Args::of_words(self.spec.name),
        }
    }
}

impl Deref for Row {
    type Target = Spec;

    fn deref(&self) -> &Spec {
        &self.spec
    }
}

impl std::fmt::Debug for Strategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Strategy")
    }
}

/// What is known of a command, and its code, whether the table has a row for it or not.
#[derive(Clone, Copy)]
pub(crate) struct RowRef {
    pub(crate) spec: &'static Spec,
    pub(crate) code: &'static Strategy,
}

impl RowRef {
    /// Of a row that is the user's own.
    pub(crate) fn own(spec: &'static Spec) -> RowRef {
        RowRef { spec, code: own_commands::code_of(spec) }
    }

    /// Of a command that no table has: the caller marked its keys.
    pub(crate) fn of_marked_keys() -> RowRef {
        RowRef { spec: &MARKED, code: &OF_MARKED_KEYS }
    }

    /// Of requests to servers that are known: there is nothing to route. They may write.
    pub(crate) fn routed_already() -> RowRef {
        RowRef { spec: &MARKED, code: ROUTED_ALREADY }
    }

    /// Whether any server refuses it because the arguments do not say which of them are keys.
    pub(crate) fn is_refused_for_its_keys(self, args: &Args) -> bool {
        (self.code.is_refused)(self.spec, args)
    }

    /// What the script of a command that runs one may say in its own name.
    #[inline]
    pub(crate) fn own_words(self, args: &Args) -> Option<OwnWords> {
        self.code.scripts.and_then(|scripts| (scripts.own_words)(self.spec, args))
    }

    /// Says what has to be sent where.
    pub(crate) fn route<'c>(self, planner: &Planner<'_>, args: &'c Args) -> Result<Route<'c>> {
        routed(self.spec, self.code, planner, args)
    }

    /// How long the command may wait for data before its server answers.
    #[inline]
    pub(crate) fn wait(self, args: &Args) -> Wait {
        self.code.wait_of.map_or(Wait::None, |wait| wait(args, self.spec))
    }
}

impl From<&'static Row> for RowRef {
    fn from(row: &'static Row) -> RowRef {
        RowRef { spec: &row.spec, code: row.code }
    }
}

/// What has to be sent where for a command.
pub(crate) fn routed<'c>(
    spec: &'static Spec,
    code: &Strategy,
    planner: &Planner<'_>,
    args: &'c Args,
) -> Result<Route<'c>> {
    (code.route)(planner, args, spec).map_err(|error| error.with_command(spec.name_of(args)))
}

/// The error for a route that its command has not.
#[cold]
pub(crate) fn no_meaning() -> Error {
    Error::new(ErrorKind::CrossNode, Outcome::NotApplied, "it has no meaning across nodes")
}
