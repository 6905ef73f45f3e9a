//! The replies of `SLOWLOG`, `COMMANDLOG` and `LATENCY`.

use crate::command::Args;
use crate::commands::fields::Fields;
use crate::commands::replies::{Lossy, Moment, Row};
use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use crate::to_arg::ToArg;
use std::time::{Duration, SystemTime};

/// The logs that a Valkey server keeps: see [`commandlog_get`](crate::LatencyCommands::commandlog_get).
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandLog {
    /// Commands that took long.
    Slow,
    /// Commands with large arguments.
    LargeRequest,
    /// Commands with large replies.
    LargeReply,
}

impl ToArg for CommandLog {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let word = match self {
            CommandLog::Slow => "slow",
            CommandLog::LargeRequest => "large-request",
            CommandLog::LargeReply => "large-reply",
        };
        word.write_arg(args);
    }
}

/// A command that was slow or large: see [`commandlog_get`](crate::LatencyCommands::commandlog_get).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLogEntry {
    /// A number that rises from entry to entry.
    pub id: u64,
    /// When it ran, in whole seconds.
    pub at: SystemTime,
    /// How many microseconds it took, or of how many bytes it was.
    pub measured: u64,
    /// Its words; of long ones the server keeps the beginning.
    pub args: Vec<Vec<u8>>,
    /// The address of the client.
    pub client: String,
    /// The name that the client gave itself, empty without one.
    pub client_name: String,
}

impl FromValue for CommandLogEntry {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<CommandLogEntry> {
        let mut row = Row::of(value);
        let (id, Moment(at), measured, args) = (row.next()?, row.next()?, row.next()?, row.next()?);
        let (Lossy(client), Lossy(client_name)) = (row.next()?, row.next()?);
        Ok(CommandLogEntry { id, at, measured, args, client, client_name })
    }
}

/// A command that took long: see [`slowlog_get`](crate::LatencyCommands::slowlog_get).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowLogEntry {
    /// A number that rises from entry to entry.
    pub id: u64,
    /// When it ran, in whole seconds.
    pub at: SystemTime,
    /// How long it took, without any waiting.
    pub took: Duration,
    /// Its words; of long ones the server keeps the beginning.
    pub args: Vec<Vec<u8>>,
    /// The address of the client.
    pub client: String,
    /// The name that the client gave itself, empty without one.
    pub client_name: String,
}

impl FromValue for SlowLogEntry {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<SlowLogEntry> {
        let CommandLogEntry { id, at, measured, args, client, client_name } = CommandLogEntry::from_value(value)?;
        Ok(SlowLogEntry { id, at, took: Duration::from_micros(measured), args, client, client_name })
    }
}

/// One delay: see [`latency_history`](crate::LatencyCommands::latency_history).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencySpike {
    /// When, in whole seconds.
    pub at: SystemTime,
    /// How long, in whole milliseconds.
    pub took: Duration,
}

impl FromValue for LatencySpike {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<LatencySpike> {
        let (Moment(at), millis) = FromValue::from_value(value)?;
        Ok(LatencySpike { at, took: Duration::from_millis(millis) })
    }
}

/// A kind of delay that a server has noted: see [`latency_latest`](crate::LatencyCommands::latency_latest).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyEvent {
    /// The server's name for it, such as `command` or `fork`.
    pub name: String,
    /// When it last happened, in whole seconds.
    pub at: SystemTime,
    /// How long it took then.
    pub latest: Duration,
    /// How long it took at worst.
    pub longest: Duration,
}

impl FromValue for LatencyEvent {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<LatencyEvent> {
        let mut row = Row::of(value);
        let (Lossy(name), Moment(at)) = (row.next()?, row.next()?);
        let mut delay = || row.next().map(Duration::from_millis);
        Ok(LatencyEvent { name, at, latest: delay()?, longest: delay()? })
    }
}

/// How long a command has taken: see [`latency_histogram`](crate::LatencyCommands::latency_histogram).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyHistogram {
    /// How often it ran.
    pub calls: u64,
    /// Times, each twice the one before with some left out, and how many runs took no longer than that.
    pub buckets: Vec<(Duration, u64)>,
}

impl FromValue for LatencyHistogram {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<LatencyHistogram> {
        let fields = Fields::of(value)?;
        let buckets: Vec<(u64, u64)> = fields.get("histogram_usec")?;
        let bucket = |(micros, count)| (Duration::from_micros(micros), count);
        Ok(LatencyHistogram { calls: fields.get("calls")?, buckets: buckets.into_iter().map(bucket).collect() })
    }
}
