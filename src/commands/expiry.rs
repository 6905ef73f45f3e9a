//! When keys expire.

mod left;

pub use left::{ExpireTime, ExpireTimeMillis, ExpireTimeSeconds, Ttl, TtlMillis, TtlSeconds};

use super::time::{millis, seconds, unix_millis, unix_seconds};
use crate::cmd::{Cmd, Execute};
use crate::command::Args;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};
use std::time::{Duration, SystemTime};

/// Commands on the expiry of keys, whatever they hold.
///
/// Times are rounded up to the unit of the command, so that no key expires earlier than told. A time of zero, or a
/// moment that has passed, deletes the key; that counts as an expiry that was set.
pub trait ExpiryCommands: Execute {
    /// Lets a key expire after a time in seconds, rounded up, and says whether it did: not when there is no such key.
    ///
    /// `EXPIRE`, since Redis 1.0.0. [`pexpire`](ExpiryCommands::pexpire) counts in milliseconds.
    ///
    /// # Errors
    /// A [`Server`](crate::ErrorKind::Server) error when the time is beyond what the server can count, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// cluster.set("session", "ann")?;
    /// assert!(cluster.expire("session", Duration::from_secs(1800))?);
    /// assert!(!cluster.expire("missing", Duration::from_secs(1800))?);
    /// # Ok(()) });
    /// ```
    fn expire<K: ToArg>(self, key: K, time: Duration) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::EXPIRE).arg(key).arg(seconds(time)))
    }

    /// Lets a key expire after a time in seconds, rounded up, under a condition, and says whether it did.
    ///
    /// `EXPIRE` with options, since Redis 7.0.0.
    ///
    /// # Errors
    /// Those of [`expire`](ExpiryCommands::expire); a [`Server`](crate::ErrorKind::Server) error for conditions that
    /// exclude each other.
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ExpireOptions;
    /// use std::time::Duration;
    ///
    /// cluster.setex("session", Duration::from_secs(1800), "ann")?;
    /// let longer_only = ExpireOptions::new().if_later();
    /// assert!(!cluster.expire_with("session", Duration::from_secs(60), longer_only)?);
    /// assert!(cluster.expire_with("session", Duration::from_secs(3600), longer_only)?);
    /// # Ok(()) });
    /// ```
    fn expire_with<K: ToArg>(self, key: K, time: Duration, options: ExpireOptions) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::EXPIRE).arg(key).arg(seconds(time)).args_of(options))
    }

    /// Lets a key expire at a moment in whole seconds, rounded up, and says whether it did: not when there is no such
    /// key.
    ///
    /// `EXPIREAT`, since Redis 1.2.0. The server's clock counts.
    ///
    /// # Errors
    /// Those of [`expire`](ExpiryCommands::expire).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::{Duration, SystemTime};
    ///
    /// cluster.set("offer", "half price")?;
    /// let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    /// assert!(cluster.expireat("offer", tomorrow)?);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "expire_at")]
    fn expireat<K: ToArg>(self, key: K, time: SystemTime) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::EXPIREAT).arg(key).arg(unix_seconds(time)))
    }

    /// Lets a key expire at a moment in whole seconds, rounded up, under a condition, and says whether it did.
    ///
    /// `EXPIREAT` with options, since Redis 7.0.0.
    ///
    /// # Errors
    /// Those of [`expire_with`](ExpiryCommands::expire_with).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ExpireOptions;
    /// use std::time::{Duration, SystemTime};
    ///
    /// cluster.set("offer", "half price")?;
    /// let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    /// let once = ExpireOptions::new().if_persistent();
    /// assert!(cluster.expireat_with("offer", tomorrow, once)?);
    /// assert!(!cluster.expireat_with("offer", tomorrow, once)?);
    /// # Ok(()) });
    /// ```
    fn expireat_with<K: ToArg>(self, key: K, time: SystemTime, options: ExpireOptions) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::EXPIREAT).arg(key).arg(unix_seconds(time)).args_of(options))
    }

    /// Gives the moment at which a key expires, rounded to the nearest second.
    ///
    /// `EXPIRETIME`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ExpireTime;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(33_177_117_420);
    /// cluster.set("offer", "half price")?;
    /// assert_eq!(cluster.expiretime("offer")?, ExpireTime::Persistent);
    /// cluster.expireat("offer", moment)?;
    /// assert_eq!(cluster.expiretime("offer")?, ExpireTime::At(moment));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "expire_time")]
    fn expiretime<K: ToArg>(self, key: K) -> Self::Output<ExpireTimeSeconds> {
        self.execute(Cmd::new(&table::EXPIRETIME).arg(key))
    }

    /// Removes the expiry of a key, and says whether it did: not when the key is missing or has none.
    ///
    /// `PERSIST`, since Redis 2.2.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// cluster.setex("session", Duration::from_secs(1800), "ann")?;
    /// assert!(cluster.persist("session")?);
    /// assert!(!cluster.persist("session")?);
    /// # Ok(()) });
    /// ```
    fn persist<K: ToArg>(self, key: K) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::PERSIST).arg(key))
    }

    /// Lets a key expire after a time in milliseconds, rounded up, and says whether it did: not when there is no such
    /// key.
    ///
    /// `PEXPIRE`, since Redis 2.6.0.
    ///
    /// # Errors
    /// Those of [`expire`](ExpiryCommands::expire).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// cluster.set("lease", "ann")?;
    /// assert!(cluster.pexpire("lease", Duration::from_millis(2500))?);
    /// # Ok(()) });
    /// ```
    fn pexpire<K: ToArg>(self, key: K, time: Duration) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::PEXPIRE).arg(key).arg(millis(time)))
    }

    /// Lets a key expire after a time in milliseconds, rounded up, under a condition, and says whether it did.
    ///
    /// `PEXPIRE` with options, since Redis 7.0.0.
    ///
    /// # Errors
    /// Those of [`expire_with`](ExpiryCommands::expire_with).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ExpireOptions;
    /// use std::time::Duration;
    ///
    /// cluster.psetex("lease", Duration::from_millis(2500), "ann")?;
    /// let shorter_only = ExpireOptions::new().if_sooner();
    /// assert!(!cluster.pexpire_with("lease", Duration::from_secs(60), shorter_only)?);
    /// # Ok(()) });
    /// ```
    fn pexpire_with<K: ToArg>(self, key: K, time: Duration, options: ExpireOptions) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::PEXPIRE).arg(key).arg(millis(time)).args_of(options))
    }

    /// Lets a key expire at a moment in whole milliseconds, rounded up, and says whether it did: not when there is no
    /// such key.
    ///
    /// `PEXPIREAT`, since Redis 2.6.0. The server's clock counts.
    ///
    /// # Errors
    /// Those of [`expire`](ExpiryCommands::expire).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::SystemTime;
    ///
    /// cluster.set("offer", "half price")?;
    /// assert!(cluster.pexpireat("offer", SystemTime::UNIX_EPOCH)?);
    /// assert_eq!(cluster.exists("offer")?, 0);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "pexpire_at")]
    fn pexpireat<K: ToArg>(self, key: K, time: SystemTime) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::PEXPIREAT).arg(key).arg(unix_millis(time)))
    }

    /// Lets a key expire at a moment in whole milliseconds, rounded up, under a condition, and says whether it did.
    ///
    /// `PEXPIREAT` with options, since Redis 7.0.0.
    ///
    /// # Errors
    /// Those of [`expire_with`](ExpiryCommands::expire_with).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ExpireOptions;
    /// use std::time::{Duration, SystemTime};
    ///
    /// cluster.set("offer", "half price")?;
    /// let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    /// assert!(!cluster.pexpireat_with("offer", tomorrow, ExpireOptions::new().if_expiring())?);
    /// # Ok(()) });
    /// ```
    fn pexpireat_with<K: ToArg>(self, key: K, time: SystemTime, options: ExpireOptions) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::PEXPIREAT).arg(key).arg(unix_millis(time)).args_of(options))
    }

    /// Gives the moment at which a key expires, to the millisecond.
    ///
    /// `PEXPIRETIME`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let before = SystemTime::now();
    /// cluster.psetex("lease", Duration::from_millis(2500), "ann")?;
    /// assert!(cluster.pexpiretime("lease")?.at() > Some(before));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "pexpire_time")]
    fn pexpiretime<K: ToArg>(self, key: K) -> Self::Output<ExpireTimeMillis> {
        self.execute(Cmd::new(&table::PEXPIRETIME).arg(key))
    }

    /// Gives how long a key has left, to the millisecond.
    ///
    /// `PTTL`, since Redis 2.6.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Ttl;
    /// use std::time::Duration;
    ///
    /// cluster.psetex("lease", Duration::from_millis(2500), "ann")?;
    /// match cluster.pttl("lease")? {
    ///     Ttl::Left(time) => assert!(time <= Duration::from_millis(2500)),
    ///     Ttl::Persistent | Ttl::Missing => unreachable!("it has just been set"),
    /// }
    /// # Ok(()) });
    /// ```
    fn pttl<K: ToArg>(self, key: K) -> Self::Output<TtlMillis> {
        self.execute(Cmd::new(&table::PTTL).arg(key))
    }

    /// Gives how long a key has left, rounded to the nearest second.
    ///
    /// `TTL`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Ttl;
    ///
    /// assert_eq!(cluster.ttl("session")?, Ttl::Missing);
    /// cluster.set("session", "ann")?;
    /// assert_eq!(cluster.ttl("session")?, Ttl::Persistent);
    /// # Ok(()) });
    /// ```
    fn ttl<K: ToArg>(self, key: K) -> Self::Output<TtlSeconds> {
        self.execute(Cmd::new(&table::TTL).arg(key))
    }
}

impl<E: Execute> ExpiryCommands for E {}

/// The conditions of [`expire_with`](ExpiryCommands::expire_with) and its like, all since Redis 7.0.0.
///
/// One condition is about whether the key has an expiry, one about when that is; of each kind the last one said counts.
/// A key that never expires counts as expiring after any moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpireOptions {
    expiry: Option<&'static str>,
    moment: Option<&'static str>,
}

impl ExpireOptions {
    /// No conditions.
    #[inline]
    pub fn new() -> ExpireOptions {
        ExpireOptions::default()
    }

    /// Only when the key has no expiry: `NX`. The server takes no other condition beside it.
    #[inline]
    pub fn if_persistent(mut self) -> ExpireOptions {
        self.expiry = Some("NX");
        self
    }

    /// Only when the key has an expiry: `XX`.
    #[inline]
    pub fn if_expiring(mut self) -> ExpireOptions {
        self.expiry = Some("XX");
        self
    }

    /// Only when the key will expire later than it does now: `GT`.
    #[inline]
    pub fn if_later(mut self) -> ExpireOptions {
        self.moment = Some("GT");
        self
    }

    /// Only when the key will expire sooner than it does now: `LT`.
    #[inline]
    pub fn if_sooner(mut self) -> ExpireOptions {
        self.moment = Some("LT");
        self
    }
}

impl ToArgs for ExpireOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        self.expiry.into_iter().chain(self.moment).for_each(|word| word.write_arg(args));
    }
}
