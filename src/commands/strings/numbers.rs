//! Strings that are numbers.

use crate::cmd::{Cmd, Execute};
use crate::table;
use crate::to_arg::ToArg;

/// Commands on strings that are read as numbers. All else that a string can do is in
/// [`StringCommands`](crate::StringCommands).
pub trait NumberCommands: Execute {
    /// Takes 1 from a number and gives what is left. A missing key counts as 0.
    ///
    /// `DECR`, since Redis 1.0.0.
    ///
    /// # Errors
    /// Those of [`incr`](NumberCommands::incr).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("seats", 40)?;
    /// assert_eq!(cluster.decr("seats")?, 39);
    /// # Ok(()) });
    /// ```
    fn decr<K: ToArg>(self, key: K) -> Self::Output<i64> {
        self.execute(Cmd::new(&table::DECR).arg(key))
    }

    /// Takes an amount from a number and gives what is left. A missing key counts as 0.
    ///
    /// `DECRBY`, since Redis 1.0.0.
    ///
    /// # Errors
    /// Those of [`incr`](NumberCommands::incr); `i64::MIN` cannot be taken from anything.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("seats", 40)?;
    /// assert_eq!(cluster.decrby("seats", 3)?, 37);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "decr")]
    fn decrby<K: ToArg>(self, key: K, amount: i64) -> Self::Output<i64> {
        self.execute(Cmd::new(&table::DECRBY).arg(key).arg(amount))
    }

    /// Adds 1 to a number and gives the sum. A missing key counts as 0; the expiry stays.
    ///
    /// `INCR`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, a
    /// [`Server`](crate::ErrorKind::Server) error when the value or the result is no whole number of 64 bits, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.incr("visits")?, 1);
    /// assert_eq!(cluster.incr("visits")?, 2);
    /// # Ok(()) });
    /// ```
    fn incr<K: ToArg>(self, key: K) -> Self::Output<i64> {
        self.execute(Cmd::new(&table::INCR).arg(key))
    }

    /// Adds an amount to a number and gives the sum. A missing key counts as 0; the expiry stays.
    ///
    /// `INCRBY`, since Redis 1.0.0.
    ///
    /// # Errors
    /// Those of [`incr`](NumberCommands::incr).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.incrby("score", 10)?, 10);
    /// assert_eq!(cluster.incrby("score", -4)?, 6);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "incr")]
    fn incrby<K: ToArg>(self, key: K, amount: i64) -> Self::Output<i64> {
        self.execute(Cmd::new(&table::INCRBY).arg(key).arg(amount))
    }

    /// Adds an amount to a number with a fraction and gives the sum. A missing key counts as 0; the expiry stays.
    ///
    /// `INCRBYFLOAT`, since Redis 2.6.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no string, a
    /// [`Server`](crate::ErrorKind::Server) error when the value or the amount is no number or the result is not
    /// finite, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("litres", 10.5)?;
    /// assert_eq!(cluster.incrbyfloat("litres", -0.25)?, 10.25);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "incr")]
    fn incrbyfloat<K: ToArg>(self, key: K, amount: f64) -> Self::Output<f64> {
        self.execute(Cmd::new(&table::INCRBYFLOAT).arg(key).arg(amount))
    }
}

impl<E: Execute> NumberCommands for E {}
