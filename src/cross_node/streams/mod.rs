//! `XREAD` and `XREADGROUP` with streams on several nodes.

mod planned;

pub(super) use planned::steps;

use crate::command::{Access, Across, Emulation};
use crate::cross_node::ask_together::ask_each;
use crate::cross_node::pop::{takes_type, NO_TIME};
use crate::cross_node::wait::{end_of_wait, wait_in_slices, watch_until_given, Given, Waited, Waiter, Watcher};
use crate::cross_node::{across, error_in, nothing, nothing_written};
use crate::error::{escape, Error, ErrorKind, Outcome, PartOutcome, Result};
use crate::execute::{Call, Strategy};
use crate::order::{sort, sort_by_key};
use crate::plan::{as_stored, command_of, in_rounds, parse_id, Part, Placed, StreamRead, Target};
use crate::resp::{encode, Frame, ValueRef};
use crate::topology::Role;
use std::collections::HashMap;
use std::time::Duration;

pub(super) const EMULATION: Emulation = Emulation::new(
    "read_streams",
    "each node reads its own streams, all at once; what waits watches all at once",
    // The group of every stream is asked for first. To wait takes two more, for either.
    |spec| if spec.access == Access::Write { 2 } else { 1 },
);

/// `XREAD` and `XREADGROUP`: every node reads its own streams, all at once, and what waits waits on all at once; what they
/// give becomes one reply in the order of the keys.
pub(crate) const READ_STREAMS: Strategy = Strategy {
    across: Across::of(&EMULATION),
    route: in_rounds,
    run: |call, route| across(call, route, read_streams),
    wait: |call, keys| match StreamRead::of(call.args, keys) {
        Some(read) if read.waits() => read_streams(call, keys),
        // What no server takes for a wait is refused at once, and the server says why.
        _ => {
            call.exchange(keys[0].master, &as_stored(call.args, keys)).map(|answer| answer.frame().as_bytes().to_vec())
        }
    },
    ..Strategy::ONE_NODE
};

/// An id that no server takes: a read with it fails for the first thing that is wrong with the stream, and if nothing
/// is, for the id. So nothing is read, and not even a consumer made.
const NO_ID: &[u8] = b"x";

/// What one server gave of one stream.
struct Piece<'r> {
    key: Placed<'r>,
    given: Stream,
}

/// A stream in a reply.
struct Stream {
    name: Vec<u8>,
    /// The ids of the entries.
    ids: Vec<Vec<u8>>,
    /// As it stands in the reply: a pair, or in a map a key and a value.
    raw: Vec<u8>,
    is_in_map: bool,
}

/// Every node reads its own streams, all at once. When that gives nothing and the command may wait, all nodes are
/// waited on at once; what they give becomes one reply in the order of the keys.
#[inline]
fn read_streams(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    let Some(mut read) = StreamRead::of(call.args, keys) else {
        return Err(Error::argument("ERR syntax error"));
    };
    let is_alone = read.groups().len() == 1;
    let prompt = call.without_wait();
    if read.waits() && takes_nothing(call) {
        resolve_last(&prompt, &mut read)?;
    }
    // One server looks at everything before it gives anything, and before it waits.
    if is_alone && read.waits() {
        return wait_for_streams(call, &read);
    }
    if !takes_nothing(call) {
        check_groups(&prompt, &read).map_err(nothing_written)?;
    }
    // Who waits is to get what is new as soon as it is there; a replica has it later.
    let role = if read.waits() { Role::Master } else { call.planner.role(call.spec) };
    let part = |group: &Vec<&Placed<'_>>| Part {
        target: Target::Shard(group[0].shard, role),
        request: read.request(group, None).into(),
        keys: group.iter().map(|key| key.position).collect(),
    };
    let parts: Vec<Part<'_>> = read.groups().iter().map(part).collect();
    let results = prompt.fan_out(&parts)?.into_iter().map(|answer| answer.map(|answer| given(answer.frame())));
    match merged_reply(&prompt, &read, results.collect())? {
        Some(reply) => Ok(reply),
        None if read.waits() => wait_for_streams(call, &read),
        None => nothing(false),
    }
}

#[inline]
fn wait_for_streams(call: &Call<'_>, read: &StreamRead<'_>) -> Result<Vec<u8>> {
    let groups = read.groups();
    if let [group] = groups.as_slice() {
        let request = |places: &[usize], slice: Duration| {
            let keys: Vec<&Placed<'_>> = places.iter().map(|&at| group[at]).collect();
            read.request(&keys, Some(&slice.as_millis().max(1).to_string()))
        };
        let keys = group.iter().map(|key| key.stored).collect();
        return wait_in_slices(call, &Waiter { server: group[0].master, keys, request: &request });
    }
    let probe = |group: &[&Placed<'_>]| read.request(group, Some(NO_TIME));
    let watchers: Vec<Watcher<'_>> = groups.iter().map(|group| Watcher::of(group, probe(group))).collect();
    // What is no stream now has nothing, and whoever waits for it does not mind.
    let take = |nth: usize, types: &[Vec<u8>]| {
        let streams = groups[nth].iter().zip(types).filter(|(_, kind)| kind.as_slice() == takes_type(call));
        let keys: Vec<&Placed<'_>> = streams.map(|(key, _)| *key).collect();
        if keys.is_empty() {
            return Ok(None);
        }
        match call.without_wait().exchange(keys[0].master, &read.request(&keys, None)) {
            Ok(answer) => Ok(given(answer.frame())),
            Err(error) if error.kind() == ErrorKind::WrongType => Ok(None),
            Err(error) => Err(error),
        }
    };
    let Waited { results, was_cancelled } = watch_until_given(call, &watchers, end_of_wait(call), &take);
    match merged_reply(&call.without_wait(), read, results)? {
        Some(reply) => Ok(reply),
        None => nothing(was_cancelled),
    }
}

/// Whether what is read stays there for others, as it does without a group.
#[inline]
pub(in crate::cross_node) fn takes_nothing(call: &Call<'_>) -> bool {
    call.spec.access == Access::Read
}

/// Puts the last id of a stream into the place of `$`. A wait is made of several requests, and each would begin anew
/// at the end of its stream: what was added between two of them would be missed.
#[inline]
fn resolve_last(call: &Call<'_>, read: &mut StreamRead<'_>) -> Result<()> {
    let keys: Vec<Placed<'_>> = read.keys.iter().filter(|key| read.id_of(key) == b"$").copied().collect();
    let replies = ask_each(call, &keys, &|key| command_of(&[b"XINFO", b"STREAM", key.stored]))?;
    for (key, reply, node) in replies {
        let id = match error_in(&reply) {
            // Its first entry will come behind this one.
            Some(error) if error.message().contains("no such key") => b"0-0".to_vec(),
            Some(error) => return Err(refusal_of(call, read)?.unwrap_or_else(|| error.with_node(|| node))),
            None => last_id(&reply).ok_or_else(|| Error::reply("XINFO STREAM told no last id"))?,
        };
        read.set_id(key.position, id);
    }
    Ok(())
}

/// On one server nothing is given of any stream when one of them has no such group. So all of them are asked for
/// their groups before anything is read.
#[inline]
fn check_groups(call: &Call<'_>, read: &StreamRead<'_>) -> Result<()> {
    if let (Some(group), true) = (read.group(), read.words.is_plain && read.ids_are_plain()) {
        let replies = ask_each(call, &read.keys, &|key| command_of(&[b"XPENDING", key.stored, group]))?;
        if replies.iter().all(|(_, reply, _)| error_in(reply).is_none()) {
            return Ok(());
        }
    }
    refusal_of(call, read)?.map_or(Ok(()), Err)
}

/// What one server would say against the command: of all streams that something is wrong with, the first, in the
/// words of the server that has it. Nothing is taken by asking.
#[inline]
fn refusal_of(call: &Call<'_>, read: &StreamRead<'_>) -> Result<Option<Error>> {
    for key in &read.keys {
        let own = call.args.get(key.position + read.keys.len()).unwrap_or_default();
        let is_plain = own == b">" || parse_id(own).is_some();
        let id = if is_plain && !takes_nothing(call) { NO_ID } else { own };
        match call.exchange(key.master, &read.request_with(&[key], &[id], None)) {
            Err(error) if id == NO_ID && own != NO_ID && error.message().contains("Invalid stream ID") => {}
            Err(error) if error.is_server() => return Ok(Some(error)),
            result => drop(result?),
        }
    }
    Ok(None)
}

/// One reply of what the servers gave, in the order of the keys; `None` when that is nothing.
#[inline]
fn merged_reply(call: &Call<'_>, read: &StreamRead<'_>, results: Vec<Given>) -> Result<Option<Vec<u8>>> {
    let groups = read.groups();
    let mut pieces = Vec::new();
    let mut failed: Vec<(usize, Error)> = Vec::new();
    for (nth, result) in results.into_iter().enumerate() {
        match result.and_then(|reply| reply.map_or(Ok(Vec::new()), |reply| pieces_of(call, read, &groups[nth], &reply)))
        {
            Ok(given) => pieces.extend(given),
            Err(error) => failed.push((nth, error)),
        }
    }
    if !failed.is_empty() {
        return Err(failure_of(call, read, &pieces, failed));
    }
    sort_by_key(&mut pieces, |piece| piece.key.position);
    let Some(first) = pieces.first() else { return Ok(None) };
    let mut out = Vec::new();
    encode::head(&mut out, if first.given.is_in_map { b'%' } else { b'*' }, pieces.len());
    pieces.iter().for_each(|piece| out.extend_from_slice(&piece.given.raw));
    Ok(Some(out))
}

/// The streams of one reply, each with the key that it belongs to. They come in the order of the keys, and those that
/// have nothing are left out.
#[inline]
fn pieces_of<'c>(
    call: &Call<'_>,
    read: &StreamRead<'c>,
    group: &[&Placed<'c>],
    reply: &[u8],
) -> Result<Vec<Piece<'c>>> {
    let streams = streams_of(reply).ok_or_else(misfit)?;
    let mut distinct: HashMap<&[u8], usize> = HashMap::new();
    for key in group {
        distinct.insert(key.stored, 0);
    }
    let is_each_once = distinct.len() == group.len();
    let (left, pending) = match is_each_once {
        true => (Vec::new(), Vec::new()),
        // What is pending always gives something, be it an empty list.
        false => (
            same_from_here(streams.iter().map(|stream| (&*stream.name, true))),
            same_from_here(group.iter().map(|key| (key.stored, read.id_of(key) != b">"))),
        ),
    };
    let mut keys = group.iter().enumerate();
    let mut chosen = Vec::with_capacity(streams.len());
    for (nth, stream) in streams.iter().enumerate() {
        let is_it = |&(at, key): &(usize, &&Placed<'_>)| {
            let may_give = || match read.id_of(key) {
                id if takes_nothing(call) => is_behind(stream.ids.first(), id),
                // What is new gave something when too few are pending for what is left.
                id => id != b">" || pending[at] < left[nth],
            };
            key.stored == stream.name && (is_each_once || may_give())
        };
        chosen.push(**keys.find(is_it).ok_or_else(misfit)?.1);
    }
    Ok(chosen.into_iter().zip(streams).map(|(key, given)| Piece { key, given }).collect())
}

/// The error for a read that failed on some nodes. What others gave of a group meanwhile is told.
#[inline]
fn failure_of(call: &Call<'_>, read: &StreamRead<'_>, pieces: &[Piece<'_>], failed: Vec<(usize, Error)>) -> Error {
    let mut refused = failed.iter().map(|(_, error)| error).filter(|error| error.is_server());
    let first = refused.next().map(Error::message);
    if takes_nothing(call) && refused.any(|error| Some(error.message()) != first) {
        // Which one a server would meet first depends on the order of the streams.
        if let Ok(Some(error)) = refusal_of(call, read) {
            return error;
        }
    }
    let new: Vec<&Piece<'_>> =
        pieces.iter().filter(|piece| read.id_of(&piece.key) == b">" && !piece.given.ids.is_empty()).collect();
    let is_unknown = failed.iter().any(|(_, error)| error.outcome() == Outcome::Unknown);
    let mut given: Vec<usize> = new.iter().map(|piece| piece.key.master).collect();
    sort(&mut given, Ord::cmp);
    let mut parts: Vec<PartOutcome> = Vec::new();
    for (nth, group) in read.groups().iter().enumerate() {
        let error = failed.iter().find(|(at, _)| *at == nth).map(|(_, error)| error);
        let has_given = given.binary_search(&group[0].master).is_ok();
        let outcome = match error {
            Some(error) => error.outcome(),
            None if has_given => Outcome::Applied,
            None => Outcome::NotApplied,
        };
        parts.push(PartOutcome {
            error: error.map(|error| error.message().to_owned()),
            ..call.part_outcome(group, outcome)
        });
    }
    let Some((_, error)) = failed.into_iter().next() else { return Error::reply("a part failed without an error") };
    if takes_nothing(call) || (new.is_empty() && !is_unknown) {
        return error;
    }
    let error = error.with_outcome(Outcome::of_several(is_unknown, true)).with_parts(parts);
    if new.is_empty() {
        return error;
    }
    let told = new.iter().map(|piece| {
        let ids = &piece.given.ids;
        let ends = [ids.first(), ids.last()].map(|id| escape(id.map_or(&[], Vec::as_slice), 64));
        format!("{} of {} ({} to {})", ids.len(), escape(piece.key.stored, 64), ends[0], ends[1])
    });
    let told = told.collect::<Vec<_>>().join(", ");
    error.with_note(&match read.words.no_ack {
        true => format!("the group has gone on past these entries, which XRANGE still gives: {told}"),
        false => {
            format!("these entries are pending for the consumer now, who gets them by an id such as 0: {told}")
        }
    })
}

/// For each name how often it stands there or further behind, of those that count.
#[inline]
fn same_from_here<'n>(names: impl DoubleEndedIterator<Item = (&'n [u8], bool)>) -> Vec<usize> {
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    let count = |(name, counts): (&'n [u8], bool)| {
        let count = seen.entry(name).or_default();
        *count += usize::from(counts);
        *count
    };
    let mut counts: Vec<usize> = names.rev().map(count).collect();
    counts.reverse();
    counts
}

/// Whether a stream that gave this first entry may have been read from behind this id.
#[inline]
fn is_behind(first: Option<&Vec<u8>>, id: &[u8]) -> bool {
    let behind = |asked| first.and_then(|first| parse_id(first)).map_or(true, |first| first > asked);
    id != b"$" && parse_id(id).map_or(true, behind)
}

/// What a server gave; `None` when that is nothing.
#[inline]
fn given(frame: Frame<'_>) -> Option<Vec<u8>> {
    (frame.value() != ValueRef::Nil).then(|| frame.as_bytes().to_vec())
}

#[inline]
fn misfit() -> Error {
    Error::reply("a stream came that was not asked for, or what came is none")
}

/// The streams in a reply; `None` when it has another form.
#[inline]
fn streams_of(reply: &[u8]) -> Option<Vec<Stream>> {
    let value = Frame::trusted(reply).value();
    let is_in_map = matches!(value, ValueRef::Map(_));
    let mut items = value.items()?;
    let mut streams = Vec::with_capacity(items.len());
    while let Some((item, raw)) = items.next_raw() {
        let (name, entries, raw) = if is_in_map {
            let (entries, more) = items.next_raw()?;
            (item, entries, [raw, more].concat())
        } else {
            let mut pair = item.items()?;
            (pair.next()?, pair.next()?, raw.to_vec())
        };
        let id = |entry: ValueRef<'_>| Some(entry.items()?.next()?.as_bytes()?.to_vec());
        let ids = entries.items()?.filter_map(id).collect();
        streams.push(Stream { name: name.as_bytes()?.to_vec(), ids, raw, is_in_map });
    }
    Some(streams)
}

/// The last id that a stream gave out, as `XINFO STREAM` tells it.
#[inline]
fn last_id(reply: &[u8]) -> Option<Vec<u8>> {
    let mut items = Frame::trusted(reply).value().items()?;
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        if name.as_bytes() == Some(b"last-generated-id") {
            return value.as_bytes().map(<[u8]>::to_vec);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::execute::scripted_servers::assert_failures;
    use crate::table::cmd;

    #[test]
    fn what_is_done_when_a_step_fails() {
        let command =
            cmd("XREADGROUP").arg("GROUP").arg("g").arg("c").arg("STREAMS").arg("a").arg("b").arg(">").arg(">");
        let expected = "
            a:XPENDING b:XPENDING a:XREADGROUP b:XREADGROUP = Nil
            a:XPENDING Refused: Nil; b:XPENDING a:XREADGROUP b:XREADGROUP a:XREADGROUP b:XREADGROUP
            a:XPENDING Breaks, Dies: NotApplied; b:XPENDING
            b:XPENDING Refused: Nil; a:XREADGROUP b:XREADGROUP a:XREADGROUP b:XREADGROUP
            b:XPENDING Breaks, Dies: NotApplied
            a:XREADGROUP Refused: NotApplied; b:XREADGROUP
            a:XREADGROUP Breaks, Dies: Unknown; b:XREADGROUP
            b:XREADGROUP Refused: NotApplied
            b:XREADGROUP Breaks, Dies: Unknown
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }

    #[test]
    fn what_is_done_when_a_step_of_a_wait_fails() {
        let command = cmd("XREAD").arg("BLOCK").arg("100").arg("STREAMS").arg("a").arg("b").arg("$").arg("$");
        let expected = "
            a:XINFO b:XINFO a:XREAD b:XREAD = Array[Array[Bulk(\"a\"), Array[Array[Bulk(\"1-1\"), Array[]]]]]
            a:XINFO Refused: NotApplied; b:XINFO a:XREAD b:XREAD
            a:XINFO Breaks, Dies: NotApplied; b:XINFO
            b:XINFO Refused: NotApplied; a:XREAD b:XREAD
            b:XINFO Breaks, Dies: NotApplied
            a:XREAD Refused, Breaks, Dies: NotApplied; b:XREAD
            b:XREAD Refused, Breaks, Dies: NotApplied
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }
}
