//! Users and what they may do.

mod replies;

pub use replies::{AclLogEntry, AclSelector, AclUser, DryRun};

use super::ServerCommands;
use crate::cmd::Cmd;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};

/// Commands on users and their rights.
///
/// Each server has its own users. What changes them goes to every server, as with [`ServerCommands`], all at once;
/// when one fails, [`Error::parts`](crate::Error::parts) tells how far each one came.
pub trait AclCommands: ServerCommands {
    /// Gives the names of all groups of commands that rules can name, from one server.
    ///
    /// `ACL CAT`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.acl_cat()?.contains(&"dangerous".to_owned()));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn acl_cat(self) -> Self::Output<Vec<String>> {
        self.execute(Cmd::new(&table::ACL_CAT))
    }

    /// Gives the names of the commands of such a group, from one server.
    ///
    /// `ACL CAT` with a category, since Redis 6.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for an unknown group, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.acl_cat_commands("string")?.contains(&"get".to_owned()));
    /// # Ok(()) });
    /// ```
    fn acl_cat_commands<C: ToArg>(self, category: C) -> Self::Output<Vec<String>> {
        self.execute(Cmd::new(&table::ACL_CAT).arg(category))
    }

    /// Deletes users and closes their connections, on every server. Gives how many of them there were on the first node.
    ///
    /// `ACL DELUSER`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for the user `default`, who cannot be deleted, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.acl_setuser("bob", ["on", "nopass"])?;
    /// assert_eq!(cluster.acl_deluser(["bob", "nobody"])?, 1);
    /// # Ok(()) });
    /// ```
    fn acl_deluser<U: ToArgs>(self, users: U) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::ACL_DELUSER).args_of(users))
    }

    /// Asks one server whether a user may run a command, given word by word, without running it. The server is asked with
    /// the words as they are: hash tags are not removed.
    ///
    /// `ACL DRYRUN`, since Redis 7.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for an unknown user or command, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("7.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::DryRun;
    ///
    /// cluster.acl_setuser("bob", ["on", "nopass", "+get", "~user:*"])?;
    /// assert_eq!(cluster.acl_dryrun("bob", ["GET", "user:7"])?, DryRun::Allowed);
    /// assert!(matches!(cluster.acl_dryrun("bob", ["GET", "other"])?, DryRun::Denied(_)));
    /// # Ok(()) });
    /// ```
    fn acl_dryrun<U: ToArg, C: ToArgs>(self, user: U, command: C) -> Self::Output<DryRun> {
        self.execute(Cmd::new(&table::ACL_DRYRUN).arg(user).args_of(command))
    }

    /// Makes a password by chance: 256 bits as 64 hexadecimal digits, from one server.
    ///
    /// `ACL GENPASS`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.acl_genpass()?.len(), 64);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn acl_genpass(self) -> Self::Output<String> {
        self.execute(Cmd::new(&table::ACL_GENPASS))
    }

    /// Makes a password of so many bits, 1 to 4096, rounded up to whole hexadecimal digits.
    ///
    /// `ACL GENPASS` with a number of bits, since Redis 6.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for a number out of these bounds, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.acl_genpass_bits(30)?.len(), 8);
    /// # Ok(()) });
    /// ```
    #[inline]
    fn acl_genpass_bits(self, bits: u32) -> Self::Output<String> {
        self.execute(Cmd::new(&table::ACL_GENPASS).arg(bits))
    }

    /// Gives the rules of a user, as every server has them; `None` where there is no such user.
    ///
    /// `ACL GETUSER`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.acl_setuser("bob", ["on", "nopass", "+get", "~user:*"])?;
    /// for (node, user) in cluster.acl_getuser("bob")? {
    ///     let user = user.unwrap();
    ///     assert_eq!((user.keys.as_str(), user.commands.as_str()), ("~user:*", "-@all +get"), "{node}");
    /// }
    /// # Ok(()) });
    /// ```
    fn acl_getuser<U: ToArg>(self, user: U) -> Self::Output<Self::Each<Option<AclUser>>> {
        self.execute(Cmd::new(&table::ACL_GETUSER).arg(user))
    }

    /// Gives all users of every server: a line of rules for each, as a file of users has it.
    ///
    /// `ACL LIST`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.acl_list()?.replies().all(|users| users[0].starts_with("user default on")));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn acl_list(self) -> Self::Output<Self::Each<Vec<String>>> {
        self.execute(Cmd::new(&table::ACL_LIST))
    }

    /// Has every server replace its users by those of its file: all of them, or when one line is wrong none.
    ///
    /// `ACL LOAD`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for a server without such a file or with a bad one, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// if let Err(error) = cluster.acl_load() {
    ///     assert!(error.message().contains("not configured to use an ACL file"));
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn acl_load(self) -> Self::Output<()> {
        self.execute(Cmd::new(&table::ACL_LOAD))
    }

    /// Gives up to `count` of what every server has last denied, the newest first.
    ///
    /// `ACL LOG`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// for (node, denied) in cluster.acl_log(10)? {
    ///     for entry in denied {
    ///         println!("{node}: {} may not use {}", entry.username, entry.object);
    ///     }
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn acl_log(self, count: u64) -> Self::Output<Self::Each<Vec<AclLogEntry>>> {
        self.execute(Cmd::new(&table::ACL_LOG).arg(count))
    }

    /// Has every server forget what it has denied.
    ///
    /// `ACL LOG RESET`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.acl_log_reset()?;
    /// assert!(cluster.acl_log(10)?.replies().all(|denied| denied.is_empty()));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn acl_log_reset(self) -> Self::Output<Self::Each<()>> {
        self.execute(Cmd::new(&table::ACL_LOG).arg("RESET"))
    }

    /// Has every server write its users into its file.
    ///
    /// `ACL SAVE`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for a server without such a file, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// if let Err(error) = cluster.acl_save() {
    ///     assert!(error.message().contains("not configured to use an ACL file"));
    /// }
    /// # Ok(()) });
    /// ```
    #[inline]
    fn acl_save(self) -> Self::Output<()> {
        self.execute(Cmd::new(&table::ACL_SAVE))
    }

    /// Makes a user or changes one, on every server, by rules such as `on`, `>password`, `+get`, `+@read` or `~user:*`.
    /// Each server takes all of the rules or none. Servers do not replicate users, and with
    /// [`ReadFrom::Master`](crate::ReadFrom::Master) this does not reach replicas.
    ///
    /// `ACL SETUSER`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for a bad rule, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.acl_setuser("reader", ["on", ">secret", "+@read", "~*"])?;
    /// assert!(cluster.acl_users()?.replies().all(|users| users.contains(&"reader".to_owned())));
    /// # Ok(()) });
    /// ```
    fn acl_setuser<U: ToArg, R: ToArgs>(self, user: U, rules: R) -> Self::Output<()> {
        self.execute(Cmd::new(&table::ACL_SETUSER).arg(user).args_of(rules))
    }

    /// Gives the names of all users of every server.
    ///
    /// `ACL USERS`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.acl_users()?.replies().all(|users| users == &["default"]));
    /// # Ok(()) });
    /// ```
    #[inline]
    fn acl_users(self) -> Self::Output<Self::Each<Vec<String>>> {
        self.execute(Cmd::new(&table::ACL_USERS))
    }

    /// Gives the name of the user that the connections are made for, from one server.
    ///
    /// `ACL WHOAMI`, since Redis 6.0.0.
    ///
    /// # Errors
    /// [What every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("6.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.acl_whoami()?, "default");
    /// # Ok(()) });
    /// ```
    #[inline]
    fn acl_whoami(self) -> Self::Output<String> {
        self.execute(Cmd::new(&table::ACL_WHOAMI))
    }
}

impl<E: ServerCommands> AclCommands for E {}
