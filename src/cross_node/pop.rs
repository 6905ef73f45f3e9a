//! Waiting for an element of keys on several nodes: `BLPOP` and its like.

use super::ask_together::ask_each;
use super::wait::{
    end_of_wait, seconds, type_in, wait_for_first_on_one, watch_until_given, Waited, Watcher, SHORTEST, TRACKING,
};
use super::{across, nothing, nothing_written};
use crate::command::{Across, Args, Emulation, Group, Spec, Wait, WaitArgument};
use crate::error::{escape, Error, ErrorKind, Outcome, Result};
use crate::execute::{Call, Strategy};
use crate::explain::{shown, Draft, Step};
use crate::order::sort_by_key;
use crate::plan::{any_node, command_of, groups, in_rounds, Placed, Planner, Route};
use crate::resp::{encode, ValueRef};

/// A time to wait that every server refuses, after it has looked at everything else but the keys.
pub(super) const NO_TIME: &str = "-1";

pub(super) const EMULATION: Emulation = Emulation::new(
    "first_that_has",
    "the first key that has something, in the order of the keys, gives; what waits then watches all nodes at once",
    // What waits looks at all keys, has changes told, looks again when one is, and is given something.
    |spec| if spec.wait == WaitArgument::None { 2 } else { 4 },
);

/// `LMPOP` and its like: the nodes are asked one after the other in the order of the keys, until one has something.
pub(crate) const FIRST_THAT_HAS: Strategy = Strategy {
    across: Across::of(&EMULATION),
    route,
    run: |call, route| {
        across(call, route, |call, keys| match call.spec.wait {
            WaitArgument::None => first_that_has(call, keys),
            _ => wait_for_first(call, keys),
        })
    },
    wait: |call, keys| wait_for_first_on_one(call, keys),
    ..Strategy::ONE_NODE
};

#[inline]
fn route<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    match in_rounds(planner, args, spec)? {
        // The count takes for a key what says from which end to pop: a server says so.
        Route::Across(keys) if spec.counts_keys() && keys.last().map(|key| key.position + 1) == Some(args.len()) => {
            any_node(planner, args, spec)
        }
        route => Ok(route),
    }
}

/// One round after the other until a node has something. What waits looks at all nodes at once, and again when a key
/// changes; the first that has something gives.
#[inline]
pub(super) fn steps(draft: &Draft<'_>, keys: &[Placed<'_>]) -> Vec<Step> {
    let waits = draft.spec.wait != WaitArgument::None;
    let counted = draft.spec.wait != WaitArgument::LastSeconds;
    // The keys stand in a row.
    let first = keys[0].position;
    let native = |group: &[&Placed<'_>]| {
        let mut words: Vec<String> = draft.args.iter().take(first - usize::from(counted)).map(shown).collect();
        words.extend(counted.then(|| group.len().to_string()));
        words.extend(group.iter().map(|key| shown(key.stored)));
        words.extend(draft.args.iter().skip(first + keys.len()).map(shown));
        words.join(" ")
    };
    if waits {
        let types = draft.types_of(1, keys, "");
        let told = draft.types_of(2, keys, TRACKING);
        let looked_at = draft.types_of(3, keys, "");
        let gives = groups(keys).iter().map(|group| draft.on(4, group[0], native(group))).collect();
        return [types, told, looked_at, gives].concat();
    }
    let mut steps = Vec::new();
    let mut left = keys;
    while let Some(first) = left.first() {
        let count = left.iter().take_while(|key| key.master == first.master).count();
        let (group, others) = left.split_at(count);
        let does = native(&group.iter().collect::<Vec<_>>());
        steps.push(draft.on(steps.len() + 1, first, does));
        left = others;
    }
    steps
}

/// `LMPOP` and `ZMPOP`: the nodes are asked one after the other in the order of the keys, each natively for its own,
/// until one has something to give.
#[inline]
fn first_that_has(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    let rest: Vec<&[u8]> = call.args.iter().skip(2 + keys.len()).collect();
    let mut left = keys;
    loop {
        let count = left.iter().take_while(|key| key.master == left[0].master).count();
        let (group, others) = left.split_at(count);
        let numkeys = count.to_string();
        let mut request: Vec<&[u8]> = vec![call.spec.name.as_bytes(), numkeys.as_bytes()];
        let mut positions = Vec::with_capacity(count);
        for key in group {
            request.push(key.stored);
            positions.push(key.position);
        }
        request.extend_from_slice(&rest);
        let part = call.part(group[0].shard, &request, positions);
        let answer = call.one(part.target, &part.request)?;
        if others.is_empty() || answer.frame().value() != ValueRef::Nil {
            return Ok(answer.frame().as_bytes().to_vec());
        }
        left = others;
    }
}

/// First all nodes are asked which keys are there, and the first one in the order of the keys gives. Then all nodes
/// are watched, without taking anything, and one that may have something is asked for it. So at no time more than
/// one node can give, and a reply that is lost is told.
#[inline]
fn wait_for_first(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    let prompt = call.without_wait();
    if call.wait == Wait::None || !has_known_options(call) {
        // What is wrong is told by a server; and if nothing is, it has given what it had.
        let group: Vec<&Placed<'_>> = keys.iter().filter(|key| key.master == keys[0].master).collect();
        let wait = (call.wait != Wait::None).then(|| seconds(SHORTEST));
        if let Some(reply) = pop_at(&prompt, keys[0].master, &request_for(call, &group, wait.as_deref()))? {
            return Ok(reply);
        }
    }
    let types = ask_each(&prompt, keys, &|key| command_of(&[b"TYPE", key.stored])).map_err(nothing_written)?;
    let mut there = Vec::new();
    for (key, reply, node) in types {
        let kind = type_in(&reply);
        if kind.map_err(|error| error.with_node(|| node))? != b"none" {
            there.push(key);
        }
    }
    sort_by_key(&mut there, |key| key.position);
    for key in there {
        if let Some(reply) = pop_of(&prompt, key)? {
            return Ok(reply);
        }
    }
    if call.wait == Wait::None {
        return nothing(false);
    }
    watch_for_first(call, keys)
}

#[inline]
fn watch_for_first(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    let groups = groups(keys);
    let probe = |group: &[&Placed<'_>]| request_for(call, group, Some(NO_TIME));
    let watchers: Vec<Watcher<'_>> = groups.iter().map(|group| Watcher::of(group, probe(group))).collect();
    let take = |nth: usize, types: &[Vec<u8>]| {
        let prompt = call.without_wait();
        let there = groups[nth].iter().zip(types).filter(|(_, kind)| kind.as_slice() == takes_type(call));
        for (key, _) in there {
            match pop_of(&prompt, key) {
                // Whoever waits for a key does not mind that it becomes something else.
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::WrongType => {}
                given => return given,
            }
        }
        Ok(None)
    };
    let Waited { results, was_cancelled } = watch_until_given(call, &watchers, end_of_wait(call), &take);
    let mut failed: Option<Error> = None;
    for result in results {
        match result {
            Ok(Some(reply)) => return Ok(reply),
            Ok(None) => {}
            // What may have been taken must be told, whatever else failed.
            Err(error) => match &failed {
                Some(known) if known.outcome() != Outcome::NotApplied => {}
                Some(_) if error.outcome() == Outcome::NotApplied => {}
                _ => failed = Some(error),
            },
        }
    }
    failed.map_or_else(|| nothing(was_cancelled), Err)
}

/// What a key gives at once; `None` when it has nothing.
#[inline]
fn pop_of(call: &Call<'_>, key: &Placed<'_>) -> Result<Option<Vec<u8>>> {
    // There is no form of these commands that does not wait at all, but inside of a transaction, and those are
    // refused by a server whose memory is full.
    let popped = pop_at(call, key.master, &request_for(call, &[key], Some(&seconds(SHORTEST))));
    popped.map_err(|error| match error.outcome() {
        Outcome::NotApplied => error,
        outcome => {
            let note = format!("what was taken of {} may have been lost", escape(key.stored, 64));
            error.with_parts(vec![call.part_outcome(&[key], outcome)]).with_note(&note)
        }
    })
}

#[inline]
fn pop_at(call: &Call<'_>, server: usize, request: &[u8]) -> Result<Option<Vec<u8>>> {
    let answer = call.exchange(server, request)?;
    let frame = answer.frame();
    Ok((frame.value() != ValueRef::Nil).then(|| frame.as_bytes().to_vec()))
}

/// The name of the type of the keys that it takes from.
#[inline]
pub(super) fn takes_type(call: &Call<'_>) -> &'static [u8] {
    match call.spec.group {
        Group::SortedSets => b"zset",
        Group::Streams => b"stream",
        _ => b"list",
    }
}

/// The command with some keys of one server, and with another wait where one is given.
#[inline]
pub(super) fn request_for(call: &Call<'_>, keys: &[&Placed<'_>], wait: Option<&str>) -> Vec<u8> {
    let arg = |at: usize| call.args.get(at).unwrap_or_default();
    let (count, is_wait_last) = (keys.len().to_string(), call.spec.wait == WaitArgument::LastSeconds);
    let given = arg(if is_wait_last { call.args.len() - 1 } else { 1 });
    let wait = wait.map_or(given, str::as_bytes);
    let mut words = vec![arg(0)];
    if !is_wait_last {
        words.extend_from_slice(&[wait, count.as_bytes()]);
    }
    for key in keys {
        words.push(key.stored);
    }
    match is_wait_last {
        true => words.push(wait),
        false => words.extend(options_after_keys(call)),
    }
    command_of(&words)
}

/// What follows the keys, where they are counted.
#[inline]
fn options_after_keys<'c>(call: &'c Call<'_>) -> impl Iterator<Item = &'c [u8]> {
    let count = call.args.get(2).and_then(|count| std::str::from_utf8(count).ok()?.parse().ok()).unwrap_or(0);
    call.args.iter().skip(3usize.saturating_add(count))
}

/// Whether a server has nothing to object to in what follows the keys, as far as is known here.
#[inline]
fn has_known_options(call: &Call<'_>) -> bool {
    if call.spec.wait == WaitArgument::LastSeconds {
        return true;
    }
    let options: Vec<&[u8]> = options_after_keys(call).collect();
    let is_end = |word: &[u8]| {
        let ends: [&[u8]; 2] =
            if call.spec.group == Group::SortedSets { [b"MIN", b"MAX"] } else { [b"LEFT", b"RIGHT"] };
        ends.iter().any(|end| word.eq_ignore_ascii_case(end))
    };
    let is_count = |word: &[u8]| encode::parse_i64(word).is_some_and(|count| count > 0) && word[0] != b'+';
    match options[..] {
        [end] => is_end(end),
        [end, word, count] => is_end(end) && word.eq_ignore_ascii_case(b"COUNT") && is_count(count),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::execute::scripted_servers::assert_failures;
    use crate::table::cmd;

    #[test]
    fn what_is_done_when_a_step_fails() {
        let command = cmd("LMPOP").arg("2").arg("a").arg("b").arg("LEFT");
        let expected = "
            a:LMPOP b:LMPOP = Nil
            a:LMPOP Refused: NotApplied
            a:LMPOP Breaks, Dies: Unknown
            b:LMPOP Refused: NotApplied
            b:LMPOP Breaks, Dies: Unknown
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }

    #[test]
    fn what_is_done_when_a_step_of_a_wait_fails() {
        let command = cmd("BLPOP").arg("a").arg("b").arg("1");
        let expected = "
            a:TYPE b:TYPE a:BLPOP b:BLPOP = Array[Bulk(\"b\"), Bulk(\"x\")]
            a:TYPE Refused, Breaks, Dies: NotApplied; b:TYPE
            b:TYPE Refused, Breaks, Dies: NotApplied
            a:BLPOP Refused: NotApplied
            a:BLPOP Breaks, Dies: Unknown
            b:BLPOP Refused: NotApplied
            b:BLPOP Breaks, Dies: Unknown
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }
}
