//! One reply: borrowed from the read buffer, or owned.

use super::encode::{self, short_bulk, short_integer};
use crate::error::escape;
use std::fmt;

/// One RESP value, borrowed from the bytes it came in.
///
/// It is made only from bytes that a [`Decoder`](super::Decoder) has checked whole, so looking at it cannot fail.
/// Attributes (RESP3) are passed over. Every null of the protocol is [`Nil`](ValueRef::Nil).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// `$-1`, `*-1` or `_`: there is no such thing.
    Nil,
    /// `+`: a status such as `OK`.
    Simple(&'a [u8]),
    /// `-` or `!`: an error reply, its code being the first word.
    Error(&'a [u8]),
    /// `:`: a whole number.
    Integer(i64),
    /// `$`: a string of any bytes.
    Bulk(&'a [u8]),
    /// `#`: true or false (RESP3).
    Boolean(bool),
    /// `,`: the text of a floating point number (RESP3), as the server wrote it.
    Double(&'a [u8]),
    /// `(`: the text of a whole number of any size (RESP3).
    BigNumber(&'a [u8]),
    /// `=`: text with a three-letter format such as `txt` or `mkd` (RESP3).
    Verbatim(&'a [u8], &'a [u8]),
    /// `*`: values in order.
    Array(Items<'a>),
    /// `%`: keys and values in turn (RESP3); [`Items::len`] counts both.
    Map(Items<'a>),
    /// `~`: values in no particular order (RESP3).
    Set(Items<'a>),
    /// `>`: a message that answers no command (RESP3).
    Push(Items<'a>),
}

/// The values inside an aggregate, one after the other.
#[derive(Clone, Copy)]
pub struct Items<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> ValueRef<'a> {
    /// The value at the start of `bytes`, which must have been checked, and what comes after it, or after its head
    /// when it is an aggregate.
    fn parse(bytes: &'a [u8]) -> (ValueRef<'a>, &'a [u8]) {
        match short_bulk(bytes) {
            Some((length, body)) => {
                let (text, rest) = bytes[body..].split_at(length);
                (ValueRef::Bulk(text), &rest[2..])
            }
            None => ValueRef::parse_any(bytes),
        }
    }

    #[inline(never)]
    fn parse_any(mut bytes: &'a [u8]) -> (ValueRef<'a>, &'a [u8]) {
        while bytes[0] == b'|' {
            let (pairs, rest) = length(&bytes[1..]);
            bytes = skip(rest, pairs.unwrap_or(0) * 2);
        }
        let (kind, rest) = (bytes[0], &bytes[1..]);
        if matches!(kind, b'$' | b'!' | b'=' | b'*' | b'%' | b'~' | b'>') {
            let (length, rest) = length(rest);
            let Some(length) = length else { return (ValueRef::Nil, rest) };
            let value = match kind {
                b'*' => ValueRef::Array(Items { rest, left: length }),
                b'%' => ValueRef::Map(Items { rest, left: length * 2 }),
                b'~' => ValueRef::Set(Items { rest, left: length }),
                b'>' => ValueRef::Push(Items { rest, left: length }),
                b'$' => ValueRef::Bulk(&rest[..length]),
                b'!' => ValueRef::Error(&rest[..length]),
                _ => ValueRef::Verbatim(&rest[..3], &rest[4..length]),
            };
            let text = if matches!(kind, b'$' | b'!' | b'=') { length + 2 } else { 0 };
            return (value, &rest[text..]);
        }
        let end = rest.iter().position(|&byte| byte == b'\r').unwrap_or(rest.len());
        let line = &rest[..end];
        let value = match kind {
            b'+' => ValueRef::Simple(line),
            b'-' => ValueRef::Error(line),
            b':' => ValueRef::Integer(encode::parse_i64(line).unwrap_or(0)),
            b'#' => ValueRef::Boolean(line == b"t"),
            b',' => ValueRef::Double(line),
            b'(' => ValueRef::BigNumber(line),
            _ => ValueRef::Nil,
        };
        (value, &rest[end + 2..])
    }

    /// The value at the start of `bytes`, which must have been checked.
    #[inline]
    pub(super) fn of(bytes: &'a [u8]) -> ValueRef<'a> {
        match short_bulk(bytes) {
            Some((length, body)) => ValueRef::Bulk(&bytes[body..body + length]),
            None => ValueRef::parse_any(bytes).0,
        }
    }

    /// The bytes of a string-like value: bulk, status, verbatim text, or the text of a number.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match *self {
            ValueRef::Bulk(text)
            | ValueRef::Simple(text)
            | ValueRef::Verbatim(_, text)
            | ValueRef::Double(text)
            | ValueRef::BigNumber(text) => Some(text),
            _ => None,
        }
    }

    /// What lies in an array, a set, a push or a map (there keys and values in turn).
    pub fn items(&self) -> Option<Items<'a>> {
        match *self {
            ValueRef::Array(items) | ValueRef::Map(items) | ValueRef::Set(items) | ValueRef::Push(items) => Some(items),
            _ => None,
        }
    }
}

/// The length in a head, `None` for −1, and what comes after the head.
fn length(bytes: &[u8]) -> (Option<usize>, &[u8]) {
    let mut length = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => length = length * 10 + usize::from(byte - b'0'),
            b'-' => return (None, &bytes[at + 4..]),
            _ => return (Some(length), &bytes[at + 2..]),
        }
    }
    (Some(length), &[])
}

/// What comes after the next `left` values, with all that is inside them and said about them.
fn skip(mut bytes: &[u8], mut left: usize) -> &[u8] {
    // A flat count: an aggregate adds what it holds, an attribute as well, so nothing recurses.
    while left > 0 {
        if bytes[0] == b'|' {
            let (pairs, rest) = length(&bytes[1..]);
            (bytes, left) = (rest, left + pairs.unwrap_or(0) * 2);
        } else {
            let (value, rest) = ValueRef::parse(bytes);
            (bytes, left) = (rest, left - 1 + value.items().map_or(0, |inside| inside.left));
        }
    }
    bytes
}

impl<'a> Items<'a> {
    /// The next value, of which there must be one.
    #[inline(never)]
    fn next_any(&mut self) -> ValueRef<'a> {
        if let Some((number, size)) = short_integer(self.rest) {
            self.rest = &self.rest[size..];
            return ValueRef::Integer(number);
        }
        let (value, rest) = ValueRef::parse(self.rest);
        self.rest = skip(rest, value.items().map_or(0, |inside| inside.left));
        value
    }

    /// What comes after the values that were given: the others, and what follows the aggregate in its buffer.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Goes past the next value, of which there must be one.
    #[inline]
    pub(crate) fn pass(&mut self) {
        self.left -= 1;
        self.rest = skip(self.rest, 1);
    }

    /// The next value together with its bytes on the wire.
    pub(crate) fn next_raw(&mut self) -> Option<(ValueRef<'a>, &'a [u8])> {
        let before = self.rest;
        let value = self.next()?;
        Some((value, &before[..before.len() - self.rest.len()]))
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = ValueRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<ValueRef<'a>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        if let Some((length, body)) = short_bulk(self.rest) {
            // Returned from here, so that a caller's loop sees a plain slice and moves no `ValueRef` about.
            let (text, rest) = self.rest[body..].split_at(length);
            self.rest = &rest[2..];
            return Some(ValueRef::Bulk(text));
        }
        Some(self.next_any())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Items<'_> {}

impl PartialEq for Items<'_> {
    /// Value by value: what follows the aggregate in its buffer is no part of it.
    fn eq(&self, other: &Items<'_>) -> bool {
        self.left == other.left && Iterator::eq(*self, *other)
    }
}

impl Eq for Items<'_> {}

impl fmt::Debug for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |f: &mut fmt::Formatter<'_>, name: &str, text: &[u8]| write!(f, "{name}(\"{}\")", escape(text, 256));
        match self {
            ValueRef::Nil => f.write_str("Nil"),
            ValueRef::Simple(line) => text(f, "Simple", line),
            ValueRef::Error(line) => text(f, "Error", line),
            ValueRef::Integer(number) => write!(f, "Integer({number})"),
            ValueRef::Bulk(bytes) => text(f, "Bulk", bytes),
            ValueRef::Boolean(value) => write!(f, "Boolean({value})"),
            ValueRef::Double(line) => text(f, "Double", line),
            ValueRef::BigNumber(line) => text(f, "BigNumber", line),
            ValueRef::Verbatim(_, bytes) => text(f, "Verbatim", bytes),
            ValueRef::Array(items) => write!(f, "Array{items:?}"),
            ValueRef::Map(items) => write!(f, "Map{items:?}"),
            ValueRef::Set(items) => write!(f, "Set{items:?}"),
            ValueRef::Push(items) => write!(f, "Push{items:?}"),
        }
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

/// One RESP value that owns what it holds: a reply of any shape.
///
/// ```
/// use rediscluster::Value;
///
/// let value = Value::Array(vec![Value::Integer(1), Value::from("two")]);
/// assert_eq!(value.to_bytes(), b"*2\r\n:1\r\n$3\r\ntwo\r\n");
/// ```
#[derive(Clone, PartialEq)]
pub enum Value {
    /// There is no such thing: `$-1`, `*-1` or `_`.
    Nil,
    /// A status such as `OK`.
    Simple(Vec<u8>),
    /// An error reply inside a larger reply, as `EXEC` gives them.
    Error(Vec<u8>),
    /// A whole number.
    Integer(i64),
    /// A string of any bytes.
    Bulk(Vec<u8>),
    /// True or false (RESP3).
    Boolean(bool),
    /// A floating point number (RESP3).
    Double(f64),
    /// The decimal text of a whole number of any size (RESP3).
    BigNumber(Vec<u8>),
    /// Text with its three-letter format (RESP3).
    Verbatim([u8; 3], Vec<u8>),
    /// Values in order.
    Array(Vec<Value>),
    /// Keys with their values, as the server ordered them and with its duplicates (RESP3).
    Map(Vec<(Value, Value)>),
    /// Values in no particular order (RESP3).
    Set(Vec<Value>),
    /// A message that answers no command (RESP3).
    Push(Vec<Value>),
}

impl Value {
    /// The value as a server would send it, in RESP3 where its type needs that.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    /// Appends the value as a server would send it. An error that does not fit a line is sent with its length in front
    /// (RESP3); a line break inside a status is sent as a space.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Value::Nil => out.extend_from_slice(b"$-1\r\n"),
            Value::Simple(text) => line(out, b'+', text),
            Value::Error(text) if text.len() > 64 << 10 || text.iter().any(|&b| b == b'\r' || b == b'\n') => {
                string(out, b'!', &[text]);
            }
            Value::Error(text) => line(out, b'-', text),
            Value::Integer(number) => encode::integer(out, *number),
            Value::Bulk(bytes) => string(out, b'$', &[bytes]),
            Value::Boolean(value) => out.extend_from_slice(if *value { b"#t\r\n" } else { b"#f\r\n" }),
            Value::Double(number) if number.is_nan() => out.extend_from_slice(b",nan\r\n"),
            Value::Double(number) => line(out, b',', format!("{number:?}").as_bytes()),
            Value::BigNumber(text) => line(out, b'(', text),
            Value::Verbatim(format, text) => string(out, b'=', &[format, b":", text]),
            Value::Array(values) => list(out, b'*', values),
            Value::Set(values) => list(out, b'~', values),
            Value::Push(values) => list(out, b'>', values),
            Value::Map(pairs) => {
                head(out, b'%', pairs.len());
                for (key, value) in pairs {
                    key.encode(out);
                    value.encode(out);
                }
            }
        }
    }
}

// One copy of each for all kinds of values, which are not written where it matters how long that takes.

#[inline(never)]
fn head(out: &mut Vec<u8>, kind: u8, length: usize) {
    encode::head(out, kind, length);
}

#[inline(never)]
fn string(out: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    head(out, kind, parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.extend_from_slice(b"\r\n");
}

#[inline(never)]
fn line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.push(kind);
    text.iter().for_each(|&byte| out.push(if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
    out.extend_from_slice(b"\r\n");
}

#[inline(never)]
fn list(out: &mut Vec<u8>, kind: u8, values: &[Value]) {
    head(out, kind, values.len());
    values.iter().for_each(|value| value.encode(out));
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Value {
        let inside = value.items().map_or(&[][..], |items| items.rest);
        owned(value, inside).0
    }
}

/// The owned twin of a value whose head is followed by `rest`, and what comes after all of the value. In one go over
/// the bytes: an iterator would pass over everything once more at each level of nesting. The decoder's nesting limit
/// bounds the recursion, and that of dropping the result.
fn owned<'a>(value: ValueRef<'a>, mut rest: &'a [u8]) -> (Value, &'a [u8]) {
    let mut next = || {
        let (value, after) = ValueRef::parse(rest);
        let (value, after) = owned(value, after);
        rest = after;
        value
    };
    let mut list = |items: Items<'a>| (0..items.left).map(|_| next()).collect();
    let value = match value {
        ValueRef::Nil => Value::Nil,
        ValueRef::Simple(text) => Value::Simple(text.to_vec()),
        ValueRef::Error(text) => Value::Error(text.to_vec()),
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Bulk(bytes) => Value::Bulk(bytes.to_vec()),
        ValueRef::Boolean(value) => Value::Boolean(value),
        ValueRef::Double(text) => Value::Double(encode::parse_f64(text).unwrap_or(f64::NAN)),
        ValueRef::BigNumber(text) => Value::BigNumber(text.to_vec()),
        ValueRef::Verbatim(format, text) => {
            let mut name = [b' '; 3];
            name.copy_from_slice(format);
            Value::Verbatim(name, text.to_vec())
        }
        ValueRef::Array(items) => Value::Array(list(items)),
        ValueRef::Set(items) => Value::Set(list(items)),
        ValueRef::Push(items) => Value::Push(list(items)),
        ValueRef::Map(items) => Value::Map((0..items.left / 2).map(|_| (next(), next())).collect()),
    };
    (value, rest)
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Bulk(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Integer(number)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Array(values) => write!(f, "Array{values:?}"),
            Value::Set(values) => write!(f, "Set{values:?}"),
            Value::Push(values) => write!(f, "Push{values:?}"),
            Value::Map(pairs) => {
                f.write_str("Map").and_then(|()| f.debug_map().entries(pairs.iter().map(|(k, v)| (k, v))).finish())
            }
            Value::Double(number) => write!(f, "Double({number})"),
            flat => fmt::Debug::fmt(&ValueRef::of(&flat.to_bytes()), f),
        }
    }
}
