//! What a transaction holds before it is sent, and which server gets it.

use crate::cluster::{Cluster, OnNode};
use crate::cmd::Cmd;
use crate::error::{escape, Error, ErrorKind, Outcome, Result};
use crate::plan::{command, Native};
use crate::resp::Value;
use crate::run::Servers;
use crate::slot::{Slot, Slots};
use crate::spec::{self, Access, Spec};
use crate::to_arg::ToArgs;
use std::borrow::Cow;
use std::ops::Range;

/// The most commands that are sent before their `+QUEUED` is read.
const WINDOW_COMMANDS: usize = 1000;
/// The most bytes that are sent before the replies are read, unless one command alone is larger: a server that answers
/// while nobody reads must never keep both sides waiting for room in a socket.
const WINDOW_BYTES: usize = 64 << 10;

/// The commands of a transaction that was not run yet.
pub(super) struct Queue {
    commands: Vec<Cmd<Value>>,
    slots: Slots,
}

/// The commands of a transaction as one server gets them, and `EXEC` behind them.
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where each command ends.
    ends: Vec<usize>,
    pub(super) named: Vec<Named>,
}

/// A command as far as it is told what became of it.
pub(super) struct Named {
    name: Cow<'static, str>,
    is_script: bool,
    pub(super) is_read: bool,
}

impl Named {
    /// An error that the server said to it.
    pub(super) fn refused(&self, text: &[u8]) -> Error {
        let error = Error::server(text);
        let error = if self.is_script { error.of_a_script() } else { error };
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
    pub(super) fn batch(self, home: &Home, servers: &Servers, lead: &mut Option<Lead>) -> Result<(Batch, Slots)> {
        let mut batch =
            Batch { bytes: Vec::new(), ends: Vec::with_capacity(self.len()), named: Vec::with_capacity(self.len()) };
        // One after the other, so that no value is held twice for long.
        for cmd in self.commands {
            let spec = home.follow(servers, &cmd, lead, |_, request| batch.bytes.extend_from_slice(request))?;
            batch.ends.push(batch.bytes.len());
            let (name, is_script) = (spec.name_of(cmd.args()), spec.runs_a_script());
            batch.named.push(Named { name, is_script, is_read: spec.access == Access::Read });
        }
        batch.bytes.extend(command([&b"EXEC"[..]]));
        Ok((batch, self.slots))
    }
}

impl Batch {
    /// How many commands there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The commands that are sent at once, window after window, and their bytes. Those of the last one end with `EXEC`.
    pub(super) fn windows(&self) -> Vec<(Range<usize>, &[u8])> {
        let end_of = |at: usize| if at == 0 { 0 } else { self.ends[at - 1] };
        let mut windows = Vec::new();
        let mut first = 0;
        loop {
            let begin = end_of(first);
            let most = self.len().min(first + WINDOW_COMMANDS);
            let fitting = self.ends[first..most].iter().take_while(|&&end| end - begin <= WINDOW_BYTES).count();
            let after = most.min(first + fitting.max(1));
            if after == self.len() {
                windows.push((first..after, &self.bytes[begin..]));
                return windows;
            }
            windows.push((first..after, &self.bytes[begin..end_of(after)]));
            first = after;
        }
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

    /// Takes a command for the server of the transaction.
    pub(super) fn follow<T>(
        &self,
        servers: &Servers,
        cmd: &Cmd<T>,
        lead: &mut Option<Lead>,
        take: impl FnOnce(&'static Spec, &[u8]),
    ) -> Result<&'static Spec> {
        match self {
            Home::Named(on) => {
                let spec = on.cluster().spec_of_any(cmd)?;
                take(spec, cmd.as_bytes());
                Ok(spec)
            }
            Home::Routed(cluster) => {
                let spec = cluster.spec_of(cmd)?;
                let native = cluster.planner(servers).native(cmd.args(), spec)?;
                Lead::follow(lead, servers, cmd, spec, &native)?;
                take(spec, &native.request);
                Ok(spec)
            }
        }
    }

    /// The `WATCH` for keys.
    pub(super) fn keys(&self, keys: impl ToArgs) -> Cmd {
        Cmd::new(&spec::WATCH).args_of(keys)
    }

    /// Where a `WATCH` goes, and how.
    pub(super) fn watch(&self, servers: &Servers, cmd: &Cmd) -> Result<(Lead, Vec<u8>)> {
        cmd.check()?;
        if !spec::WATCH.takes(cmd.args().len()) {
            return Err(no_key());
        }
        match (self, self.lead(servers)?) {
            (Home::Routed(cluster), mut lead) => {
                let native = cluster.planner(servers).on_one_server(cmd.args(), &spec::WATCH)?;
                Lead::follow(&mut lead, servers, cmd, &spec::WATCH, &native)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands of these lengths, and `EXEC`.
    fn batch(lengths: &[usize]) -> Batch {
        let ends: Vec<usize> = lengths
            .iter()
            .scan(0, |end, length| {
                *end += length;
                Some(*end)
            })
            .collect();
        let mut bytes = vec![b'x'; ends.last().copied().unwrap_or(0)];
        bytes.extend_from_slice(b"EXEC");
        Batch { bytes, ends, named: Vec::new() }
    }

    #[test]
    fn a_window_is_small_enough_to_be_answered_while_nobody_reads() {
        for lengths in [
            vec![],
            vec![10],
            vec![10; 1000],
            vec![10; 1001],
            vec![10; 100_000],
            vec![40_000; 7],
            vec![32 << 10; 4],
            vec![1 << 20, 10, 10, 1 << 20, 1 << 20, 10],
        ] {
            let batch = batch(&lengths);
            let windows = batch.windows();
            let sent: Vec<u8> = windows.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
            assert!(sent == batch.bytes, "every byte once, in order");
            let mut next = 0;
            for (commands, bytes) in &windows {
                assert_eq!(commands.start, next);
                next = commands.end;
                let is_last = next == lengths.len();
                let length = bytes.len() - if is_last { 4 } else { 0 };
                assert_eq!(bytes.ends_with(b"EXEC"), is_last);
                assert_eq!(length, lengths[commands.clone()].iter().sum::<usize>());
                assert!(commands.len() <= WINDOW_COMMANDS && (length <= WINDOW_BYTES || commands.len() == 1));
            }
            assert_eq!(next, lengths.len());
        }
        let counts = |lengths: &[usize]| batch(lengths).windows().iter().map(|(at, _)| at.len()).collect::<Vec<_>>();
        assert_eq!(counts(&[10; 1000]), [1000], "two round trips for nearly everybody");
        assert_eq!(counts(&[10; 1001]), [1000, 1]);
        assert_eq!(counts(&[32 << 10; 4]), [2, 2]);
        assert_eq!(counts(&[]), [0]);
    }
}
