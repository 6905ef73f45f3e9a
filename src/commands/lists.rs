//! Lists.

mod options;

pub use options::{LPosOptions, Side};

use super::args::Counted;
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Commands on lists.
///
/// A key that does not exist is an empty list, and a list that loses its last element is a key that does not exist.
/// Positions count from 0 at the head; negative ones from the tail, −1 being the last element. A key of another
/// type is a [`WrongType`](crate::ErrorKind::WrongType) error.
///
/// Those that wait for an element are in [`BlockingCommands`](crate::BlockingCommands).
pub trait ListCommands: Execute {
    /// Gives the element at a position; nil, so `None`, when there is none.
    ///
    /// `LINDEX`, since Redis 1.0.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("letters", ["a", "b", "c"])?;
    /// let last: Option<String> = cluster.lindex("letters", -1)?;
    /// assert_eq!(last.as_deref(), Some("c"));
    /// # Ok(()) });
    /// ```
    fn lindex<K: ToArg, V: FromValue>(self, key: K, index: i64) -> Self::Output<V> {
        self.execute(Cmd::new(&table::LINDEX).arg(key).arg(index))
    }

    /// Puts an element after the first one that equals `pivot`, and gives the new length: 0 when there is no such
    /// list, −1 when it does not hold the pivot.
    ///
    /// `LINSERT … AFTER`, since Redis 2.2.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("letters", ["a", "c"])?;
    /// assert_eq!(cluster.linsert_after("letters", "a", "b")?, 3);
    /// assert_eq!(cluster.linsert_after("letters", "x", "y")?, -1);
    /// # Ok(()) });
    /// ```
    fn linsert_after<K: ToArg, P: ToArg, V: ToArg>(self, key: K, pivot: P, element: V) -> Self::Output<i64> {
        self.execute(Cmd::new(&table::LINSERT).arg(key).arg("AFTER").arg(pivot).arg(element))
    }

    /// As [`linsert_after`](ListCommands::linsert_after), in front of the pivot.
    ///
    /// `LINSERT … BEFORE`, since Redis 2.2.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("letters", ["a", "c"])?;
    /// assert_eq!(cluster.linsert_before("letters", "c", "b")?, 3);
    /// assert_eq!(cluster.linsert_before("none", "c", "b")?, 0);
    /// # Ok(()) });
    /// ```
    fn linsert_before<K: ToArg, P: ToArg, V: ToArg>(self, key: K, pivot: P, element: V) -> Self::Output<i64> {
        self.execute(Cmd::new(&table::LINSERT).arg(key).arg("BEFORE").arg(pivot).arg(element))
    }

    /// Gives the number of elements.
    ///
    /// `LLEN`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no list, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.llen("letters")?, 0);
    /// # Ok(()) });
    /// ```
    fn llen<K: ToArg>(self, key: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::LLEN).arg(key))
    }

    /// Takes an element off an end of a list, puts it on an end of another or of the same, and gives it; nil, so
    /// `None`, when the source is empty.
    ///
    /// `LMOVE`, since Redis 6.2.0. Across nodes: in several steps, between which the element lies in neither list
    /// but in a [stash](crate::Stash); it is never lost and never given twice.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when a key is no list, and
    /// [what every call may meet](crate#errors); across nodes the message then tells where the element may be.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Side;
    ///
    /// cluster.rpush("jobs", ["a", "b"])?;
    /// let job: Option<String> = cluster.lmove("jobs", "running", Side::Left, Side::Right)?;
    /// assert_eq!(job.as_deref(), Some("a"));
    /// # Ok(()) });
    /// ```
    fn lmove<S: ToArg, D: ToArg, V: FromValue>(
        self,
        source: S,
        destination: D,
        from: Side,
        to: Side,
    ) -> Self::Output<V> {
        self.execute(Cmd::new(&table::LMOVE).arg(source).arg(destination).arg(from).arg(to))
    }

    /// Takes up to `count` elements off an end of the first list that has any. Gives the name of that list as its
    /// server stores it, so without a hash tag, and the elements; `None` when all of them are empty.
    ///
    /// `LMPOP`, since Redis 7.0.0. Across nodes: one node after the other, in the order of
    /// the keys, until one has something.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when a key
    /// before the first that has an element is no list; a [`Server`](crate::ErrorKind::Server) error for a count of 0;
    /// and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Side;
    ///
    /// cluster.rpush("low{jobs}", ["sweep", "mop", "dust"])?;
    /// let jobs = cluster.lmpop(["high{jobs}", "low{jobs}"], Side::Left, 2)?;
    /// assert_eq!(jobs, Some(("low".to_owned(), vec!["sweep".to_owned(), "mop".to_owned()])));
    /// # Ok(()) });
    /// ```
    fn lmpop<K: ToArgs, N: FromValue, V: FromValue>(
        self,
        keys: K,
        from: Side,
        count: u64,
    ) -> Self::Output<Option<(N, Vec<V>)>> {
        self.execute(Cmd::new(&table::LMPOP).args_of(Counted(keys)).arg(from).arg("COUNT").arg(count))
    }

    /// Takes the first element; nil, so `None`, when there is none.
    ///
    /// `LPOP`, since Redis 1.0.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("letters", ["a", "b"])?;
    /// let first: Option<String> = cluster.lpop("letters")?;
    /// assert_eq!(first.as_deref(), Some("a"));
    /// # Ok(()) });
    /// ```
    fn lpop<K: ToArg, V: FromValue>(self, key: K) -> Self::Output<V> {
        self.execute(Cmd::new(&table::LPOP).arg(key))
    }

    /// Takes up to `count` elements, the first one first; none when the list is empty.
    ///
    /// `LPOP` with a count, since Redis 6.2.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("letters", ["a", "b", "c"])?;
    /// let taken: Vec<String> = cluster.lpop_count("letters", 2)?;
    /// assert_eq!(taken, ["a", "b"]);
    /// # Ok(()) });
    /// ```
    fn lpop_count<K: ToArg, V: FromValue>(self, key: K, count: u64) -> Self::Output<Vec<V>> {
        self.execute(Cmd::new(&table::LPOP).arg(key).arg(count))
    }

    /// Gives the position of the first element that equals this one; `None` when there is none.
    ///
    /// `LPOS`, since Redis 6.0.6.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("letters", ["a", "b", "c"])?;
    /// assert_eq!(cluster.lpos("letters", "c")?, Some(2));
    /// # Ok(()) });
    /// ```
    fn lpos<K: ToArg, V: ToArg>(self, key: K, element: V) -> Self::Output<Option<u64>> {
        self.execute(Cmd::new(&table::LPOS).arg(key).arg(element))
    }

    /// Gives the positions of up to `count` elements that equal this one, 0 meaning all of them, in the order of the
    /// search; none when there are none.
    ///
    /// `LPOS … COUNT`, since Redis 6.0.6.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::LPosOptions;
    ///
    /// cluster.rpush("letters", ["a", "b", "a", "a"])?;
    /// assert_eq!(cluster.lpos_count("letters", "a", 0, LPosOptions::new())?, [0, 2, 3]);
    /// assert_eq!(cluster.lpos_count("letters", "a", 2, LPosOptions::new().rank(-1))?, [3, 2]);
    /// # Ok(()) });
    /// ```
    fn lpos_count<K: ToArg, V: ToArg>(
        self,
        key: K,
        element: V,
        count: u64,
        options: LPosOptions,
    ) -> Self::Output<Vec<u64>> {
        self.execute(Cmd::new(&table::LPOS).arg(key).arg(element).arg("COUNT").arg(count).args_of(options))
    }

    /// As [`lpos`](ListCommands::lpos), beginning at another match or looking at a part of the list only.
    ///
    /// `LPOS` with options, since Redis 6.0.6.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::LPosOptions;
    ///
    /// cluster.rpush("letters", ["a", "b", "a"])?;
    /// assert_eq!(cluster.lpos_with("letters", "a", LPosOptions::new().rank(2))?, Some(2));
    /// # Ok(()) });
    /// ```
    #[doc(alias = "lpos_options")]
    fn lpos_with<K: ToArg, V: ToArg>(self, key: K, element: V, options: LPosOptions) -> Self::Output<Option<u64>> {
        self.execute(Cmd::new(&table::LPOS).arg(key).arg(element).args_of(options))
    }

    /// Puts elements in front, one after the other, so that the last one given ends up first. Gives the new length.
    ///
    /// `LPUSH`, since Redis 1.0.0; several elements since 2.4.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.lpush("letters", ["a", "b"])?, 2);
    /// let letters: Vec<String> = cluster.lrange("letters", 0, -1)?;
    /// assert_eq!(letters, ["b", "a"]);
    /// # Ok(()) });
    /// ```
    fn lpush<K: ToArg, M: ToArgs>(self, key: K, elements: M) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::LPUSH).arg(key).args_of(elements))
    }

    /// As [`lpush`](ListCommands::lpush), only when there is such a list; else 0.
    ///
    /// `LPUSHX`, since Redis 2.2.0; several elements since 4.0.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.lpushx("letters", "a")?, 0);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "lpush_exists")]
    fn lpushx<K: ToArg, M: ToArgs>(self, key: K, elements: M) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::LPUSHX).arg(key).args_of(elements))
    }

    /// Gives the elements from one position to another, both included; what lies beyond the ends is left out.
    ///
    /// `LRANGE`, since Redis 1.0.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("letters", ["a", "b", "c"])?;
    /// let last_two: Vec<String> = cluster.lrange("letters", -2, -1)?;
    /// assert_eq!(last_two, ["b", "c"]);
    /// # Ok(()) });
    /// ```
    fn lrange<K: ToArg, V: FromValue>(self, key: K, start: i64, stop: i64) -> Self::Output<Vec<V>> {
        self.execute(Cmd::new(&table::LRANGE).arg(key).arg(start).arg(stop))
    }

    /// Removes elements that equal this one: the first `count` from the head, for a negative count from the tail,
    /// for 0 all of them. Gives how many went.
    ///
    /// `LREM`, since Redis 1.0.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("letters", ["a", "b", "a"])?;
    /// assert_eq!(cluster.lrem("letters", 0, "a")?, 2);
    /// # Ok(()) });
    /// ```
    fn lrem<K: ToArg, V: ToArg>(self, key: K, count: i64, element: V) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::LREM).arg(key).arg(count).arg(element))
    }

    /// Puts an element in the place of the one at a position.
    ///
    /// `LSET`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when there is no such list or no such position, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("letters", ["a", "x"])?;
    /// cluster.lset("letters", -1, "b")?;
    /// # Ok(()) });
    /// ```
    fn lset<K: ToArg, V: ToArg>(self, key: K, index: i64, element: V) -> Self::Output<()> {
        self.execute(Cmd::new(&table::LSET).arg(key).arg(index).arg(element))
    }

    /// Keeps the elements from one position to another, both included, and removes all others.
    ///
    /// `LTRIM`, since Redis 1.0.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.lpush("newest", ["a", "b", "c"])?;
    /// cluster.ltrim("newest", 0, 1)?;
    /// assert_eq!(cluster.llen("newest")?, 2);
    /// # Ok(()) });
    /// ```
    fn ltrim<K: ToArg>(self, key: K, start: i64, stop: i64) -> Self::Output<()> {
        self.execute(Cmd::new(&table::LTRIM).arg(key).arg(start).arg(stop))
    }

    /// Takes the last element; nil, so `None`, when there is none.
    ///
    /// `RPOP`, since Redis 1.0.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("letters", ["a", "b"])?;
    /// let last: Option<String> = cluster.rpop("letters")?;
    /// assert_eq!(last.as_deref(), Some("b"));
    /// # Ok(()) });
    /// ```
    fn rpop<K: ToArg, V: FromValue>(self, key: K) -> Self::Output<V> {
        self.execute(Cmd::new(&table::RPOP).arg(key))
    }

    /// Takes up to `count` elements, the last one first; none when the list is empty.
    ///
    /// `RPOP` with a count, since Redis 6.2.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("letters", ["a", "b", "c"])?;
    /// let taken: Vec<String> = cluster.rpop_count("letters", 2)?;
    /// assert_eq!(taken, ["c", "b"]);
    /// # Ok(()) });
    /// ```
    fn rpop_count<K: ToArg, V: FromValue>(self, key: K, count: u64) -> Self::Output<Vec<V>> {
        self.execute(Cmd::new(&table::RPOP).arg(key).arg(count))
    }

    /// Takes the last element of a list, puts it in front of another or of the same, and gives it; nil, so `None`,
    /// when the source is empty.
    ///
    /// `RPOPLPUSH`, since Redis 1.2.0; [`lmove`](ListCommands::lmove) is its newer form. Across nodes as there.
    ///
    /// # Errors
    /// As [`lmove`](ListCommands::lmove).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.rpush("jobs", ["a", "b"])?;
    /// let job: Option<String> = cluster.rpoplpush("jobs", "running")?;
    /// assert_eq!(job.as_deref(), Some("b"));
    /// # Ok(()) });
    /// ```
    fn rpoplpush<S: ToArg, D: ToArg, V: FromValue>(self, source: S, destination: D) -> Self::Output<V> {
        self.execute(Cmd::new(&table::RPOPLPUSH).arg(source).arg(destination))
    }

    /// Puts elements at the end, in their order. Gives the new length.
    ///
    /// `RPUSH`, since Redis 1.0.0; several elements since 2.4.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.rpush("letters", ["a", "b"])?, 2);
    /// assert_eq!(cluster.rpush("letters", 'c')?, 3);
    /// # Ok(()) });
    /// ```
    fn rpush<K: ToArg, M: ToArgs>(self, key: K, elements: M) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::RPUSH).arg(key).args_of(elements))
    }

    /// As [`rpush`](ListCommands::rpush), only when there is such a list; else 0.
    ///
    /// `RPUSHX`, since Redis 2.2.0; several elements since 4.0.0.
    ///
    /// # Errors
    /// As [`llen`](ListCommands::llen).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.rpushx("letters", "a")?, 0);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "rpush_exists")]
    fn rpushx<K: ToArg, M: ToArgs>(self, key: K, elements: M) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::RPUSHX).arg(key).args_of(elements))
    }
}

impl<E: Execute> ListCommands for E {}
