//! Commands that need all their keys on one node: the keys of the others are carried there for one transaction.

use super::ask_together::ask_each;
use super::{across, explained, PACKED};
use super::{all_succeeded, error_in, exec_unwatched, nothing_written, random};
use super::{Stash, StashRole};
use crate::command::{Access, Across, Emulation};
use crate::error::{Error, Outcome, Result};
use crate::execute::multi_exec::gave_nothing;
use crate::execute::{Call, Strategy};
use crate::explain::{shown, Draft, Step};
use crate::net::Lease;
use crate::plan::{command_of, groups, in_rounds, Carried, Placed};
use crate::resp::{Frame, ValueRef};

pub(super) const EMULATION: Emulation = Emulation::new(
    "carry_sources",
    "the keys of the other nodes are carried over, one transaction runs the command on copies",
    // Where nothing is written, nothing has to be tried before.
    |spec| if spec.access == Access::Read { 3 } else { 5 },
);

/// The keys that live elsewhere are carried to the node of the destination, or of most keys, by `DUMP` and `RESTORE`; there
/// one transaction runs the command on copies that nobody else sees.
pub(crate) const CARRY_SOURCES: Strategy = Strategy {
    across: Across::of(&EMULATION),
    route: in_rounds,
    run: |call, route| across(call, route, carry),
    ..Strategy::ONE_NODE
};

#[inline]
pub(super) fn carry(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    carry_sources(call, keys).map_err(|error| explained(PACKED, error))
}

#[inline]
pub(super) fn steps(draft: &Draft<'_>, keys: &[Placed<'_>]) -> Vec<Step> {
    let carried = Carried::of(draft.spec, keys);
    let groups = groups(&carried.foreign);
    let dumps = |group: &[&Placed<'_>]| {
        group.iter().map(|key| format!("DUMP {}", shown(key.stored))).collect::<Vec<_>>().join(", ")
    };
    let mut steps: Vec<Step> = groups.iter().map(|group| draft.on(1, group[0], dumps(group))).collect();
    let home = Placed { master: carried.home, ..keys[0] };
    let mut round = 2;
    if draft.spec.access != Access::Read {
        let probes = "RESTORE STASH 0 VALUE…, ".repeat(groups.len());
        steps.push(draft.on(round, &home, "MULTI".into()));
        steps.push(draft.on(round + 1, &home, format!("{probes}DEL STASH…, EXEC")));
        round += 2;
    }
    let restores = "RESTORE STASH 0 VALUE…, ".repeat(carried.foreign.len());
    let mut native: Vec<String> = draft.args.iter().map(shown).collect();
    keys.iter().for_each(|key| native[key.position] = shown(key.stored));
    carried.foreign.iter().for_each(|key| native[key.position] = "STASH".to_owned());
    let native = native.join(" ");
    steps.push(draft.on(round, &home, "MULTI".into()));
    steps.push(draft.on(round + 1, &home, format!("{restores}{native}, DEL STASH…, EXEC")));
    steps
}

/// A key that lives elsewhere: which argument it is, its name at home, and its value as the server packed it.
struct Copy {
    position: usize,
    name: Vec<u8>,
    payload: Vec<u8>,
}

/// Every key that lives elsewhere is dumped; the home node restores them under names of their own, runs the
/// command on those and forgets them, all in one transaction, so that nobody else ever sees them.
#[inline]
fn carry_sources(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    let carried = Carried::of(call.spec, keys);
    let mut copies: Vec<Copy> = Vec::new();
    // One of each server is enough to know whether the home node understands what that server packs.
    let mut probes: Vec<usize> = Vec::new();
    let mut missing: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut server = None;
    let dumps = ask_each(call, &carried.foreign, &|key| command_of(&[b"DUMP", key.stored]));
    for (key, reply, node) in dumps.map_err(nothing_written)? {
        let stash = Stash::new(&[call.spec.name.as_bytes()], StashRole::Copy, random(), key.stored);
        let (position, name) = (key.position, stash.name());
        let payload = match Frame::trusted(&reply).value() {
            ValueRef::Error(text) => return Err(nothing_written(Error::server(text).with_node(|| node))),
            ValueRef::Bulk(payload) => payload.to_vec(),
            // What is missing there is missing here, under whatever name.
            _ => {
                missing.push((position, name));
                continue;
            }
        };
        match probes.last_mut() {
            Some(smallest) if server == Some(key.master) => {
                if payload.len() < copies[*smallest].payload.len() {
                    *smallest = copies.len();
                }
            }
            _ => probes.push(copies.len()),
        }
        server = Some(key.master);
        copies.push(Copy { position, name, payload });
    }
    let mut home = call.lend(carried.home).map_err(nothing_written)?;
    if call.spec.access != Access::Read && !copies.is_empty() {
        let probes: Vec<&Copy> = probes.iter().map(|&at| &copies[at]).collect();
        try_copies(call, &mut home, &probes).map_err(nothing_written)?;
    }
    let mut command: Vec<&[u8]> = call.args.iter().collect();
    for key in keys {
        command[key.position] = key.stored;
    }
    for (position, name) in &missing {
        command[*position] = name;
    }
    let mut copied: Vec<&Copy> = Vec::with_capacity(copies.len());
    for copy in &copies {
        command[copy.position] = &copy.name;
        copied.push(copy);
    }
    let commands = with_copies(&copied, Some(command));
    let replies = exec_unwatched(&mut home, &commands, call.deadline)?;
    if let Some(error) = replies.iter().take(copies.len()).find_map(|reply| error_in(reply)) {
        // The command ran without that key. One that only reads did no harm.
        let writes = call.spec.access != Access::Read;
        let error = if writes { error.with_outcome(Outcome::Partial) } else { error };
        return Err(error.with_node(|| home.node().to_string()));
    }
    let reply = replies.into_iter().nth(copies.len()).ok_or_else(gave_nothing)?;
    match error_in(&reply) {
        Some(error) => Err(error.with_node(|| home.node().to_string())),
        None => Ok(reply),
    }
}

/// Restores and forgets some values. A command that writes must not run when that fails, and inside of its own
/// transaction it could not be kept from running.
#[inline]
fn try_copies(call: &Call<'_>, home: &mut Lease, copies: &[&Copy]) -> Result<()> {
    let replies = exec_unwatched(home, &with_copies(copies, None), call.deadline)?;
    all_succeeded(home, &replies)
}

/// The commands that restore copies, run a command and delete the copies, when there are any.
#[inline]
fn with_copies<'c>(copies: &[&'c Copy], command: Option<Vec<&'c [u8]>>) -> Vec<Vec<&'c [u8]>> {
    let mut commands: Vec<Vec<&[u8]>> = Vec::with_capacity(copies.len() + 2);
    let mut forget: Vec<&[u8]> = vec![b"DEL"];
    for copy in copies {
        commands.push(vec![b"RESTORE", &copy.name, b"0", &copy.payload]);
        forget.push(&copy.name);
    }
    commands.extend(command);
    if !copies.is_empty() {
        commands.push(forget);
    }
    commands
}

#[cfg(test)]
mod tests {
    use crate::execute::scripted_servers::assert_failures;
    use crate::table::cmd;

    #[test]
    fn what_is_done_when_a_step_fails() {
        let command = cmd("ZUNIONSTORE").arg("a").arg("2").arg("a").arg("b");
        let expected = "
            b:DUMP a:MULTI a:RESTORE a:DEL a:EXEC a:MULTI a:RESTORE a:ZUNIONSTORE a:DEL a:EXEC = 1
            b:DUMP Refused, Breaks, Dies: NotApplied
            a:MULTI Refused, Breaks, Dies: NotApplied
            a:RESTORE Refused: NotApplied; a:DEL a:EXEC
            a:RESTORE Breaks, Dies: NotApplied
            a:DEL Refused: NotApplied; a:EXEC
            a:DEL Breaks, Dies: NotApplied
            a:EXEC Refused, Breaks, Dies: NotApplied
            a:MULTI Refused, Breaks, Dies: NotApplied
            a:RESTORE Refused: NotApplied; a:ZUNIONSTORE a:DEL a:EXEC
            a:RESTORE Breaks, Dies: Unknown
            a:ZUNIONSTORE Refused: NotApplied; a:DEL a:EXEC
            a:ZUNIONSTORE Breaks, Dies: Unknown
            a:DEL Refused: NotApplied; a:EXEC
            a:DEL Breaks, Dies: Unknown
            a:EXEC Refused: NotApplied
            a:EXEC Breaks, Dies: Unknown
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }
}
