//! Sorting of lists, sets and sorted sets.

use crate::cmd::{Cmd, Execute};
use crate::command::Args;
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Commands that sort the elements of a list, a set or a sorted set.
///
/// A key that does not exist counts as empty. A key of another type is a [`WrongType`](crate::ErrorKind::WrongType)
/// error.
///
/// The patterns of [`SortOptions::by`] and [`SortOptions::get`] name further keys. Each is placed as any key is, once
/// the element stands in it, and looked up where it lives: weights on all nodes at once, then what takes the place of
/// the elements that [`SortOptions::limit`] leaves. A tag belongs to the key, so it stands in front of `->`, as in
/// `item_*{shop}->price`. Where the tags of the patterns say that all their keys live beside the key that is sorted, its
/// node sorts natively, and all is one atomic step; there an element with braces of its own stands in the name as it is.
///
/// Across nodes others can come between the steps. A weight is a number where the server of the sorted key takes it
/// for one: it is asked about those that not all servers read alike. As text weights are compared by their bytes, as by
/// a server in the C locale.
pub trait SortCommands: Execute {
    /// Gives the elements of a key in order, or what [`SortOptions::get`] asks for in their place.
    ///
    /// `SORT`, since Redis 1.0.0. It counts as a write, so a master serves it; see
    /// [`sort_ro`](SortCommands::sort_ro).
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key cannot be sorted, a
    /// [`Server`](crate::ErrorKind::Server) error when an element or its weight is no number and
    /// [`SortOptions::alpha`] is not given, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::SortOptions;
    ///
    /// cluster.execute(cmd("RPUSH").arg("sizes").args_of([10, 9, 37, 4]))?;
    /// assert_eq!(cluster.sort::<_, Vec<i64>>("sizes", SortOptions::new())?, [4, 9, 10, 37]);
    /// let largest = SortOptions::new().desc().limit(0, 1);
    /// assert_eq!(cluster.sort::<_, Vec<i64>>("sizes", largest)?, [37]);
    ///
    /// cluster.mset([("price_4", 3), ("price_9", 1), ("price_10", 2)])?;
    /// let cheapest = SortOptions::new().by("price_*").get("#").get("price_*").limit(1, 2);
    /// let priced: Vec<(i64, i64)> = cluster.sort("sizes", cheapest)?;
    /// assert_eq!(priced, [(9, 1), (10, 2)]);
    /// # Ok(()) });
    /// ```
    fn sort<K: ToArg, V: FromValue>(self, key: K, options: SortOptions) -> Self::Output<V> {
        self.execute(Cmd::new(&table::SORT).arg(key).args_of(options))
    }

    /// Does what [`sort`](SortCommands::sort) does, and only reads, so that a replica may serve it.
    ///
    /// `SORT_RO`, since Redis 7.0.0.
    ///
    /// # Errors
    /// Those of [`sort`](SortCommands::sort).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::SortOptions;
    ///
    /// cluster.execute(cmd("SADD").arg("names").args_of(["bob", "ann", "cat"]))?;
    /// let names: Vec<String> = cluster.sort_ro("names", SortOptions::new().alpha())?;
    /// assert_eq!(names, ["ann", "bob", "cat"]);
    /// # Ok(()) });
    /// ```
    fn sort_ro<K: ToArg, V: FromValue>(self, key: K, options: SortOptions) -> Self::Output<V> {
        self.execute(Cmd::new(&table::SORT_RO).arg(key).args_of(options))
    }

    /// Stores the elements of a key in order as a list, whatever the destination held, and gives how many they are.
    /// When there are none, the destination is deleted.
    ///
    /// `SORT` with `STORE`, since Redis 1.0.0. What has no value is stored as empty text. Across nodes: when all is
    /// looked up and in order, one transaction replaces the destination; whatever fails before leaves it as it was.
    ///
    /// # Errors
    /// Those of [`sort`](SortCommands::sort).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::SortOptions;
    ///
    /// cluster.execute(cmd("RPUSH").arg("sizes{shop}").args_of([10, 9, 37, 4]))?;
    /// assert_eq!(cluster.sort_store("sizes{shop}", "sorted{shop}", SortOptions::new())?, 4);
    /// # Ok(()) });
    /// ```
    fn sort_store<K: ToArg, D: ToArg>(self, key: K, destination: D, options: SortOptions) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::SORT).arg(key).args_of(options).arg("STORE").arg(destination))
    }
}

impl<E: Execute> SortCommands for E {}

/// The options of [`sort`](SortCommands::sort) and its like. Without any, elements are numbers, the least first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SortOptions {
    by: Option<Vec<u8>>,
    limit: Option<(u64, i64)>,
    get: Vec<Vec<u8>>,
    desc: bool,
    alpha: bool,
}

impl SortOptions {
    /// No options.
    #[inline]
    pub fn new() -> SortOptions {
        SortOptions::default()
    }

    /// Orders by what the keys hold that the pattern names, the element standing in for its first `*`; `key->field` is
    /// a field of a hash. A pattern without `*` leaves the elements in the order that they have. `BY`.
    #[inline]
    pub fn by(mut self, pattern: impl ToArg) -> SortOptions {
        self.by = Some(bytes(pattern));
        self
    }

    /// Gives so many elements from a position in the order on; a negative count is all. `LIMIT`.
    #[inline]
    pub fn limit(mut self, offset: u64, count: i64) -> SortOptions {
        self.limit = Some((offset, count));
        self
    }

    /// Gives what the key holds that the pattern names, as for [`by`](SortOptions::by), in place of the element; nil
    /// when it is missing. `#` is the element itself. Said several times, each element becomes several values in a
    /// row. `GET`.
    #[inline]
    pub fn get(mut self, pattern: impl ToArg) -> SortOptions {
        self.get.push(bytes(pattern));
        self
    }

    /// The greatest first: `DESC`.
    #[inline]
    pub fn desc(mut self) -> SortOptions {
        self.desc = true;
        self
    }

    /// Compares as text, by the rules of the server's locale, and not as numbers: `ALPHA`.
    #[inline]
    pub fn alpha(mut self) -> SortOptions {
        self.alpha = true;
        self
    }
}

/// The one argument that a value becomes.
#[inline]
fn bytes(value: impl ToArg) -> Vec<u8> {
    let mut args = Args::new();
    value.write_arg(&mut args);
    args.get(0).unwrap_or_default().to_vec()
}

impl ToArgs for SortOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(pattern) = &self.by {
            "BY".write_arg(args);
            pattern.write_arg(args);
        }
        if let Some((offset, count)) = self.limit {
            "LIMIT".write_arg(args);
            offset.write_arg(args);
            count.write_arg(args);
        }
        for pattern in &self.get {
            "GET".write_arg(args);
            pattern.write_arg(args);
        }
        if self.desc {
            "DESC".write_arg(args);
        }
        if self.alpha {
            "ALPHA".write_arg(args);
        }
    }
}
