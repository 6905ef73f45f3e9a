//! The options of `COPY` and `RESTORE`.

use crate::command::Args;
use crate::commands::time::{millis, seconds, unix_millis};
use crate::to_arg::{ToArg, ToArgs};
use std::time::{Duration, SystemTime};

/// The options of [`copy_with`](crate::KeyCommands::copy_with).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CopyOptions {
    database: Option<u32>,
    replace: bool,
}

impl CopyOptions {
    /// No options.
    #[inline]
    pub fn new() -> CopyOptions {
        CopyOptions::default()
    }

    /// Puts the copy into another database of the destination's server: `DB`.
    #[inline]
    pub fn database(mut self, number: u32) -> CopyOptions {
        self.database = Some(number);
        self
    }

    /// Replaces the destination when it exists: `REPLACE`.
    #[inline]
    pub fn replace(mut self) -> CopyOptions {
        self.replace = true;
        self
    }
}

impl ToArgs for CopyOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(number) = self.database {
            "DB".write_arg(args);
            number.write_arg(args);
        }
        if self.replace {
            "REPLACE".write_arg(args);
        }
    }
}

/// The options of [`restore_with`](crate::KeyCommands::restore_with). There is one expiry; the last one said counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestoreOptions {
    expire: Option<When>,
    replace: bool,
    idle_time: Option<Duration>,
    frequency: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    In(Duration),
    At(SystemTime),
}

impl RestoreOptions {
    /// No options: the key never expires and must not exist yet.
    #[inline]
    pub fn new() -> RestoreOptions {
        RestoreOptions::default()
    }

    /// Expires after this long, rounded up to whole milliseconds. To the server 0 means for ever, so a time of zero is
    /// sent as one millisecond.
    #[inline]
    pub fn expire_in(mut self, time: Duration) -> RestoreOptions {
        self.expire = Some(When::In(time));
        self
    }

    /// Expires at this moment, rounded up to whole milliseconds: `ABSTTL`, since Redis 5.0.0. When it has passed, no
    /// key is made. To the server 0 means for ever, so 1970 and everything before is sent as the millisecond after
    /// it.
    #[inline]
    pub fn expire_at(mut self, time: SystemTime) -> RestoreOptions {
        self.expire = Some(When::At(time));
        self
    }

    /// Replaces the key when it exists: `REPLACE`, since Redis 3.0.0.
    #[inline]
    pub fn replace(mut self) -> RestoreOptions {
        self.replace = true;
        self
    }

    /// Counts as unused for this long when the server looks for keys to evict, in whole seconds: `IDLETIME`, since
    /// Redis 5.0.0.
    #[inline]
    pub fn idle_time(mut self, time: Duration) -> RestoreOptions {
        self.idle_time = Some(time);
        self
    }

    /// Counts as used this often, on the server's logarithmic scale, when it looks for keys to evict: `FREQ`, since
    /// Redis 5.0.0.
    #[inline]
    pub fn frequency(mut self, frequency: u8) -> RestoreOptions {
        self.frequency = Some(frequency);
        self
    }

    /// The argument in front of the payload.
    #[inline]
    pub(super) fn time_to_live(&self) -> i128 {
        match self.expire {
            None => 0,
            Some(When::In(time)) => millis(time).max(1) as i128,
            Some(When::At(time)) => unix_millis(time).max(1),
        }
    }
}

impl ToArgs for RestoreOptions {
    /// The arguments behind the payload.
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if self.replace {
            "REPLACE".write_arg(args);
        }
        if let Some(When::At(_)) = self.expire {
            "ABSTTL".write_arg(args);
        }
        if let Some(time) = self.idle_time {
            "IDLETIME".write_arg(args);
            seconds(time).write_arg(args);
        }
        if let Some(frequency) = self.frequency {
            "FREQ".write_arg(args);
            u64::from(frequency).write_arg(args);
        }
    }
}
