//! Keys of any type.

mod migrate;
mod options;
mod type_of;

pub use migrate::{MigrateOptions, Migrated};
pub use options::{CopyOptions, RestoreOptions};
pub use type_of::TypeOf;

use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Commands on keys, whatever they hold. When they expire is said by [`ExpiryCommands`](crate::ExpiryCommands),
/// sorting by [`SortCommands`](crate::SortCommands).
pub trait KeyCommands: Execute {
    /// Copies a value with its expiry to another key, and says whether it did: not when the source is missing, and not
    /// when the destination exists.
    ///
    /// `COPY`, since Redis 6.2.0. Across nodes: the value goes over by `DUMP` and `RESTORE`, in two rounds.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("draft:7{doc7}", "text")?;
    /// assert!(cluster.copy("draft:7{doc7}", "final:7{doc7}")?);
    /// assert_eq!(cluster.get::<_, String>("final:7{doc7}")?, "text");
    /// # Ok(()) });
    /// ```
    fn copy<S: ToArg, D: ToArg>(self, source: S, destination: D) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::COPY).arg(source).arg(destination))
    }

    /// Copies a value with its expiry over another key or into another database, and says whether it did.
    ///
    /// `COPY` with options, since Redis 6.2.0. Across nodes: as [`copy`](KeyCommands::copy); another database is that of
    /// the destination's node.
    ///
    /// # Errors
    /// A [`Server`](crate::ErrorKind::Server) error for a database that the server does not have, and those of
    /// [`copy`](KeyCommands::copy).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::CopyOptions;
    ///
    /// cluster.mset([("draft:7{doc7}", "new"), ("final:7{doc7}", "old")])?;
    /// assert!(!cluster.copy("draft:7{doc7}", "final:7{doc7}")?);
    /// assert!(cluster.copy_with("draft:7{doc7}", "final:7{doc7}", CopyOptions::new().replace())?);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "copy_options")]
    fn copy_with<S: ToArg, D: ToArg>(self, source: S, destination: D, options: CopyOptions) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::COPY).arg(source).arg(destination).args_of(options))
    }

    /// Deletes keys, and gives how many of them existed; a key given twice counts once.
    ///
    /// `DEL`, since Redis 1.0.0. Across nodes: one command a node, all at once; each node is atomic, the whole is
    /// not.
    ///
    /// # Errors
    /// [`Argument`](crate::ErrorKind::Argument) when there are no keys, and
    /// [what every call may meet](crate#errors); [`Error::parts`](crate::Error::parts) then says which nodes did it.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.mset([("foo", 1), ("bar", 2)])?;
    /// assert_eq!(cluster.del(["foo", "bar", "missing"])?, 2);
    /// assert_eq!(cluster.del("foo")?, 0);
    /// # Ok(()) });
    /// ```
    fn del<K: ToArgs>(self, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::DEL).args_of(keys))
    }

    /// Gives a value in the server's own packed form, for [`restore`](KeyCommands::restore); `None` when there is no
    /// such key. The expiry is not in it.
    ///
    /// `DUMP`, since Redis 2.6.0. A server reads what it or an older version packed.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// assert!(cluster.dump("foo")?.is_some());
    /// assert_eq!(cluster.dump("missing")?, None);
    /// # Ok(()) });
    /// ```
    fn dump<K: ToArg>(self, key: K) -> Self::Output<Option<Vec<u8>>> {
        self.execute(Cmd::new(&table::DUMP).arg(key))
    }

    /// Gives how many of the keys exist; a key given twice counts twice.
    ///
    /// `EXISTS`, since Redis 1.0.0, with several keys since 3.0.3. Across nodes: one command a node, all at once.
    ///
    /// # Errors
    /// [`Argument`](crate::ErrorKind::Argument) when there are no keys, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// assert_eq!(cluster.exists("foo")?, 1);
    /// assert_eq!(cluster.exists(["foo", "missing", "foo"])?, 2);
    /// # Ok(()) });
    /// ```
    fn exists<K: ToArgs>(self, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::EXISTS).args_of(keys))
    }

    /// Gives the names of all keys that match a pattern, in no order: `*` for any text, `?` for any one byte, `[a-c]`
    /// for one of these, a backslash in front of what is meant literally.
    ///
    /// `KEYS`, since Redis 1.0.0. It goes to every node, all at once; each node stops for everyone else while it looks
    /// at all its names. The names are those that the servers store: of `name{tag}` that is `name`, so that they need
    /// not lead to the node again.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use std::collections::BTreeSet;
    ///
    /// cluster.mset([("user:1", "ann"), ("user:2", "bob"), ("other", "x")])?;
    /// let names: BTreeSet<String> = cluster.keys("user:*")?;
    /// assert!(names.iter().eq(["user:1", "user:2"]));
    /// # Ok(()) });
    /// ```
    fn keys<P: ToArg, V: FromValue>(self, pattern: P) -> Self::Output<V> {
        self.execute(Cmd::new(&table::KEYS).arg(pattern))
    }

    /// Sends keys with their expiry to another server and deletes them here once it has them.
    ///
    /// `MIGRATE`, since Redis 2.6.0; this form of it since 3.0.6. The server connects to the other one, which must be
    /// able to be reached from there and is no node of this cluster as a rule. The keys have there the names that this
    /// server stores. Across nodes: refused, nothing is sent; a common hash tag keeps the keys on one node.
    ///
    /// # Errors
    /// [`CrossNode`](crate::ErrorKind::CrossNode) when the keys live on several nodes; a
    /// [`Server`](crate::ErrorKind::Server) error when the other server cannot be reached in time (`IOERR`: the keys may
    /// then be on both) or refuses, as it does for keys that it has; and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{MigrateOptions, Migrated};
    ///
    /// let other = MigrateOptions::to("10.0.0.7", 6379).replace();
    /// assert_eq!(cluster.migrate("missing", other)?, Migrated::NoKey);
    /// # Ok(()) });
    /// ```
    fn migrate<K: ToArgs>(self, keys: K, options: MigrateOptions) -> Self::Output<Migrated> {
        self.execute(Cmd::new(&table::MIGRATE).args_of(options).arg("KEYS").args_of(keys))
    }

    /// Moves a key with its expiry to another database of the same server, and says whether it did: not when there is
    /// no such key, and not when that database has one of the name.
    ///
    /// `MOVE`, since Redis 1.0.0.
    ///
    /// # Errors
    /// A [`Server`](crate::ErrorKind::Server) error when the database is the one in use or does not exist, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// assert!(cluster.move_key("foo", 1)?);
    /// assert_eq!(cluster.exists("foo")?, 0);
    /// # Ok(()) });
    /// ```
    fn move_key<K: ToArg>(self, key: K, database: u32) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::MOVE).arg(key).arg(database))
    }

    /// Gives how the server stores a value in memory, such as `listpack` or `int`; `None` when there is no such key.
    ///
    /// `OBJECT ENCODING`, since Redis 2.2.3. Like any read it may reach a replica, which stores values in its own way.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("visits", 7)?;
    /// assert_eq!(cluster.object_encoding("visits")?.as_deref(), Some("int"));
    /// # Ok(()) });
    /// ```
    fn object_encoding<K: ToArg>(self, key: K) -> Self::Output<Option<String>> {
        self.execute(Cmd::new(&table::OBJECT_ENCODING).arg(key))
    }

    /// Gives how often a key is used, on the server's logarithmic scale; `None` when there is no such key.
    ///
    /// `OBJECT FREQ`, since Redis 4.0.0. Like any read it may reach a replica, which counts only its own reads.
    ///
    /// # Errors
    /// A [`Server`](crate::ErrorKind::Server) error unless the server evicts by frequency (`maxmemory-policy`
    /// `allkeys-lfu` or `volatile-lfu`), and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// match cluster.object_freq("foo") {
    ///     Ok(frequency) => println!("used: {frequency:?}"),
    ///     Err(error) => println!("not counted: {error}"),
    /// }
    /// # Ok(()) });
    /// ```
    fn object_freq<K: ToArg>(self, key: K) -> Self::Output<Option<u64>> {
        self.execute(Cmd::new(&table::OBJECT_FREQ).arg(key))
    }

    /// Gives for how many seconds a key has not been used; `None` when there is no such key.
    ///
    /// `OBJECT IDLETIME`, since Redis 2.2.3. Like any read it may reach a replica, which counts only its own reads.
    ///
    /// # Errors
    /// A [`Server`](crate::ErrorKind::Server) error when the server evicts by frequency, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// assert!(cluster.object_idletime("foo")? < Some(60));
    /// # Ok(()) });
    /// ```
    fn object_idletime<K: ToArg>(self, key: K) -> Self::Output<Option<u64>> {
        self.execute(Cmd::new(&table::OBJECT_IDLETIME).arg(key))
    }

    /// Gives how many places of the server's memory refer to a value; `None` when there is no such key. A very large
    /// number stands for a value that the server shares between all who use it.
    ///
    /// `OBJECT REFCOUNT`, since Redis 2.2.3.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "a text of its own")?;
    /// assert_eq!(cluster.object_refcount("foo")?, Some(1));
    /// # Ok(()) });
    /// ```
    fn object_refcount<K: ToArg>(self, key: K) -> Self::Output<Option<u64>> {
        self.execute(Cmd::new(&table::OBJECT_REFCOUNT).arg(key))
    }

    /// Gives the name of a key drawn by chance, as the server stores it; nil, so `None`, when there are no keys.
    ///
    /// `RANDOMKEY`, since Redis 1.0.0. Across nodes: a node is drawn by how many keys it holds, then it draws one.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.randomkey::<Option<String>>()?, None);
    /// cluster.set("foo", "bar")?;
    /// assert_eq!(cluster.randomkey::<Option<String>>()?.as_deref(), Some("foo"));
    /// # Ok(()) });
    /// ```
    fn randomkey<V: FromValue>(self) -> Self::Output<V> {
        self.execute(Cmd::new(&table::RANDOMKEY))
    }

    /// Gives a value with its expiry another name, and replaces what had that name.
    ///
    /// `RENAME`, since Redis 1.0.0. Across nodes: the value is carried over, and again when someone writes to it
    /// meanwhile; for a moment it has neither name. When the way breaks off in between, the error says where the
    /// value is.
    ///
    /// # Errors
    /// A [`Server`](crate::ErrorKind::Server) error when there is no such key, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", 1)?;
    /// cluster.rename("foo", "bar")?;
    /// assert_eq!(cluster.get::<_, i64>("bar")?, 1);
    /// assert_eq!(cluster.exists("foo")?, 0);
    /// # Ok(()) });
    /// ```
    fn rename<K: ToArg, N: ToArg>(self, key: K, new_name: N) -> Self::Output<()> {
        self.execute(Cmd::new(&table::RENAME).arg(key).arg(new_name))
    }

    /// Gives a value with its expiry another name unless something has that name, and says whether it did.
    ///
    /// `RENAMENX`, since Redis 1.0.0. Across nodes: as [`rename`](KeyCommands::rename).
    ///
    /// # Errors
    /// Those of [`rename`](KeyCommands::rename).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.mset([("foo", 1), ("bar", 2)])?;
    /// assert!(!cluster.renamenx("foo", "bar")?);
    /// assert!(cluster.renamenx("foo", "free")?);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "rename_nx")]
    fn renamenx<K: ToArg, N: ToArg>(self, key: K, new_name: N) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::RENAMENX).arg(key).arg(new_name))
    }

    /// Makes a key of what [`dump`](KeyCommands::dump) gave. It never expires.
    ///
    /// `RESTORE`, since Redis 2.6.0.
    ///
    /// # Errors
    /// [`BusyKey`](crate::ErrorKind::BusyKey) when the key exists, a [`Server`](crate::ErrorKind::Server) error when
    /// the server cannot read the payload, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?;
    /// if let Some(payload) = cluster.dump("foo")? {
    ///     cluster.restore("again", payload)?;
    /// }
    /// assert_eq!(cluster.get::<_, String>("again")?, "bar");
    /// # Ok(()) });
    /// ```
    fn restore<K: ToArg, P: ToArg>(self, key: K, payload: P) -> Self::Output<()> {
        self.restore_with(key, payload, RestoreOptions::new())
    }

    /// Makes a key of what [`dump`](KeyCommands::dump) gave, with an expiry or over an older value.
    ///
    /// `RESTORE` with options, since Redis 2.6.0; see [`RestoreOptions`] for what came later.
    ///
    /// # Errors
    /// Those of [`restore`](KeyCommands::restore).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::RestoreOptions;
    /// use std::time::Duration;
    ///
    /// cluster.mset([("foo", 1), ("bar", 2)])?;
    /// let options = RestoreOptions::new().replace().expire_in(Duration::from_secs(60));
    /// cluster.restore_with("bar", cluster.dump("foo")?.unwrap_or_default(), options)?;
    /// assert_eq!(cluster.get::<_, i64>("bar")?, 1);
    /// # Ok(()) });
    /// ```
    fn restore_with<K: ToArg, P: ToArg>(self, key: K, payload: P, options: RestoreOptions) -> Self::Output<()> {
        self.execute(Cmd::new(&table::RESTORE).arg(key).arg(options.time_to_live()).arg(payload).args_of(options))
    }

    /// Marks keys as used just now, and gives how many of them exist; a key given twice counts twice.
    ///
    /// `TOUCH`, since Redis 3.2.1. It goes to masters although it changes no data: a master evicts keys by its own marks.
    /// Across nodes: one command a node, all at once.
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
    /// assert_eq!(cluster.touch(["foo", "bar", "missing"])?, 2);
    /// # Ok(()) });
    /// ```
    fn touch<K: ToArgs>(self, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::TOUCH).args_of(keys))
    }

    /// Gives the type of what a key holds.
    ///
    /// `TYPE`, since Redis 1.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::TypeOf;
    ///
    /// cluster.set("foo", "bar")?;
    /// assert_eq!(cluster.type_of("foo")?, TypeOf::String);
    /// assert_eq!(cluster.type_of("missing")?, TypeOf::Missing);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "key_type")]
    fn type_of<K: ToArg>(self, key: K) -> Self::Output<TypeOf> {
        self.execute(Cmd::new(&table::TYPE).arg(key))
    }

    /// Deletes keys, and gives how many of them existed. The names are gone at once; the server frees the memory of
    /// large values in the background.
    ///
    /// `UNLINK`, since Redis 4.0.0. Across nodes: as [`del`](KeyCommands::del).
    ///
    /// # Errors
    /// Those of [`del`](KeyCommands::del).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.mset([("foo", 1), ("bar", 2)])?;
    /// assert_eq!(cluster.unlink(["foo", "bar", "missing"])?, 2);
    /// # Ok(()) });
    /// ```
    fn unlink<K: ToArgs>(self, keys: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::UNLINK).args_of(keys))
    }
}

impl<E: Execute> KeyCommands for E {}
