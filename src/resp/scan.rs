//! How far the bytes of a connection are whole, well-formed values.

use super::encode::{is_f64, parse_i64, short_bulk, short_integer};
use super::{Limits, Protocol};
use crate::error::{Error, Result};
use std::borrow::Cow;

/// As many digits as a length may have without overflowing a `usize`.
const LENGTH_DIGITS: usize = if usize::BITS >= 64 { 18 } else { 9 };
/// More values than this in one aggregate are a broken server's: not even their heads would fit in 6 GB.
const MOST: usize = i32::MAX as usize;

/// These bytes are not RESP; the scan knows why.
pub(super) struct Bad;

/// The size on the wire of the value at the start of `bytes`, when it is a short bulk, a small integer or `OK`: most replies
/// are, and consist of them. `None` for what is not whole, not short or not well formed.
#[inline(always)]
pub(super) fn short_value(bytes: &[u8], limits: &Limits) -> Option<usize> {
    let Some((length, body)) = short_bulk(bytes) else { return short_scalar(bytes, limits) };
    let end = body + length;
    let is_whole = matches!(bytes.get(end..end + 2), Some([b'\r', b'\n'])) && length <= limits.bulk;
    is_whole.then_some(end + 2)
}

/// The same for an integer and `OK`.
#[inline(never)]
fn short_scalar(bytes: &[u8], limits: &Limits) -> Option<usize> {
    let size = match short_integer(bytes) {
        Some((_, size)) => size,
        None if bytes.starts_with(b"+OK\r\n") => 5,
        None => return None,
    };
    (size <= limits.line).then_some(size)
}

/// Passes over the short values that follow each other at `at`, up to the last of the `left` ones. All else is left to the
/// one who calls.
#[inline]
fn short_values(bytes: &[u8], mut at: usize, mut left: usize, limits: &Limits) -> (usize, usize) {
    while left > 1 {
        let Some(size) = short_value(&bytes[at..], limits) else { break };
        (at, left) = (at + size, left - 1);
    }
    (at, left)
}

/// How far the value at the start of the buffer has been checked.
#[derive(Default)]
pub(super) struct Scan {
    /// Everything before this is checked; here a value begins.
    pub(super) at: usize,
    /// No line end was seen before this.
    pub(super) line: usize,
    /// The aggregates around `at`, outermost first.
    open: Vec<Open>,
    /// How many attributes were passed one after the other since the last value.
    attributes: usize,
    /// The length of the whole value, or 0 when it is not known yet.
    pub(super) wanted: usize,
    /// Why the bytes are not RESP, once they are not.
    pub(super) broken: Option<Cow<'static, str>>,
}

struct Open {
    left: usize,
    /// For an attribute, how many it makes in a row with those before it; else 0.
    attributes: usize,
}

/// The length in front of a string or an aggregate (`None` for −1), and where what it counts begins.
struct Head {
    length: Option<usize>,
    end: usize,
}

impl Scan {
    pub(super) fn reset(&mut self) {
        (self.at, self.line, self.attributes, self.wanted) = (0, 0, 0, 0);
    }

    #[cold]
    #[inline(never)]
    fn bad<T>(&mut self, message: &'static str) -> Result<T, Bad> {
        self.broken = Some(message.into());
        Err(Bad)
    }

    /// The same with a limit in the message.
    #[cold]
    #[inline(never)]
    fn over(&mut self, before: &str, limit: usize, after: &str) -> Bad {
        self.broken = Some(format!("{before}{limit}{after}").into());
        Bad
    }

    /// A byte that begins no value here.
    #[cold]
    #[inline(never)]
    fn bad_kind(&mut self, kind: u8) -> Bad {
        let is_resp3 = b"%~>|!=_#,(".contains(&kind);
        let (before, after) =
            if is_resp3 { ("RESP3 type", " on a RESP2 connection") } else { ("unknown type byte", "") };
        self.broken = Some(format!("{before} {:?}{after}", kind as char).into());
        Bad
    }

    /// The error for bytes that are not RESP, and what they are likely to be. It stays so.
    #[cold]
    pub(super) fn breaks(&mut self, hint: Option<&'static str>) -> Error {
        let mut message = self.broken.take().unwrap_or_default();
        if let Some(hint) = hint {
            message = [&*message, ": ", hint].concat().into();
        }
        self.broken = Some(message.clone());
        Error::protocol(message)
    }

    /// The length of the value at the start of `bytes` when it is whole.
    pub(super) fn run(&mut self, bytes: &[u8], limits: &Limits, protocol: Protocol) -> Result<Option<usize>, Bad> {
        loop {
            if let Some(Open { left, .. }) = self.open.last_mut() {
                let before = self.at;
                (self.at, *left) = short_values(bytes, before, *left, limits);
                if self.at > before {
                    self.attributes = 0;
                }
            }
            let Some(&kind) = bytes.get(self.at) else { return Ok(None) };
            let end = match kind {
                b'+' | b'-' | b':' => self.scalar(kind, bytes, limits)?,
                b'$' => self.string(kind, bytes, limits)?,
                b'*' | b'%' | b'~' | b'>' | b'|' if kind == b'*' || protocol == Protocol::Resp3 => {
                    if kind == b'>' && !self.open.is_empty() {
                        return self.bad("push inside another value");
                    }
                    let Some(Head { length, end }) = self.head(bytes)? else { return Ok(None) };
                    match length {
                        Some(0) if kind != b'|' => Some(end),
                        None if kind == b'*' => Some(end),
                        None => return self.bad("negative length"),
                        Some(count) => {
                            self.descend(kind, count, end, limits)?;
                            continue;
                        }
                    }
                }
                b'!' | b'=' if protocol == Protocol::Resp3 => self.string(kind, bytes, limits)?,
                b'_' | b'#' | b',' | b'(' if protocol == Protocol::Resp3 => self.scalar(kind, bytes, limits)?,
                _ => return Err(self.bad_kind(kind)),
            };
            let Some(end) = end else { return Ok(None) };
            (self.at, self.attributes) = (end, 0);
            if self.ascend() {
                return Ok(Some(end));
            }
        }
    }

    /// Steps into an aggregate whose head ends at `end`.
    fn descend(&mut self, kind: u8, count: usize, end: usize, limits: &Limits) -> Result<(), Bad> {
        let values = if matches!(kind, b'%' | b'|') { count.saturating_mul(2) } else { count };
        if values > MOST {
            return self.bad("length out of range");
        }
        let attributes = if kind == b'|' { self.attributes + 1 } else { 0 };
        if attributes > limits.nesting {
            return Err(self.over("more than ", limits.nesting, " attributes in a row"));
        }
        (self.at, self.attributes) = (end, attributes);
        if values > 0 {
            if self.open.len() >= limits.nesting {
                return Err(self.over("nested deeper than ", limits.nesting, ""));
            }
            self.open.push(Open { left: values, attributes });
            self.attributes = 0;
        }
        Ok(())
    }

    /// Counts the value that just ended; true when it was the outermost one.
    #[inline]
    fn ascend(&mut self) -> bool {
        loop {
            match self.open.last_mut() {
                None => return true,
                Some(open) if open.left > 1 => {
                    open.left -= 1;
                    return false;
                }
                Some(_) => {
                    self.attributes = self.open.pop().map_or(0, |open| open.attributes);
                    if self.attributes > 0 {
                        // The value that it describes is still to come.
                        return false;
                    }
                }
            }
        }
    }

    /// A string with its length in front; gives where it ends.
    fn string(&mut self, kind: u8, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Bad> {
        let (length, body) = match self.head(bytes)? {
            None => return Ok(None),
            Some(Head { length: Some(length), end }) => (length, end),
            Some(Head { length: None, end }) if kind == b'$' => return Ok(Some(end)),
            Some(_) => return self.bad("negative length"),
        };
        if length > limits.bulk {
            self.broken = Some(format!("string of {length} bytes is over the limit of {}", limits.bulk).into());
            return Err(Bad);
        }
        if kind == b'=' && length < 4 {
            return self.bad("verbatim text without its format");
        }
        let Some(end) = body.checked_add(length + 2) else { return self.bad("length out of range") };
        let tail = bytes.get(end - 2..).unwrap_or_default();
        if !tail.starts_with(&b"\r\n"[..tail.len().min(2)]) {
            return self.bad("string without CRLF at its end");
        }
        if tail.len() < 2 {
            if self.open.is_empty() {
                self.wanted = end;
            }
            return Ok(None);
        }
        if kind == b'=' && bytes[body + 3] != b':' {
            return self.bad("verbatim text without its format");
        }
        Ok(Some(end))
    }

    /// The head at `at`, when it is whole.
    fn head(&mut self, bytes: &[u8]) -> Result<Option<Head>, Bad> {
        let head = &bytes[self.at + 1..];
        let (mut number, mut digits) = (0, 0);
        while let Some(byte @ b'0'..=b'9') = head.get(digits) {
            if digits == LENGTH_DIGITS {
                return self.bad("length out of range");
            }
            number = number * 10 + usize::from(byte - b'0');
            digits += 1;
        }
        let minus_one = b"-1\r\n";
        let (length, line) = match head.first() {
            Some(b'?') => return self.bad("streamed types are not supported"),
            Some(b'-') if !minus_one.starts_with(&head[..head.len().min(4)]) => return self.bad("negative length"),
            Some(b'-') => (None, 2),
            Some(b'\r') => return self.bad("length without digits"),
            _ => (Some(number), digits),
        };
        let tail = head.get(line..).unwrap_or_default();
        if !tail.starts_with(&b"\r\n"[..tail.len().min(2)]) {
            return self.bad("bad length");
        }
        Ok((tail.len() >= 2).then_some(Head { length, end: self.at + 1 + line + 2 }))
    }

    /// A value that is one line; gives where it ends.
    fn scalar(&mut self, kind: u8, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Bad> {
        let first = self.at + 1;
        let from = self.line.max(first);
        let Some(found) = bytes[from..].iter().position(|&byte| byte == b'\r' || byte == b'\n') else {
            if bytes.len() - first > limits.line {
                return Err(self.over("line over the limit of ", limits.line, " bytes"));
            }
            self.line = bytes.len();
            return Ok(None);
        };
        let end = from + found;
        if end - first > limits.line {
            return Err(self.over("line over the limit of ", limits.line, " bytes"));
        }
        if bytes[end] == b'\n' {
            return self.bad("line feed without carriage return");
        }
        match bytes.get(end + 1) {
            None => {
                self.line = end;
                return Ok(None);
            }
            Some(b'\n') => {}
            Some(_) => return self.bad("carriage return without line feed"),
        }
        let line = &bytes[first..end];
        let fits = match kind {
            b':' => parse_i64(line).is_some(),
            b'_' => line.is_empty(),
            b'#' => matches!(line, b"t" | b"f"),
            b',' => is_f64(line),
            b'(' => {
                let digits = line.strip_prefix(b"-").or(line.strip_prefix(b"+")).unwrap_or(line);
                !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
            }
            _ => true,
        };
        if !fits {
            return self.bad(match kind {
                b':' => "not a 64-bit integer",
                b'_' => "null with a body",
                b'#' => "not a boolean",
                b',' => "not a floating point number",
                _ => "not a number",
            });
        }
        Ok(Some(end + 2))
    }
}
