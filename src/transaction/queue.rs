//! What a transaction holds before it is sent, and which server gets it.

use crate::cluster::{Cluster, OnNode};
use crate::cmd::{Cmd, Untyped};
use crate::command::{Access, Args, Spec};
use crate::error::{Error, ErrorKind, Outcome, OwnWords, Result};
use crate::execute::multi_exec::{self, Batch, Step};
use crate::execute::{RowRef, Servers};
use crate::net::{Deadline, Lease};
use crate::pipeline::{Slot, Slots};
use crate::plan::{native, ranges_on_one_server, Native};
use crate::resp::Value;
use crate::table;
use crate::to_arg::ToArgs;
use std::borrow::Cow;

/// The commands of a transaction that was not run yet.
pub(super) struct Queue {
    commands: Vec<Cmd<Value>>,
    slots: Slots,
}

/// The commands of a transaction as one server gets them.
pub(super) struct Prepared {
    batch: Batch,
    pub(super) commands: Vec<QueuedCommand>,
}

/// What has to be known of a command to say what became of it.
pub(super) struct QueuedCommand {
    name: Cow<'static, str>,
    /// What a script that it runs may say in its own name.
    script: Option<OwnWords>,
    pub(super) is_read: bool,
    /// Where its reply lies in what `EXEC` gave.
    pub(super) reply_at: usize,
}

// Once and not at each place: what panics says where that was.
#[inline(never)]
pub(super) fn nth(commands: &[QueuedCommand], at: usize) -> &QueuedCommand {
    &commands[at]
}

impl QueuedCommand {
    /// An error that the server answered.
    #[inline]
    pub(super) fn refused(&self, text: &[u8]) -> Error {
        let error = Error::server(text);
        let error = match self.script {
            Some(own) => error.of_a_script(own),
            None => error,
        };
        self.named(error)
    }

    #[inline]
    pub(super) fn named(&self, error: Error) -> Error {
        error.with_command(self.name.clone())
    }
}

/// How the server of a transaction is found.
#[derive(Clone)]
pub(super) enum Destination {
    /// By the keys.
    ByKeys(Cluster),
    /// By its name. The code for that comes along, so that only programs that name servers have it.
    Named(OnNode, &'static ByName),
}

/// What a transaction for a named server takes.
pub(super) struct ByName {
    server: fn(&OnNode, &Servers) -> Result<usize>,
    row: fn(&Cluster, &Untyped) -> Result<RowRef>,
}

impl Destination {
    #[inline]
    pub(super) fn named(on: OnNode) -> Destination {
        Destination::Named(on, &ByName { server: OnNode::server, row: Cluster::row_of_any })
    }
}

/// The server that a transaction goes to, and what chose it.
pub(super) struct Chosen {
    pub(super) server: usize,
    /// The node, when keys have chosen it.
    shard: Option<usize>,
    /// The first key and its command, for people.
    because: (String, Cow<'static, str>),
}

impl Queue {
    #[inline]
    pub(super) fn new() -> Queue {
        Queue { commands: Vec::new(), slots: Slots::new() }
    }

    pub(super) fn push<T>(&mut self, cmd: Cmd<T>) -> Slot<T> {
        self.commands.push(cmd.reply());
        self.slots.next()
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.slots.count()
    }

    /// The commands for the one server that all their keys live on; `chosen` says which that is as soon as one has a key.
    /// Of one that any server refuses, because it does not say which its keys are, `refusal` gets the words: a server
    /// would queue it and run the others.
    pub(super) fn prepared<Here>(
        self,
        destination: &Destination,
        servers: &Servers,
        chosen: &mut Option<Chosen>,
        refusal: &mut dyn FnMut(&Cmd<Value>, RowRef) -> Error,
    ) -> Result<(Prepared, Slots)> {
        let (mut bytes, mut ends, mut commands) = (Vec::new(), Vec::new(), Vec::new());
        // One after the other, so that no value is held twice for long.
        for cmd in self.commands {
            let row = match destination.accept::<()>(servers, cmd.untyped(), chosen, &mut bytes) {
                Ok(row) => row,
                Err(error) => {
                    return Err(match destination.refused_for_its_keys(cmd.untyped()) {
                        Some(row) => refusal(&cmd, row),
                        None => error,
                    });
                }
            };
            ends.push(bytes.len());
            let (name, is_read) = (row.spec.name_of(cmd.args()), row.spec.access == Access::Read);
            let script = row.own_words(cmd.args());
            commands.push(QueuedCommand { name, script, is_read, reply_at: 0 });
        }
        Ok((Prepared { batch: Batch::of(bytes, ends), commands }, self.slots))
    }
}

impl Prepared {
    /// Runs them over this connection: see [`multi_exec::exec`].
    #[inline]
    pub(super) fn exec(&self, lease: &mut Lease, deadline: Deadline) -> Result<Option<Vec<u8>>> {
        multi_exec::exec(lease, &self.batch, deadline, &|step, error| match step {
            Step::Multi => error.with_command("MULTI"),
            Step::Command(at) => nth(&self.commands, at).named(error),
            Step::Exec => error.with_command("EXEC"),
        })
    }
}

impl Destination {
    #[inline]
    pub(super) fn cluster(&self) -> &Cluster {
        match self {
            Destination::ByKeys(cluster) => cluster,
            Destination::Named(on, _) => on.cluster(),
        }
    }

    /// What is known before any key is.
    #[inline]
    pub(super) fn chosen(&self, servers: &Servers) -> Result<Option<Chosen>> {
        match self {
            Destination::ByKeys(_) => Ok(None),
            Destination::Named(on, by_name) => {
                Ok(Some(Chosen { server: (by_name.server)(on, servers)?, shard: None, because: Default::default() }))
            }
        }
    }

    /// The server of these that a transaction goes to; it may have been chosen when there were others.
    #[inline]
    pub(super) fn server(&self, servers: &Servers, chosen: Option<&Chosen>) -> Result<usize> {
        match (self, chosen.and_then(|chosen| chosen.shard)) {
            (Destination::Named(on, by_name), _) => {
                return (by_name.server)(on, servers).map_err(|error| error.with_command("MULTI"))
            }
            (Destination::ByKeys(_), Some(shard)) => return Ok(servers.topology.nth_shard(shard).master()),
            (Destination::ByKeys(_), None) => {}
        }
        match servers.topology.only_shard() {
            Some(only) => Ok(only.master()),
            None => Err(Error::argument(
                "no command of the transaction has a key, so that no node can be told; `Cluster::on` names one; \
                 nothing was sent",
            )
            .with_command("MULTI")),
        }
    }

    /// The row of a command that any server refuses for its keys. One for a named server goes there as it is.
    #[inline]
    pub(super) fn refused_for_its_keys(&self, cmd: &Untyped) -> Option<RowRef> {
        let Destination::ByKeys(cluster) = self else { return None };
        cluster.row_of(cmd).ok().filter(|row| row.is_refused_for_its_keys(cmd.args()))
    }

    /// Takes a command for the server of the transaction: its request is appended to `bytes`.
    pub(super) fn accept<Here>(
        &self,
        servers: &Servers,
        cmd: &Untyped,
        chosen: &mut Option<Chosen>,
        bytes: &mut Vec<u8>,
    ) -> Result<RowRef> {
        match self {
            Destination::Named(on, by_name) => {
                let row = (by_name.row)(on.cluster(), cmd)?;
                bytes.extend_from_slice(cmd.args().as_bytes());
                Ok(row)
            }
            Destination::ByKeys(cluster) => {
                let row = cluster.row_of(cmd)?;
                let native = native(&cluster.planner(servers), cmd.args(), row.spec, row.code.naming)?;
                Chosen::agree(chosen, servers, cmd.args(), row.spec, &native)?;
                bytes.extend_from_slice(&native.request);
                Ok(row)
            }
        }
    }

    /// The `WATCH` for keys.
    #[inline]
    pub(super) fn keys(&self, keys: impl ToArgs) -> Cmd {
        Cmd::new(&table::WATCH).args_of(keys)
    }

    /// Where a `WATCH` goes, and how.
    #[inline]
    pub(super) fn watch(&self, servers: &Servers, cmd: &Cmd) -> Result<(Chosen, Vec<u8>)> {
        cmd.check()?;
        if !table::WATCH.takes(cmd.args().len()) {
            return Err(no_key());
        }
        match (self, self.chosen(servers)?) {
            (Destination::ByKeys(cluster), mut chosen) => {
                let native = ranges_on_one_server(&cluster.planner(servers), cmd.args(), &table::WATCH)?;
                Chosen::agree(&mut chosen, servers, cmd.args(), &table::WATCH, &native)?;
                let chosen = chosen.ok_or_else(no_key)?;
                Ok((chosen, native.request.into_owned()))
            }
            (Destination::Named(..), Some(chosen)) => Ok((chosen, cmd.as_bytes().to_vec())),
            (Destination::Named(..), None) => Err(no_key()),
        }
    }
}

impl Chosen {
    /// Chooses the server that the keys of a command live on; an error when others have chosen another one.
    #[inline]
    fn agree(
        chosen: &mut Option<Chosen>,
        servers: &Servers,
        args: &Args,
        spec: &Spec,
        native: &Native<'_>,
    ) -> Result<()> {
        let Some(key) = native.keys.first() else { return Ok(()) };
        if chosen.as_ref().is_some_and(|chosen| chosen.server == key.master) {
            return Ok(());
        }
        let name = args.shown(key.position);
        let command = spec.name_of(args);
        let Some(chosen) = chosen else {
            *chosen = Some(Chosen { server: key.master, shard: Some(key.shard), because: (name, command) });
            return Ok(());
        };
        let node = |shard: usize| servers.topology.nth_shard(shard).name();
        let message = format!(
            "a transaction needs all its keys on one node: {name} lives on {}, and {} of {} on {}; nothing was sent",
            node(key.shard),
            chosen.because.0,
            chosen.because.1,
            chosen.shard.map_or("", node),
        );
        Err(Error::new(ErrorKind::CrossNode, Outcome::NotApplied, message).with_command(command))
    }
}

#[inline]
fn no_key() -> Error {
    Error::argument("there is no key to watch; nothing was sent")
}
