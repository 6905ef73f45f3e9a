//! Finding whole, well-formed values in the bytes of a connection.

use super::encode::{is_f64, parse_i64, short_bulk, short_integer};
use super::{Limits, Protocol, ValueRef};
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::ops::Range;

/// One complete and checked value, in the bytes it came in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a>(&'a [u8]);

impl<'a> Frame<'a> {
    /// The bytes must be one whole value: from a decoder, or written by this crate's own encoder.
    pub(crate) fn trusted(bytes: &'a [u8]) -> Frame<'a> {
        Frame(bytes)
    }

    /// The value that the frame holds.
    #[inline]
    pub fn value(&self) -> ValueRef<'a> {
        ValueRef::of(self.0)
    }

    /// The text of an error reply. Of nearly every reply the first byte tells that it is none.
    #[inline]
    pub(crate) fn error(&self) -> Option<&'a [u8]> {
        // What is said about a value stands in front of it.
        if !matches!(self.0, [b'-' | b'!' | b'|', ..]) {
            return None;
        }
        match self.value() {
            ValueRef::Error(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a message that answers no command.
    #[inline]
    pub(crate) fn is_push(&self) -> bool {
        matches!(self.0, [b'>' | b'|', ..]) && matches!(self.value(), ValueRef::Push(_))
    }

    /// The frame as it is on the wire.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

impl std::fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Frame").field(&self.value()).finish()
    }
}

/// The read buffer of one connection, and how far it has been understood.
///
/// Bytes go in through [`feed`](Decoder::feed), or through [`space`](Decoder::space) and
/// [`advance`](Decoder::advance) where a socket can read in place; [`decode`](Decoder::decode) gives the next whole
/// value. Nothing is looked at twice, however small the pieces are in which it comes, and memory grows with what
/// has been received, never with what a length promises.
///
/// After an error the decoder gives the same error for ever: a broken stream has no next value.
pub struct Decoder {
    buffer: Vec<u8>,
    /// The bytes received and not yet given out lie in `start..end`.
    start: usize,
    end: usize,
    scan: Scan,
    limits: Limits,
    protocol: Protocol,
    broken: Option<Cow<'static, str>>,
}

/// What is read at once when nothing is known about what comes.
const CHUNK: usize = 16 << 10;
/// Less room than this is not worth a read when more is to come.
const LITTLE: usize = CHUNK / 4;
/// A buffer larger than this is given back when it is empty and what it was last filled with did not need it.
const KEEP_IDLE: usize = 64 << 10;
/// A buffer larger than this is always given back when it is empty. Getting one of 1 MiB anew for each reply takes
/// three times as long as keeping it.
const KEEP_BUSY: usize = 2 << 20;
/// As many digits as a length may have without overflowing a `usize`.
const LENGTH_DIGITS: usize = if usize::BITS >= 64 { 18 } else { 9 };
/// More values than this in one aggregate are a broken server's: not even their heads would fit in 6 GB.
const MOST: usize = i32::MAX as usize;
/// The deepest nesting that can be configured: what recurses over a value must fit any thread's stack.
const DEEPEST: usize = 1024;

impl Decoder {
    /// A decoder with an empty buffer.
    pub fn new(protocol: Protocol, limits: Limits) -> Decoder {
        let limits = Limits { nesting: limits.nesting.min(DEEPEST), ..limits };
        Decoder { buffer: Vec::new(), start: 0, end: 0, scan: Scan::default(), limits, protocol, broken: None }
    }

    /// From now on the stream speaks `protocol`.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// The version of the protocol that the stream speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Adds received bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.reclaim();
        let (fits, more) = bytes.split_at(bytes.len().min(self.buffer.len() - self.end));
        self.buffer[self.end..self.end + fits.len()].copy_from_slice(fits);
        self.buffer.extend_from_slice(more);
        self.end += bytes.len();
    }

    /// Room to read into, never empty. Call [`advance`](Decoder::advance) with what was read.
    #[inline]
    pub fn space(&mut self) -> &mut [u8] {
        // Nearly always nothing lies here, and there is room.
        if self.start == self.end && (CHUNK..=KEEP_IDLE).contains(&self.buffer.len()) {
            (self.start, self.end) = (0, 0);
            return &mut self.buffer;
        }
        self.any_space()
    }

    fn any_space(&mut self) -> &mut [u8] {
        self.reclaim();
        let (length, room) = (self.buffer.len(), self.buffer.len() - self.end);
        let wanted = self.start + self.scan.wanted;
        let enough = self.end < wanted && wanted <= length;
        if room == 0 || (room < LITTLE && !enough) {
            // What is promised is not had at once: that would let a server take memory without sending anything.
            let grown = if wanted > length { wanted.min(length * 4) } else { length * 2 };
            let grown = grown.max(self.end + CHUNK);
            self.buffer.reserve_exact(grown - length);
            self.buffer.resize(grown, 0);
        }
        &mut self.buffer[self.end..]
    }

    /// Makes room of what has been given out.
    #[inline]
    fn reclaim(&mut self) {
        let waiting = self.end - self.start;
        if waiting == 0 && self.buffer.len() <= KEEP_IDLE {
            (self.start, self.end) = (0, 0);
        } else if waiting == 0 && self.end > 0 {
            self.give_back();
        } else if self.buffer.len() - self.end < LITTLE && self.start >= waiting {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, waiting);
        }
    }

    /// Gives back a large buffer that is empty, where it is not needed.
    #[cold]
    fn give_back(&mut self) {
        let idle = self.end < self.buffer.len() / 4;
        if self.buffer.len() > KEEP_BUSY || (idle && self.buffer.len() > KEEP_IDLE) {
            self.buffer = Vec::new();
        }
        (self.start, self.end) = (0, 0);
    }

    /// Gives back what a large value needed, where that is more than a buffer that lies unused should hold.
    pub(crate) fn shrink(&mut self) {
        self.reclaim();
    }

    /// Says that the first `count` bytes of the room given by [`space`](Decoder::space) now hold received bytes.
    pub fn advance(&mut self, count: usize) {
        self.end = (self.end + count).min(self.buffer.len());
    }

    /// How many received bytes have not been given out as part of a value.
    pub fn pending(&self) -> usize {
        self.end - self.start
    }

    /// The first of those, which tells the kind of the next value.
    pub(crate) fn first_byte(&self) -> Option<u8> {
        self.buffer[self.start..self.end].first().copied()
    }

    /// The next whole value, or `None` when more bytes are needed for it.
    ///
    /// # Errors
    /// [`Protocol`](crate::ErrorKind::Protocol) when the bytes are not RESP, are RESP3 on a RESP2 stream, or
    /// are beyond the [`Limits`].
    pub fn decode(&mut self) -> Result<Option<Frame<'_>>> {
        Ok(match self.next_frame()? {
            Some(range) => Some(Frame(&self.buffer[range])),
            None => None,
        })
    }

    /// Like [`decode`](Decoder::decode), giving where the value lies: it stays there until bytes are added.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Range<usize>>> {
        match self.short_frame() {
            Some(range) => Ok(Some(range)),
            None => self.any_frame(),
        }
    }

    /// The same for what is whole and short, and answers a command; `None` says nothing of what there is.
    #[inline]
    pub(crate) fn short_frame(&mut self) -> Option<Range<usize>> {
        if self.scan.at > 0 {
            return None;
        }
        let size = short_value(&self.buffer[self.start..self.end], &self.limits)?;
        let range = self.start..self.start + size;
        self.start = range.end;
        (self.scan.line, self.scan.wanted) = (0, 0);
        Some(range)
    }

    /// The same for a value of any kind and length, and for one that has not come whole.
    fn any_frame(&mut self) -> Result<Option<Range<usize>>> {
        if let Some(broken) = &self.broken {
            return Err(Error::protocol(broken.clone()));
        }
        match self.scan.run(&self.buffer[self.start..self.end], &self.limits, self.protocol) {
            Ok(None) => Ok(None),
            Ok(Some(length)) => {
                let range = self.start..self.start + length;
                self.start = range.end;
                self.scan.reset();
                Ok(Some(range))
            }
            Err(Bad(message)) => {
                let message = match other_protocol(&self.buffer[self.start..self.end]) {
                    Some(hint) => format!("{message}: {hint}").into(),
                    None => message,
                };
                self.broken = Some(message.clone());
                Err(Error::protocol(message))
            }
        }
    }

    /// The text of the value at `range`, when it is one large bulk and all that there is: the read buffer becomes the
    /// text, so that it is neither copied nor held twice.
    #[inline]
    pub(crate) fn take_bulk(&mut self, range: &Range<usize>) -> Option<Vec<u8>> {
        match self.buffer.len() > KEEP_BUSY {
            true => self.take_large(range),
            false => None,
        }
    }

    #[cold]
    fn take_large(&mut self, range: &Range<usize>) -> Option<Vec<u8>> {
        if range.start > 0 || range.end < self.end {
            return None;
        }
        let ValueRef::Bulk(text) = self.frame(range.clone()).value() else { return None };
        let (from, to) = (range.end - 2 - text.len(), range.end - 2);
        let mut bytes = std::mem::take(&mut self.buffer);
        (self.start, self.end) = (0, 0);
        bytes.truncate(to);
        bytes.drain(..from);
        Some(bytes)
    }

    /// The value that lies at `range`, as given by [`next_frame`](Decoder::next_frame).
    #[inline]
    pub(crate) fn frame(&self, range: Range<usize>) -> Frame<'_> {
        Frame(&self.buffer[range])
    }
}

/// What is likely to speak in these bytes, which are not RESP.
fn other_protocol(bytes: &[u8]) -> Option<&'static str> {
    // An alert or a part of a handshake, of any version of TLS.
    let is_tls = matches!(bytes, [0x15 | 0x16, 3, 0..=4, ..]);
    match bytes {
        _ if is_tls => Some("the server answers in TLS; a rediss:// URL, or --tls, speaks it"),
        _ if bytes.starts_with(b"HTTP/") => Some("the server speaks HTTP and not RESP"),
        _ if bytes.starts_with(b"SSH-") => Some("the server speaks SSH and not RESP"),
        _ => None,
    }
}

/// Why bytes are not RESP.
struct Bad(Cow<'static, str>);

fn bad<T>(message: impl Into<Cow<'static, str>>) -> Result<T, Bad> {
    Err(Bad(message.into()))
}

/// The size on the wire of the value at the start of `bytes`, when it is a short bulk, a small integer or `OK`: most replies
/// are, and consist of them. `None` for what is not whole, not short or not well formed.
#[inline(always)]
fn short_value(bytes: &[u8], limits: &Limits) -> Option<usize> {
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
struct Scan {
    /// Everything before this is checked; here a value begins.
    at: usize,
    /// No line end was seen before this.
    line: usize,
    /// The aggregates around `at`, outermost first.
    open: Vec<Open>,
    /// How many attributes were passed one after the other since the last value.
    attributes: usize,
    /// The length of the whole value, or 0 when it is not known yet.
    wanted: usize,
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
    fn reset(&mut self) {
        (self.at, self.line, self.attributes, self.wanted) = (0, 0, 0, 0);
    }

    /// The length of the value at the start of `bytes` when it is whole.
    fn run(&mut self, bytes: &[u8], limits: &Limits, protocol: Protocol) -> Result<Option<usize>, Bad> {
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
                        return bad("push inside another value");
                    }
                    let Some(Head { length, end }) = self.head(bytes)? else { return Ok(None) };
                    match length {
                        Some(0) if kind != b'|' => Some(end),
                        None if kind == b'*' => Some(end),
                        None => return bad("negative length"),
                        Some(count) => {
                            self.descend(kind, count, end, limits)?;
                            continue;
                        }
                    }
                }
                b'!' | b'=' if protocol == Protocol::Resp3 => self.string(kind, bytes, limits)?,
                b'_' | b'#' | b',' | b'(' if protocol == Protocol::Resp3 => self.scalar(kind, bytes, limits)?,
                b'%' | b'~' | b'>' | b'|' | b'!' | b'=' | b'_' | b'#' | b',' | b'(' => {
                    return bad(format!("RESP3 type {:?} on a RESP2 connection", kind as char));
                }
                _ => return bad(format!("unknown type byte {:?}", kind as char)),
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
            return bad("length out of range");
        }
        let attributes = if kind == b'|' { self.attributes + 1 } else { 0 };
        if attributes > limits.nesting {
            return bad(format!("more than {} attributes in a row", limits.nesting));
        }
        (self.at, self.attributes) = (end, attributes);
        if values > 0 {
            if self.open.len() >= limits.nesting {
                return bad(format!("nested deeper than {}", limits.nesting));
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
            Some(_) => return bad("negative length"),
        };
        if length > limits.bulk {
            return bad(format!("string of {length} bytes is over the limit of {}", limits.bulk));
        }
        if kind == b'=' && length < 4 {
            return bad("verbatim text without its format");
        }
        let Some(end) = body.checked_add(length + 2) else { return bad("length out of range") };
        let tail = bytes.get(end - 2..).unwrap_or_default();
        if !tail.starts_with(&b"\r\n"[..tail.len().min(2)]) {
            return bad("string without CRLF at its end");
        }
        if tail.len() < 2 {
            if self.open.is_empty() {
                self.wanted = end;
            }
            return Ok(None);
        }
        if kind == b'=' && bytes[body + 3] != b':' {
            return bad("verbatim text without its format");
        }
        Ok(Some(end))
    }

    /// The head at `at`, when it is whole.
    fn head(&self, bytes: &[u8]) -> Result<Option<Head>, Bad> {
        let head = &bytes[self.at + 1..];
        let (mut number, mut digits) = (0, 0);
        while let Some(byte @ b'0'..=b'9') = head.get(digits) {
            if digits == LENGTH_DIGITS {
                return bad("length out of range");
            }
            number = number * 10 + usize::from(byte - b'0');
            digits += 1;
        }
        let minus_one = b"-1\r\n";
        let (length, line) = match head.first() {
            Some(b'?') => return bad("streamed types are not supported"),
            Some(b'-') if !minus_one.starts_with(&head[..head.len().min(4)]) => return bad("negative length"),
            Some(b'-') => (None, 2),
            Some(b'\r') => return bad("length without digits"),
            _ => (Some(number), digits),
        };
        let tail = head.get(line..).unwrap_or_default();
        if !tail.starts_with(&b"\r\n"[..tail.len().min(2)]) {
            return bad("bad length");
        }
        Ok((tail.len() >= 2).then_some(Head { length, end: self.at + 1 + line + 2 }))
    }

    /// A value that is one line; gives where it ends.
    fn scalar(&mut self, kind: u8, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Bad> {
        let first = self.at + 1;
        let from = self.line.max(first);
        let Some(found) = bytes[from..].iter().position(|&byte| byte == b'\r' || byte == b'\n') else {
            if bytes.len() - first > limits.line {
                return bad(format!("line over the limit of {} bytes", limits.line));
            }
            self.line = bytes.len();
            return Ok(None);
        };
        let end = from + found;
        if end - first > limits.line {
            return bad(format!("line over the limit of {} bytes", limits.line));
        }
        if bytes[end] == b'\n' {
            return bad("line feed without carriage return");
        }
        match bytes.get(end + 1) {
            None => {
                self.line = end;
                return Ok(None);
            }
            Some(b'\n') => {}
            Some(_) => return bad("carriage return without line feed"),
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
            return bad(match kind {
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
