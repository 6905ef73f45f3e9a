//! Commands across nodes that need several rounds.
//!
//! What waits between two rounds waits in a [`Stash`], on the server where one atomic step can put it, so that a
//! failure at any point loses nothing: it is in the source, in the destination, or in a stash that the error names.
//! Which stashes there are says how far a command came, also when its program is gone.

mod ask_together;
mod carry_sources;
mod copy;
mod msetnx;
mod pop;
mod random_key;
mod rename;
mod set_operations;
mod smove_lmove;
mod sort;
mod split;
mod stash;
mod steps;
mod strategies;
mod streams;
mod wait;

pub(crate) use carry_sources::CARRY_SOURCES;
pub(crate) use copy::COPY;
pub(crate) use msetnx::SET_IF_NONE_EXISTS;
pub(crate) use pop::FIRST_THAT_HAS;
pub(crate) use random_key::DRAW_NODE;
pub(crate) use rename::RENAME;
pub(crate) use set_operations::{
    MERGE_DIFFERENCE, MERGE_INTERSECTION, MERGE_UNION, STORE_DIFFERENCE, STORE_INTERSECTION, STORE_UNION,
};
pub(crate) use smove_lmove::{MOVE_ELEMENT, MOVE_MEMBER};
pub(crate) use sort::SORT;
pub(crate) use split::SPLIT;
pub use stash::{Stash, StashContent, StashRecovery, StashRole};
pub(crate) use strategies::steps_of;
pub(crate) use streams::READ_STREAMS;
pub(crate) use wait::CANCELLABLE;

use steps::{all_succeeded, error_in, exec, exec_unwatched, partial_at_least, replace, Reply};

use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::execute::{cancelled, Answer, Call, Context, Strategy};
use crate::plan::{Placed, Route};
use crate::random::random;
use crate::resp::ValueRef;

/// The keys are on one node always, or there is no key.
pub(crate) const NEVER: Strategy = Strategy::ONE_NODE;
/// Keys on several nodes are refused.
pub(crate) const REFUSE: Strategy = Strategy::REFUSE;

/// As many members as one `SADD` takes: far below what any server accepts as one command.
const MEMBERS: usize = 10_000;

/// The reply that says that there is nothing.
const NIL: &[u8] = b"$-1\r\n";

/// What a refusal of a step means that the caller did not ask for.
#[inline]
fn explained(no_permission: &str, error: Error) -> Error {
    if error.kind() == ErrorKind::NoPerm && !no_permission.is_empty() {
        return error.with_note(no_permission);
    }
    if error.kind() == ErrorKind::Server && error.message().contains("DUMP payload version or checksum") {
        return error.with_note(
            "this server cannot unpack the value, which was packed by a newer or another kind of server on another node",
        );
    }
    error
}

/// What a value takes that goes from node to node whole.
const PACKED: &str =
    "the value goes from node to node by DUMP and RESTORE, under a name that begins with rediscluster:stash:, and \
     the user needs permission for both commands and for such names on every node";
/// What an element or a member takes that goes from node to node.
const STASHED: &str =
    "between nodes it takes a stash, and the user needs permission for names that begin with rediscluster:stash:";

/// Runs the steps of a strategy where the keys live on several nodes.
#[inline]
fn across(call: &Call<'_>, route: Route<'_>, steps: fn(&Call<'_>, &[Placed<'_>]) -> Result<Vec<u8>>) -> Result<Answer> {
    match route {
        Route::Across(keys) => {
            let steps_of = Call { context: Context { is_step: true, to_new_master: None, ..call.context }, ..*call };
            steps(&steps_of, &keys).map(Answer::Merged)
        }
        route => call.run_on_one(route),
    }
}

/// A failure before the step that writes: whatever happened to a reading step, no data changed.
#[inline]
fn nothing_written(error: Error) -> Error {
    error.with_outcome(Outcome::NotApplied).with_parts(Vec::new())
}

/// The reply to a wait when nothing came.
#[inline]
fn nothing(was_cancelled: bool) -> Result<Vec<u8>> {
    match was_cancelled {
        true => Err(cancelled()),
        false => Ok(NIL.to_vec()),
    }
}

#[inline]
fn is_no_such_key(error: &Error) -> bool {
    error.message().starts_with("ERR no such key")
}

#[inline]
fn integer(value: ValueRef<'_>) -> Result<i64> {
    match value {
        ValueRef::Integer(number) => Ok(number),
        other => Err(Error::reply(format!(
            "expected a number, got {}",
            crate::error::escape(format!("{other:?}").as_bytes(), 128)
        ))),
    }
}
