//! Commands that need all their keys on one node: the keys of the others are carried there for one transaction.

use super::{across, meaning_told, PACKED};
use super::{all_succeeded, error_in, exec_unwatched, nothing_written, random};
use crate::command::{Access, Across, Emulation};
use crate::error::{Error, Outcome, Result};
use crate::execute::{Call, Strategy};
use crate::explain::{shown, Draft, Step};
use crate::multi::gave_nothing;
use crate::net::Lease;
use crate::order::sort_by_key;
use crate::plan::{command, groups, in_rounds, Carried, Placed};
use crate::resp::ValueRef;
use crate::stash::{Stash, StashRole};

/// The keys that live elsewhere are carried to the node of the destination, or of most keys, by `DUMP` and `RESTORE`; there
/// one transaction runs the command on copies that nobody else sees.
pub(crate) static CARRY_SOURCES: Strategy = Strategy {
    across: Across::of(&Emulation::new(
        "carry_sources",
        "the keys of the other nodes are carried over, one transaction runs the command on copies",
        // Where nothing is written, nothing has to be tried before.
        |spec| if spec.access == Access::Read { 3 } else { 5 },
    )),
    route: in_rounds,
    run: |call, route| across(call, route, carry),
    ..Strategy::ONE_NODE
};

pub(super) fn carry(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    call.carry_sources(keys).map_err(|error| meaning_told(PACKED, error))
}

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

impl Call<'_> {
    /// Every key that lives elsewhere is dumped; the home node restores them under names of their own, runs the
    /// command on those and forgets them, all in one transaction, so that nobody else ever sees them.
    fn carry_sources(&self, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
        let carried = Carried::of(self.spec, keys);
        let mut copies: Vec<Copy> = Vec::new();
        // One of each server is enough to know whether the home node understands what that server packs.
        let mut probes: Vec<usize> = Vec::new();
        let mut missing: Vec<(usize, Vec<u8>)> = Vec::new();
        for (group, payloads) in self.dumped(&carried.foreign).map_err(nothing_written)? {
            let first = copies.len();
            for (key, payload) in group.iter().zip(payloads) {
                let stash = Stash::new(&[self.spec.name.as_bytes()], StashRole::Copy, random(), key.stored);
                let (position, name) = (key.position, stash.name());
                match payload {
                    Some(payload) => copies.push(Copy { position, name, payload }),
                    // What is missing there is missing here, under whatever name.
                    None => missing.push((position, name)),
                }
            }
            probes.extend((first..copies.len()).min_by_key(|&at| copies[at].payload.len()));
        }
        let mut home = self.lend(carried.home).map_err(nothing_written)?;
        if self.spec.access != Access::Read && !copies.is_empty() {
            self.probe(&mut home, probes.iter().map(|&at| &copies[at])).map_err(nothing_written)?;
        }
        let mut command: Vec<&[u8]> = self.args.iter().collect();
        keys.iter().for_each(|key| command[key.position] = key.stored);
        copies.iter().for_each(|copy| command[copy.position] = &copy.name);
        missing.iter().for_each(|(position, name)| command[*position] = name);
        let mut commands: Vec<Vec<&[u8]>> = copies.iter().map(restore).collect();
        commands.push(command);
        commands.extend(forget(&copies));
        let replies = exec_unwatched(&mut home, &commands, self.deadline)?;
        if let Some(error) = replies.iter().take(copies.len()).find_map(|reply| error_in(reply)) {
            // The command ran without that key. One that only reads did no harm.
            let writes = self.spec.access != Access::Read;
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
    fn probe<'c>(&self, home: &mut Lease, copies: impl Iterator<Item = &'c Copy> + Clone) -> Result<()> {
        let commands: Vec<Vec<&[u8]>> = copies.clone().map(restore).chain(forget(copies)).collect();
        let replies = exec_unwatched(home, &commands, self.deadline)?;
        all_succeeded(home, &replies)
    }

    /// The values of keys as their servers pack them, `None` for a missing key. All servers are asked at once.
    #[allow(clippy::type_complexity)] // the keys of one server, and for each its value
    fn dumped<'k, 'c>(&self, keys: &'k [Placed<'c>]) -> Result<Vec<(Vec<&'k Placed<'c>>, Vec<Option<Vec<u8>>>)>> {
        let mut groups = groups(keys);
        sort_by_key(&mut groups, |group| group[0].master);
        let mut asked = Vec::with_capacity(groups.len());
        for group in groups {
            let lease = self.lend(group[0].master)?;
            asked.push((lease, group));
        }
        for (lease, group) in &mut asked {
            let bytes: Vec<u8> = group.iter().flat_map(|key| command([&b"DUMP"[..], key.stored])).collect();
            lease.send(&bytes, group.len(), self.deadline)?;
        }
        asked
            .into_iter()
            .map(|(lease, group)| self.payloads(lease, group.len()).map(|payloads| (group, payloads)))
            .collect()
    }

    fn payloads(&self, mut lease: Lease, count: usize) -> Result<Vec<Option<Vec<u8>>>> {
        let mut payloads = Vec::with_capacity(count);
        let mut refused = None;
        for _ in 0..count {
            match lease.receive(self.deadline)?.value() {
                ValueRef::Bulk(payload) => payloads.push(Some(payload.to_vec())),
                ValueRef::Error(text) => refused = refused.or_else(|| Some(Error::server(text))),
                _ => payloads.push(None),
            }
        }
        match refused {
            Some(error) => Err(error.with_node(|| lease.node().to_string())),
            None => Ok(payloads),
        }
    }
}

fn restore(copy: &Copy) -> Vec<&[u8]> {
    vec![b"RESTORE", &copy.name, b"0", &copy.payload]
}

/// Deletes the copies, when there are any.
fn forget<'c>(copies: impl IntoIterator<Item = &'c Copy>) -> Option<Vec<&'c [u8]>> {
    let names: Vec<&[u8]> = copies.into_iter().map(|copy| copy.name.as_slice()).collect();
    (!names.is_empty()).then(|| [vec![&b"DEL"[..]], names].concat())
}
