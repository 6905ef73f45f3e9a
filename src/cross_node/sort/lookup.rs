//! What patterns name, looked up on the nodes where it lives.

use crate::error::{Error, ErrorKind, Result};
use crate::execute::Call;
use crate::net::{Deadline, Lease};
use crate::order::sort_by_key;
use crate::plan::{command, Pattern, Target};
use crate::resp::ValueRef;
use crate::topology::Role;
use std::time::Instant;

/// As many values as one server is asked for in one round, when they are spread evenly: neither side holds more.
const LOOKUPS: usize = 1_000;

/// What a key or a field holds; `None` when there is none, or none of the right type.
pub(super) type Cell = Option<Vec<u8>>;

/// What one server is asked in one round.
struct Batch<'b> {
    shard: usize,
    /// Keys of strings, and which cells their values are.
    strings: Vec<(usize, Vec<u8>)>,
    /// Keys and fields of hashes, and which cells their values are.
    fields: Vec<(usize, Vec<u8>, &'b [u8])>,
}

/// What the patterns lead to, element by element; for each element in the order of the patterns. All nodes are
/// asked at the same time.
#[inline]
pub(super) fn look_up(
    call: &Call<'_>,
    elements: &[Vec<u8>],
    patterns: &[Pattern<'_>],
    role: Role,
) -> Result<Vec<Cell>> {
    let mut cells: Vec<Cell> = vec![None; elements.len() * patterns.len()];
    if cells.is_empty() {
        return Ok(cells);
    }
    let nodes = call.topology().distinct_shards().count();
    let step = (LOOKUPS * nodes / patterns.len()).max(1);
    for (nth, chunk) in elements.chunks(step).enumerate() {
        for (cell, value) in look_up_some(call, chunk, patterns, role, nth * step * patterns.len())? {
            cells[cell] = value;
        }
    }
    Ok(cells)
}

/// One round of it; `first` is the first cell.
#[inline]
fn look_up_some(
    call: &Call<'_>,
    elements: &[Vec<u8>],
    patterns: &[Pattern<'_>],
    role: Role,
    first: usize,
) -> Result<Vec<(usize, Cell)>> {
    let topology = call.topology();
    // In the order of the masters.
    let mut batches: Vec<Option<Batch<'_>>> = (0..topology.server_count()).map(|_| None).collect();
    let pairs = elements.iter().flat_map(|element| patterns.iter().map(move |pattern| (element, pattern)));
    for (cell, (element, pattern)) in (first..).zip(pairs) {
        let key = pattern.key(element);
        let (shard, stored) = call.planner.placement.place(&key, topology);
        let batch = batches[topology.shards()[shard].master()].get_or_insert_with(|| Batch {
            shard,
            strings: Vec::new(),
            fields: Vec::new(),
        });
        match pattern.field() {
            Some(field) => batch.fields.push((cell, stored.to_vec(), field)),
            None => batch.strings.push((cell, stored.to_vec())),
        }
    }
    ask_all(call, &batches.into_iter().flatten().collect::<Vec<_>>(), role)
}

#[inline]
fn ask_all(call: &Call<'_>, batches: &[Batch<'_>], role: Role) -> Result<Vec<(usize, Cell)>> {
    let mut chosen: Vec<(usize, bool, &Batch<'_>)> = Vec::with_capacity(batches.len());
    for batch in batches {
        let mut candidates = call.candidates(Target::Shard(batch.shard, role));
        let server = candidates.next();
        let others = candidates.has_more();
        chosen.extend(server.map(|server| (server, others, batch)));
    }
    // Connections are taken in the order of the servers: two calls can so never wait for one another.
    sort_by_key(&mut chosen, |(server, ..)| *server);
    let mut asked = Vec::with_capacity(chosen.len());
    for &(server, others, batch) in &chosen {
        let (deadline, began) = (call.part_of_the_time(others), Instant::now());
        let lease = call.lend_in_step(server, deadline, others).and_then(|mut lease| {
            lease.send(&batch.request(), batch.replies(), deadline)?;
            Ok(lease)
        });
        asked.push((server, batch, lease, deadline, began));
    }
    // Every reply is read before anything is asked again, or the connections would be closed.
    let received: Vec<_> = asked
        .into_iter()
        .map(|(server, batch, lease, deadline, began)| {
            let result = lease.and_then(|lease| batch.receive(lease, deadline));
            if role == Role::Replica && !result.as_ref().is_err_and(is_of_its_connection) {
                call.note(server, began, result.as_ref().err());
            }
            (batch, result)
        })
        .collect();
    let mut cells = Vec::new();
    for (batch, result) in received {
        cells.extend(match result {
            Err(error) if error.is_servers_fault() => ask_again(call, batch, role, error)?,
            result => result?,
        });
    }
    Ok(cells)
}

/// To look up does no harm, so a server that failed is asked once more, and so are those that hold the same.
#[inline]
fn ask_again(call: &Call<'_>, batch: &Batch<'_>, role: Role, why: Error) -> Result<Vec<(usize, Cell)>> {
    if call.deadline.left().is_err() {
        return Err(why);
    }
    let mut is_dead = is_of_its_connection(&why);
    call.first_that_serves(Target::Shard(batch.shard, role), &mut |server, deadline, others| {
        if is_dead {
            call.servers.pools[server].drop_idle();
        }
        let answered = call.lend_in_step(server, deadline, others).and_then(|mut lease| {
            lease.send(&batch.request(), batch.replies(), deadline)?;
            batch.receive(lease, deadline)
        });
        is_dead = answered.as_ref().is_err_and(is_of_its_connection);
        answered
    })
}

/// A dead connection says nothing yet about its server, and that others of the pool are dead as well.
#[inline]
fn is_of_its_connection(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Io | ErrorKind::Protocol)
}

impl Batch<'_> {
    #[inline]
    fn request(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if !self.strings.is_empty() {
            let keys = self.strings.iter().map(|(_, key)| &key[..]);
            bytes = command([&b"MGET"[..]].into_iter().chain(keys));
        }
        for (_, key, field) in &self.fields {
            bytes.extend(command([b"HGET", &key[..], field]));
        }
        bytes
    }

    #[inline]
    fn replies(&self) -> usize {
        usize::from(!self.strings.is_empty()) + self.fields.len()
    }

    /// The cells with their values.
    #[inline]
    fn receive(&self, mut lease: Lease, deadline: Deadline) -> Result<Vec<(usize, Cell)>> {
        let mut cells = Vec::with_capacity(self.strings.len() + self.fields.len());
        let mut refused = None;
        if !self.strings.is_empty() {
            let frame = lease.receive(deadline)?;
            match frame.value() {
                ValueRef::Error(text) => refused = Some(Error::server(text)),
                ValueRef::Array(items) if items.len() == self.strings.len() => {
                    let values = items.map(|item| item.as_bytes().map(<[u8]>::to_vec));
                    cells.extend(self.strings.iter().map(|(cell, _)| *cell).zip(values));
                }
                _ => refused = Some(Error::reply("MGET gave something else than one value for each key")),
            }
        }
        for (cell, ..) in &self.fields {
            match lease.receive(deadline)?.value() {
                // To a pattern a key of another type is as good as none.
                ValueRef::Error(text) if text.starts_with(b"WRONGTYPE") => {}
                ValueRef::Error(text) => refused = refused.or_else(|| Some(Error::server(text))),
                value => cells.push((*cell, value.as_bytes().map(<[u8]>::to_vec))),
            }
        }
        match refused {
            Some(error) => Err(error.with_node(|| lease.node().to_string())),
            None => Ok(cells),
        }
    }
}
