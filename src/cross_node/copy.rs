//! `COPY` from one node to another, also into another database.

use super::rename::dump;
use super::{across, explained, nothing_written, PACKED};
use crate::command::{Across, Emulation};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::execute::multi_exec::leave;
use crate::execute::{no_meaning, Call, Strategy};
use crate::explain::{shown, Draft, Step};
use crate::net::Lease;
use crate::plan::{command, in_rounds, Placed};
use crate::resp::ValueRef;

pub(super) const EMULATION: Emulation = Emulation::new("copy", "the value goes over by DUMP and RESTORE", |_| 2);

/// The value is carried over by `DUMP` and `RESTORE`.
pub(crate) const COPY: Strategy = Strategy {
    across: Across::of(&EMULATION),
    route: in_rounds,
    run: |call, route| across(call, route, copy),
    ..Strategy::ONE_NODE
};

#[inline]
fn copy(call: &Call<'_>, keys: &[Placed<'_>]) -> Result<Vec<u8>> {
    let [source, destination] = keys else { return Err(no_meaning()) };
    copy_value(call, source, destination).map_err(|error| explained(PACKED, error))
}

#[inline]
pub(super) fn steps(draft: &Draft<'_>, keys: &[Placed<'_>]) -> Vec<Step> {
    let [source, destination] = keys else { return Vec::new() };
    let (from, to) = (shown(source.stored), shown(destination.stored));
    let options = CopyOptions::of(draft.args.iter().skip(3));
    let select: Vec<String> = options.databases.iter().map(|number| format!("SELECT {}", shown(number))).collect();
    let replace = if options.replace { " REPLACE" } else { "" };
    let mut restore = format!("RESTORE {to} TTL… VALUE…{replace}");
    let mut steps = vec![draft.on(1, source, format!("DUMP {from}, PTTL {from}"))];
    if !select.is_empty() {
        steps.push(draft.on(1, destination, select.join(", ")));
        restore.push_str(", SELECT DATABASE…");
    }
    steps.push(draft.on(2, destination, restore));
    steps
}

/// The options of a `COPY`, as far as they can be read.
struct CopyOptions<'c> {
    replace: bool,
    /// The databases that are named: a server looks at each of them, and the last one counts.
    databases: Vec<&'c [u8]>,
    /// Whether there was nothing else.
    is_whole: bool,
}

impl<'c> CopyOptions<'c> {
    #[inline]
    fn of(words: impl Iterator<Item = &'c [u8]>) -> CopyOptions<'c> {
        let mut options = CopyOptions { replace: false, databases: Vec::new(), is_whole: true };
        let mut words = words.peekable();
        while let Some(word) = words.next() {
            if word.eq_ignore_ascii_case(b"REPLACE") {
                options.replace = true;
            } else if word.eq_ignore_ascii_case(b"DB") && words.peek().is_some() {
                options.databases.extend(words.next());
            } else {
                options.is_whole = false;
                break;
            }
        }
        options
    }
}

/// `COPY`: the value goes over by `DUMP` and `RESTORE` with its expiry, and the source stays as it is.
#[inline]
fn copy_value(call: &Call<'_>, source: &Placed<'_>, destination: &Placed<'_>) -> Result<Vec<u8>> {
    let options = CopyOptions::of(call.args.iter().skip(3));
    if !options.databases.is_empty() {
        return copy_to_database(call, source, destination, &options);
    }
    if !options.is_whole {
        return Err(Error::server(b"ERR syntax error"));
    }
    let packed = call.lend(source.master).and_then(|mut from| dump(call, &mut from, source.stored, false));
    let Some((payload, ttl)) = packed.map_err(nothing_written)? else { return Ok(b":0\r\n".to_vec()) };
    let mut restore: Vec<&[u8]> = vec![b"RESTORE", destination.stored, ttl.as_bytes(), &payload];
    restore.extend(options.replace.then_some(&b"REPLACE"[..]));
    match call.step(destination.master, &restore) {
        Ok(_) => Ok(b":1\r\n".to_vec()),
        Err(error) if error.kind() == ErrorKind::BusyKey => Ok(b":0\r\n".to_vec()),
        Err(error) => Err(error),
    }
}

/// The connection to the destination's node goes into the other database, and back when all is done. Between the
/// two it is for nobody else: whatever fails, it is closed.
#[inline]
fn copy_to_database(
    call: &Call<'_>,
    source: &Placed<'_>,
    destination: &Placed<'_>,
    options: &CopyOptions<'_>,
) -> Result<Vec<u8>> {
    let (mut from, mut to) = call.pair(source.master, destination.master).map_err(nothing_written)?;
    let back = to.database().to_string();
    to.set_stateful(true);
    // Both nodes are asked at the same time; what is wrong with the options is told before a look at the key.
    let select: Vec<u8> = options.databases.iter().flat_map(|number| command([b"SELECT", *number])).collect();
    to.send(&select, options.databases.len(), call.deadline).map_err(nothing_written)?;
    let packed = options.is_whole.then(|| dump(call, &mut from, source.stored, false));
    drop(from);
    selected(&mut to, options.databases.len(), call).map_err(nothing_written)?;
    let packed = packed.unwrap_or_else(|| Err(Error::server(b"ERR syntax error"))).map_err(nothing_written)?;
    let Some((payload, ttl)) = packed else {
        // When it does not come back it is closed, and nothing was to be done.
        let _ = leave(&mut to, &[b"SELECT", back.as_bytes()], call.deadline);
        return Ok(b":0\r\n".to_vec());
    };
    let mut restore: Vec<&[u8]> = vec![b"RESTORE", destination.stored, ttl.as_bytes(), &payload];
    restore.extend(options.replace.then_some(&b"REPLACE"[..]));
    to.send(&command(restore), 1, call.deadline)?;
    // On its heels, which costs no further round. When it cannot be sent, what became of the value is not known.
    let sent = to.send(&command([&b"SELECT"[..], back.as_bytes()]), 1, call.deadline);
    sent.map_err(|error| error.with_outcome(Outcome::Unknown))?;
    let node = to.node().to_string();
    let restored = match to.receive(call.deadline)?.value() {
        ValueRef::Error(text) => Err(Error::server(text).with_node(|| node)),
        _ => Ok(b":1\r\n".to_vec()),
    };
    // The value is there or refused, whether the connection can be used again or not.
    if selected(&mut to, 1, call).is_ok() {
        to.set_stateful(false);
    }
    match restored {
        Err(error) if error.kind() == ErrorKind::BusyKey => Ok(b":0\r\n".to_vec()),
        result => result,
    }
}

/// Reads the replies to some `SELECT`; the first error counts.
#[inline]
fn selected(to: &mut Lease, count: usize, call: &Call<'_>) -> Result<()> {
    let mut refused = None;
    for _ in 0..count {
        if let ValueRef::Error(text) = to.receive(call.deadline)?.value() {
            refused = refused.or_else(|| Some(Error::server(text)));
        }
    }
    refused.map_or(Ok(()), |error| Err(error.with_node(|| to.node().to_string())))
}

#[cfg(test)]
mod tests {
    use crate::execute::scripted_servers::assert_failures;
    use crate::table::cmd;

    #[test]
    fn what_is_done_when_a_step_fails() {
        let command = cmd("COPY").arg("a").arg("b");
        let expected = "
            a:DUMP a:PTTL b:RESTORE = 1
            a:DUMP Refused: NotApplied; a:PTTL
            a:DUMP Breaks, Dies: NotApplied
            a:PTTL Refused, Breaks, Dies: NotApplied
            b:RESTORE Refused: NotApplied
            b:RESTORE Breaks, Dies: Unknown
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }

    #[test]
    fn what_is_done_when_a_step_in_another_database_fails() {
        let command = cmd("COPY").arg("a").arg("b").arg("DB").arg("1");
        let expected = "
            b:SELECT a:DUMP a:PTTL b:RESTORE b:SELECT = 1
            b:SELECT Refused, Breaks, Dies: NotApplied; a:DUMP a:PTTL
            a:DUMP Refused: NotApplied; a:PTTL
            a:DUMP Breaks, Dies: NotApplied
            a:PTTL Refused, Breaks, Dies: NotApplied
            b:RESTORE Refused: NotApplied; b:SELECT
            b:RESTORE Breaks, Dies: Unknown
            b:SELECT Refused, Breaks, Dies: 1
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }
}
