//! The options of `MIGRATE`, and its reply.

use crate::command::Args;
use crate::commands::time::millis;
use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use crate::to_arg::{ToArg, ToArgs};
use std::fmt;
use std::time::Duration;

/// Where keys go, and how: see [`migrate`](crate::KeyCommands::migrate). Passwords are not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct MigrateOptions {
    host: String,
    port: u16,
    database: u32,
    timeout: Duration,
    copy: bool,
    replace: bool,
    user: Option<String>,
    password: Option<String>,
}

impl MigrateOptions {
    /// To database 0 of this server, which may be silent for a second.
    #[inline]
    pub fn to(host: impl Into<String>, port: u16) -> MigrateOptions {
        MigrateOptions {
            host: host.into(),
            port,
            database: 0,
            timeout: Duration::from_secs(1),
            copy: false,
            replace: false,
            user: None,
            password: None,
        }
    }

    /// To another database than 0.
    #[inline]
    pub fn database(mut self, number: u32) -> MigrateOptions {
        self.database = number;
        self
    }

    /// How long the other server may be silent, rounded up to whole milliseconds; to the server, 0 is a second. The
    /// deadline of the call holds all the same.
    #[inline]
    pub fn timeout(mut self, time: Duration) -> MigrateOptions {
        self.timeout = time;
        self
    }

    /// Leaves the keys here as well: `COPY`.
    #[inline]
    pub fn copy(mut self) -> MigrateOptions {
        self.copy = true;
        self
    }

    /// Replaces keys that the other server has: `REPLACE`.
    #[inline]
    pub fn replace(mut self) -> MigrateOptions {
        self.replace = true;
        self
    }

    /// The password of the other server: `AUTH`, since Redis 4.0.7.
    #[inline]
    pub fn password(mut self, password: impl Into<String>) -> MigrateOptions {
        self.password = Some(password.into());
        self
    }

    /// The user that the [password](MigrateOptions::password) is of: `AUTH2`, since Redis 6.0.0.
    #[inline]
    pub fn user(mut self, user: impl Into<String>) -> MigrateOptions {
        self.user = Some(user.into());
        self
    }
}

impl fmt::Debug for MigrateOptions {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MigrateOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("database", &self.database)
            .field("timeout", &self.timeout)
            .field("copy", &self.copy)
            .field("replace", &self.replace)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl ToArgs for MigrateOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        self.host.write_arg(args);
        self.port.write_arg(args);
        "".write_arg(args);
        self.database.write_arg(args);
        millis(self.timeout).write_arg(args);
        let words = [self.copy.then_some("COPY"), self.replace.then_some("REPLACE")];
        words.into_iter().flatten().for_each(|word| word.write_arg(args));
        match (&self.user, &self.password) {
            (Some(user), Some(password)) => ["AUTH2", user, password].write_args(args),
            (None, Some(password)) => ["AUTH", password].write_args(args),
            (_, None) => {}
        }
    }
}

/// What became of keys that were to go to another server.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Migrated {
    /// Those that exist are there now.
    Done,
    /// None of them exists.
    NoKey,
}

impl FromValue for Migrated {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Migrated> {
        match value.as_bytes() {
            Some(b"NOKEY") => Ok(Migrated::NoKey),
            _ => <()>::from_value(value).map(|()| Migrated::Done),
        }
    }
}
