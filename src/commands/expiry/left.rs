//! The replies of `TTL` and its like.

use crate::commands::time::moment;
use crate::error::{Error, Result};
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use std::time::{Duration, SystemTime};

/// How long a key has left, as [`ttl`](crate::ExpiryCommands::ttl) and [`pttl`](crate::ExpiryCommands::pttl) tell; or
/// a field of a hash, as [`httl`](crate::HashExpiryCommands::httl) and its like.
///
/// `PER_SECOND` is how many of the command's units make a second; [`TtlSeconds`] and [`TtlMillis`] are the two that
/// there are.
///
/// ```
/// use rediscluster::{Error, FromValue, Ttl, TtlMillis, TtlSeconds, ValueRef};
/// use std::time::Duration;
///
/// let ttl = TtlMillis::from_value(ValueRef::Integer(1500))?;
/// assert_eq!(ttl, Ttl::Left(Duration::from_millis(1500)));
/// assert_eq!(TtlSeconds::from_value(ValueRef::Integer(-1))?, Ttl::Persistent);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ttl<const PER_SECOND: u64> {
    /// There is no such key, or no such field.
    Missing,
    /// It never expires.
    Persistent,
    /// It expires after this long.
    Left(Duration),
}

/// What a command that counts in seconds tells.
pub type TtlSeconds = Ttl<1>;

/// What a command that counts in milliseconds tells.
pub type TtlMillis = Ttl<1000>;

/// When a key expires, as [`expiretime`](crate::ExpiryCommands::expiretime) and
/// [`pexpiretime`](crate::ExpiryCommands::pexpiretime) tell; or a field of a hash, as
/// [`hexpiretime`](crate::HashExpiryCommands::hexpiretime) and its like.
///
/// `PER_SECOND` is how many of the command's units make a second; [`ExpireTimeSeconds`] and [`ExpireTimeMillis`] are
/// the two that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpireTime<const PER_SECOND: u64> {
    /// There is no such key, or no such field.
    Missing,
    /// It never expires.
    Persistent,
    /// It expires at this moment, by the server's clock.
    At(SystemTime),
}

/// What a command that counts in seconds tells.
pub type ExpireTimeSeconds = ExpireTime<1>;

/// What a command that counts in milliseconds tells.
pub type ExpireTimeMillis = ExpireTime<1000>;

impl<const PER_SECOND: u64> Ttl<PER_SECOND> {
    /// How long is left; `None` when it is missing or never expires.
    #[inline]
    pub fn left(self) -> Option<Duration> {
        match self {
            Ttl::Left(time) => Some(time),
            Ttl::Missing | Ttl::Persistent => None,
        }
    }
}

impl<const PER_SECOND: u64> ExpireTime<PER_SECOND> {
    /// The moment; `None` when it is missing or never expires.
    #[inline]
    pub fn at(self) -> Option<SystemTime> {
        match self {
            ExpireTime::At(time) => Some(time),
            ExpireTime::Missing | ExpireTime::Persistent => None,
        }
    }
}

impl<const PER_SECOND: u64> FromValue for Ttl<PER_SECOND> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Ttl<PER_SECOND>> {
        let units = match i64::from_value(value)? {
            -2 => return Ok(Ttl::Missing),
            -1 => return Ok(Ttl::Persistent),
            number => u64::try_from(number).map_err(|_| Error::reply(format!("expected a time, got {number}")))?,
        };
        let nanos = units % PER_SECOND * (1_000_000_000 / PER_SECOND);
        Ok(Ttl::Left(Duration::from_secs(units / PER_SECOND) + Duration::from_nanos(nanos)))
    }
}

impl<const PER_SECOND: u64> FromValue for ExpireTime<PER_SECOND> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<ExpireTime<PER_SECOND>> {
        Ok(match Ttl::<PER_SECOND>::from_value(value)? {
            Ttl::Missing => ExpireTime::Missing,
            Ttl::Persistent => ExpireTime::Persistent,
            Ttl::Left(since_1970) => ExpireTime::At(moment(since_1970)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_times() {
        let seconds = |number| Ttl::<1>::from_value(ValueRef::Integer(number));
        let millis = |number| Ttl::<1000>::from_value(ValueRef::Integer(number));
        assert_eq!(seconds(-2).unwrap(), Ttl::Missing);
        assert_eq!(millis(-1).unwrap(), Ttl::Persistent);
        assert_eq!(seconds(7).unwrap().left(), Some(Duration::from_secs(7)));
        assert_eq!(millis(7001).unwrap().left(), Some(Duration::from_millis(7001)));
        assert_eq!(millis(i64::MAX).unwrap().left(), Some(Duration::from_millis(i64::MAX as u64)));
        assert!(seconds(-3).is_err());
        let at = ExpireTime::<1>::from_value(ValueRef::Integer(60)).unwrap();
        assert_eq!(at.at(), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60)));
        // Beyond any clock or not: no panic.
        let _ = ExpireTime::<1>::from_value(ValueRef::Integer(i64::MAX));
    }
}
