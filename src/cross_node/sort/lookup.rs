//! What patterns name, looked up on the nodes where it lives.

use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::execute::fan_out::{receive, Leased};
use crate::execute::Call;
use crate::plan::{command, Part, Pattern, Target};
use crate::resp::ValueRef;
use crate::topology::Role;
use std::slice;
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
        look_up_some(call, chunk, patterns, role, nth * step * patterns.len(), &mut cells)?;
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
    cells: &mut [Cell],
) -> Result<()> {
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
    ask_all(call, &batches.into_iter().flatten().collect::<Vec<_>>(), role, cells)
}

#[inline]
fn ask_all(call: &Call<'_>, batches: &[Batch<'_>], role: Role, cells: &mut [Cell]) -> Result<()> {
    let mut parts = Vec::with_capacity(batches.len());
    for batch in batches {
        let target = Target::Shard(batch.shard, role);
        parts.push(Part { target, request: batch.request().into(), keys: Vec::new() });
    }
    // Before anything is asked again all connections are given back: another call may wait for them.
    let answered = ask(batches, &parts, call.lend_each(&parts), cells);
    for (server, began, result) in &answered {
        if role == Role::Replica && !result.as_ref().is_err_and(is_of_its_connection) {
            call.note(*server, *began, result.as_ref().err());
        }
    }
    for ((batch, part), (server, _, result)) in batches.iter().zip(&parts).zip(answered) {
        match result {
            Err(error) if error.is_servers_fault() || error.is_for_the_moment() => {
                ask_again(call, batch, part, (server, error), cells)?;
            }
            result => result?,
        }
    }
    Ok(())
}

/// Asks servers at the same time, each for its batch, and gives back the connections; what came of each, and since when.
#[inline]
fn ask(
    batches: &[Batch<'_>],
    parts: &[Part<'_>],
    mut leased: Vec<Leased>,
    cells: &mut [Cell],
) -> Vec<(usize, Instant, Result<()>)> {
    let mut taken: Vec<(usize, Result<()>)> = Vec::with_capacity(batches.len());
    for ((batch, part), leased) in batches.iter().zip(parts).zip(&mut leased) {
        leased.send(&part.request, batch.replies());
        taken.push((0, Ok(())));
    }
    receive(&mut leased, &mut |nth, reply| {
        let (replies, result) = &mut taken[nth];
        let took = batches[nth].take(*replies, reply.value(), cells);
        *replies += 1;
        if result.is_ok() {
            *result = took;
        }
    });
    let mut answered = Vec::with_capacity(batches.len());
    for (Leased { server, began, lease, .. }, (_, taken)) in leased.into_iter().zip(taken) {
        // To look up changes nothing, however it ends.
        let lease = lease.map_err(|error| error.with_outcome(Outcome::NotApplied));
        let result = lease.and_then(|lease| taken.map_err(|error| error.at(lease.node())));
        answered.push((server, began, result));
    }
    answered
}

/// What failed is tried again as any read, and on those that hold the same. What it met was the first attempt.
#[inline]
fn ask_again(
    call: &Call<'_>,
    batch: &Batch<'_>,
    part: &Part<'_>,
    (failed, why): (usize, Error),
    cells: &mut [Cell],
) -> Result<()> {
    if call.deadline.left().is_err() {
        return Err(why);
    }
    // Who waited for a connection in vain has asked nobody yet, and there is time left to wait for it.
    let mut first = Some(why).filter(|why| why.kind() != ErrorKind::PoolTimeout);
    call.first_that_serves(part.target, &mut |server, deadline, others| {
        call.tried_until(server, deadline, others, || match first.take() {
            Some(why) if server == failed => Err(why),
            _ => {
                let lease = call.lend_in_step(server, deadline, others);
                let leased = vec![Leased::new(server, Instant::now(), lease, deadline)];
                ask(slice::from_ref(batch), slice::from_ref(part), leased, cells).remove(0).2
            }
        })
    })
}

/// A dead connection says nothing yet about its server.
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

    /// Puts the values of a reply into their cells: that of all strings, which comes first, or of one field.
    #[inline]
    fn take(&self, nth: usize, reply: ValueRef<'_>, cells: &mut [Cell]) -> Result<()> {
        let mut put = |at: usize, value: ValueRef<'_>| {
            if let Some(cell) = cells.get_mut(at) {
                *cell = value.as_bytes().map(<[u8]>::to_vec);
            }
        };
        let field = (nth + self.fields.len()).checked_sub(self.replies()).and_then(|nth| self.fields.get(nth));
        match (field, reply) {
            // To a pattern a key of another type is as good as none.
            (Some((cell, ..)), ValueRef::Error(text)) if text.starts_with(b"WRONGTYPE") => put(*cell, ValueRef::Nil),
            (_, ValueRef::Error(text)) => return Err(Error::server(text)),
            (Some((cell, ..)), value) => put(*cell, value),
            (None, ValueRef::Array(items)) if items.len() == self.strings.len() => {
                for ((cell, _), value) in self.strings.iter().zip(items) {
                    put(*cell, value);
                }
            }
            (None, _) => return Err(Error::reply("MGET gave something else than one value for each key")),
        }
        Ok(())
    }
}
