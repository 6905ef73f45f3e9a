//! The replies of `ACL`.

use crate::commands::fields::Fields;
use crate::commands::replies::Lossy;
use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use std::time::Duration;

/// Whether a user may run a command: see [`acl_dryrun`](crate::AclCommands::acl_dryrun).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DryRun {
    /// The user may.
    Allowed,
    /// The user may not, and why.
    Denied(String),
}

impl FromValue for DryRun {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<DryRun> {
        Ok(match value.as_bytes() {
            Some(b"OK") => DryRun::Allowed,
            _ => DryRun::Denied(Lossy::from_value(value)?.0),
        })
    }
}

/// A user's rights: see [`acl_getuser`](crate::AclCommands::acl_getuser).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclUser {
    /// Words such as `on`, `off` and `nopass`.
    pub flags: Vec<String>,
    /// The SHA-256 of each password, in hexadecimal digits.
    pub passwords: Vec<String>,
    /// Rules on commands, such as `-@all +get`.
    pub commands: String,
    /// Patterns of keys, such as `~user:* %R~shared:*`.
    pub keys: String,
    /// Patterns of channels, such as `&news:*`.
    pub channels: String,
    /// Further rights beside these, since Redis 7.0.0.
    pub selectors: Vec<AclSelector>,
}

/// Rights that hold together, beside the first ones of a user.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclSelector {
    /// Rules on commands.
    pub commands: String,
    /// Patterns of keys.
    pub keys: String,
    /// Patterns of channels.
    pub channels: String,
}

/// Patterns as rules have them; before Redis 7.0 they are a list and lack the sign in front.
enum Patterns {
    Rules(String),
    Bare(Vec<Lossy>),
}

impl Patterns {
    #[inline]
    fn with(self, sign: char) -> String {
        match self {
            Patterns::Rules(rules) => rules,
            Patterns::Bare(patterns) => {
                let rules: Vec<String> =
                    patterns.into_iter().map(|Lossy(pattern)| format!("{sign}{pattern}")).collect();
                rules.join(" ")
            }
        }
    }
}

impl FromValue for Patterns {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Patterns> {
        match value.items() {
            Some(_) => Vec::from_value(value).map(Patterns::Bare),
            None => Lossy::from_value(value).map(|Lossy(rules)| Patterns::Rules(rules)),
        }
    }
}

impl FromValue for AclUser {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<AclUser> {
        let fields = Fields::of(value)?;
        Ok(AclUser {
            flags: fields.get("flags")?,
            passwords: fields.get("passwords")?,
            commands: fields.get("commands")?,
            keys: fields.get::<Patterns>("keys")?.with('~'),
            channels: fields.get::<Option<Patterns>>("channels")?.map_or_else(String::new, |it| it.with('&')),
            selectors: fields.get("selectors")?,
        })
    }
}

impl FromValue for AclSelector {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<AclSelector> {
        let fields = Fields::of(value)?;
        let text = |name| fields.get(name).map(|Lossy(text)| text);
        Ok(AclSelector { commands: text("commands")?, keys: text("keys")?, channels: text("channels")? })
    }
}

/// Something that a server has denied: see [`acl_log`](crate::AclCommands::acl_log). In its texts, which a stranger may
/// have sent, what is no UTF-8 is replaced.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct AclLogEntry {
    /// How often, within a minute.
    pub count: u64,
    /// What was wrong: `command`, `key`, `channel` or `auth`.
    pub reason: String,
    /// Where: `toplevel`, `multi`, `lua` or `module`.
    pub context: String,
    /// What was not to be used: a command, a key or a channel.
    pub object: String,
    /// The user.
    pub username: String,
    /// How long ago.
    pub age: Duration,
    /// The client, as in [`client_list`](crate::ServerCommands::client_list).
    pub client: String,
}

impl FromValue for AclLogEntry {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<AclLogEntry> {
        let fields = Fields::of(value)?;
        let text = |name| fields.get(name).map(|Lossy(text)| text);
        Ok(AclLogEntry {
            count: fields.get("count")?,
            reason: text("reason")?,
            context: text("context")?,
            object: text("object")?,
            username: text("username")?,
            age: Duration::try_from_secs_f64(fields.get("age-seconds")?).unwrap_or_default(),
            client: text("client-info")?,
        })
    }
}
