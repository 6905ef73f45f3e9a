//! The options of `FLUSHALL` and `FLUSHDB`.

use crate::command::Args;
use crate::to_arg::ToArg;

/// Whether memory is freed before or after the reply: see [`flushall_with`](super::ServerCommands::flushall_with).
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flush {
    /// Before the reply, and the server does nothing else meanwhile.
    Sync,
    /// After the reply, in the background.
    Async,
}

impl ToArg for Flush {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let word = match self {
            Flush::Sync => "SYNC",
            Flush::Async => "ASYNC",
        };
        word.write_arg(args);
    }
}
