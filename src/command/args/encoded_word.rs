//! Commands of one word, encoded when the library is built.

use std::num::NonZeroU8;

/// A command of one word as it lies in its buffer, without what all of them begin with.
#[derive(Debug)]
pub(crate) struct EncodedWord {
    /// The length of the word, the word, and two line ends.
    pub(super) bytes: [u8; EncodedWord::LONGEST],
    pub(super) length: NonZeroU8,
}

impl EncodedWord {
    const LONGEST: usize = 23;

    /// `None` where that is too long, or more than one word.
    pub(crate) const fn of(name: &str) -> Option<EncodedWord> {
        let name = name.as_bytes();
        let mut bytes = [0; EncodedWord::LONGEST];
        let mut at = 0;
        if name.len() > 9 {
            bytes[at] = b'0' + (name.len() / 10) as u8;
            at += 1;
        }
        bytes[at] = b'0' + (name.len() % 10) as u8;
        bytes[at + 1] = b'\r';
        bytes[at + 2] = b'\n';
        at += 3;
        if at + name.len() + 2 > EncodedWord::LONGEST {
            return None;
        }
        let mut nth = 0;
        while nth < name.len() {
            if name[nth] == b' ' {
                return None;
            }
            bytes[at] = name[nth];
            at += 1;
            nth += 1;
        }
        bytes[at] = b'\r';
        bytes[at + 1] = b'\n';
        match NonZeroU8::new(at as u8 + 2) {
            Some(length) => Some(EncodedWord { bytes, length }),
            None => None,
        }
    }
}
