//! The arguments of one command, in the bytes that go over the wire.

use crate::error::escape;
use crate::resp::encode;
use std::fmt;

/// Room in front of the arguments for `*`, the count and a line end.
const HEAD: usize = 13;

/// The arguments of a command, the command's own words first, as they go over the wire.
///
/// The buffer always holds one complete command, so nothing is encoded again to send it.
#[derive(Clone)]
pub struct Args {
    buffer: Vec<u8>,
    count: usize,
    /// Where the command begins: its head is written backwards into the room in front.
    start: usize,
    /// The positions that the caller said are keys.
    marked: Vec<usize>,
}

impl Args {
    /// No arguments yet.
    pub(crate) fn new() -> Args {
        let mut buffer = Vec::with_capacity(64);
        buffer.resize(HEAD, b' ');
        Args { buffer, count: 0, start: HEAD, marked: Vec::new() }
    }

    /// Appends one argument of any bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        encode::bulk(&mut self.buffer, bytes);
        self.counted();
    }

    /// Appends one argument: a whole number in decimal.
    pub(crate) fn push_integer(&mut self, negative: bool, magnitude: u64) {
        encode::bulk_integer(&mut self.buffer, negative, magnitude);
        self.counted();
    }

    fn counted(&mut self) {
        self.count += 1;
        self.buffer[HEAD - 2..HEAD].copy_from_slice(b"\r\n");
        let (mut at, mut left) = (HEAD - 2, self.count);
        while left > 0 && at > 1 {
            at -= 1;
            self.buffer[at] = b'0' + (left % 10) as u8;
            left /= 10;
        }
        self.buffer[at - 1] = b'*';
        self.start = at - 1;
    }

    /// Says that the argument appended last is a key.
    pub(crate) fn mark(&mut self) {
        self.marked.extend(self.count.checked_sub(1));
    }

    /// The positions that the caller said are keys.
    pub(crate) fn marked(&self) -> &[usize] {
        &self.marked
    }

    /// How many arguments there are, the command's own words included.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is nothing yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The argument at a position, 0 being the command's first word.
    pub fn get(&self, at: usize) -> Option<&[u8]> {
        self.iter().nth(at)
    }

    /// The arguments in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + '_ {
        let mut rest = &self.buffer[HEAD..];
        (0..self.count).map(move |_| {
            // `$length`, a line end, the bytes, a line end: written by `push` and nobody else.
            let mut at = 1;
            let mut length = 0;
            while rest[at] != b'\r' {
                length = length * 10 + usize::from(rest[at] - b'0');
                at += 1;
            }
            let bytes = &rest[at + 2..at + 2 + length];
            rest = &rest[at + 4 + length..];
            bytes
        })
    }

    /// The whole command as it goes over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

impl fmt::Debug for Args {
    /// Shows the command's name and how many arguments follow: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = escape(self.get(0).unwrap_or_default(), 64);
        write!(f, "{name} and {} arguments", self.count.saturating_sub(1))
    }
}
