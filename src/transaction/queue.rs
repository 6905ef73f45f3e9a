//! What a transaction holds before it is sent, and which server gets it.

use crate::cluster::{Cluster, OnNode};
use crate::cmd::Cmd;
use crate::command::{Access, Spec};
use crate::error::{escape, Error, ErrorKind, Outcome, OwnWords, Result};
use crate::execute::RowRef;
use crate::execute::Servers;
use crate::multi::{self, Batch, Word};
use crate::net::{Deadline, Lease};
use crate::plan::Native;
use crate::plan::{native, on_one_server};
use crate::resp::Value;
use crate::slot::{Slot, Slots};
use crate::table;
use crate::to_arg::ToArgs;
use std::borrow::Cow;

/// The commands of a transaction that was not run yet.
pub(super) struct Queue {
    commands: Vec<Cmd<Value>>,
    slots: Slots,
}

/// The commands of a transaction as one server gets them.
pub(super) struct Queued {
    batch: Batch,
    pub(super) named: Vec<Named>,
}

/// A command as far as it is told what became of it.
pub(super) struct Named {
    name: Cow<'static, str>,
    /// What a script that it runs may say in its own name.
    script: Option<OwnWords>,
    pub(super) is_read: bool,
}

impl Named {
    /// An error that the server said to it.
    pub(super) fn refused(&self, text: &[u8]) -> Error {
        let error = Error::server(text);
        let error = match self.script {
            Some(own) => error.of_a_script(own),
            None => error,
        };
        self.told(error)
    }

    pub(super) fn told(&self, error: Error) -> Error {
        error.with_command(self.name.clone())
    }
}

/// How the server of a transaction is found.
#[derive(Clone)]
pub(super) enum Home {
    /// By the keys.
    Routed(Cluster),
    /// By its name.
    Named(OnNode),
}

/// The server that a transaction goes to, and what led there.
pub(super) struct Lead {
    pub(super) server: usize,
    /// The node, when keys have led there.
    shard: Option<usize>,
    /// The first key, its command and its node, for people.
    because: String,
}

impl Queue {
    pub(super) fn new() -> Queue {
        Queue { commands: Vec::new(), slots: Slots::new() }
    }

    pub(super) fn push<T>(&mut self, cmd: Cmd<T>) -> Slot<T> {
        self.commands.push(cmd.reply());
        self.slots.next()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.count()
    }

    /// The commands for the one server that all their keys live on; `lead` says which that is as soon as one has a key.
    /// Of one that any server refuses, because it does not say which its keys are, `refusal` gets the words: a server
    /// would queue it and run the others.
    pub(super) fn queued(
        self,
        home: &Home,
        servers: &Servers,
        lead: &mut Option<Lead>,
        mut refusal: impl FnMut(&Cmd<Value>, RowRef) -> Error,
    ) -> Result<(Queued, Slots)> {
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(self.len()));
        let mut named = Vec::with_capacity(self.len());
        // One after the other, so that no value is held twice for long.
        for cmd in self.commands {
            let followed = home.follow(servers, &cmd, lead, |request| bytes.extend_from_slice(request));
            let RowRef { spec, .. } =
                followed.map_err(|error| home.refused_for_its_keys(&cmd).map_or(error, |row| refusal(&cmd, row)))?;
            ends.push(bytes.len());
            let (name, is_read) = (spec.name_of(cmd.args()), spec.access == Access::Read);
            let script = spec.runs_a_script(cmd.args()).then(|| OwnWords::of(cmd.as_bytes()));
            named.push(Named { name, script, is_read });
        }
        Ok((Queued { batch: Batch::of(bytes, ends), named }, self.slots))
    }
}

impl Queued {
    /// Runs them over this connection: see [`multi::exec`].
    pub(super) fn exec(&self, lease: &mut Lease, deadline: Deadline) -> Result<Option<Vec<u8>>> {
        multi::exec(lease, &self.batch, deadline, |word, error| match word {
            Word::Multi => error.with_command("MULTI"),
            Word::Command(at) => self.named[at].told(error),
            Word::Exec => error.with_command("EXEC"),
        })
    }
}

impl Home {
    pub(super) fn cluster(&self) -> &Cluster {
        match self {
            Home::Routed(cluster) => cluster,
            Home::Named(on) => on.cluster(),
        }
    }

    /// What is known before any key is.
    pub(super) fn lead(&self, servers: &Servers) -> Result<Option<Lead>> {
        match self {
            Home::Routed(_) => Ok(None),
            Home::Named(on) => Ok(Some(Lead { server: on.server(servers)?, shard: None, because: String::new() })),
        }
    }

    /// The server of these that a transaction goes to, which other servers may have led to.
    pub(super) fn server(&self, servers: &Servers, lead: Option<&Lead>) -> Result<usize> {
        match (self, lead.and_then(|lead| lead.shard)) {
            (Home::Named(on), _) => return on.server(servers).map_err(|error| error.with_command("MULTI")),
            (Home::Routed(_), Some(shard)) => return Ok(servers.topology.shards()[shard].master()),
            (Home::Routed(_), None) => {}
        }
        let mut nodes = servers.topology.distinct_shards();
        match (nodes.next(), nodes.next()) {
            (Some(only), None) => Ok(servers.topology.shards()[only].master()),
            _ => Err(Error::argument(
                "no command of the transaction has a key, so that no node can be told; `Cluster::on` names one; \
                 nothing was sent",
            )
            .with_command("MULTI")),
        }
    }

    /// The row of a command that any server refuses for its keys. One for a named server goes there as it is.
    pub(super) fn refused_for_its_keys<T>(&self, cmd: &Cmd<T>) -> Option<RowRef> {
        let Home::Routed(cluster) = self else { return None };
        cluster.row_of(cmd).ok().filter(|row| row.spec.is_refused_for_its_keys(cmd.args()))
    }

    /// Takes a command for the server of the transaction.
    pub(super) fn follow<T>(
        &self,
        servers: &Servers,
        cmd: &Cmd<T>,
        lead: &mut Option<Lead>,
        take: impl FnOnce(&[u8]),
    ) -> Result<RowRef> {
        match self {
            Home::Named(on) => {
                let row = on.cluster().row_of_any(cmd)?;
                take(cmd.as_bytes());
                Ok(row)
            }
            Home::Routed(cluster) => {
                let row = cluster.row_of(cmd)?;
                let naming = row.code.naming;
                let native = native(&cluster.planner(servers), cmd.args(), row.spec, naming)?;
                Lead::follow(lead, servers, cmd, row.spec, &native)?;
                take(&native.request);
                Ok(row)
            }
        }
    }

    /// The `WATCH` for keys.
    pub(super) fn keys(&self, keys: impl ToArgs) -> Cmd {
        Cmd::new(&table::WATCH).args_of(keys)
    }

    /// Where a `WATCH` goes, and how.
    pub(super) fn watch(&self, servers: &Servers, cmd: &Cmd) -> Result<(Lead, Vec<u8>)> {
        cmd.check()?;
        if !table::WATCH.takes(cmd.args().len()) {
            return Err(no_key());
        }
        match (self, self.lead(servers)?) {
            (Home::Routed(cluster), mut lead) => {
                let native = on_one_server(&cluster.planner(servers), cmd.args(), &table::WATCH)?;
                Lead::follow(&mut lead, servers, cmd, &table::WATCH, &native)?;
                let lead = lead.ok_or_else(no_key)?;
                Ok((lead, native.request.into_owned()))
            }
            (Home::Named(_), Some(lead)) => Ok((lead, cmd.as_bytes().to_vec())),
            (Home::Named(_), None) => Err(no_key()),
        }
    }
}

impl Lead {
    /// Goes where the keys of a command lead; an error when others led elsewhere.
    fn follow<T>(
        lead: &mut Option<Lead>,
        servers: &Servers,
        cmd: &Cmd<T>,
        spec: &Spec,
        native: &Native<'_>,
    ) -> Result<()> {
        let Some(key) = native.keys.first() else { return Ok(()) };
        if lead.as_ref().is_some_and(|lead| lead.server == key.master) {
            return Ok(());
        }
        let name = escape(cmd.args().get(key.position).unwrap_or_default(), 64);
        let node = servers.topology.shards()[key.shard].name();
        let Some(lead) = lead else {
            let because = format!("{name} of {} on {node}", spec.name_of(cmd.args()));
            *lead = Some(Lead { server: key.master, shard: Some(key.shard), because });
            return Ok(());
        };
        let message = format!(
            "a transaction needs all its keys on one node: {name} lives on {node}, and {}; nothing was sent",
            lead.because
        );
        Err(Error::new(ErrorKind::CrossNode, Outcome::NotApplied, message).with_command(spec.name_of(cmd.args())))
    }
}

fn no_key() -> Error {
    Error::argument("there is no key to watch; nothing was sent")
}
