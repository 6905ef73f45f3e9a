//! `MSETNX` over several nodes.

use super::{integer, nothing_written, transaction};
use crate::error::{Error, ErrorKind, Outcome, Result};
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
        groups.sort_by_key(|group| group[0].master);
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
        let results = match self.each(&sets[1..]) {
            Ok(results) => results,
            // Nothing went to the others, so only the first node has to forget.
            Err(error) => return Err(self.undone(&groups[..1], &values, nothing_written(error))),
        };
        if results.iter().all(|result| result.as_ref().is_ok_and(was_set)) {
            return Ok(b":1\r\n".to_vec());
        }
        let mut set = vec![groups[0].clone()];
        let mut failed: Option<Error> = None;
        for (group, result) in groups[1..].iter().zip(results) {
            match result {
                Ok(answer) if was_set(&answer) => set.push(group.clone()),
                Ok(_) => {}
                Err(error) => {
                    // What may have been set has to be undone as well, and the worst outcome is the one to tell.
                    if error.outcome() != Outcome::NotApplied {
                        set.push(group.clone());
                    }
                    if failed.as_ref().map_or(true, |known: &Error| known.outcome() < error.outcome()) {
                        failed = Some(error);
                    }
                }
            }
        }
        match failed {
            Some(error) => Err(self.undone(&set, &values, error)),
            None => match self.undo(&set, &values) {
                Ok(()) => Ok(b":0\r\n".to_vec()),
                Err(error) => Err(error
                    .with_outcome(Outcome::Partial)
                    .with_note("a key was taken, and what was set could not be undone")),
            },
        }
    }

    /// Undoes what was set because of an error, and tells that error.
    fn undone(&self, set: &[Vec<&Placed<'_>>], values: &[&[u8]], error: Error) -> Error {
        match self.undo(set, values) {
            Ok(()) => error,
            Err(_) => {
                error.with_outcome(Outcome::Unknown).with_note("what was set on the other nodes could not be undone")
            }
        }
    }

    /// Deletes the keys that still hold what this call set; a key that someone else wrote since is theirs.
    fn undo(&self, set: &[Vec<&Placed<'_>>], values: &[&[u8]]) -> Result<()> {
        for group in set {
            let mut lease = self.lend(group[0].master)?;
            for (nth, key) in group.iter().enumerate() {
                // Of a name given twice, the last value was the one set.
                if group[nth + 1..].iter().any(|later| later.stored == key.stored) {
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
                    transaction(&mut lease, &[vec![b"DEL", key.stored]], self.deadline)?;
                } else {
                    lease.ask(&[b"UNWATCH"], self.deadline)?;
                }
                lease.set_stateful(false);
            }
        }
        Ok(())
    }
}
