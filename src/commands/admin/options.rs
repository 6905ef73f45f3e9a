//! The words that go with commands for those who run servers.

use crate::command::Args;
use crate::commands::time::seconds;
use crate::to_arg::{ToArg, ToArgs};
use std::time::Duration;

/// A kind of client.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientType {
    /// Those that send commands.
    Normal,
    /// The master of this server.
    Master,
    /// The replicas of this server.
    Replica,
    /// Those that listen to channels.
    PubSub,
}

impl ToArg for ClientType {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let word = match self {
            ClientType::Normal => "normal",
            ClientType::Master => "master",
            ClientType::Replica => "replica",
            ClientType::PubSub => "pubsub",
        };
        word.write_arg(args);
    }
}

/// Which clients [`client_kill`](crate::AdminCommands::client_kill) cuts off: those that everything said here is true
/// of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientKillOptions {
    id: Option<u64>,
    kind: Option<ClientType>,
    user: Option<String>,
    address: Option<String>,
    local_address: Option<String>,
    skip_me: Option<bool>,
    min_age: Option<Duration>,
}

impl ClientKillOptions {
    /// Nothing chosen, which servers refuse.
    #[inline]
    pub fn new() -> ClientKillOptions {
        ClientKillOptions::default()
    }

    /// The one with this number: `ID`. Each server has its own numbers.
    #[inline]
    pub fn id(mut self, id: u64) -> ClientKillOptions {
        self.id = Some(id);
        self
    }

    /// Those of a kind: `TYPE`.
    #[inline]
    pub fn client_type(mut self, kind: ClientType) -> ClientKillOptions {
        self.kind = Some(kind);
        self
    }

    /// Those of a user: `USER`, since Redis 6.0.0.
    #[inline]
    pub fn user(mut self, name: impl Into<String>) -> ClientKillOptions {
        self.user = Some(name.into());
        self
    }

    /// The one that has this address, as `host:port`: `ADDR`.
    #[inline]
    pub fn address(mut self, address: impl Into<String>) -> ClientKillOptions {
        self.address = Some(address.into());
        self
    }

    /// Those that came to this address of the server, as `host:port`: `LADDR`, since Redis 6.2.0.
    #[inline]
    pub fn local_address(mut self, address: impl Into<String>) -> ClientKillOptions {
        self.local_address = Some(address.into());
        self
    }

    /// Whether the connection that the command comes over is left out, as it is unless said otherwise: `SKIPME`.
    #[inline]
    pub fn skip_me(mut self, skip: bool) -> ClientKillOptions {
        self.skip_me = Some(skip);
        self
    }

    /// Those that have been connected for so long, in whole seconds, rounded up: `MAXAGE`, since Redis 7.4.0.
    #[inline]
    pub fn connected_for(mut self, time: Duration) -> ClientKillOptions {
        self.min_age = Some(time);
        self
    }
}

impl ToArgs for ClientKillOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        #[inline]
        fn write(args: &mut Args, word: &str, value: Option<impl ToArg>) {
            if let Some(value) = value {
                word.write_arg(args);
                value.write_arg(args);
            }
        }
        write(args, "ID", self.id);
        write(args, "TYPE", self.kind);
        write(args, "USER", self.user.as_ref());
        write(args, "ADDR", self.address.as_ref());
        write(args, "LADDR", self.local_address.as_ref());
        write(args, "SKIPME", self.skip_me.map(|skip| if skip { "yes" } else { "no" }));
        write(args, "MAXAGE", self.min_age.map(seconds));
    }
}

/// Which commands [`command_list_by`](crate::AdminCommands::command_list_by) gives.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandFilter<'a> {
    /// Those of a module.
    Module(&'a str),
    /// Those of a group that rules on users can name, without the `@`.
    Category(&'a str),
    /// Those whose names match a pattern.
    Pattern(&'a str),
}

impl ToArgs for CommandFilter<'_> {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        let words = match self {
            CommandFilter::Module(name) => ["MODULE", name],
            CommandFilter::Category(name) => ["ACLCAT", name],
            CommandFilter::Pattern(pattern) => ["PATTERN", pattern],
        };
        words.write_args(args);
    }
}
