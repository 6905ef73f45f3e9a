//! HyperLogLog: estimates of how many different elements there are.

use crate::cmd::{Cmd, Execute};
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Commands that count different elements without keeping them.
///
/// A key takes 12 KiB at most, however many elements it has seen, and its count is wrong by 0.81 % on average. It is a
/// string to all other commands. A key that does not exist has seen no elements; a key of another type, or a string
/// of another making, is a [`WrongType`](crate::ErrorKind::WrongType) error.
pub trait HyperLogLogCommands: Execute {
    /// Adds elements, and tells whether this changed the count or made the key. Without elements it only makes the key
    /// when that does not exist.
    ///
    /// `PFADD`, since Redis 2.8.9.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key holds something else, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.pfadd("visitors", ["anna", "bert"])?);
    /// assert!(!cluster.pfadd("visitors", "anna")?);
    /// # Ok(()) });
    /// ```
    fn pfadd<K: ToArg, M: ToArgs>(self, key: K, elements: M) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::PFADD).arg(key).args_of(elements))
    }

    /// Estimates how many different elements a key has seen, or several keys together: an element that several have
    /// seen counts once.
    ///
    /// `PFCOUNT`, since Redis 2.8.9. Across nodes: estimates cannot be added up, so the keys of the
    /// other nodes are carried over, and one transaction runs it on copies.
    ///
    /// # Errors
    /// As [`pfadd`](HyperLogLogCommands::pfadd).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.pfadd("monday{visitors}", ["anna", "bert"])?;
    /// cluster.pfadd("tuesday{visitors}", ["bert", "cleo"])?;
    /// assert_eq!(cluster.pfcount("monday{visitors}")?, 2);
    /// assert_eq!(cluster.pfcount(["monday{visitors}", "tuesday{visitors}"])?, 3);
    /// # Ok(()) });
    /// ```
    fn pfcount<K: ToArgs>(self, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::PFCOUNT).args_of(keys))
    }

    /// Has a key see what other keys have seen, on top of what it has seen itself. A key that does not exist is made.
    ///
    /// `PFMERGE`, since Redis 2.8.9. Across nodes: the keys of the other nodes are carried over, and one
    /// transaction runs it on copies.
    ///
    /// # Errors
    /// As [`pfadd`](HyperLogLogCommands::pfadd).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.pfadd("monday{visitors}", ["anna", "bert"])?;
    /// cluster.pfadd("tuesday{visitors}", ["bert", "cleo"])?;
    /// cluster.pfmerge("week{visitors}", ["monday{visitors}", "tuesday{visitors}"])?;
    /// assert_eq!(cluster.pfcount("week{visitors}")?, 3);
    /// # Ok(()) });
    /// ```
    fn pfmerge<D: ToArg, K: ToArgs>(self, destination: D, sources: K) -> Self::Output<()> {
        self.execute(Cmd::new(&table::PFMERGE).arg(destination).args_of(sources))
    }
}

impl<E: Execute> HyperLogLogCommands for E {}
