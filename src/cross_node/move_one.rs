//! One member or one element from one node to another: `SMOVE`, `RPOPLPUSH`, `LMOVE` and their blocking forms.

use super::{across, meaning_told, STASHED};
use super::{integer, nothing_written, owned};
use crate::command::{Across, Emulation, WaitArgument};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::execute::{no_meaning, Call, Strategy};
use crate::explain::{shown, Draft, Step};
use crate::plan::{in_rounds, Placed};
use crate::resp::ValueRef;
use crate::stash::{Stash, StashContent};
use crate::wait::Wait;

/// `SMOVE`: the member goes over by a stash on either node.
pub(crate) const MOVE_MEMBER: Strategy = Strategy {
    across: Across::of(&Emulation::new(
        "move_member",
        "the member goes over by a stash on either node, whose end at the source commits the move",
        |_| 5,
    )),
    route: in_rounds,
    run: |call, route| across(call, route, |call, keys| moved(call, keys, Call::move_member)),
    ..Strategy::ONE_NODE
};

/// `RPOPLPUSH` and its like: the element goes over by a stash on either node.
pub(crate) const MOVE_ELEMENT: Strategy = Strategy {
    across: Across::of(&Emulation::new(
        "move_element",
        "the element goes over by a stash on either node, whose end at the source commits the move",
        |_| 5,
    )),
    route: in_rounds,
    run: |call, route| across(call, route, |call, keys| moved(call, keys, Call::move_element)),
    wait: |call, keys| call.wait_to_move_between(keys),
    ..Strategy::ONE_NODE
};

#[inline]
fn moved<'r>(
    call: &Call<'r>,
    keys: &[Placed<'_>],
    steps: fn(&Call<'r>, &Placed<'_>, &Placed<'_>) -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    let [source, destination] = keys else { return Err(no_meaning()) };
    let moved = steps(call, source, destination);
    moved.map_err(|error| meaning_told(STASHED, call.told_of_both(source, destination, error)))
}

#[inline]
pub(super) fn member_steps(draft: &Draft<'_>, keys: &[Placed<'_>]) -> Vec<Step> {
    let [source, destination] = keys else { return Vec::new() };
    let (from, to) = (shown(source.stored), shown(destination.stored));
    let member = shown(draft.args.get(3).unwrap_or_default());
    vec![
        draft.on(1, source, format!("SCARD {from}")),
        draft.on(1, destination, format!("SCARD {to}")),
        draft.on(2, source, format!("SMOVE {from} STASH {member}")),
        draft.on(3, destination, format!("SADD STASH {member}")),
        draft.on(4, source, format!("SREM STASH {member}")),
        draft.on(5, destination, format!("SMOVE STASH {to} {member}")),
    ]
}

#[inline]
pub(super) fn element_steps(draft: &Draft<'_>, keys: &[Placed<'_>]) -> Vec<Step> {
    let [source, destination] = keys else { return Vec::new() };
    let (from, to) = (shown(source.stored), shown(destination.stored));
    let rest: String = draft.args.iter().skip(3).map(|arg| format!(" {}", shown(arg))).collect();
    let right = draft.args.get(4).is_some_and(|side| side.eq_ignore_ascii_case(b"RIGHT"));
    let end = if right { "RIGHT" } else { "LEFT" };
    vec![
        draft.on(1, source, format!("LLEN {from}")),
        draft.on(1, destination, format!("LLEN {to}")),
        draft.on(2, source, format!("{} {from} STASH{rest}", draft.spec.name)),
        draft.on(3, destination, "RPUSH STASH ELEMENT…".into()),
        draft.on(4, source, "LPOP STASH".into()),
        draft.on(5, destination, format!("LMOVE STASH {to} LEFT {end}")),
    ]
}

/// An element or a member on its way between two nodes.
///
/// It is taken out into one stash on the source's node and put into another on the destination's node; when the first
/// one is emptied, the move is committed, and the second goes into the destination. So at every moment the stashes tell
/// where it belongs: as long as the first one exists, to the source; else to the destination.
struct Way<'w> {
    source: &'w Placed<'w>,
    destination: &'w Placed<'w>,
    from: Stash,
    to: Stash,
    /// The element or the member.
    load: &'w [u8],
}

impl Way<'_> {
    /// Fills a stash.
    #[inline]
    fn fill(&self, stash: &Stash) -> Vec<Vec<u8>> {
        let put = if stash.content() == StashContent::Set { &b"SADD"[..] } else { b"RPUSH" };
        owned(&[put, &stash.name(), self.load])
    }

    /// Empties the stash at the source. Of one that is sealed, because somebody gave it back, it is an error.
    #[inline]
    fn commit(&self) -> Vec<Vec<u8>> {
        match self.from.content() {
            StashContent::Set => owned(&[b"SREM", &self.from.name(), self.load]),
            _ => owned(&[b"LPOP", &self.from.name()]),
        }
    }

    /// What a stash holds goes into its key; that and the end of the stash are one step.
    #[inline]
    fn deliver(&self, stash: &Stash) -> Vec<Vec<u8>> {
        match stash.content() {
            StashContent::Set => owned(&[b"SMOVE", &stash.name(), stash.key(), self.load]),
            StashContent::ListLeft => owned(&[b"LMOVE", &stash.name(), stash.key(), b"LEFT", b"LEFT"]),
            _ => owned(&[b"LMOVE", &stash.name(), stash.key(), b"LEFT", b"RIGHT"]),
        }
    }

    #[inline]
    fn drop_to(&self) -> Vec<Vec<u8>> {
        owned(&[b"DEL", &self.to.name()])
    }
}

impl Call<'_> {
    /// `SMOVE`: see [`Way`].
    #[inline]
    fn move_member(&self, source: &Placed<'_>, destination: &Placed<'_>) -> Result<Vec<u8>> {
        let member = self.args.get(3).unwrap_or_default();
        // In the order in which a server looks: an empty source, then the types.
        match self.both(b"SCARD", source, destination)? {
            (0, _) => return Ok(b":0\r\n".to_vec()),
            (_, Err(wrong_type)) => return Err(wrong_type),
            _ => {}
        }
        let (from, to) = self.stashes(&[b"SMOVE"], source, destination);
        let way = Way { source, destination, from, to, load: member };
        let taken = self.step(source.master, &[b"SMOVE", source.stored, &way.from.name(), member]);
        if integer(taken.map_err(|error| self.may_be_taken(&way, error))?.value())? == 0 {
            return Ok(b":0\r\n".to_vec());
        }
        self.carry_over(&way)?;
        Ok(b":1\r\n".to_vec())
    }

    /// `RPOPLPUSH` and its like: see [`Way`].
    #[inline]
    fn move_element(&self, source: &Placed<'_>, destination: &Placed<'_>) -> Result<Vec<u8>> {
        let name = self.spec.name;
        let rest: Vec<&[u8]> = self.args.iter().skip(3).collect();
        let is_side = |word: &&[u8]| word.eq_ignore_ascii_case(b"LEFT") || word.eq_ignore_ascii_case(b"RIGHT");
        let sides = if name.ends_with("RPOPLPUSH") { 0 } else { 2 };
        if rest.iter().take(sides).filter(|word| is_side(word)).count() != sides {
            // A server reads the words before it looks at any key.
            return Err(Error::server(b"ERR syntax error"));
        }
        // It reads the time before it looks at any key as well: a time that it refuses it is given first.
        let is_refused = self.spec.wait != WaitArgument::None && self.wait == Wait::None;
        // In the order in which a server looks: an empty source, then the types.
        if !is_refused {
            if let (1.., Err(wrong_type)) = self.prompt().both(b"LLEN", source, destination)? {
                return Err(wrong_type);
            }
        }
        let (from, to) = self.stashes(&[&[name.as_bytes()], &rest[..sides]].concat(), source, destination);
        let way = Way { source, destination, from, to, load: &[] };
        let stash = way.from.name();
        let take = [&[name.as_bytes(), source.stored, &stash], &rest[..]].concat();
        let taken = match self.can_be_cancelled() {
            true => self.wait_for_element(source.master, &take),
            false => self.step(source.master, &take),
        };
        let after_wait = self.prompt();
        let taken = taken.map_err(|error| after_wait.may_be_taken(&way, error))?;
        if let ValueRef::Bulk(element) = taken.value() {
            after_wait.carry_over(&Way { load: element, ..way })?;
        }
        Ok(taken.0)
    }

    /// How much the source holds, and whether the destination has the right type, both asked at once.
    #[inline]
    fn both(&self, ask: &[u8], source: &Placed<'_>, destination: &Placed<'_>) -> Result<(i64, Result<()>)> {
        let parts = [
            self.part(source.shard, &[ask, source.stored], vec![source.position]),
            self.part(destination.shard, &[ask, destination.stored], vec![destination.position]),
        ];
        let mut results = self.fan_out(&parts)?.into_iter();
        let (Some(first), Some(second)) = (results.next(), results.next()) else { return Ok((0, Ok(()))) };
        let held = integer(first.map_err(nothing_written)?.frame().value())?;
        match second {
            Ok(_) => Ok((held, Ok(()))),
            Err(error) if error.is_server() => Ok((held, Err(error))),
            Err(error) => Err(nothing_written(error)),
        }
    }

    /// What was taken out goes to the destination, or back where it was.
    #[inline]
    fn carry_over(&self, way: &Way<'_>) -> Result<()> {
        let (source, destination) = (way.source.master, way.destination.master);
        let fill: Vec<Vec<u8>> = way.fill(&way.to);
        let fill: Vec<&[u8]> = fill.iter().map(Vec::as_slice).collect();
        if let Err(error) = self.step(destination, &fill) {
            return Err(match error.outcome() {
                Outcome::NotApplied => self.return_to_source(way, error),
                // It may still be on its way there, so the name is taken: what came late would belong to nobody.
                _ => self.withdraw(way, &way.to.seal(), error),
            });
        }
        let given_back = || Error::reply(format!("what waited in {} was given back meanwhile", way.from));
        let committed = match self.twice(source, &way.commit()) {
            Ok((reply, _)) if reply.is_one() => true,
            // The first time has emptied it, or somebody has given it back since.
            Ok((_, true)) => false,
            Ok(_) => return Err(self.forget_to(way, given_back())),
            Err(error) if error.kind() == ErrorKind::WrongType => return Err(self.forget_to(way, given_back())),
            Err(error) if error.is_server() => return Err(self.withdraw(way, &way.drop_to(), error)),
            Err(error) => return Err(self.in_either(way, error)),
        };
        match self.twice(destination, &way.deliver(&way.to)) {
            // What is committed, somebody else can only have delivered.
            Ok((reply, false)) if !committed && (reply.is_nil() || reply.is(0)) => {
                let error = Error::reply(format!("somebody else dealt with {}", way.to));
                Err(error.with_outcome(Outcome::Unknown).with_node(|| self.topology().node(destination).to_string()))
            }
            Ok(_) => Ok(()),
            Err(error) if error.is_server() => Err(self.take_back(way, error)),
            Err(error) => {
                let note =
                    format!("the source has lost it, and it may lie in {}", self.place(&way.to, way.destination));
                Err(partial_at_least(error).with_note(&note))
            }
        }
    }

    /// Undoes the first step.
    #[inline]
    fn return_to_source(&self, way: &Way<'_>, why: Error) -> Error {
        match self.twice(way.source.master, &way.deliver(&way.from)) {
            Ok(_) => why.with_outcome(Outcome::NotApplied),
            Err(_) => {
                let note = format!("what was moved waits in {}", self.place(&way.from, way.source));
                why.with_outcome(Outcome::Partial).with_note(&note)
            }
        }
    }

    /// Undoes the first two steps: `ends` is what ends the stash at the destination.
    #[inline]
    fn withdraw(&self, way: &Way<'_>, ends: &[Vec<u8>], why: Error) -> Error {
        match self.twice(way.destination.master, ends) {
            Ok(_) => self.return_to_source(way, why),
            Err(_) => self.in_either(way, why.with_outcome(Outcome::Unknown)),
        }
    }

    /// Undoes a move that is committed, because the destination does not take it: in the order in which it was made,
    /// so that at no moment two places claim it.
    #[inline]
    fn take_back(&self, way: &Way<'_>, why: Error) -> Error {
        let fill = way.fill(&way.from);
        let fill: Vec<&[u8]> = fill.iter().map(Vec::as_slice).collect();
        match self.step(way.source.master, &fill) {
            Ok(_) => self.withdraw(way, &way.drop_to(), why),
            Err(error) if error.outcome() == Outcome::NotApplied => {
                let note = format!("the source has lost it, and it waits in {}", self.place(&way.to, way.destination));
                why.with_outcome(Outcome::Partial).with_note(&note)
            }
            Err(_) => self.in_either(way, why.with_outcome(Outcome::Unknown)),
        }
    }

    /// Somebody else gave back what was moved, so the stash at the destination holds nothing of value.
    #[inline]
    fn forget_to(&self, way: &Way<'_>, why: Error) -> Error {
        let why = why.with_node(|| self.topology().node(way.source.master).to_string());
        match self.twice(way.destination.master, &way.drop_to()) {
            Ok(_) => why.with_outcome(Outcome::NotApplied),
            Err(_) => {
                let note = format!("a copy may be left in {}", self.place(&way.to, way.destination));
                why.with_outcome(Outcome::Partial).with_note(&note)
            }
        }
    }

    /// An error of the first step, after which what it took out may lie in its stash. What is found there goes back; when
    /// nothing is, the step may still be on its way.
    #[inline]
    fn may_be_taken(&self, way: &Way<'_>, error: Error) -> Error {
        if error.outcome() == Outcome::NotApplied {
            return error;
        }
        let back = way.deliver(&way.from);
        match self.step(way.source.master, &back.iter().map(Vec::as_slice).collect::<Vec<_>>()) {
            Ok(reply) if reply.is_one() => error.with_outcome(Outcome::NotApplied),
            _ => error.with_note(&format!("what was moved may lie in {}", self.place(&way.from, way.source))),
        }
    }

    /// An error after which both stashes may be left.
    #[inline]
    fn in_either(&self, way: &Way<'_>, error: Error) -> Error {
        let (from, to) = (self.place(&way.from, way.source), self.place(&way.to, way.destination));
        partial_at_least(error).with_note(&format!("what was moved lies in {from}; without that one, in {to}"))
    }
}

/// The outcome of a step in the middle: what was not applied of it leaves the command half done.
#[inline]
fn partial_at_least(error: Error) -> Error {
    match error.outcome() {
        Outcome::Unknown => error,
        _ => error.with_outcome(Outcome::Partial),
    }
}
