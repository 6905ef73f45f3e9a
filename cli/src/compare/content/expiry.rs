//! When a key expires.

use super::Replies;
use crate::compare::server::{milliseconds, Server};
use rediscluster::prelude::*;
use rediscluster::{spec, Cmd, Error, Value};

/// When a key expires, by the clock of its server: between two moments in milliseconds since 1970, which are the same
/// where the server tells it exactly (`PEXPIRETIME`, since 7.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expiry(Option<(i64, i64)>);

impl Expiry {
    /// The moment in milliseconds since 1970; `None` for never.
    pub fn moment(&self) -> Option<i64> {
        self.0.map(|(earliest, latest)| earliest + (latest - earliest) / 2)
    }

    /// Whether both are the same as far as their servers tell.
    pub fn is_same(&self, other: &Expiry) -> bool {
        match (self.0, other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => one.0 <= other.1 && other.0 <= one.1,
            _ => false,
        }
    }

    /// Whether its moment may have come by another one.
    pub(super) fn is_past(&self, now: i64) -> bool {
        self.0.is_some_and(|(earliest, _)| earliest <= now)
    }
}

/// Asks a server for the expiry of keys.
pub(super) fn ask<'k>(server: &Server, keys: impl Iterator<Item = &'k [u8]>, commands: &mut Vec<Cmd>) {
    if server.has().expiry_time {
        return commands.extend(keys.map(|key| Cmd::new(&spec::PEXPIRETIME).arg(key)));
    }
    // What is left is told at some moment between the two.
    commands.push(cmd("TIME"));
    commands.extend(keys.map(|key| Cmd::new(&spec::PTTL).arg(key)));
    commands.push(cmd("TIME"));
}

/// The answers to that; `None` for a key that is not there.
pub(super) fn read(server: &Server, count: usize, replies: &mut Replies) -> Result<Vec<Option<Expiry>>, Error> {
    let is_exact = server.has().expiry_time;
    let before = if is_exact { 0 } else { time(replies)? };
    let told: Vec<i64> = (0..count).map(|_| replies.integer()).collect::<Result<_, _>>()?;
    // Both were cut off to whole milliseconds.
    let after = if is_exact { 0 } else { time(replies)? + 1 };
    if told.iter().any(|&told| told >= 0) {
        server.tells_expiry_to(after - before);
    }
    let expiry = |told| match told {
        -2 => None,
        -1 => Some(Expiry(None)),
        told => Some(Expiry(Some((told + before, told + after)))),
    };
    Ok(told.into_iter().map(expiry).collect())
}

/// What `TIME` answered, in milliseconds.
pub(super) fn time(replies: &mut Replies) -> Result<i64, Error> {
    let number = |value| match value {
        Value::Bulk(text) => String::from_utf8_lossy(&text).parse().unwrap_or(0),
        _ => 0,
    };
    let parts: Vec<i64> = replies.array()?.into_iter().map(number).collect();
    Ok(milliseconds(&parts).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_the_same_as_far_as_they_are_known() {
        let (never, exact) = (Expiry(None), |at| Expiry(Some((at, at))));
        assert!(never.is_same(&never) && exact(5).is_same(&exact(5)));
        assert!(!never.is_same(&exact(5)) && !exact(5).is_same(&exact(6)));
        let about = Expiry(Some((10, 14)));
        assert!(about.is_same(&exact(10)) && exact(14).is_same(&about) && about.is_same(&Expiry(Some((14, 20)))));
        assert!(!about.is_same(&exact(9)) && !about.is_same(&exact(15)));
        assert_eq!(about.moment(), Some(12));
    }
}
