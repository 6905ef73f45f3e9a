//! A blocking Redis client that makes N independent Redis servers look like one.
//!
//! ```no_run
//! use rediscluster::prelude::*;
//!
//! let cluster = Cluster::builder()
//!     .node("node_1", "127.0.0.1:63791")
//!     .node("node_2", "127.0.0.1:63792")
//!     .connect()?;
//! cluster.set("foo", "bar")?;
//! let value: Option<String> = cluster.get("foo")?;
//! # Ok::<(), rediscluster::Error>(())
//! ```
//!
//! A key's node is `crc32(key) % N + 1`, as with rediscluster-py, rediscluster-php and twemproxy
//! (`hash: crc32a`, `distribution: modula`). Reads go to replicas, which are found by asking the masters; writes go to
//! masters. **A replica may be behind, so a read may miss the write before it**: see [`Builder::masters_only`] and
//! [`Cluster::read_your_writes`]. A command whose keys live on several nodes gives the answer that one server would give, or is refused
//! before anything is sent.
//!
//! - [`Cluster`] is what a program holds, and [`Builder`] how it is made.
//! - The methods for commands are in [traits by data type](#commands); [`prelude`] brings them all, and the page of
//!   [`Cluster`] lists them. [`cmd()`] makes a command that has no method.
//! - [`Pipeline`] sends many commands together: [`Cluster::pipeline`] makes it.
//! - [`Cluster::database`], [`Cluster::deadline`] and others give views, [`Cluster::on`] names a server, and a [`Cancel`]
//!   ends waits for data.
//! - [`Cluster::scan_all`] goes through all keys of all nodes.
//! - [`Script`] runs a script by its name and sends it where it is not known.
//! - [`Cluster::transaction`] runs several commands of one node as one, [`Cluster::watch`] only when what they rest on
//!   has not changed.
//! - [`Subscriber`] listens to channels: [`Cluster::subscriber`] makes it.
//! - [`Stash`] reads the names of what commands over several nodes may leave behind.
//! - [`Connect`] is how a program brings TLS, or any other way to a server.
//! - [`ToArg`] says what can be an argument, [`FromValue`] what a reply can become.
//! - [`spec`] is the command table, [`resp`] the protocol, [`Connection`] one server without any routing.
//!
//! # Commands
//!
//! | data type | traits |
//! |---|---|
//! | strings | [`StringCommands`], [`NumberCommands`], [`LcsCommands`] |
//! | bitmaps | [`BitmapCommands`] |
//! | keys of any type | [`KeyCommands`], [`ExpiryCommands`], [`SortCommands`] |
//! | hashes | [`HashCommands`], [`HashExpiryCommands`] |
//! | lists | [`ListCommands`], [`BlockingCommands`] |
//! | sets | [`SetCommands`] |
//! | sorted sets | [`SortedSetCommands`], [`SortedSetRangeCommands`], [`SortedSetCombineCommands`], [`BlockingCommands`] |
//! | streams | [`StreamCommands`], [`StreamGroupCommands`], [`StreamPendingCommands`] |
//! | places | [`GeoCommands`], [`GeoRadiusCommands`] |
//! | HyperLogLogs | [`HyperLogLogCommands`] |
//! | vector sets | [`VectorSetCommands`] |
//! | scans, page by page | [`ScanCommands`] |
//! | pub/sub | [`PubSubCommands`] |
//! | scripts and functions | [`ScriptingCommands`], [`FunctionCommands`] |
//! | servers | [`ServerCommands`], [`AdminCommands`], [`LatencyCommands`], [`AclCommands`] |
//!
//! # Errors
//!
//! Every call may fail with an [`Error`] of these [kinds](ErrorKind), whatever the command:
//! [`Connect`](ErrorKind::Connect), [`Io`](ErrorKind::Io), [`Timeout`](ErrorKind::Timeout),
//! [`PoolTimeout`](ErrorKind::PoolTimeout) and [`Protocol`](ErrorKind::Protocol) when a server or the way to it fails;
//! [`Reply`](ErrorKind::Reply) when the reply does not fit the type that was asked for; and what servers say to any
//! command, such as [`NoPerm`](ErrorKind::NoPerm), [`Loading`](ErrorKind::Loading),
//! [`ReadOnly`](ErrorKind::ReadOnly) or [`OutOfMemory`](ErrorKind::OutOfMemory). [`Error::outcome`] says whether the
//! command may have been applied, [`Error::phase`] how far it had come.
//!
//! The documentation of a method names only what comes in addition.
//! [What happens when …](https://github.com/rediscluster/rediscluster-rs/blob/main/docs/what-happens-when.md) has short
//! answers about servers that die, networks that stall and the like, and all defaults;
//! [all pages](https://github.com/rediscluster/rediscluster-rs/tree/main/docs) are beside it. Programs to start from are in
//! [`examples/`](https://github.com/rediscluster/rediscluster-rs/tree/main/examples).

#![forbid(unsafe_code)]
#![deny(missing_docs)]
// The type parameter `Here` means that a function is made where it is called: see "Code that is made where it is used" in
// CONTRIBUTING.md.
#![allow(clippy::extra_unused_type_parameters)]

mod cluster;
mod cmd;
mod command;
mod commands;
mod config;
mod cross_node;
mod discovery;
mod error;
mod execute;
mod explain;
mod from_value;
mod net;
mod observer;
mod order;
mod pipeline;
mod plan;
mod pubsub;
mod random;
pub mod resp;
mod retry;
mod scan;
mod script;
mod table;
mod threads;
mod to_arg;
mod topology;
mod transaction;
mod transport;

pub use cluster::{Cluster, OnEachMaster, OnNode, Unreachable};
pub use cmd::{Build, Cmd, Execute};
pub use command::Args;
pub use commands::*;
pub use config::{Builder, Share};
pub use cross_node::{Stash, StashContent, StashRecovery, StashRole};
pub use error::{Error, ErrorKind, Outcome, PartOutcome, Phase, Result};
pub use execute::Cancel;
pub use explain::{Plan, Step};
pub use from_value::FromValue;
pub use net::{Connection, ConnectionReader, ConnectionWriter, PoolStatus};
pub use observer::{CloseReason, Observer, ObserverEvent};
pub use pipeline::{Pipeline, Replies, Slot};
pub use plan::CrossNode;
pub use pubsub::{Event, Message, Stopper, Subscriber, SubscriberOptions};
pub use resp::{Protocol, Value, ValueRef};
pub use retry::Retries;
pub use scan::{Found, ScanAll, ScanKey, ScanPosition};
pub use script::{RunsScripts, Script, ScriptCall};
pub use table::cmd;
pub use to_arg::{ToArg, ToArgs, ToPairs};
pub use topology::{Address, Node, PassedOver, ReadFrom, ReplicaLag, Role, Shard, Topology};
pub use topology::{Crc32Modulo, HashTags, Partitioner};
pub use transaction::{Transaction, TransactionReplies, Watched};
pub use transport::{connect_tcp, Connect, Socket, Transport};

/// The command table: what a command does, where its keys are, and what becomes of it across nodes.
pub mod spec {
    pub use crate::command::{
        Access, Across, Group, KeySpec, OptionValue, RequestPolicy, ResponsePolicy, SetOperation, Spec, WaitArgument,
    };
    pub use crate::execute::Row;
    pub use crate::table::*;
}

/// What only the fuzzer calls.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    /// Reads what a server says of itself, as discovery does.
    pub fn read_info(text: &str) {
        let info = crate::topology::info::Info::parse(text);
        assert!(info.replicas.len() <= 1_000, "no server makes a list without end");
    }

    /// Decides where a command goes, as a call does, and says whether that could be decided.
    pub fn route<T>(cluster: &crate::Cluster, cmd: &crate::Cmd<T>) -> bool {
        cluster.routes(cmd)
    }
}

/// What most programs need: `use rediscluster::prelude::*;`.
pub mod prelude {
    pub use crate::{cmd, Cluster, Execute};
    pub use crate::{AclCommands, AdminCommands, LatencyCommands};
    pub use crate::{BitmapCommands, ExpiryCommands, HashCommands, KeyCommands, SortCommands, StringCommands};
    pub use crate::{BlockingCommands, ListCommands, ServerCommands, SetCommands};
    pub use crate::{FunctionCommands, PubSubCommands, ScriptingCommands};
    pub use crate::{GeoCommands, GeoRadiusCommands, HyperLogLogCommands, VectorSetCommands};
    pub use crate::{HashExpiryCommands, LcsCommands, NumberCommands, ScanCommands};
    pub use crate::{SortedSetCombineCommands, SortedSetCommands, SortedSetRangeCommands};
    pub use crate::{StreamCommands, StreamGroupCommands, StreamPendingCommands};
}
