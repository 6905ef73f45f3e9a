//! A reply that owns what it holds, every text as the server wrote it.

use rediscluster::{FromValue, Result, ValueRef};

/// One reply. Unlike the library's own `Value` it keeps the text of a double, which has to be shown as it came.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Nil,
    Status(Vec<u8>),
    Error(Vec<u8>),
    Integer(i64),
    Text(Vec<u8>),
    Boolean(bool),
    Double(Vec<u8>),
    BigNumber(Vec<u8>),
    Verbatim(Vec<u8>),
    Array(Vec<Reply>),
    Set(Vec<Reply>),
    Push(Vec<Reply>),
    Map(Vec<(Reply, Reply)>),
}

impl FromValue for Reply {
    fn from_value(value: ValueRef<'_>) -> Result<Reply> {
        Ok(Reply::from(value))
    }
}

impl From<ValueRef<'_>> for Reply {
    fn from(value: ValueRef<'_>) -> Reply {
        // The decoder limits how deep values nest, and so the recursion.
        match value {
            ValueRef::Nil => Reply::Nil,
            ValueRef::Simple(text) => Reply::Status(text.to_vec()),
            ValueRef::Error(text) => Reply::Error(text.to_vec()),
            ValueRef::Integer(number) => Reply::Integer(number),
            ValueRef::Bulk(text) => Reply::Text(text.to_vec()),
            ValueRef::Boolean(value) => Reply::Boolean(value),
            ValueRef::Double(text) => Reply::Double(text.to_vec()),
            ValueRef::BigNumber(text) => Reply::BigNumber(text.to_vec()),
            ValueRef::Verbatim(_, text) => Reply::Verbatim(text.to_vec()),
            ValueRef::Array(items) => Reply::Array(items.map(Reply::from).collect()),
            ValueRef::Set(items) => Reply::Set(items.map(Reply::from).collect()),
            ValueRef::Push(items) => Reply::Push(items.map(Reply::from).collect()),
            ValueRef::Map(mut items) => {
                let mut pairs = Vec::with_capacity(items.len() / 2);
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    pairs.push((key.into(), value.into()));
                }
                Reply::Map(pairs)
            }
        }
    }
}

impl Reply {
    /// The bytes of a text of any kind.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Reply::Text(text) | Reply::Verbatim(text) | Reply::Status(text) => Some(text),
            _ => None,
        }
    }
}
