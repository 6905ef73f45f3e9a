//! When fields of hashes expire.

mod options;

pub use options::{FieldExpiry, FieldPersist, HSetExOptions};

use super::args::{Counted, CountedPairs};
use super::time::{millis, seconds, unix_millis, unix_seconds};
use super::{ExpireOptions, ExpireTimeMillis, ExpireTimeSeconds, GetExOptions, TtlMillis, TtlSeconds};
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs, ToPairs};
use std::time::{Duration, SystemTime};

/// Commands on the expiry of single fields of a hash, all since Redis 7.4.0 or later; Valkey has them since 9.0.0.
///
/// Replies have one element a field, in the order in which the fields were given. A missing key is a hash without
/// fields. Times are rounded up to the unit of the command, so that no field expires earlier than told. A time of zero,
/// or a moment that has passed, deletes the field at once. A hash that loses its last field is a key that does not
/// exist. Writing a field by [`hset`](crate::HashCommands::hset) takes its expiry away.
pub trait HashExpiryCommands: Execute {
    /// Lets fields expire after a time in seconds, rounded up, and says for each what became of it.
    ///
    /// `HEXPIRE`, since Redis 7.4.0. [`hpexpire`](HashExpiryCommands::hpexpire) counts in milliseconds.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, a [`Server`](crate::ErrorKind::Server) error
    /// when there are no fields or the time is beyond what the server can count, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::FieldExpiry;
    /// use std::time::Duration;
    ///
    /// cluster.hset("session", ("token", "x7"))?;
    /// let told = cluster.hexpire("session", Duration::from_secs(60), ["token", "missing"])?;
    /// assert_eq!(told, [FieldExpiry::Set, FieldExpiry::Missing]);
    /// # Ok(()) });
    /// ```
    fn hexpire<K: ToArg, F: ToArgs>(self, key: K, time: Duration, fields: F) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(Cmd::new(&table::HEXPIRE).arg(key).arg(seconds(time)).arg("FIELDS").args_of(Counted(fields)))
    }

    /// As [`hexpire`](HashExpiryCommands::hexpire), under a condition on each field. Redis takes one condition, Valkey those
    /// of both kinds.
    ///
    /// `HEXPIRE` with a condition, since Redis 7.4.0.
    ///
    /// # Errors
    /// As [`hexpire`](HashExpiryCommands::hexpire); a [`Server`](crate::ErrorKind::Server) error for two conditions where
    /// the server takes one only.
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ExpireOptions, FieldExpiry};
    /// use std::time::Duration;
    ///
    /// cluster.hset("session", [("token", "x7"), ("name", "ann")])?;
    /// cluster.hexpire("session", Duration::from_secs(60), "token")?;
    /// let once = ExpireOptions::new().if_persistent();
    /// let told = cluster.hexpire_with("session", Duration::from_secs(9), once, ["token", "name"])?;
    /// assert_eq!(told, [FieldExpiry::Unchanged, FieldExpiry::Set]);
    /// # Ok(()) });
    /// ```
    fn hexpire_with<K: ToArg, F: ToArgs>(
        self,
        key: K,
        time: Duration,
        options: ExpireOptions,
        fields: F,
    ) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(
            Cmd::new(&table::HEXPIRE)
                .arg(key)
                .arg(seconds(time))
                .args_of(options)
                .arg("FIELDS")
                .args_of(Counted(fields)),
        )
    }

    /// Lets fields expire at a moment in whole seconds, rounded up, and says for each what became of it.
    ///
    /// `HEXPIREAT`, since Redis 7.4.0. The server's clock counts.
    ///
    /// # Errors
    /// As [`hexpire`](HashExpiryCommands::hexpire).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::FieldExpiry;
    /// use std::time::{Duration, SystemTime};
    ///
    /// cluster.hset("offers", ("tea", 7))?;
    /// let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    /// assert_eq!(cluster.hexpireat("offers", tomorrow, "tea")?, [FieldExpiry::Set]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hexpire_at")]
    fn hexpireat<K: ToArg, F: ToArgs>(self, key: K, time: SystemTime, fields: F) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(
            Cmd::new(&table::HEXPIREAT).arg(key).arg(unix_seconds(time)).arg("FIELDS").args_of(Counted(fields)),
        )
    }

    /// As [`hexpireat`](HashExpiryCommands::hexpireat), under a condition on each field.
    ///
    /// `HEXPIREAT` with a condition, since Redis 7.4.0.
    ///
    /// # Errors
    /// As [`hexpire_with`](HashExpiryCommands::hexpire_with).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ExpireOptions, FieldExpiry};
    /// use std::time::{Duration, SystemTime};
    ///
    /// cluster.hset("offers", ("tea", 7))?;
    /// let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    /// let told = cluster.hexpireat_with("offers", tomorrow, ExpireOptions::new().if_expiring(), "tea")?;
    /// assert_eq!(told, [FieldExpiry::Unchanged]);
    /// # Ok(()) });
    /// ```
    fn hexpireat_with<K: ToArg, F: ToArgs>(
        self,
        key: K,
        time: SystemTime,
        options: ExpireOptions,
        fields: F,
    ) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(
            Cmd::new(&table::HEXPIREAT)
                .arg(key)
                .arg(unix_seconds(time))
                .args_of(options)
                .arg("FIELDS")
                .args_of(Counted(fields)),
        )
    }

    /// Gives the moments at which fields expire, rounded to whole seconds.
    ///
    /// `HEXPIRETIME`, since Redis 7.4.0.
    ///
    /// # Errors
    /// As [`hpersist`](HashExpiryCommands::hpersist).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ExpireTime;
    ///
    /// cluster.hset("offers", ("tea", 7))?;
    /// let told = cluster.hexpiretime("offers", ["tea", "missing"])?;
    /// assert_eq!(told, [ExpireTime::Persistent, ExpireTime::Missing]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hexpire_time")]
    fn hexpiretime<K: ToArg, F: ToArgs>(self, key: K, fields: F) -> Self::Output<Vec<ExpireTimeSeconds>> {
        self.execute(Cmd::new(&table::HEXPIRETIME).arg(key).arg("FIELDS").args_of(Counted(fields)))
    }

    /// Gives the values of fields, as [`hmget`](crate::HashCommands::hmget), and deletes them.
    ///
    /// `HGETDEL`, since Redis 8.0.0 and Valkey 9.1.0.
    ///
    /// # Errors
    /// As [`hpersist`](HashExpiryCommands::hpersist).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0 or valkey 9.1", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("cart", [("tea", 2), ("milk", 1)])?;
    /// let (tea, jam): (u32, Option<u32>) = cluster.hgetdel("cart", ["tea", "jam"])?;
    /// assert_eq!((tea, jam, cluster.hlen("cart")?), (2, None, 1));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hget_del")]
    fn hgetdel<K: ToArg, F: ToArgs, V: FromValue>(self, key: K, fields: F) -> Self::Output<V> {
        self.execute(Cmd::new(&table::HGETDEL).arg(key).arg("FIELDS").args_of(Counted(fields)))
    }

    /// Gives the values of fields, as [`hmget`](crate::HashCommands::hmget), and changes when they expire.
    ///
    /// `HGETEX`, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`hexpire`](HashExpiryCommands::hexpire).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::GetExOptions;
    /// use std::time::Duration;
    ///
    /// cluster.hset("session", ("token", "x7"))?;
    /// let longer = GetExOptions::new().expire_in(Duration::from_secs(60));
    /// let tokens: Vec<String> = cluster.hgetex("session", "token", longer)?;
    /// assert_eq!(tokens, ["x7"]);
    /// assert!(cluster.httl("session", "token")?[0].left().is_some());
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hget_ex")]
    fn hgetex<K: ToArg, F: ToArgs, V: FromValue>(self, key: K, fields: F, options: GetExOptions) -> Self::Output<V> {
        self.execute(Cmd::new(&table::HGETEX).arg(key).args_of(options).arg("FIELDS").args_of(Counted(fields)))
    }

    /// Removes the expiry of fields, and says for each what became of it.
    ///
    /// `HPERSIST`, since Redis 7.4.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, a [`Server`](crate::ErrorKind::Server) error
    /// when there are no fields, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::FieldPersist;
    ///
    /// cluster.hset("session", ("token", "x7"))?;
    /// let told = cluster.hpersist("session", ["token", "missing"])?;
    /// assert_eq!(told, [FieldPersist::Persistent, FieldPersist::Missing]);
    /// # Ok(()) });
    /// ```
    fn hpersist<K: ToArg, F: ToArgs>(self, key: K, fields: F) -> Self::Output<Vec<FieldPersist>> {
        self.execute(Cmd::new(&table::HPERSIST).arg(key).arg("FIELDS").args_of(Counted(fields)))
    }

    /// As [`hexpire`](HashExpiryCommands::hexpire), in milliseconds, rounded up.
    ///
    /// `HPEXPIRE`, since Redis 7.4.0.
    ///
    /// # Errors
    /// As [`hexpire`](HashExpiryCommands::hexpire).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::FieldExpiry;
    /// use std::time::Duration;
    ///
    /// cluster.hset("lease", ("owner", "ann"))?;
    /// assert_eq!(cluster.hpexpire("lease", Duration::from_millis(2500), "owner")?, [FieldExpiry::Set]);
    /// assert_eq!(cluster.hpexpire("lease", Duration::ZERO, "owner")?, [FieldExpiry::Deleted]);
    /// # Ok(()) });
    /// ```
    fn hpexpire<K: ToArg, F: ToArgs>(self, key: K, time: Duration, fields: F) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(Cmd::new(&table::HPEXPIRE).arg(key).arg(millis(time)).arg("FIELDS").args_of(Counted(fields)))
    }

    /// As [`hexpire_with`](HashExpiryCommands::hexpire_with), in milliseconds, rounded up.
    ///
    /// `HPEXPIRE` with a condition, since Redis 7.4.0.
    ///
    /// # Errors
    /// As [`hexpire_with`](HashExpiryCommands::hexpire_with).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ExpireOptions, FieldExpiry};
    /// use std::time::Duration;
    ///
    /// cluster.hset("lease", ("owner", "ann"))?;
    /// cluster.hpexpire("lease", Duration::from_millis(2500), "owner")?;
    /// let longer_only = ExpireOptions::new().if_later();
    /// let told = cluster.hpexpire_with("lease", Duration::from_millis(100), longer_only, "owner")?;
    /// assert_eq!(told, [FieldExpiry::Unchanged]);
    /// # Ok(()) });
    /// ```
    fn hpexpire_with<K: ToArg, F: ToArgs>(
        self,
        key: K,
        time: Duration,
        options: ExpireOptions,
        fields: F,
    ) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(
            Cmd::new(&table::HPEXPIRE)
                .arg(key)
                .arg(millis(time))
                .args_of(options)
                .arg("FIELDS")
                .args_of(Counted(fields)),
        )
    }

    /// As [`hexpireat`](HashExpiryCommands::hexpireat), in whole milliseconds, rounded up.
    ///
    /// `HPEXPIREAT`, since Redis 7.4.0.
    ///
    /// # Errors
    /// As [`hexpire`](HashExpiryCommands::hexpire).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::FieldExpiry;
    /// use std::time::SystemTime;
    ///
    /// cluster.hset("offers", ("tea", 7))?;
    /// let told = cluster.hpexpireat("offers", SystemTime::UNIX_EPOCH, "tea")?;
    /// assert_eq!(told, [FieldExpiry::Deleted]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hpexpire_at")]
    fn hpexpireat<K: ToArg, F: ToArgs>(self, key: K, time: SystemTime, fields: F) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(
            Cmd::new(&table::HPEXPIREAT).arg(key).arg(unix_millis(time)).arg("FIELDS").args_of(Counted(fields)),
        )
    }

    /// As [`hexpireat_with`](HashExpiryCommands::hexpireat_with), in whole milliseconds, rounded up.
    ///
    /// `HPEXPIREAT` with a condition, since Redis 7.4.0.
    ///
    /// # Errors
    /// As [`hexpire_with`](HashExpiryCommands::hexpire_with).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ExpireOptions, FieldExpiry};
    /// use std::time::{Duration, SystemTime};
    ///
    /// cluster.hset("offers", ("tea", 7))?;
    /// let tomorrow = SystemTime::now() + Duration::from_secs(24 * 60 * 60);
    /// let told = cluster.hpexpireat_with("offers", tomorrow, ExpireOptions::new().if_sooner(), "tea")?;
    /// assert_eq!(told, [FieldExpiry::Set]);
    /// # Ok(()) });
    /// ```
    fn hpexpireat_with<K: ToArg, F: ToArgs>(
        self,
        key: K,
        time: SystemTime,
        options: ExpireOptions,
        fields: F,
    ) -> Self::Output<Vec<FieldExpiry>> {
        self.execute(
            Cmd::new(&table::HPEXPIREAT)
                .arg(key)
                .arg(unix_millis(time))
                .args_of(options)
                .arg("FIELDS")
                .args_of(Counted(fields)),
        )
    }

    /// Gives the moments at which fields expire, to the millisecond.
    ///
    /// `HPEXPIRETIME`, since Redis 7.4.0.
    ///
    /// # Errors
    /// As [`hpersist`](HashExpiryCommands::hpersist).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::{Duration, SystemTime};
    ///
    /// let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(9_000_000_000_123);
    /// cluster.hset("offers", ("tea", 7))?;
    /// cluster.hpexpireat("offers", moment, "tea")?;
    /// assert_eq!(cluster.hpexpiretime("offers", "tea")?[0].at(), Some(moment));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hpexpire_time")]
    fn hpexpiretime<K: ToArg, F: ToArgs>(self, key: K, fields: F) -> Self::Output<Vec<ExpireTimeMillis>> {
        self.execute(Cmd::new(&table::HPEXPIRETIME).arg(key).arg("FIELDS").args_of(Counted(fields)))
    }

    /// Gives how long fields have left, to the millisecond.
    ///
    /// `HPTTL`, since Redis 7.4.0.
    ///
    /// # Errors
    /// As [`hpersist`](HashExpiryCommands::hpersist).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// cluster.hset("lease", ("owner", "ann"))?;
    /// cluster.hpexpire("lease", Duration::from_millis(2500), "owner")?;
    /// assert!(cluster.hpttl("lease", "owner")?[0].left() <= Some(Duration::from_millis(2500)));
    /// # Ok(()) });
    /// ```
    fn hpttl<K: ToArg, F: ToArgs>(self, key: K, fields: F) -> Self::Output<Vec<TtlMillis>> {
        self.execute(Cmd::new(&table::HPTTL).arg(key).arg("FIELDS").args_of(Counted(fields)))
    }

    /// Sets fields together with their expiry, and says whether it did: all of them, or when a condition does not hold
    /// none.
    ///
    /// `HSETEX`, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`hexpire`](HashExpiryCommands::hexpire).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::HSetExOptions;
    /// use std::time::Duration;
    ///
    /// let new = HSetExOptions::new().if_missing().expire_in(Duration::from_secs(60));
    /// assert!(cluster.hsetex("session", [("token", "x7"), ("name", "ann")], new)?);
    /// assert!(!cluster.hsetex("session", ("token", "y8"), new)?);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hset_ex")]
    fn hsetex<K: ToArg, P: ToPairs>(self, key: K, fields: P, options: HSetExOptions) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::HSETEX).arg(key).args_of(options).arg("FIELDS").args_of(CountedPairs(fields)))
    }

    /// Gives how long fields have left, in seconds.
    ///
    /// `HTTL`, since Redis 7.4.0.
    ///
    /// # Errors
    /// As [`hpersist`](HashExpiryCommands::hpersist).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.4 or valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Ttl;
    /// use std::time::Duration;
    ///
    /// cluster.hset("session", [("token", "x7"), ("name", "ann")])?;
    /// cluster.hexpire("session", Duration::from_secs(60), "token")?;
    /// let left = cluster.httl("session", ["token", "name", "missing"])?;
    /// assert!(left[0].left() > Some(Duration::from_secs(50)));
    /// assert_eq!(left[1..], [Ttl::Persistent, Ttl::Missing]);
    /// # Ok(()) });
    /// ```
    fn httl<K: ToArg, F: ToArgs>(self, key: K, fields: F) -> Self::Output<Vec<TtlSeconds>> {
        self.execute(Cmd::new(&table::HTTL).arg(key).arg("FIELDS").args_of(Counted(fields)))
    }
}

impl<E: Execute> HashExpiryCommands for E {}
