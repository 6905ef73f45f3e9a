//! The options of `HSETEX`, and what becomes of the expiry of a field.

use crate::command::Args;
use crate::commands::time::Expire;
use crate::error::{Error, Result};
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use crate::to_arg::{ToArg, ToArgs};
use std::time::{Duration, SystemTime};

/// What became of a field that was to expire: see [`hexpire`](crate::HashExpiryCommands::hexpire).
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldExpiry {
    /// There is no such field, or no such key.
    Missing,
    /// A condition does not hold; all is as before.
    Unchanged,
    /// It will expire as told.
    Set,
    /// The moment has passed: the field is deleted.
    Deleted,
}

impl FromValue for FieldExpiry {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<FieldExpiry> {
        Ok(match i64::from_value(value)? {
            -2 => FieldExpiry::Missing,
            0 => FieldExpiry::Unchanged,
            1 => FieldExpiry::Set,
            2 => FieldExpiry::Deleted,
            other => return Err(Error::reply(format!("expected what became of a field, got {other}"))),
        })
    }
}

/// What became of a field that was to expire no more: see [`hpersist`](crate::HashExpiryCommands::hpersist).
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldPersist {
    /// There is no such field, or no such key.
    Missing,
    /// It had no expiry.
    Persistent,
    /// It had an expiry, which is removed.
    Removed,
}

impl FromValue for FieldPersist {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<FieldPersist> {
        Ok(match i64::from_value(value)? {
            -2 => FieldPersist::Missing,
            -1 => FieldPersist::Persistent,
            1 => FieldPersist::Removed,
            other => return Err(Error::reply(format!("expected what became of a field, got {other}"))),
        })
    }
}

/// The options of [`hsetex`](crate::HashExpiryCommands::hsetex).
///
/// There is one condition and one expiry; of each, the last one said counts. Without an expiry the fields lose the one
/// that they had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HSetExOptions {
    condition: Option<&'static str>,
    expire: Option<Expire>,
}

impl HSetExOptions {
    /// No options.
    #[inline]
    pub fn new() -> HSetExOptions {
        HSetExOptions::default()
    }

    /// Only when none of the fields exists: `FNX`.
    #[inline]
    pub fn if_missing(mut self) -> HSetExOptions {
        self.condition = Some("FNX");
        self
    }

    /// Only when all of the fields exist: `FXX`.
    #[inline]
    pub fn if_exists(mut self) -> HSetExOptions {
        self.condition = Some("FXX");
        self
    }

    /// Expires after this long, rounded up to whole milliseconds: `PX`.
    #[inline]
    pub fn expire_in(mut self, time: Duration) -> HSetExOptions {
        self.expire = Some(Expire::In(time));
        self
    }

    /// Expires at this moment, rounded up to whole milliseconds: `PXAT`. One that has passed leaves no field behind.
    #[inline]
    pub fn expire_at(mut self, time: SystemTime) -> HSetExOptions {
        self.expire = Some(Expire::At(time));
        self
    }

    /// Keeps the expiry that the fields have: `KEEPTTL`.
    #[inline]
    pub fn keep_ttl(mut self) -> HSetExOptions {
        self.expire = Some(Expire::Word("KEEPTTL"));
        self
    }
}

impl ToArgs for HSetExOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(condition) = self.condition {
            condition.write_arg(args);
        }
        if let Some(expire) = self.expire {
            expire.write_args(args);
        }
    }
}
