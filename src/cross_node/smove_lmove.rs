//! One member or one element from one node to another: `SMOVE`, `RPOPLPUSH`, `LMOVE` and their blocking forms.

use super::wait::{wait_for_element, wait_to_move_between};
use super::{across, explained, partial_at_least, STASHED};
use super::{integer, nothing_written, owned};
use super::{Stash, StashContent};
use crate::command::{Across, Emulation, Wait, WaitArgument};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::execute::{no_meaning, Call, Strategy};
use crate::explain::{shown, Draft, Step};
use crate::plan::{in_rounds, Placed};
use crate::resp::ValueRef;

pub(super) const MOVING_MEMBER: Emulation = Emulation::new(
    "move_member",
    "the member goes over by a stash on either node, whose end at the source commits the move",
    |_| 5,
);

/// `SMOVE`: the member goes over by a stash on either node.
pub(crate) const MOVE_MEMBER: Strategy = Strategy {
    across: Across::of(&MOVING_MEMBER),
    route: in_rounds,
    run: |call, route| across(call, route, |call, keys| over_stashes(call, keys, move_member)),
    ..Strategy::ONE_NODE
};

pub(super) const MOVING_ELEMENT: Emulation = Emulation::new(
    "move_element",
    "the element goes over by a stash on either node, whose end at the source commits the move",
    |_| 5,
);

/// `RPOPLPUSH` and its like: the element goes over by a stash on either node.
pub(crate) const MOVE_ELEMENT: Strategy = Strategy {
    across: Across::of(&MOVING_ELEMENT),
    route: in_rounds,
    run: |call, route| across(call, route, |call, keys| over_stashes(call, keys, move_element)),
    wait: |call, keys| wait_to_move_between(call, keys),
    ..Strategy::ONE_NODE
};

#[inline]
fn over_stashes<'r>(
    call: &Call<'r>,
    keys: &[Placed<'_>],
    steps: fn(&Call<'r>, &Placed<'_>, &Placed<'_>) -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    let [source, destination] = keys else { return Err(no_meaning()) };
    let moved = steps(call, source, destination);
    moved.map_err(|error| explained(STASHED, call.with_both_ends(source, destination, error)))
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
struct Move<'w> {
    call: &'w Call<'w>,
    source: &'w Placed<'w>,
    destination: &'w Placed<'w>,
    from: Stash,
    to: Stash,
    /// The element or the member.
    load: &'w [u8],
}

impl Move<'_> {
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

/// `SMOVE`: see [`Move`].
#[inline]
fn move_member(call: &Call<'_>, source: &Placed<'_>, destination: &Placed<'_>) -> Result<Vec<u8>> {
    let member = call.args.get(3).unwrap_or_default();
    // In the order in which a server looks: an empty source, then the types.
    match both(call, b"SCARD", source, destination)? {
        (0, _) => return Ok(b":0\r\n".to_vec()),
        (_, Err(wrong_type)) => return Err(wrong_type),
        _ => {}
    }
    let (from, to) = call.stashes(&[b"SMOVE"], source, destination);
    let moved = Move { call, source, destination, from, to, load: member };
    let taken = call.step(source.master, &[b"SMOVE", source.stored, &moved.from.name(), member]);
    if integer(taken.map_err(|error| moved.may_be_taken(error))?.value())? == 0 {
        return Ok(b":0\r\n".to_vec());
    }
    moved.carry_over()?;
    Ok(b":1\r\n".to_vec())
}

/// `RPOPLPUSH` and its like: see [`Move`].
#[inline]
fn move_element(call: &Call<'_>, source: &Placed<'_>, destination: &Placed<'_>) -> Result<Vec<u8>> {
    let name = call.spec.name;
    let rest: Vec<&[u8]> = call.args.iter().skip(3).collect();
    let is_side = |word: &&[u8]| word.eq_ignore_ascii_case(b"LEFT") || word.eq_ignore_ascii_case(b"RIGHT");
    let sides = if name.ends_with("RPOPLPUSH") { 0 } else { 2 };
    if rest.iter().take(sides).filter(|word| is_side(word)).count() != sides {
        // A server reads the words before it looks at any key.
        return Err(Error::server(b"ERR syntax error"));
    }
    // It reads the time before it looks at any key as well: a time that it refuses it is given first.
    let is_refused = call.spec.wait != WaitArgument::None && call.wait == Wait::None;
    // In the order in which a server looks: an empty source, then the types.
    if !is_refused {
        if let (1.., Err(wrong_type)) = both(&call.without_wait(), b"LLEN", source, destination)? {
            return Err(wrong_type);
        }
    }
    let (from, to) = call.stashes(&[&[name.as_bytes()], &rest[..sides]].concat(), source, destination);
    let stash = from.name();
    let take = [&[name.as_bytes(), source.stored, &stash], &rest[..]].concat();
    let taken = match call.can_be_cancelled() {
        true => wait_for_element(call, source.master, &take),
        false => call.step(source.master, &take),
    };
    let after_wait = call.without_wait();
    let moved = Move { call: &after_wait, source, destination, from, to, load: &[] };
    let taken = taken.map_err(|error| moved.may_be_taken(error))?;
    if let ValueRef::Bulk(element) = taken.value() {
        Move { load: element, ..moved }.carry_over()?;
    }
    Ok(taken.0)
}

/// How much the source holds, and whether the destination has the right type, both asked at once.
#[inline]
fn both(call: &Call<'_>, ask: &[u8], source: &Placed<'_>, destination: &Placed<'_>) -> Result<(i64, Result<()>)> {
    let parts = [
        call.part(source.shard, &[ask, source.stored], vec![source.position]),
        call.part(destination.shard, &[ask, destination.stored], vec![destination.position]),
    ];
    let mut results = call.fan_out(&parts)?.into_iter();
    let (Some(first), Some(second)) = (results.next(), results.next()) else { return Ok((0, Ok(()))) };
    let held = integer(first.map_err(nothing_written)?.frame().value())?;
    match second {
        Ok(_) => Ok((held, Ok(()))),
        Err(error) if error.is_server() => Ok((held, Err(error))),
        Err(error) => Err(nothing_written(error)),
    }
}

impl Move<'_> {
    /// What was taken out goes to the destination, or back where it was.
    #[inline]
    fn carry_over(&self) -> Result<()> {
        let (source, destination) = (self.source.master, self.destination.master);
        let fill: Vec<Vec<u8>> = self.fill(&self.to);
        let fill: Vec<&[u8]> = fill.iter().map(Vec::as_slice).collect();
        if let Err(error) = self.call.step(destination, &fill) {
            return Err(match error.outcome() {
                Outcome::NotApplied => self.return_to_source(error),
                // It may still be on its way there, so the name is taken: what came late would belong to nobody.
                _ => self.withdraw(&self.to.seal(), error),
            });
        }
        let given_back = || Error::reply(format!("what waited in {} was given back meanwhile", self.from));
        let committed = match self.call.step_repeatable(source, &self.commit()) {
            Ok((reply, _)) if reply.is_one() => true,
            // The first time has emptied it, or somebody has given it back since.
            Ok((_, true)) => false,
            Ok(_) => return Err(self.forget_to(given_back())),
            Err(error) if error.kind() == ErrorKind::WrongType => return Err(self.forget_to(given_back())),
            Err(error) if error.is_server() => return Err(self.withdraw(&self.drop_to(), error)),
            Err(error) => return Err(self.in_either(error)),
        };
        match self.call.step_repeatable(destination, &self.deliver(&self.to)) {
            // What is committed, somebody else can only have delivered.
            Ok((reply, false)) if !committed && (reply.is_nil() || reply.is(0)) => {
                let error = Error::reply(format!("somebody else dealt with {}", self.to));
                Err(error
                    .with_outcome(Outcome::Unknown)
                    .with_node(|| self.call.topology().node(destination).to_string()))
            }
            Ok(_) => Ok(()),
            Err(error) if error.is_server() => Err(self.take_back(error)),
            Err(error) => {
                let note = format!(
                    "the source has lost it, and it may lie in {}",
                    self.call.describe(&self.to, self.destination)
                );
                Err(partial_at_least(error).with_note(&note))
            }
        }
    }

    /// Undoes the first step.
    #[inline]
    fn return_to_source(&self, why: Error) -> Error {
        match self.call.step_repeatable(self.source.master, &self.deliver(&self.from)) {
            Ok(_) => why.with_outcome(Outcome::NotApplied),
            Err(_) => {
                let note = format!("what was moved waits in {}", self.call.describe(&self.from, self.source));
                why.with_outcome(Outcome::Partial).with_note(&note)
            }
        }
    }

    /// Undoes the first two steps: `ends` is what ends the stash at the destination.
    #[inline]
    fn withdraw(&self, ends: &[Vec<u8>], why: Error) -> Error {
        match self.call.step_repeatable(self.destination.master, ends) {
            Ok(_) => self.return_to_source(why),
            Err(_) => self.in_either(why.with_outcome(Outcome::Unknown)),
        }
    }

    /// Undoes a move that is committed, because the destination does not take it: in the order in which it was made,
    /// so that at no moment two places claim it.
    #[inline]
    fn take_back(&self, why: Error) -> Error {
        let fill = self.fill(&self.from);
        let fill: Vec<&[u8]> = fill.iter().map(Vec::as_slice).collect();
        match self.call.step(self.source.master, &fill) {
            Ok(_) => self.withdraw(&self.drop_to(), why),
            Err(error) if error.outcome() == Outcome::NotApplied => {
                let note = format!(
                    "the source has lost it, and it waits in {}",
                    self.call.describe(&self.to, self.destination)
                );
                why.with_outcome(Outcome::Partial).with_note(&note)
            }
            Err(_) => self.in_either(why.with_outcome(Outcome::Unknown)),
        }
    }

    /// Somebody else gave back what was moved, so the stash at the destination holds nothing of value.
    #[inline]
    fn forget_to(&self, why: Error) -> Error {
        let why = why.with_node(|| self.call.topology().node(self.source.master).to_string());
        match self.call.step_repeatable(self.destination.master, &self.drop_to()) {
            Ok(_) => why.with_outcome(Outcome::NotApplied),
            Err(_) => {
                let note = format!("a copy may be left in {}", self.call.describe(&self.to, self.destination));
                why.with_outcome(Outcome::Partial).with_note(&note)
            }
        }
    }

    /// An error of the first step, after which what it took out may lie in its stash. What is found there goes back; when
    /// nothing is, the step may still be on its way.
    #[inline]
    fn may_be_taken(&self, error: Error) -> Error {
        if error.outcome() == Outcome::NotApplied {
            return error;
        }
        let back = self.deliver(&self.from);
        match self.call.step(self.source.master, &back.iter().map(Vec::as_slice).collect::<Vec<_>>()) {
            Ok(reply) if reply.is_one() => error.with_outcome(Outcome::NotApplied),
            _ => error.with_note(&format!("what was moved may lie in {}", self.call.describe(&self.from, self.source))),
        }
    }

    /// An error after which both stashes may be left.
    #[inline]
    fn in_either(&self, error: Error) -> Error {
        let (from, to) = (self.call.describe(&self.from, self.source), self.call.describe(&self.to, self.destination));
        partial_at_least(error).with_note(&format!("what was moved lies in {from}; without that one, in {to}"))
    }
}

#[cfg(test)]
mod tests {
    use crate::execute::scripted_servers::assert_failures;
    use crate::table::cmd;

    #[test]
    fn what_is_done_when_a_step_of_smove_fails() {
        let command = cmd("SMOVE").arg("a").arg("b").arg("x");
        let expected = "
            a:SCARD b:SCARD a:SMOVE b:SADD a:SREM b:SMOVE = 1
            a:SCARD Refused, Breaks, Dies: NotApplied; b:SCARD
            b:SCARD Refused, Breaks, Dies: NotApplied
            a:SMOVE Refused: NotApplied
            a:SMOVE Breaks: NotApplied; a:SMOVE
            a:SMOVE Dies: Unknown +from
            b:SADD Refused: NotApplied; a:SMOVE
            b:SADD Breaks: NotApplied; b:SET a:SMOVE
            b:SADD Dies: Unknown +from +to
            a:SREM Refused: NotApplied; b:DEL a:SMOVE
            a:SREM Breaks: 1; a:SREM b:SMOVE
            a:SREM Dies: Unknown +from +to
            b:SMOVE Refused: NotApplied; a:SADD b:DEL a:SMOVE
            b:SMOVE Breaks: 1; b:SMOVE
            b:SMOVE Dies: Unknown +to
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }

    #[test]
    fn what_is_done_when_a_step_of_lmove_fails() {
        let command = cmd("LMOVE").arg("a").arg("b").arg("LEFT").arg("RIGHT");
        let expected = "
            a:LLEN b:LLEN a:LMOVE b:RPUSH a:LPOP b:LMOVE = x
            a:LLEN Refused, Breaks, Dies: NotApplied; b:LLEN
            b:LLEN Refused, Breaks, Dies: NotApplied
            a:LMOVE Refused: NotApplied
            a:LMOVE Breaks: NotApplied; a:LMOVE
            a:LMOVE Dies: Unknown +from
            b:RPUSH Refused: NotApplied; a:LMOVE
            b:RPUSH Breaks: NotApplied; b:SET a:LMOVE
            b:RPUSH Dies: Unknown +from +to
            a:LPOP Refused: NotApplied; b:DEL a:LMOVE
            a:LPOP Breaks: x; a:LPOP b:LMOVE
            a:LPOP Dies: Unknown +from +to
            b:LMOVE Refused: NotApplied; a:RPUSH b:DEL a:LMOVE
            b:LMOVE Breaks: x; b:LMOVE
            b:LMOVE Dies: Unknown +to
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }

    #[test]
    fn what_is_done_when_a_step_of_blmove_fails() {
        let command = cmd("BLMOVE").arg("a").arg("b").arg("LEFT").arg("RIGHT").arg("1");
        let expected = "
            a:LLEN b:LLEN a:BLMOVE b:RPUSH a:LPOP b:LMOVE = x
            a:LLEN Refused, Breaks, Dies: NotApplied; b:LLEN
            b:LLEN Refused, Breaks, Dies: NotApplied
            a:BLMOVE Refused: NotApplied
            a:BLMOVE Breaks: NotApplied; a:LMOVE
            a:BLMOVE Dies: Unknown +from
            b:RPUSH Refused: NotApplied; a:LMOVE
            b:RPUSH Breaks: NotApplied; b:SET a:LMOVE
            b:RPUSH Dies: Unknown +from +to
            a:LPOP Refused: NotApplied; b:DEL a:LMOVE
            a:LPOP Breaks: x; a:LPOP b:LMOVE
            a:LPOP Dies: Unknown +from +to
            b:LMOVE Refused: NotApplied; a:RPUSH b:DEL a:LMOVE
            b:LMOVE Breaks: x; b:LMOVE
            b:LMOVE Dies: Unknown +to
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }
}
