//! `MSETNX` over several nodes.

use super::{all_succeeded, exec, integer, nothing_written};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::order::sort_by_key;
use crate::plan::{groups, Placed};
use crate::resp::ValueRef;
use crate::run::{Answer, Run};

impl Run<'_> {
    /// Checks every key; then the first node is set, which decides between clients that want the same keys; then
    /// the others, all at once. What was set is undone when one of them finds a key taken.
    pub(super) fn set_if_none_exists(&self, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
        let values: Vec<&[u8]> = self.args.iter().collect();
        let mut groups = groups(keys);
        // Every client begins at the same node, whatever the order of its keys.
        sort_by_key(&mut groups, |group| group[0].master);
        let positions = |group: &[&Placed<'_>]| group.iter().map(|key| key.position).collect::<Vec<_>>();
        let checks: Vec<_> = groups
            .iter()
            .map(|group| {
                let names = group.iter().map(|key| key.stored);
                let args: Vec<&[u8]> = std::iter::once(&b"EXISTS"[..]).chain(names).collect();
                self.part(group[0].shard, &args, positions(group))
            })
            .collect();
        for answer in self.answers(&checks).map_err(nothing_written)? {
            if integer(&answer.frame().value().into())? > 0 {
                return Ok(b":0\r\n".to_vec());
            }
        }
        let sets: Vec<_> = groups
            .iter()
            .map(|group| {
                let pairs = group.iter().flat_map(|key| [key.stored, values[key.position + 1]]);
                let args: Vec<&[u8]> = std::iter::once(&b"MSETNX"[..]).chain(pairs).collect();
                self.part(group[0].shard, &args, positions(group))
            })
            .collect();
        let was_set = |answer: &Answer| answer.frame().value() == ValueRef::Integer(1);
        if !was_set(&self.one(&sets[0])?) {
            return Ok(b":0\r\n".to_vec());
        }
        let mut ways: Vec<Way<'_, '_>> =
            groups.iter().map(|group| Way { keys: group, outcome: Outcome::NotApplied }).collect();
        ways[0].outcome = Outcome::Applied;
        let results = match self.each(&sets[1..]) {
            Ok(results) => results,
            // Nothing went to the others, so only the first node has to forget.
            Err(error) => return Err(self.undone(&mut ways, &values, nothing_written(error))),
        };
        if results.iter().all(|result| result.as_ref().is_ok_and(was_set)) {
            return Ok(b":1\r\n".to_vec());
        }
        let mut failed: Option<Error> = None;
        for (way, result) in ways[1..].iter_mut().zip(results) {
            match result {
                Ok(answer) if was_set(&answer) => way.outcome = Outcome::Applied,
                Ok(_) => {}
                Err(error) => {
                    way.outcome = error.outcome();
                    // The worst outcome is the one to tell.
                    if failed.as_ref().map_or(true, |known: &Error| known.outcome() < error.outcome()) {
                        failed = Some(error);
                    }
                }
            }
        }
        match failed {
            Some(error) => Err(self.undone(&mut ways, &values, error)),
            None => match self.undo(&mut ways, &values) {
                None => Ok(b":0\r\n".to_vec()),
                Some(error) => Err(self
                    .with_ways(error, &ways)
                    .with_outcome(Outcome::Partial)
                    .with_note("a key was taken, and what was set could not be undone")),
            },
        }
    }

    /// Undoes what was set because of an error, and tells that error.
    fn undone(&self, ways: &mut [Way<'_, '_>], values: &[&[u8]], error: Error) -> Error {
        let error = match self.undo(ways, values) {
            None => error,
            Some(_) => {
                error.with_outcome(Outcome::Unknown).with_note("what was set on the other nodes could not be undone")
            }
        };
        self.with_ways(error, ways)
    }

    fn with_ways(&self, error: Error, ways: &[Way<'_, '_>]) -> Error {
        error.with_parts(ways.iter().map(|way| self.told_of(way.keys, way.outcome)).collect())
    }

    /// Deletes the keys that still hold what this call set, on every node that can be asked, and gives what went wrong.
    fn undo(&self, ways: &mut [Way<'_, '_>], values: &[&[u8]]) -> Option<Error> {
        let mut failed = None;
        for way in ways.iter_mut().filter(|way| way.outcome != Outcome::NotApplied) {
            match self.undo_on_one(way.keys, values) {
                // What may still be on its way to the server stays unknown.
                Ok(()) if way.outcome == Outcome::Applied => way.outcome = Outcome::NotApplied,
                Ok(()) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed
    }

    /// A key that someone else wrote since is theirs.
    fn undo_on_one(&self, keys: &[&Placed<'_>], values: &[&[u8]]) -> Result<()> {
        let mut lease = self.lend(keys[0].master)?;
        for (nth, key) in keys.iter().enumerate() {
            // Of a name given twice, the last value was the one set.
            if keys[nth + 1..].iter().any(|later| later.stored == key.stored) {
                continue;
            }
            lease.set_stateful(true);
            lease.ask(&[b"WATCH", key.stored], self.deadline)?;
            let ours = match lease.ask(&[b"GET", key.stored], self.deadline) {
                Ok(frame) => frame.value() == ValueRef::Bulk(values[key.position + 1]),
                Err(error) if error.kind() == ErrorKind::WrongType => false,
                Err(error) => return Err(error),
            };
            if ours {
                // Somebody who has set it meanwhile keeps it.
                let deleted = exec(&mut lease, &[vec![b"DEL", key.stored]], self.deadline)?;
                all_succeeded(&lease, &deleted.unwrap_or_default())
                    .map_err(|error| error.with_outcome(Outcome::Partial))?;
            } else {
                lease.ask(&[b"UNWATCH"], self.deadline)?;
            }
            lease.set_stateful(false);
        }
        Ok(())
    }
}

/// The keys of one node, and whether they are set.
struct Way<'k, 'c> {
    keys: &'k [&'k Placed<'c>],
    outcome: Outcome,
}
