//! Hashes.

use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs, ToPairs};

/// Commands on hashes: fields with values, under one key.
///
/// A key that does not exist counts as a hash without fields, and a hash that loses its last field is gone. A key of
/// another type is a [`WrongType`](crate::ErrorKind::WrongType) error.
///
/// When single fields expire is said by [`HashExpiryCommands`](crate::HashExpiryCommands); large hashes are read page by
/// page by [`ScanCommands`](crate::ScanCommands).
pub trait HashCommands: Execute {
    /// Deletes fields, and gives how many of them existed; 0 when there is no such key.
    ///
    /// `HDEL`, since Redis 2.0.0, with several fields since 2.4.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, a
    /// [`Server`](crate::ErrorKind::Server) error when there are no fields, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("user:7", [("name", "ann"), ("city", "Oslo")])?;
    /// assert_eq!(cluster.hdel("user:7", ["city", "zip"])?, 1);
    /// # Ok(()) });
    /// ```
    fn hdel<K: ToArg, F: ToArgs>(self, key: K, fields: F) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::HDEL).arg(key).args_of(fields))
    }

    /// Says whether a field exists; not when there is no such key.
    ///
    /// `HEXISTS`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("user:7", ("name", "ann"))?;
    /// assert!(cluster.hexists("user:7", "name")?);
    /// assert!(!cluster.hexists("user:7", "zip")?);
    /// # Ok(()) });
    /// ```
    fn hexists<K: ToArg, F: ToArg>(self, key: K, field: F) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::HEXISTS).arg(key).arg(field))
    }

    /// Gives the value of a field; nil, so `None`, when the field or the key is missing.
    ///
    /// `HGET`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("user:7", ("name", "ann"))?;
    /// assert_eq!(cluster.hget::<_, _, String>("user:7", "name")?, "ann");
    /// assert_eq!(cluster.hget::<_, _, Option<String>>("user:7", "zip")?, None);
    /// # Ok(()) });
    /// ```
    fn hget<K: ToArg, F: ToArg, V: FromValue>(self, key: K, field: F) -> Self::Output<V> {
        self.execute(Cmd::new(&table::HGET).arg(key).arg(field))
    }

    /// Gives all fields with their values, in no order: a map, or a list of pairs. A missing key gives none.
    ///
    /// `HGETALL`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::collections::HashMap;
    ///
    /// cluster.hset("user:7", [("name", "ann"), ("city", "Oslo")])?;
    /// let user: HashMap<String, String> = cluster.hgetall("user:7")?;
    /// assert_eq!(user["city"], "Oslo");
    /// # Ok(()) });
    /// ```
    fn hgetall<K: ToArg, V: FromValue>(self, key: K) -> Self::Output<V> {
        self.execute(Cmd::new(&table::HGETALL).arg(key))
    }

    /// Adds an amount to the number in a field and gives the sum. A missing field counts as 0.
    ///
    /// `HINCRBY`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, a
    /// [`Server`](crate::ErrorKind::Server) error when the value or the result is no whole number of 64 bits, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.hincrby("user:7", "visits", 1)?, 1);
    /// assert_eq!(cluster.hincrby("user:7", "visits", 10)?, 11);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hincr")]
    fn hincrby<K: ToArg, F: ToArg>(self, key: K, field: F, amount: i64) -> Self::Output<i64> {
        self.execute(Cmd::new(&table::HINCRBY).arg(key).arg(field).arg(amount))
    }

    /// Adds an amount to the number with a fraction in a field and gives the sum. A missing field counts as 0.
    ///
    /// `HINCRBYFLOAT`, since Redis 2.6.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, a
    /// [`Server`](crate::ErrorKind::Server) error when the value or the amount is no number or the result is not
    /// finite, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("user:7", ("credit", 10.5))?;
    /// assert_eq!(cluster.hincrbyfloat("user:7", "credit", -0.25)?, 10.25);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hincr")]
    fn hincrbyfloat<K: ToArg, F: ToArg>(self, key: K, field: F, amount: f64) -> Self::Output<f64> {
        self.execute(Cmd::new(&table::HINCRBYFLOAT).arg(key).arg(field).arg(amount))
    }

    /// Gives the names of all fields, in no order; none when there is no such key.
    ///
    /// `HKEYS`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::collections::BTreeSet;
    ///
    /// cluster.hset("user:7", [("name", "ann"), ("city", "Oslo")])?;
    /// let fields: BTreeSet<String> = cluster.hkeys("user:7")?;
    /// assert!(fields.iter().eq(["city", "name"]));
    /// # Ok(()) });
    /// ```
    fn hkeys<K: ToArg, V: FromValue>(self, key: K) -> Self::Output<V> {
        self.execute(Cmd::new(&table::HKEYS).arg(key))
    }

    /// Gives how many fields there are; 0 when there is no such key.
    ///
    /// `HLEN`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("user:7", [("name", "ann"), ("city", "Oslo")])?;
    /// assert_eq!(cluster.hlen("user:7")?, 2);
    /// # Ok(()) });
    /// ```
    fn hlen<K: ToArg>(self, key: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::HLEN).arg(key))
    }

    /// Gives the values of several fields, in the order of the fields; nil, so `None`, for each that is missing.
    ///
    /// `HMGET`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, a
    /// [`Server`](crate::ErrorKind::Server) error when there are no fields, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("user:7", [("name", "ann"), ("visits", "11")])?;
    /// let (name, visits): (String, u32) = cluster.hmget("user:7", ["name", "visits"])?;
    /// assert_eq!((name.as_str(), visits), ("ann", 11));
    /// let values: Vec<Option<String>> = cluster.hmget("user:7", ["zip", "name"])?;
    /// assert_eq!(values, [None, Some("ann".to_owned())]);
    /// # Ok(()) });
    /// ```
    fn hmget<K: ToArg, F: ToArgs, V: FromValue>(self, key: K, fields: F) -> Self::Output<V> {
        self.execute(Cmd::new(&table::HMGET).arg(key).args_of(fields))
    }

    /// Sets fields, whatever they held.
    ///
    /// `HMSET`, since Redis 2.0.0. Redis calls it deprecated since 4.0.0, in favour of [`hset`](HashCommands::hset).
    ///
    /// # Errors
    /// Those of [`hset`](HashCommands::hset).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hmset("user:7", [("name", "ann"), ("city", "Oslo")])?;
    /// assert_eq!(cluster.hlen("user:7")?, 2);
    /// # Ok(()) });
    /// ```
    fn hmset<K: ToArg, P: ToPairs>(self, key: K, pairs: P) -> Self::Output<()> {
        self.execute(Cmd::new(&table::HMSET).arg(key).pairs(pairs))
    }

    /// Gives the name of a field drawn by chance; nil, so `None`, when there is no such key.
    ///
    /// `HRANDFIELD`, since Redis 6.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("coin", [("heads", 1), ("tails", 1)])?;
    /// let side: String = cluster.hrandfield("coin")?;
    /// assert!(side == "heads" || side == "tails");
    /// # Ok(()) });
    /// ```
    fn hrandfield<K: ToArg, V: FromValue>(self, key: K) -> Self::Output<V> {
        self.execute(Cmd::new(&table::HRANDFIELD).arg(key))
    }

    /// Gives the names of fields drawn by chance: with a positive count so many different ones, or all if there are no
    /// more; with a negative count exactly so many, drawn anew each time. None when there is no such key.
    ///
    /// `HRANDFIELD` with a count, since Redis 6.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, a
    /// [`Server`](crate::ErrorKind::Server) error for a count beyond what the server takes, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("coin", [("heads", 1), ("tails", 1)])?;
    /// assert_eq!(cluster.hrandfield_count::<_, Vec<String>>("coin", 5)?.len(), 2);
    /// assert_eq!(cluster.hrandfield_count::<_, Vec<String>>("coin", -5)?.len(), 5);
    /// # Ok(()) });
    /// ```
    fn hrandfield_count<K: ToArg, V: FromValue>(self, key: K, count: i64) -> Self::Output<V> {
        self.execute(Cmd::new(&table::HRANDFIELD).arg(key).arg(count))
    }

    /// Gives fields drawn by chance with their values: a list of pairs, or a map where no field can come twice. The
    /// count is that of [`hrandfield_count`](HashCommands::hrandfield_count).
    ///
    /// `HRANDFIELD` with `WITHVALUES`, since Redis 6.2.0.
    ///
    /// # Errors
    /// Those of [`hrandfield_count`](HashCommands::hrandfield_count).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("coin", [("heads", 1), ("tails", 1)])?;
    /// let drawn: Vec<(String, i64)> = cluster.hrandfield_withvalues("coin", -3)?;
    /// assert!(drawn.len() == 3 && drawn.iter().all(|(_, value)| *value == 1));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hrandfield_with_values")]
    fn hrandfield_withvalues<K: ToArg, V: FromValue>(self, key: K, count: i64) -> Self::Output<V> {
        self.execute(Cmd::new(&table::HRANDFIELD).arg(key).arg(count).arg("WITHVALUES"))
    }

    /// Sets fields, whatever they held, and gives how many of them are new. One field is a pair, several are a list of
    /// pairs or a map.
    ///
    /// `HSET`, since Redis 2.0.0, with several fields since 4.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, a
    /// [`Server`](crate::ErrorKind::Server) error when there are no pairs, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.hset("user:7", ("name", "ann"))?, 1);
    /// assert_eq!(cluster.hset("user:7", [("name", "Ann"), ("city", "Oslo")])?, 1);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hset_multiple")]
    fn hset<K: ToArg, P: ToPairs>(self, key: K, pairs: P) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::HSET).arg(key).pairs(pairs))
    }

    /// Sets a field when there is none of that name, and says whether it did.
    ///
    /// `HSETNX`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.hsetnx("user:7", "name", "ann")?);
    /// assert!(!cluster.hsetnx("user:7", "name", "bob")?);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "hset_nx")]
    fn hsetnx<K: ToArg, F: ToArg, V: ToArg>(self, key: K, field: F, value: V) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::HSETNX).arg(key).arg(field).arg(value))
    }

    /// Gives the length of a field's value in bytes; 0 when the field or the key is missing.
    ///
    /// `HSTRLEN`, since Redis 3.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("user:7", ("city", "Köln"))?;
    /// assert_eq!(cluster.hstrlen("user:7", "city")?, 5);
    /// # Ok(()) });
    /// ```
    fn hstrlen<K: ToArg, F: ToArg>(self, key: K, field: F) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::HSTRLEN).arg(key).arg(field))
    }

    /// Gives all values, in no order; none when there is no such key.
    ///
    /// `HVALS`, since Redis 2.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no hash, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.hset("basket", [("pears", 3), ("plums", 8)])?;
    /// let counts: Vec<u32> = cluster.hvals("basket")?;
    /// assert_eq!(counts.iter().sum::<u32>(), 11);
    /// # Ok(()) });
    /// ```
    fn hvals<K: ToArg, V: FromValue>(self, key: K) -> Self::Output<V> {
        self.execute(Cmd::new(&table::HVALS).arg(key))
    }
}

impl<E: Execute> HashCommands for E {}
