//! The reply of `TYPE`.

use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::ValueRef;

/// What a key holds, as [`type_of`](crate::KeyCommands::type_of) tells.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TypeOf {
    /// There is no such key: `none`.
    Missing,
    /// A string; numbers, bitmaps and HyperLogLogs are strings, too.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set: `zset`; the indexes of places are sorted sets, too.
    SortedSet,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
    /// A type that a module of the server brought, by the name that it has there.
    Other(Box<str>),
}

impl TypeOf {
    /// The word that servers use.
    #[inline]
    pub(crate) fn name(&self) -> &str {
        match self {
            TypeOf::Missing => "none",
            TypeOf::String => "string",
            TypeOf::List => "list",
            TypeOf::Set => "set",
            TypeOf::SortedSet => "zset",
            TypeOf::Hash => "hash",
            TypeOf::Stream => "stream",
            TypeOf::Other(name) => name,
        }
    }
}

impl FromValue for TypeOf {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<TypeOf> {
        Ok(match value.as_bytes() {
            Some(b"none") => TypeOf::Missing,
            Some(b"string") => TypeOf::String,
            Some(b"list") => TypeOf::List,
            Some(b"set") => TypeOf::Set,
            Some(b"zset") => TypeOf::SortedSet,
            Some(b"hash") => TypeOf::Hash,
            Some(b"stream") => TypeOf::Stream,
            _ => TypeOf::Other(String::from_value(value)?.into()),
        })
    }
}
