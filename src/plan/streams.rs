//! `XREAD` and `XREADGROUP`: what one server is asked of a read of streams.

use super::{command, groups, Placed};
use crate::command::{Args, StreamWords, Wait};

/// A read of streams, taken apart.
pub(crate) struct StreamRead<'c> {
    args: Vec<&'c [u8]>,
    pub(crate) words: StreamWords,
    /// What follows the keys: for each of them the id behind which it is read.
    pub(crate) ids: Vec<Vec<u8>>,
    pub(crate) keys: Vec<Placed<'c>>,
}

impl<'c> StreamRead<'c> {
    /// `None` for what no server takes.
    #[inline]
    pub(crate) fn of(args: &'c Args, keys: &[Placed<'c>]) -> Option<StreamRead<'c>> {
        let words = StreamWords::of(args)?;
        let args: Vec<&[u8]> = args.iter().collect();
        let ids = args.get(words.streams + 1 + keys.len()..)?.iter().map(|id| id.to_vec()).collect();
        Some(StreamRead { args, words, ids, keys: keys.to_vec() })
    }

    /// The streams of each server.
    #[inline]
    pub(crate) fn groups(&self) -> Vec<Vec<&Placed<'c>>> {
        groups(&self.keys)
    }

    /// Whether it waits while there is nothing: a server refuses at once what it does not take for a time.
    #[inline]
    pub(crate) fn waits(&self) -> bool {
        let is_time = |&at: &usize| self.args.get(at).and_then(|time| Wait::of_millis(time)).is_some();
        !self.words.blocks.is_empty() && self.words.blocks.iter().all(is_time)
    }

    /// The id behind which a stream is read.
    #[inline]
    pub(crate) fn id_of(&self, key: &Placed<'_>) -> &[u8] {
        self.ids.get(key.position - self.words.streams - 1).map_or(&[], Vec::as_slice)
    }

    /// Sets the id behind which a stream is read.
    #[inline]
    pub(crate) fn set_id(&mut self, position: usize, id: Vec<u8>) {
        let at = position - self.words.streams - 1;
        self.ids[at] = id;
    }

    /// The name of the group.
    #[inline]
    pub(crate) fn group(&self) -> Option<&'c [u8]> {
        self.args.get(self.words.group?).copied()
    }

    /// Whether every id is of a form that servers take.
    #[inline]
    pub(crate) fn ids_are_plain(&self) -> bool {
        self.ids.iter().all(|id| id == b">" || parse_id(id).is_some())
    }

    /// The command for some of its streams, with another time to wait or with none.
    #[inline]
    pub(crate) fn request(&self, keys: &[&Placed<'_>], block: Option<&str>) -> Vec<u8> {
        let ids: Vec<&[u8]> = keys.iter().map(|key| self.id_of(key)).collect();
        self.request_with(keys, &ids, block)
    }

    /// The same with other ids.
    #[inline]
    pub(crate) fn request_with(&self, keys: &[&Placed<'_>], ids: &[&[u8]], block: Option<&str>) -> Vec<u8> {
        let blocks = if self.waits() { self.words.blocks.as_slice() } else { &[] };
        // The word `BLOCK` and its value.
        let is_block = |at: usize| blocks.iter().any(|&block| at == block || at + 1 == block);
        let head = self.args.iter().enumerate().take(self.words.streams).filter(|(at, _)| !is_block(*at));
        let head = head.map(|(_, word)| *word).chain(block.iter().flat_map(|time| [&b"BLOCK"[..], time.as_bytes()]));
        let streams = [self.args[self.words.streams]].into_iter().chain(keys.iter().map(|key| key.stored));
        command(head.chain(streams).chain(ids.iter().copied()))
    }
}

/// An id in digits, with or without the part behind the dash.
#[inline]
pub(crate) fn parse_id(id: &[u8]) -> Option<(u64, u64)> {
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    let (millis, sequence) = match std::str::from_utf8(id).ok()? {
        id if id.contains('-') => id.split_once('-')?,
        id => (id, "0"),
    };
    Some((number(millis)?, number(sequence)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_streams_and_another_time() {
        let mut args = Args::new();
        "XREAD BLOCK 5 count 2 BLOCK 7 STREAMS a b c 0 1-1 $".split(' ').for_each(|word| args.push(word.as_bytes()));
        let key = |position, stored| Placed { position, shard: 0, master: 0, stored };
        let keys = [key(8, &b"a"[..]), key(9, b"b"), key(10, b"c")];
        let mut read = StreamRead::of(&args, &keys).unwrap();
        let words = |request: Vec<u8>| {
            String::from_utf8(request).unwrap().split("\r\n").skip(2).step_by(2).collect::<Vec<_>>().join(" ")
        };
        assert!(read.waits() && !read.ids_are_plain());
        assert_eq!(words(read.request(&[&keys[0], &keys[2]], None)), "XREAD count 2 STREAMS a c 0 $");
        read.set_id(10, b"3-4".to_vec());
        assert!(read.ids_are_plain());
        assert_eq!(words(read.request(&[&keys[2]], Some("9"))), "XREAD count 2 BLOCK 9 STREAMS c 3-4");
    }

    #[test]
    fn ids() {
        for (id, parsed) in [
            ("0", Some((0, 0))),
            ("12-7", Some((12, 7))),
            ("18446744073709551615-1", Some((u64::MAX, 1))),
            ("18446744073709551616", None),
            ("1-", None),
            ("-1", None),
            ("+1", None),
            ("1-2-3", None),
            ("$", None),
            (">", None),
            ("", None),
        ] {
            assert_eq!(parse_id(id.as_bytes()), parsed, "{id}");
        }
    }
}
