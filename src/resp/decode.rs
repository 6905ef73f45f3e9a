//! Finding whole, well-formed values in the bytes of a connection.

use super::scan::{short_value, Bad, Scan};
use super::{Limits, Protocol, ValueRef};
use crate::error::{Error, Result};
use std::ops::Range;

/// One complete and checked value, in the bytes it came in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a>(&'a [u8]);

impl<'a> Frame<'a> {
    /// The bytes must be one whole value: from a decoder, or written by this crate's own encoder. With others behind it,
    /// nothing but what it says may be asked for.
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
/// The deepest nesting that can be configured: what recurses over a value must fit any thread's stack.
const DEEPEST: usize = 1024;

impl Decoder {
    /// A decoder with an empty buffer.
    pub fn new(protocol: Protocol, limits: Limits) -> Decoder {
        let limits = Limits { nesting: limits.nesting.min(DEEPEST), ..limits };
        Decoder { buffer: Vec::new(), start: 0, end: 0, scan: Scan::default(), limits, protocol }
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
        if let Some(broken) = &self.scan.broken {
            return Err(Error::protocol(broken.clone()));
        }
        let bytes = &self.buffer[self.start..self.end];
        match self.scan.run(bytes, &self.limits, self.protocol) {
            Ok(None) => Ok(None),
            Ok(Some(length)) => {
                let range = self.start..self.start + length;
                self.start = range.end;
                self.scan.reset();
                Ok(Some(range))
            }
            Err(Bad) => Err(self.scan.breaks(other_protocol(bytes))),
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
