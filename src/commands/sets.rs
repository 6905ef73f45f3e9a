//! Sets.

use super::args::Counted;
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Commands on sets.
///
/// A key that does not exist is an empty set, and a set that loses its last member is a key that does not exist.
/// Where many members come, the caller chooses what they become: a `HashSet`, a `BTreeSet`, or a `Vec` in the order
/// of the reply, which means nothing. A key of another type is a [`WrongType`](crate::ErrorKind::WrongType) error.
pub trait SetCommands: Execute {
    /// Adds members, and gives how many of them are new.
    ///
    /// `SADD`, since Redis 1.0.0; several members since 2.4.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no set, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.sadd("foo", ["a1", "a2", "a3"])?, 3);
    /// assert_eq!(cluster.sadd("foo", "a1")?, 0);
    /// # Ok(()) });
    /// ```
    fn sadd<K: ToArg, M: ToArgs>(self, key: K, members: M) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SADD).arg(key).args_of(members))
    }

    /// Gives the number of members.
    ///
    /// `SCARD`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no set, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.scard("foo")?, 0);
    /// # Ok(()) });
    /// ```
    fn scard<K: ToArg>(self, key: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SCARD).arg(key))
    }

    /// Gives the members of the first set that are in none of the others.
    ///
    /// `SDIFF`, since Redis 1.0.0. Across nodes: each node reduces its own sets, all at once, and the client does the
    /// rest; a write that comes in between may be seen on one node and not on another.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when a key is no set, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("foo", ["a1", "a2", "a3"])?;
    /// cluster.sadd("bar", ["b1", "a2", "b3"])?;
    /// let mut left: Vec<String> = cluster.sdiff(["foo", "bar"])?;
    /// left.sort();
    /// assert_eq!(left, ["a1", "a3"]);
    /// # Ok(()) });
    /// ```
    fn sdiff<K: ToArgs, S: FromValue>(self, keys: K) -> Self::Output<S> {
        self.execute(Cmd::new(&table::SDIFF).args_of(keys))
    }

    /// As [`sdiff`](SetCommands::sdiff), and the result replaces the destination, whatever it held; an empty result
    /// removes it. Gives the number of members of the result.
    ///
    /// `SDIFFSTORE`, since Redis 1.0.0. Across nodes: the sources are read as there, from masters, and the
    /// destination is replaced in one transaction on its node; the two steps together are not atomic.
    ///
    /// # Errors
    /// As [`sdiff`](SetCommands::sdiff).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("foo", ["a1", "a2", "a3"])?;
    /// cluster.sadd("bar", ["b1", "a2", "b3"])?;
    /// assert_eq!(cluster.sdiffstore("foobar", ["foo", "bar"])?, 2);
    /// # Ok(()) });
    /// ```
    fn sdiffstore<D: ToArg, K: ToArgs>(self, destination: D, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SDIFFSTORE).arg(destination).args_of(keys))
    }

    /// Gives the members that every one of the sets has.
    ///
    /// `SINTER`, since Redis 1.0.0. Across nodes as [`sdiff`](SetCommands::sdiff).
    ///
    /// # Errors
    /// As [`sdiff`](SetCommands::sdiff).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::collections::HashSet;
    ///
    /// cluster.sadd("foo", [1, 2, 3])?;
    /// cluster.sadd("bar", [2, 3, 4])?;
    /// let both: HashSet<u32> = cluster.sinter(["foo", "bar"])?;
    /// assert_eq!(both, HashSet::from([2, 3]));
    /// # Ok(()) });
    /// ```
    fn sinter<K: ToArgs, S: FromValue>(self, keys: K) -> Self::Output<S> {
        self.execute(Cmd::new(&table::SINTER).args_of(keys))
    }

    /// Gives how many members [`sinter`](SetCommands::sinter) would give.
    ///
    /// `SINTERCARD`, since Redis 7.0.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`sdiff`](SetCommands::sdiff).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("foo{x}", [1, 2, 3])?;
    /// cluster.sadd("bar{x}", [2, 3, 4])?;
    /// assert_eq!(cluster.sintercard(["foo{x}", "bar{x}"])?, 2);
    /// # Ok(()) });
    /// ```
    fn sintercard<K: ToArgs>(self, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SINTERCARD).args_of(Counted(keys)))
    }

    /// As [`sintercard`](SetCommands::sintercard), counting no further than `limit`, 0 meaning no limit.
    ///
    /// `SINTERCARD … LIMIT`, since Redis 7.0.0. Across nodes: the keys of the other nodes are carried
    /// over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`sintercard`](SetCommands::sintercard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("foo", [1, 2, 3])?;
    /// assert_eq!(cluster.sintercard_limit("foo", 2)?, 2);
    /// # Ok(()) });
    /// ```
    fn sintercard_limit<K: ToArgs>(self, keys: K, limit: u64) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SINTERCARD).args_of(Counted(keys)).arg("LIMIT").arg(limit))
    }

    /// As [`sinter`](SetCommands::sinter), and the result replaces the destination, whatever it held; an empty
    /// result removes it. Gives the number of members of the result.
    ///
    /// `SINTERSTORE`, since Redis 1.0.0. Across nodes as [`sdiffstore`](SetCommands::sdiffstore).
    ///
    /// # Errors
    /// As [`sdiff`](SetCommands::sdiff).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("foo", [1, 2, 3])?;
    /// cluster.sadd("bar", [2, 3, 4])?;
    /// assert_eq!(cluster.sinterstore("both", ["foo", "bar"])?, 2);
    /// # Ok(()) });
    /// ```
    fn sinterstore<D: ToArg, K: ToArgs>(self, destination: D, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SINTERSTORE).arg(destination).args_of(keys))
    }

    /// Says whether the set has this member.
    ///
    /// `SISMEMBER`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no set, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("foo", "a1")?;
    /// assert!(cluster.sismember("foo", "a1")?);
    /// assert!(!cluster.sismember("missing", "a1")?);
    /// # Ok(()) });
    /// ```
    fn sismember<K: ToArg, M: ToArg>(self, key: K, member: M) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::SISMEMBER).arg(key).arg(member))
    }

    /// Gives every member.
    ///
    /// `SMEMBERS`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no set, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::collections::BTreeSet;
    ///
    /// cluster.sadd("foo", ["b", "a"])?;
    /// let members: BTreeSet<String> = cluster.smembers("foo")?;
    /// assert_eq!(members.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    /// # Ok(()) });
    /// ```
    fn smembers<K: ToArg, S: FromValue>(self, key: K) -> Self::Output<S> {
        self.execute(Cmd::new(&table::SMEMBERS).arg(key))
    }

    /// Says for each of these whether the set has it.
    ///
    /// `SMISMEMBER`, since Redis 6.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no set, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("foo", ["a", "b"])?;
    /// assert_eq!(cluster.smismember("foo", ["b", "x"])?, [true, false]);
    /// # Ok(()) });
    /// ```
    fn smismember<K: ToArg, M: ToArgs>(self, key: K, members: M) -> Self::Output<Vec<bool>> {
        self.execute(Cmd::new(&table::SMISMEMBER).arg(key).args_of(members))
    }

    /// Takes a member out of one set and puts it into another; `false` when the source does not have it.
    ///
    /// `SMOVE`, since Redis 1.0.0. Across nodes: in several steps, between which the member lies in neither set but
    /// in a [stash](crate::Stash); it is never lost.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when a key is no set, and
    /// [what every call may meet](crate#errors); across nodes the message then tells where the member may be.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("waiting", ["anna", "bert"])?;
    /// assert!(cluster.smove("waiting", "seated", "anna")?);
    /// assert!(cluster.sismember("seated", "anna")?);
    /// # Ok(()) });
    /// ```
    fn smove<S: ToArg, D: ToArg, M: ToArg>(self, source: S, destination: D, member: M) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::SMOVE).arg(source).arg(destination).arg(member))
    }

    /// Takes out a member drawn by chance; nil, so `None`, when there is none.
    ///
    /// `SPOP`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no set, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("lots", "the only one")?;
    /// let drawn: Option<String> = cluster.spop("lots")?;
    /// assert_eq!(drawn.as_deref(), Some("the only one"));
    /// # Ok(()) });
    /// ```
    fn spop<K: ToArg, V: FromValue>(self, key: K) -> Self::Output<V> {
        self.execute(Cmd::new(&table::SPOP).arg(key))
    }

    /// Takes out up to `count` different members drawn by chance; none when the set is empty.
    ///
    /// `SPOP` with a count, since Redis 3.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no set, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::collections::HashSet;
    ///
    /// cluster.sadd("lots", [1, 2, 3])?;
    /// let drawn: HashSet<u32> = cluster.spop_count("lots", 2)?;
    /// assert_eq!(drawn.len(), 2);
    /// # Ok(()) });
    /// ```
    fn spop_count<K: ToArg, S: FromValue>(self, key: K, count: u64) -> Self::Output<S> {
        self.execute(Cmd::new(&table::SPOP).arg(key).arg(count))
    }

    /// Gives a member drawn by chance and leaves it there; nil, so `None`, when there is none.
    ///
    /// `SRANDMEMBER`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no set, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.srandmember::<_, Option<String>>("missing")?, None);
    /// # Ok(()) });
    /// ```
    fn srandmember<K: ToArg, V: FromValue>(self, key: K) -> Self::Output<V> {
        self.execute(Cmd::new(&table::SRANDMEMBER).arg(key))
    }

    /// Gives up to `count` different members drawn by chance; for a negative count exactly so many, among which a
    /// member may come more than once. None when the set is empty.
    ///
    /// `SRANDMEMBER` with a count, since Redis 2.6.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no set, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("coin", ["heads", "tails"])?;
    /// let throws: Vec<String> = cluster.srandmember_count("coin", -5)?;
    /// assert_eq!(throws.len(), 5);
    /// # Ok(()) });
    /// ```
    fn srandmember_count<K: ToArg, V: FromValue>(self, key: K, count: i64) -> Self::Output<Vec<V>> {
        self.execute(Cmd::new(&table::SRANDMEMBER).arg(key).arg(count))
    }

    /// Removes members, and gives how many of them were there.
    ///
    /// `SREM`, since Redis 1.0.0; several members since 2.4.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no set, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("foo", ["a", "b"])?;
    /// assert_eq!(cluster.srem("foo", ["a", "x"])?, 1);
    /// # Ok(()) });
    /// ```
    fn srem<K: ToArg, M: ToArgs>(self, key: K, members: M) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SREM).arg(key).args_of(members))
    }

    /// Gives the members that any of the sets has, each once.
    ///
    /// `SUNION`, since Redis 1.0.0. Across nodes as [`sdiff`](SetCommands::sdiff).
    ///
    /// # Errors
    /// As [`sdiff`](SetCommands::sdiff).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::collections::BTreeSet;
    ///
    /// cluster.sadd("foo", [1, 2])?;
    /// cluster.sadd("bar", [2, 3])?;
    /// let any: BTreeSet<u32> = cluster.sunion(["foo", "bar"])?;
    /// assert_eq!(any, BTreeSet::from([1, 2, 3]));
    /// # Ok(()) });
    /// ```
    fn sunion<K: ToArgs, S: FromValue>(self, keys: K) -> Self::Output<S> {
        self.execute(Cmd::new(&table::SUNION).args_of(keys))
    }

    /// As [`sunion`](SetCommands::sunion), and the result replaces the destination, whatever it held; an empty
    /// result removes it. Gives the number of members of the result.
    ///
    /// `SUNIONSTORE`, since Redis 1.0.0. Across nodes as [`sdiffstore`](SetCommands::sdiffstore).
    ///
    /// # Errors
    /// As [`sdiff`](SetCommands::sdiff).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.sadd("foo", [1, 2])?;
    /// cluster.sadd("bar", [2, 3])?;
    /// assert_eq!(cluster.sunionstore("any", ["foo", "bar"])?, 3);
    /// # Ok(()) });
    /// ```
    fn sunionstore<D: ToArg, K: ToArgs>(self, destination: D, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SUNIONSTORE).arg(destination).args_of(keys))
    }
}

impl<E: Execute> SetCommands for E {}
