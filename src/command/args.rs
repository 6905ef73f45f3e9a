//! The arguments of one command, in the bytes that go over the wire.

mod encoded_word;

pub(crate) use encoded_word::EncodedWord;

use crate::error::escape;
use crate::resp::encode;
use std::cell::Cell;
use std::fmt;

/// Room in front of the arguments for `*`, the count and a line end.
const HEAD: usize = 13;
/// What stands there in a command of one word.
const OF_ONE: [u8; HEAD] = *b"         *1\r\n";
/// Where the last digit of the count stands.
const LAST_DIGIT: usize = HEAD - 3;
/// What is had for the arguments at once: enough for most commands, because to get more takes longer than all the rest.
const CAPACITY: usize = 128;
/// It is remembered where one in so many arguments begins: no argument is more steps away, and a command with fewer of
/// them, as nearly every one has, remembers nothing.
const STRIDE: usize = 16;

/// The arguments of a command, the command's own words first, as they go over the wire.
///
/// The buffer always holds one complete command, so nothing is encoded again to send it.
#[derive(Clone)]
pub struct Args {
    buffer: Vec<u8>,
    count: usize,
    /// Where the command begins: its head grows backwards into the room in front.
    start: usize,
    /// Where in the buffer the bytes of the argument after the name begin and end, which is the key of most commands.
    second: (usize, usize),
    /// What few commands need.
    more: Option<Box<More>>,
}

/// What is remembered of many arguments, and of those that were marked.
#[derive(Clone, Default)]
struct More {
    /// Where in the buffer the arguments 16, 32, 48 and so on begin.
    milestones: Vec<usize>,
    /// The positions that the caller said are keys.
    marked: Vec<usize>,
}

thread_local! {
    /// The buffer of the command that this thread dropped last, for the next one: most threads run one after the other.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The buffer for another command, which is empty.
#[inline]
fn spare() -> Vec<u8> {
    let mut buffer = SPARE.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    buffer.reserve(CAPACITY);
    buffer
}

/// What begins every command of one word.
const BEFORE_LENGTH: [u8; HEAD + 1] = *b"         *1\r\n$";

/// A larger buffer is not kept.
const KEPT: usize = 1 << 10;

impl Drop for Args {
    #[inline]
    fn drop(&mut self) {
        if self.buffer.capacity() <= KEPT {
            let buffer = std::mem::take(&mut self.buffer);
            // A thread that ends has no spare any more.
            let _ = SPARE.try_with(|spare| spare.set(buffer));
        }
    }
}

impl Args {
    /// No arguments yet.
    pub(crate) fn new() -> Args {
        let mut buffer = spare();
        buffer.extend_from_slice(&OF_ONE);
        Args { buffer, count: 0, start: HEAD, second: (HEAD, HEAD), more: None }
    }

    /// The words of a command's name, which lie apart by one space each.
    pub(crate) fn of_words(name: &str) -> Args {
        let mut args = Args::new();
        let mut rest = name.as_bytes();
        while let Some(space) = rest.iter().position(|&byte| byte == b' ') {
            args.push(&rest[..space]);
            rest = &rest[space + 1..];
        }
        args.push(rest);
        args
    }

    /// The one word that was encoded before.
    #[inline(always)]
    pub(crate) fn of_encoded(word: &EncodedWord) -> Args {
        let mut buffer = spare();
        // All of it: to copy as much as is known beforehand takes less than to copy what is needed.
        buffer.extend_from_slice(&BEFORE_LENGTH);
        buffer.extend_from_slice(&word.bytes);
        buffer.truncate(BEFORE_LENGTH.len() + usize::from(word.length.get()));
        Args { buffer, count: 1, start: LAST_DIGIT - 1, second: (HEAD, HEAD), more: None }
    }

    /// Appends one argument of any bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.note_place();
        encode::string_here(&mut self.buffer, b'$', bytes);
        self.counted(bytes.len());
    }

    /// Appends one argument: a whole number in decimal.
    pub(crate) fn push_integer(&mut self, negative: bool, magnitude: u64) {
        self.note_place();
        let length = encode::bulk_integer(&mut self.buffer, negative, magnitude);
        self.counted(length);
    }

    /// Remembers where the argument that comes next begins, if it is one of those.
    #[inline]
    fn note_place(&mut self) {
        if self.count % STRIDE == 0 {
            self.note_milestone();
        }
    }

    #[cold]
    fn note_milestone(&mut self) {
        let at = self.buffer.len();
        if self.count > 0 {
            self.more().milestones.push(at);
        }
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_with(Box::default)
    }

    /// Adds one to the count in the head, for the argument of this length that was written last.
    #[inline]
    fn counted(&mut self, length: usize) {
        self.count += 1;
        match self.count {
            1 => {
                self.start = LAST_DIGIT - 1;
                return;
            }
            2 => {
                let end = self.buffer.len() - 2;
                self.second = (end - length, end);
            }
            _ => {}
        }
        match self.buffer.get_mut(LAST_DIGIT) {
            Some(digit) if *digit < b'9' => *digit += 1,
            _ => self.carry(),
        }
    }

    /// The same where the last digit is a nine.
    #[cold]
    fn carry(&mut self) {
        let mut at = LAST_DIGIT;
        while self.buffer[at] == b'9' {
            self.buffer[at] = b'0';
            at -= 1;
        }
        match self.buffer[at] {
            b'*' => {
                self.buffer[at] = b'1';
                self.start = at - 1;
                self.buffer[at - 1] = b'*';
            }
            digit => self.buffer[at] = digit + 1,
        }
    }

    /// Says that the argument appended last is a key.
    pub(crate) fn mark(&mut self) {
        if let Some(last) = self.count.checked_sub(1) {
            self.more().marked.push(last);
        }
    }

    /// The positions that the caller said are keys.
    pub(crate) fn marked(&self) -> &[usize] {
        self.more.as_ref().map_or(&[], |more| &more.marked)
    }

    /// How many arguments there are, the command's own words included.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is nothing yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The argument at a position, 0 being the command's first word. It takes the same few steps wherever that is.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&[u8]> {
        match at {
            1 if self.count > 1 => {
                #[cfg(test)]
                steps::count();
                self.buffer.get(self.second.0..self.second.1)
            }
            _ => self.iter().nth(at),
        }
    }

    /// An argument as printable text that is not long, for people.
    #[cold]
    #[inline(never)]
    pub(crate) fn shown(&self, at: usize) -> String {
        escape(self.get(at).unwrap_or_default(), 64)
    }

    /// The arguments in order. To skip many takes no longer than to skip few.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + '_ {
        self.walk()
    }

    fn walk(&self) -> Iter<'_> {
        Iter { args: self, at: 0, rest: &self.buffer[HEAD..] }
    }

    /// The arguments at some positions; when those ascend, all arguments are walked over once.
    pub(crate) fn at<'a, P: IntoIterator<Item = usize>>(&'a self, positions: P) -> At<'a, P::IntoIter> {
        At { walk: self.walk(), positions: positions.into_iter() }
    }

    /// The arguments at some positions, for errors that outlive the command.
    #[cold]
    pub(crate) fn copied_at(&self, positions: &[usize]) -> Vec<Vec<u8>> {
        let mut found = Vec::with_capacity(positions.len());
        for arg in self.at(positions.iter().copied()) {
            found.push(arg.to_vec());
        }
        found
    }

    /// The whole command as it goes over the wire.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

/// The arguments from a position on.
struct Iter<'a> {
    args: &'a Args,
    /// The position of the next one.
    at: usize,
    rest: &'a [u8],
}

/// The first of some arguments, and what comes after it: written by `push` and nobody else.
#[inline]
fn first_of(rest: &[u8]) -> (&[u8], &[u8]) {
    // `$length`, a line end, the bytes, a line end.
    let (length, at) = match *rest {
        [_, length, b'\r', ..] => (usize::from(length - b'0'), 4),
        [_, tens, ones, b'\r', ..] => (usize::from(tens - b'0') * 10 + usize::from(ones - b'0'), 5),
        _ => long_of(rest),
    };
    let (bytes, rest) = rest[at..].split_at(length);
    (bytes, &rest[2..])
}

/// The length of any first argument, and where its bytes begin.
fn long_of(rest: &[u8]) -> (usize, usize) {
    let (mut length, mut at) = (0, 1);
    while rest[at] != b'\r' {
        length = length * 10 + usize::from(rest[at] - b'0');
        at += 1;
    }
    (length, at + 2)
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.at == self.args.count {
            return None;
        }
        #[cfg(test)]
        steps::count();
        let (bytes, rest) = first_of(self.rest);
        self.rest = rest;
        self.at += 1;
        Some(bytes)
    }

    #[inline]
    fn nth(&mut self, skipped: usize) -> Option<&'a [u8]> {
        if skipped == 0 {
            return self.next();
        }
        self.skip_to(self.at.saturating_add(skipped))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.args.count - self.at;
        (left, Some(left))
    }
}

impl<'a> Iter<'a> {
    /// The argument at any position.
    #[inline(never)]
    fn go_to(&mut self, position: usize) -> Option<&'a [u8]> {
        if position < self.at {
            *self = self.args.walk();
        }
        self.nth(position - self.at)
    }

    /// The argument at a position that is not behind.
    fn skip_to(&mut self, wanted: usize) -> Option<&'a [u8]> {
        if wanted >= self.args.count {
            self.at = self.args.count;
            return None;
        }
        if let Some(nth) = (wanted / STRIDE).checked_sub(1).filter(|_| wanted / STRIDE > self.at / STRIDE) {
            self.at = (nth + 1) * STRIDE;
            let milestones = self.args.more.as_ref().map_or(&[][..], |more| &more.milestones);
            self.rest = &self.args.buffer[milestones[nth]..];
        } else if self.at == 0 && wanted > 1 {
            (self.at, self.rest) = (2, &self.args.buffer[self.args.second.1 + 2..]);
        }
        while self.at < wanted {
            self.next();
        }
        self.next()
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// The arguments at some positions.
pub(crate) struct At<'a, P> {
    walk: Iter<'a>,
    positions: P,
}

impl<'a, P: Iterator<Item = usize>> Iterator for At<'a, P> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let position = self.positions.next()?;
            // One after the other, as nearly all keys are.
            let found = match position == self.walk.at {
                true => self.walk.next(),
                false => self.walk.go_to(position),
            };
            if found.is_some() {
                return found;
            }
        }
    }
}

impl fmt::Debug for Args {
    /// Shows the command's name and how many arguments follow: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.shown(0);
        write!(f, "{name} and {} arguments", self.count.saturating_sub(1))
    }
}

/// How many arguments were walked over: the work that must not grow faster than the number of keys.
#[cfg(test)]
pub(crate) mod steps {
    use std::cell::Cell;

    thread_local! {
        static WALKED: Cell<u64> = const { Cell::new(0) };
    }

    pub(crate) fn count() {
        WALKED.with(|walked| walked.set(walked.get() + 1));
    }

    /// How many steps this thread makes for something.
    pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (T, u64) {
        let before = WALKED.with(Cell::get);
        let done = work();
        (done, WALKED.with(Cell::get) - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_position_is_a_few_steps_away() {
        let mut args = Args::new();
        let texts: Vec<String> = (0..1000).map(|nth| "x".repeat(nth % 37)).collect();
        for (nth, text) in texts.iter().enumerate() {
            assert_eq!(args.get(nth), None);
            args.push(text.as_bytes());
            assert_eq!(args.get(nth), Some(text.as_bytes()), "while it is filled");
        }
        args.push_integer(true, 7);
        assert_eq!((args.get(1000), args.get(1001), args.len()), (Some(&b"-7"[..]), None, 1001));
        assert!(args.iter().take(1000).eq(texts.iter().map(|text| text.as_bytes())));
        for (nth, text) in texts.iter().enumerate() {
            let (found, steps) = steps::of(|| args.get(nth));
            assert!(found == Some(text.as_bytes()) && steps <= STRIDE as u64, "{nth}: {steps} steps");
            for from in [0, nth / 2, nth.saturating_sub(1), nth] {
                let mut iter = args.iter();
                assert_eq!(iter.by_ref().take(from).count(), from);
                assert_eq!(iter.nth(nth - from), Some(text.as_bytes()), "{nth} from {from}");
                assert_eq!((iter.len(), iter.next()), (1000 - nth, args.get(nth + 1)));
            }
        }
        assert_eq!(args.iter().nth(usize::MAX), None);
        let some = |positions: &[usize]| args.at(positions.to_vec()).map(<[u8]>::len).collect::<Vec<_>>();
        assert_eq!(some(&[3, 36, 36, 38, 999, 1001, 5, 1000]), [3, 36, 36, 1, 0, 5, 2]);
        let (count, steps) = steps::of(|| args.at((0..1000).step_by(2)).count());
        assert!(count == 500 && steps <= 1000, "{steps} steps");
        assert!(args.clone().iter().skip(990).eq(args.iter().skip(990)));
        assert_eq!(args.iter().last(), Some(&b"-7"[..]));
    }

    #[test]
    fn the_head_counts() {
        let mut args = Args::new();
        assert_eq!(args.as_bytes(), b"");
        for count in 1..=1_001 {
            args.push(b"");
            let head = format!("*{count}\r\n$0\r\n");
            assert!(args.as_bytes().starts_with(head.as_bytes()), "{count}");
        }
        let lengths = [0, 9, 10, 99, 100, 12_345];
        let mut args = Args::of_words("CONFIG SET");
        lengths.iter().for_each(|&length| args.push(&b"x".repeat(length)));
        assert!(args.iter().skip(2).map(<[u8]>::len).eq(lengths));
        assert_eq!((args.get(0), args.get(1)), (Some(&b"CONFIG"[..]), Some(&b"SET"[..])));
        assert!(args.as_bytes().starts_with(b"*8\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$0\r\n\r\n$9\r\n"));
        let mut one = Args::of_words("GET");
        assert_eq!((one.as_bytes(), one.get(1)), (&b"*1\r\n$3\r\nGET\r\n"[..], None));
        one.mark();
        assert_eq!(one.marked(), [0]);
    }

    #[test]
    fn a_word_that_was_encoded_is_what_it_would_be() {
        for length in 1..30 {
            let name = "X".repeat(length);
            let word = EncodedWord::of(&name);
            assert_eq!(word.is_some(), length <= 17, "{length}");
            if let Some(word) = word {
                assert_eq!(Args::of_encoded(&word).as_bytes(), Args::of_words(&name).as_bytes());
            }
        }
        assert!(EncodedWord::of("CONFIG SET").is_none());
    }

    /// What most programs send all the time needs no memory for this.
    #[test]
    fn few_arguments_remember_nothing() {
        let mut args = Args::new();
        (0..STRIDE).for_each(|_| args.push(b"x"));
        assert!(args.more.is_none());
    }
}
