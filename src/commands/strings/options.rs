//! The options of `SET` and `GETEX`.

use crate::command::Args;
use crate::commands::time::Expire;
use crate::to_arg::{ToArg, ToArgs};
use std::time::{Duration, SystemTime};

/// The options of [`set_with`](crate::StringCommands::set_with).
///
/// There is one condition and one expiry; of each, the last one said counts. Without an expiry the key loses the one
/// that it had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SetOptions {
    condition: Option<&'static str>,
    expire: Option<Expire>,
    get: bool,
}

impl SetOptions {
    /// No options.
    #[inline]
    pub fn new() -> SetOptions {
        SetOptions::default()
    }

    /// Only when there is no such key: `NX`.
    #[inline]
    pub fn if_missing(mut self) -> SetOptions {
        self.condition = Some("NX");
        self
    }

    /// Only when there is such a key, of any type: `XX`.
    #[inline]
    pub fn if_exists(mut self) -> SetOptions {
        self.condition = Some("XX");
        self
    }

    /// Expires after this long, rounded up to whole milliseconds: `PX`. The server refuses a time of zero.
    #[inline]
    pub fn expire_in(mut self, time: Duration) -> SetOptions {
        self.expire = Some(Expire::In(time));
        self
    }

    /// Expires at this moment, rounded up to whole milliseconds: `PXAT`, since Redis 6.2.0. The server refuses a
    /// moment before 1970; one that has passed leaves no key behind.
    #[inline]
    pub fn expire_at(mut self, time: SystemTime) -> SetOptions {
        self.expire = Some(Expire::At(time));
        self
    }

    /// Keeps the expiry that the key has: `KEEPTTL`, since Redis 6.0.0.
    #[inline]
    pub fn keep_ttl(mut self) -> SetOptions {
        self.expire = Some(Expire::Word("KEEPTTL"));
        self
    }

    /// Asks for the value that the key held before, nil when there was none: `GET`, since Redis 6.2.0; together with
    /// [`if_missing`](SetOptions::if_missing) since Redis 7.0.0.
    #[inline]
    pub fn get(mut self) -> SetOptions {
        self.get = true;
        self
    }
}

impl ToArgs for SetOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(condition) = self.condition {
            condition.write_arg(args);
        }
        if let Some(expire) = self.expire {
            expire.write_args(args);
        }
        if self.get {
            "GET".write_arg(args);
        }
    }
}

/// What [`getex`](crate::StringCommands::getex) does to the expiry of the key; without any option it is left as it
/// is. Of several, the last one said counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GetExOptions {
    expire: Option<Expire>,
}

impl GetExOptions {
    /// No options.
    #[inline]
    pub fn new() -> GetExOptions {
        GetExOptions::default()
    }

    /// Expires after this long, rounded up to whole milliseconds: `PX`. The server refuses a time of zero.
    #[inline]
    pub fn expire_in(mut self, time: Duration) -> GetExOptions {
        self.expire = Some(Expire::In(time));
        self
    }

    /// Expires at this moment, rounded up to whole milliseconds: `PXAT`. The server refuses a moment before 1970; one
    /// that has passed deletes the key once its value is read.
    #[inline]
    pub fn expire_at(mut self, time: SystemTime) -> GetExOptions {
        self.expire = Some(Expire::At(time));
        self
    }

    /// Never expires: `PERSIST`.
    #[inline]
    pub fn persist(mut self) -> GetExOptions {
        self.expire = Some(Expire::Word("PERSIST"));
        self
    }
}

impl ToArgs for GetExOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(expire) = self.expire {
            expire.write_args(args);
        }
    }
}
