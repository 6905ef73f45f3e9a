//! Strings and numbers.

mod lcs;
mod numbers;
mod options;

pub use lcs::{LcsCommands, LcsMatch, LcsMatches, LcsOptions};
pub use numbers::NumberCommands;
pub use options::{GetExOptions, SetOptions};

use super::args::CountedPairs;
use super::time::{millis, seconds};
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs, ToPairs};
use std::time::Duration;

/// Commands on strings. Those that count are in [`NumberCommands`], those that compare two strings in [`LcsCommands`].
///
/// A key that does not exist counts as the empty string; a reply that may be missing becomes an `Option`. A key of
/// another type is a [`WrongType`](crate::ErrorKind::WrongType) error.
///
/// Times are rounded up to the unit of the command, so that no key expires earlier than told.
pub trait StringCommands: Execute {
    /// Puts a value behind what the key holds, and gives the length after that in bytes. The expiry stays.
    ///
    /// `APPEND`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.append("log", "one,")?, 4);
    /// assert_eq!(cluster.append("log", "two,")?, 8);
    /// # Ok(()) });
    /// ```
    fn append<K: ToArg, V: ToArg>(self, key: K, value: V) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::APPEND).arg(key).arg(value))
    }

    /// Deletes a key when it holds exactly this value, and says whether it did: not when there is no such key.
    ///
    /// `DELIFEQ`, since Valkey 9.0.0; Redis does not have it. This is how the one who took a lock gives it back.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("valkey 9.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("lock", "me")?;
    /// assert!(!cluster.delifeq("lock", "you")?);
    /// assert!(cluster.delifeq("lock", "me")?);
    /// # Ok(()) });
    /// ```
    fn delifeq<K: ToArg, V: ToArg>(self, key: K, value: V) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::DELIFEQ).arg(key).arg(value))
    }

    /// Gives the value of a key; nil, so `None`, when there is no such key.
    ///
    /// `GET`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// let value: Option<String> = cluster.get("foo")?;
    /// assert_eq!(value.as_deref(), Some("bar"));
    /// assert_eq!(cluster.get::<_, Option<String>>("missing")?, None);
    /// # Ok(()) });
    /// ```
    fn get<K: ToArg, V: FromValue>(self, key: K) -> Self::Output<V> {
        self.execute(Cmd::new(&table::GET).arg(key))
    }

    /// Gives the value of a key and deletes the key; nil, so `None`, when there is no such key.
    ///
    /// `GETDEL`, since Redis 6.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, which then stays, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("token", "once")?;
    /// assert_eq!(cluster.getdel::<_, String>("token")?, "once");
    /// assert_eq!(cluster.getdel::<_, Option<String>>("token")?, None);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "get_del")]
    fn getdel<K: ToArg, V: FromValue>(self, key: K) -> Self::Output<V> {
        self.execute(Cmd::new(&table::GETDEL).arg(key))
    }

    /// Gives the value of a key and changes its expiry; nil, so `None`, when there is no such key.
    ///
    /// `GETEX`, since Redis 6.2.0. It counts as a write, so a master serves it.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::GetExOptions;
    /// use std::time::Duration;
    ///
    /// cluster.set("session", "ann")?;
    /// let half_an_hour = GetExOptions::new().expire_in(Duration::from_secs(1800));
    /// assert_eq!(cluster.getex::<_, String>("session", half_an_hour)?, "ann");
    /// assert!(cluster.ttl("session")?.left() > Some(Duration::from_secs(1790)));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "get_ex")]
    fn getex<K: ToArg, V: FromValue>(self, key: K, options: GetExOptions) -> Self::Output<V> {
        self.execute(Cmd::new(&table::GETEX).arg(key).args_of(options))
    }

    /// Gives the bytes of a value from one position to another, both counted in; negative positions count from the
    /// end, −1 being the last byte. What lies beyond the value is left out; a missing key gives the empty string.
    ///
    /// `GETRANGE`, since Redis 2.4.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("motto", "one for all")?;
    /// assert_eq!(cluster.getrange::<_, String>("motto", 0, 2)?, "one");
    /// assert_eq!(cluster.getrange::<_, String>("motto", -3, -1)?, "all");
    /// # Ok(()) });
    /// ```
    fn getrange<K: ToArg, V: FromValue>(self, key: K, start: i64, end: i64) -> Self::Output<V> {
        self.execute(Cmd::new(&table::GETRANGE).arg(key).arg(start).arg(end))
    }

    /// Sets a key, removes its expiry, and gives the value before; nil, so `None`, when there was none.
    ///
    /// `GETSET`, since Redis 1.0.0. Redis calls it deprecated since 6.2.0, in favour of [`SetOptions::get`].
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, which then stays, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("hits", 12)?;
    /// assert_eq!(cluster.getset::<_, _, i64>("hits", 0)?, 12);
    /// # Ok(()) });
    /// ```
    fn getset<K: ToArg, V: ToArg, R: FromValue>(self, key: K, value: V) -> Self::Output<R> {
        self.execute(Cmd::new(&table::GETSET).arg(key).arg(value))
    }

    /// Gives the values of several keys, in the order of the keys; nil, so `None`, for each that is missing or no
    /// string.
    ///
    /// `MGET`, since Redis 1.0.0. Across nodes: one command a node, all at once, so the values need not be of one
    /// moment.
    ///
    /// # Errors
    /// [`Argument`](crate::ErrorKind::Argument) when there are no keys, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.mset([("foo", 1), ("bar", 2)])?;
    /// let values: Vec<Option<i64>> = cluster.mget(["foo", "missing", "bar"])?;
    /// assert_eq!(values, [Some(1), None, Some(2)]);
    /// # Ok(()) });
    /// ```
    fn mget<K: ToArgs, V: FromValue>(self, keys: K) -> Self::Output<V> {
        self.execute(Cmd::new(&table::MGET).args_of(keys))
    }

    /// Sets several keys, whatever they held, and removes their expiry. Of a key given twice the last value counts.
    ///
    /// `MSET`, since Redis 1.0.1. Across nodes: one command a node, all at once; each node is set atomically, the
    /// whole is not.
    ///
    /// # Errors
    /// [`Argument`](crate::ErrorKind::Argument) when there are no pairs, and
    /// [what every call may meet](crate#errors); [`Error::parts`](crate::Error::parts) then says which nodes were
    /// set.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.mset([("foo", 1), ("bar", 2)])?;
    /// assert_eq!(cluster.get::<_, i64>("bar")?, 2);
    /// # Ok(()) });
    /// ```
    fn mset<P: ToPairs>(self, pairs: P) -> Self::Output<()> {
        self.execute(Cmd::new(&table::MSET).pairs(pairs))
    }

    /// Sets several keys under a condition or with an expiry, and says whether it did: all of them or, when the condition
    /// does not hold for each, none.
    ///
    /// `MSETEX`, since Valkey 9.1.0. Of the options [`get`](SetOptions::get) has no place here. Across nodes: refused,
    /// nothing is sent; a common hash tag keeps the keys on one node.
    ///
    /// # Errors
    /// [`CrossNode`](crate::ErrorKind::CrossNode) when the keys live on several nodes, a
    /// [`Server`](crate::ErrorKind::Server) error when a time to live is zero, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("valkey 9.1", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::SetOptions;
    /// use std::time::Duration;
    ///
    /// let minute = SetOptions::new().if_missing().expire_in(Duration::from_secs(60));
    /// assert!(cluster.msetex([("name:7{user7}", "ann"), ("city:7{user7}", "Oslo")], minute)?);
    /// assert!(!cluster.msetex(("name:7{user7}", "bob"), minute)?);
    /// # Ok(()) });
    /// ```
    fn msetex<P: ToPairs>(self, pairs: P, options: SetOptions) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::MSETEX).args_of(CountedPairs(pairs)).args_of(options))
    }

    /// Sets several keys when none of them exists, and says whether it did.
    ///
    /// `MSETNX`, since Redis 1.0.1. Across nodes: all keys are looked at first, then each node is set atomically;
    /// when another client takes a key in between, what was set is deleted again. So either all keys are set in the
    /// end or none, but others may see some of them for a moment, with a time to live of 69 years or more: that tells them
    /// from what others have set since, which is never deleted, whatever its value. Only a program that is killed in that
    /// moment leaves such keys behind.
    ///
    /// # Errors
    /// [`Argument`](crate::ErrorKind::Argument) when there are no pairs, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.msetnx([("foo", 1), ("bar", 2)])?);
    /// assert!(!cluster.msetnx([("bar", 3), ("baz", 4)])?);
    /// assert_eq!(cluster.mget::<_, Vec<Option<i64>>>(["bar", "baz"])?, [Some(2), None]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "mset_nx")]
    fn msetnx<P: ToPairs>(self, pairs: P) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::MSETNX).pairs(pairs))
    }

    /// Sets a key, whatever it held, to expire after a time in milliseconds, rounded up.
    ///
    /// `PSETEX`, since Redis 2.6.0.
    ///
    /// # Errors
    /// A [`Server`](crate::ErrorKind::Server) error when the time is zero or beyond what the server can count, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// cluster.psetex("lease", Duration::from_millis(1500), "ann")?;
    /// assert_eq!(cluster.get::<_, String>("lease")?, "ann");
    /// # Ok(()) });
    /// ```
    #[doc(alias = "pset_ex")]
    fn psetex<K: ToArg, V: ToArg>(self, key: K, time: Duration, value: V) -> Self::Output<()> {
        self.execute(Cmd::new(&table::PSETEX).arg(key).arg(millis(time)).arg(value))
    }

    /// Sets a key, whatever it held, and removes its expiry.
    ///
    /// `SET`, since Redis 1.0.0. See [`set_with`](StringCommands::set_with) for conditions and expiry.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("visits", 7)?;
    /// assert_eq!(cluster.get::<_, i64>("visits")?, 7);
    /// # Ok(()) });
    /// ```
    fn set<K: ToArg, V: ToArg>(self, key: K, value: V) -> Self::Output<()> {
        self.execute(Cmd::new(&table::SET).arg(key).arg(value))
    }

    /// Sets a key under conditions or with an expiry; nil, so `None`, when a condition does not hold.
    ///
    /// `SET` with options, since Redis 2.6.12; see [`SetOptions`] for what came later. The reply is `OK`, or with
    /// [`get`](SetOptions::get) the value that the key held before. `Option<()>` takes the first kind, too.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the old value is asked for and is no string, a
    /// [`Server`](crate::ErrorKind::Server) error when a time to live is zero, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::SetOptions;
    /// use std::time::Duration;
    ///
    /// let lock = SetOptions::new().if_missing().expire_in(Duration::from_secs(30));
    /// let taken: Option<()> = cluster.set_with("lock", "me", lock)?;
    /// assert!(taken.is_some());
    /// let taken: Option<()> = cluster.set_with("lock", "you", lock)?;
    /// assert!(taken.is_none());
    /// # Ok(()) });
    /// ```
    #[doc(alias = "set_options")]
    fn set_with<K: ToArg, V: ToArg, R: FromValue>(self, key: K, value: V, options: SetOptions) -> Self::Output<R> {
        self.execute(Cmd::new(&table::SET).arg(key).arg(value).args_of(options))
    }

    /// Sets a key, whatever it held, to expire after a time in seconds, rounded up.
    ///
    /// `SETEX`, since Redis 2.0.0. [`SetOptions::expire_in`] counts in milliseconds.
    ///
    /// # Errors
    /// A [`Server`](crate::ErrorKind::Server) error when the time is zero or beyond what the server can count, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// cluster.setex("page", Duration::from_secs(60), "<html>")?;
    /// assert!(cluster.ttl("page")?.left() > Some(Duration::from_secs(50)));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "set_ex")]
    fn setex<K: ToArg, V: ToArg>(self, key: K, time: Duration, value: V) -> Self::Output<()> {
        self.execute(Cmd::new(&table::SETEX).arg(key).arg(seconds(time)).arg(value))
    }

    /// Sets a key when there is none of that name, of any type, and says whether it did.
    ///
    /// `SETNX`, since Redis 1.0.0. With an expiry: [`SetOptions::if_missing`].
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.setnx("leader", "ann")?);
    /// assert!(!cluster.setnx("leader", "bob")?);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "set_nx")]
    fn setnx<K: ToArg, V: ToArg>(self, key: K, value: V) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::SETNX).arg(key).arg(value))
    }

    /// Overwrites a value from a position on, and gives the length after that in bytes. A value that ends before the
    /// position is filled up with zero bytes; a missing key is created, unless the new bytes are none. The expiry
    /// stays.
    ///
    /// `SETRANGE`, since Redis 2.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, a
    /// [`Server`](crate::ErrorKind::Server) error when the result would be longer than the server allows (512 MiB if
    /// it was not told otherwise), and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("motto", "one for all")?;
    /// assert_eq!(cluster.setrange("motto", 8, "nobody")?, 14);
    /// assert_eq!(cluster.get::<_, String>("motto")?, "one for nobody");
    /// # Ok(()) });
    /// ```
    fn setrange<K: ToArg, V: ToArg>(self, key: K, offset: u64, value: V) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SETRANGE).arg(key).arg(offset).arg(value))
    }

    /// Gives the length of a value in bytes; 0 when there is no such key.
    ///
    /// `STRLEN`, since Redis 2.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("city", "Köln")?;
    /// assert_eq!(cluster.strlen("city")?, 5);
    /// # Ok(()) });
    /// ```
    fn strlen<K: ToArg>(self, key: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::STRLEN).arg(key))
    }

    /// Does what [`getrange`](StringCommands::getrange) does, under its first name.
    ///
    /// `SUBSTR`, since Redis 1.0.0. Redis calls it deprecated since 2.0.0.
    ///
    /// # Errors
    /// Those of [`getrange`](StringCommands::getrange).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("motto", "one for all")?;
    /// assert_eq!(cluster.substr::<_, String>("motto", 4, 6)?, "for");
    /// # Ok(()) });
    /// ```
    fn substr<K: ToArg, V: FromValue>(self, key: K, start: i64, end: i64) -> Self::Output<V> {
        self.execute(Cmd::new(&table::SUBSTR).arg(key).arg(start).arg(end))
    }
}

impl<E: Execute> StringCommands for E {}
