//! One member or one element from one node to another: `SMOVE`, `RPOPLPUSH`, `LMOVE` and their blocking forms.

use super::{integer, nothing_written, stash_name, transaction};
use crate::error::{escape, Error, Outcome, Result};
use crate::plan::Placed;
use crate::resp::{encode, Value, ValueRef};
use crate::run::Run;

/// A stash on the source's node while its element is on the way.
struct Stash<'s> {
    name: Vec<u8>,
    source: &'s Placed<'s>,
}

impl Run<'_> {
    /// `SMOVE`: into a stash beside the source, natively and so atomically; to the destination; the stash goes.
    pub(super) fn move_member(&self, source: &Placed<'_>, destination: &Placed<'_>) -> Result<Vec<u8>> {
        let member = self.args.get(3).unwrap_or_default();
        // In the order in which a server looks: an empty source, then the types.
        match self.both(b"SCARD", source, destination)? {
            (0, _) => return Ok(b":0\r\n".to_vec()),
            (_, Err(wrong_type)) => return Err(wrong_type),
            _ => {}
        }
        let stash = Stash { name: stash_name("smove", source.stored), source };
        let taken = self.step(source.master, &[b"SMOVE", source.stored, &stash.name, member]);
        if integer(&taken.map_err(|error| self.explained(error, &stash))?)? == 0 {
            return Ok(b":0\r\n".to_vec());
        }
        self.deliver(&stash, destination, &[b"SADD", destination.stored, member], &[b"SADD", source.stored, member])?;
        Ok(b":1\r\n".to_vec())
    }

    /// `RPOPLPUSH` and its like, in the same three steps.
    pub(super) fn move_element(&self, source: &Placed<'_>, destination: &Placed<'_>) -> Result<Vec<u8>> {
        let name = self.spec.name;
        let rest: Vec<&[u8]> = self.args.iter().skip(3).collect();
        let side = |at: usize| match rest.get(at) {
            Some(side) if side.eq_ignore_ascii_case(b"LEFT") => Ok(true),
            Some(side) if side.eq_ignore_ascii_case(b"RIGHT") => Ok(false),
            // A server reads the words before it looks at any key.
            _ => Err(Error::server(b"ERR syntax error")),
        };
        let (from_left, to_left) = if name.ends_with("RPOPLPUSH") { (false, true) } else { (side(0)?, side(1)?) };
        // In the order in which a server looks: an empty source, then the types.
        if let (1.., Err(wrong_type)) = self.prompt().both(b"LLEN", source, destination)? {
            return Err(wrong_type);
        }
        let stash = Stash { name: stash_name(&name.to_lowercase(), source.stored), source };
        let take = [&[name.as_bytes(), source.stored, &stash.name], &rest[..]].concat();
        let taken = match self.can_be_cancelled() {
            true => self.wait_for_element(source.master, &take),
            false => self.step(source.master, &take),
        };
        let element = match taken.map_err(|error| self.explained(error, &stash))? {
            Value::Bulk(element) => element,
            nothing => return Ok(nothing.to_bytes()),
        };
        let push = |left| if left { &b"LPUSH"[..] } else { b"RPUSH" };
        let deliver = [push(to_left), destination.stored, &element];
        // It was at the end of the source, so there it goes back.
        let put_back = [push(from_left), source.stored, &element];
        self.prompt().deliver(&stash, destination, &deliver, &put_back)?;
        let mut out = Vec::new();
        encode::bulk(&mut out, &element);
        Ok(out)
    }

    /// `LMPOP` and `ZMPOP`: the nodes are asked one after the other in the order of the keys, each natively for its own,
    /// until one has something to give.
    pub(super) fn first_that_has(&self, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
        let rest: Vec<&[u8]> = self.args.iter().skip(2 + keys.len()).collect();
        let mut left = keys;
        loop {
            let count = left.iter().take_while(|key| key.master == left[0].master).count();
            let (group, others) = left.split_at(count);
            let numkeys = count.to_string();
            let names = group.iter().map(|key| key.stored);
            let name = [self.spec.name.as_bytes(), numkeys.as_bytes()];
            let request: Vec<&[u8]> = name.into_iter().chain(names).chain(rest.iter().copied()).collect();
            let part = self.part(group[0].shard, &request, group.iter().map(|key| key.position).collect());
            let answer = self.one(&part)?;
            if others.is_empty() || answer.frame().value() != ValueRef::Nil {
                return Ok(answer.frame().as_bytes().to_vec());
            }
            left = others;
        }
    }

    /// How much the source holds, and whether the destination has the right type, both asked at once.
    fn both(&self, ask: &[u8], source: &Placed<'_>, destination: &Placed<'_>) -> Result<(i64, Result<()>)> {
        let parts = [
            self.part(source.shard, &[ask, source.stored], vec![source.position]),
            self.part(destination.shard, &[ask, destination.stored], vec![destination.position]),
        ];
        let mut results = self.each(&parts)?.into_iter();
        let (Some(first), Some(second)) = (results.next(), results.next()) else { return Ok((0, Ok(()))) };
        let held = integer(&first.map_err(nothing_written)?.frame().value().into())?;
        match second {
            Ok(_) => Ok((held, Ok(()))),
            Err(error) if error.is_server() => Ok((held, Err(error))),
            Err(error) => Err(nothing_written(error)),
        }
    }

    /// Gives the destination what lies in the stash, then drops the stash; when the destination refuses, the
    /// source gets it back.
    fn deliver(&self, stash: &Stash<'_>, destination: &Placed<'_>, give: &[&[u8]], put_back: &[&[u8]]) -> Result<()> {
        match self.step(destination.master, give) {
            Ok(_) => {
                // Once more on a new connection: a stash that stays would be taken for a move that never ended.
                let drop = || self.step(stash.source.master, &[b"DEL", &stash.name]);
                drop().or_else(|_| drop()).map(|_| ()).map_err(|error| {
                    let note = format!("the move was made, but its stash {} may be left", escape(&stash.name, 256));
                    error.with_outcome(Outcome::Applied).with_note(&note)
                })
            }
            Err(error) if error.outcome() == Outcome::NotApplied => self.put_back(stash, put_back, error),
            Err(error) => Err(self.explained(error, stash)),
        }
    }

    /// Undoes the first step in one transaction, and tells why.
    fn put_back(&self, stash: &Stash<'_>, put_back: &[&[u8]], why: Error) -> Result<()> {
        let undo = || {
            let mut lease = self.lend(stash.source.master)?;
            transaction(&mut lease, &[put_back.to_vec(), vec![b"DEL", &stash.name]], self.deadline)
        };
        match undo() {
            Ok(_) => Err(why),
            Err(_) => Err(self.explained(why.with_outcome(Outcome::Partial), stash)),
        }
    }

    /// An error after which the element may lie in the stash.
    fn explained(&self, error: Error, stash: &Stash<'_>) -> Error {
        if error.outcome() == Outcome::NotApplied {
            return error;
        }
        let node = self.topology().node(stash.source.master);
        error.with_note(&format!("what was moved may lie in {} on {node}", escape(&stash.name, 256)))
    }
}
