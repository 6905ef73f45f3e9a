//! Names of stashes: how they are made and read, and what they say of a move that was broken off. Pure.

use std::fmt;

/// What every name begins with.
const PREFIX: &[u8] = b"rediscluster:stash:";

/// A name that something waits under while a command carries it from one node to another, and what that name tells.
///
/// Names are `rediscluster:stash:COMMAND:ROLE:ID:KEY`, such as
/// `rediscluster:stash:lmove-left-right:from:00c0ffee00c0ffee:foo`: the command in small letters, with the ends of lists
/// where it names them; [`from`](StashRole::From), [`to`](StashRole::To) or [`copy`](StashRole::Copy); a random number
/// that the stashes of one call share; the key as its server stores it. A stash lies on the node of its key.
///
/// ```
/// use rediscluster::{Stash, StashContent, StashRole};
///
/// let stash = Stash::parse(b"rediscluster:stash:lmove-left-right:from:00c0ffee00c0ffee:foo").unwrap();
/// assert_eq!((stash.command().as_str(), stash.role()), ("LMOVE", StashRole::From));
/// assert_eq!((stash.id(), stash.key()), (0xc0ffee00c0ffee, &b"foo"[..]));
/// assert_eq!(stash.content(), StashContent::ListLeft);
/// assert_eq!(Stash::parse(b"rediscluster:stash:mine"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stash {
    id: u64,
    role: StashRole,
    /// The command in small letters, with its ends.
    word: String,
    key: Vec<u8>,
}

/// What a stash is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StashRole {
    /// What was taken out of its key, on the node of the source.
    From,
    /// What is on its way into its key, on the node of the destination.
    To,
    /// A copy of its key for one command, on the node where that runs.
    Copy,
}

/// What a stash holds, and so how it gets into its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StashContent {
    /// Elements that belong at the left end of the list, in this order.
    ListLeft,
    /// Elements that belong at the right end of the list, in this order.
    ListRight,
    /// Members of a set.
    Set,
    /// Members of a sorted set, with their scores.
    SortedSet,
    /// A whole value, whatever its type.
    Value,
}

/// What has to be done with a stash that nobody works with any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StashRecovery {
    /// What it holds goes into its key: back when it was taken out, on when it was on its way.
    Deliver,
    /// It is deleted: what it holds is elsewhere.
    Drop,
    /// It is told to expire, after an hour: what it holds is elsewhere, but the step that makes it the value may still
    /// be on its way to a server. With a stash that comes late it is delivered after all.
    Expire,
}

impl StashRole {
    #[inline]
    fn word(self) -> &'static str {
        match self {
            StashRole::From => "from",
            StashRole::To => "to",
            StashRole::Copy => "copy",
        }
    }
}

/// What is taken out and what is put in by the command of such a word; `None` for a command that leaves no stashes.
#[inline]
fn contents(word: &str) -> Option<(StashContent, Option<StashContent>)> {
    use StashContent::*;
    let end = |side: &str| match side {
        "left" => Some(ListLeft),
        "right" => Some(ListRight),
        _ => None,
    };
    let mut words = word.split('-');
    let contents = match (words.next()?, words.next(), words.next()) {
        ("smove", None, None) => (Set, Some(Set)),
        ("rpoplpush" | "brpoplpush", None, None) => (ListRight, Some(ListLeft)),
        ("lmove" | "blmove", Some(from), Some(to)) => (end(from)?, Some(end(to)?)),
        ("rename" | "renamenx", None, None) => (Value, Some(Value)),
        // What was popped on several nodes at once was put back by way of these; today nothing is popped so.
        ("blpop", None, None) => (ListLeft, None),
        ("brpop", None, None) => (ListRight, None),
        ("blmpop", Some(from), None) => (end(from)?, None),
        ("bzpopmin" | "bzpopmax" | "bzmpop", None, None) => (SortedSet, None),
        _ => return None,
    };
    words.next().is_none().then_some(contents)
}

impl Stash {
    /// A stash of this call: `words` are the command and the ends that it names.
    #[inline]
    pub(crate) fn new(words: &[&[u8]], role: StashRole, id: u64, key: &[u8]) -> Stash {
        let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).to_ascii_lowercase()).collect();
        Stash { id, role, word: words.join("-"), key: key.to_vec() }
    }

    /// What a name tells; `None` when it is no name that this library makes.
    #[inline]
    pub fn parse(name: &[u8]) -> Option<Stash> {
        let rest = name.strip_prefix(PREFIX)?;
        let mut parts = rest.splitn(4, |&byte| byte == b':');
        let mut text = || std::str::from_utf8(parts.next()?).ok();
        let (word, role, id) = (text()?, text()?, text()?);
        let key = parts.next()?;
        let contents = contents(word);
        let role = match role {
            "from" if contents.is_some() => StashRole::From,
            "to" if contents.is_some_and(|(_, to)| to.is_some()) => StashRole::To,
            "copy" if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()) => StashRole::Copy,
            _ => return None,
        };
        let is_id = id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let id = u64::from_str_radix(id, 16).ok().filter(|_| is_id)?;
        Some(Stash { id, role, word: word.to_owned(), key: key.to_vec() })
    }

    /// The name that its server knows it by.
    ///
    /// ```
    /// let name = b"rediscluster:stash:smove:to:0123456789abcdef:foo";
    /// assert_eq!(rediscluster::Stash::parse(name).unwrap().name(), name);
    /// ```
    #[inline]
    pub fn name(&self) -> Vec<u8> {
        let mut name = PREFIX.to_vec();
        name.extend(format!("{}:{}:{:016x}:", self.word, self.role.word(), self.id).into_bytes());
        name.extend_from_slice(&self.key);
        name
    }

    /// The name of the command that left it, such as `LMOVE`.
    #[inline]
    pub fn command(&self) -> String {
        self.word.split('-').next().unwrap_or_default().to_ascii_uppercase()
    }

    /// What it is for.
    #[inline]
    pub fn role(&self) -> StashRole {
        self.role
    }

    /// The number that both stashes of one call have, and no other.
    #[inline]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The key that it was taken out of, or is on its way to, as its server stores it: without a hash tag that is
    /// stripped.
    #[inline]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// What it holds.
    ///
    /// A stash that holds a string where its name tells of something else is sealed: see [`seal`](Stash::seal).
    #[inline]
    pub fn content(&self) -> StashContent {
        match (self.role, contents(&self.word)) {
            (StashRole::From, Some((content, _))) | (StashRole::To, Some((_, Some(content)))) => content,
            _ => StashContent::Value,
        }
    }

    /// Whether both are stashes of one call, one at either end of its way.
    ///
    /// ```
    /// use rediscluster::Stash;
    ///
    /// let from = Stash::parse(b"rediscluster:stash:rename:from:0123456789abcdef:foo").unwrap();
    /// let to = Stash::parse(b"rediscluster:stash:rename:to:0123456789abcdef:bar").unwrap();
    /// assert!(from.is_pair_with(&to) && !from.is_pair_with(&from));
    /// ```
    #[inline]
    pub fn is_pair_with(&self, other: &Stash) -> bool {
        let ends = (self.role, other.role);
        let both = matches!(ends, (StashRole::From, StashRole::To) | (StashRole::To, StashRole::From));
        both && (self.id, &self.word) == (other.id, &other.word)
    }

    /// What has to be done with it after a crash, when its program is gone for good. `with_pair` says whether the stash
    /// at the other end of the way exists, be it [sealed](Stash::seal). Of a pair, the one that is delivered comes first.
    ///
    /// An element or a member is committed to its destination in the moment in which the stash at the source goes; a
    /// value that is renamed in the moment in which the stash at the source comes. As long as that one exists, it is the
    /// value, and the one at the destination a copy that may be older: of a stream, `XACK` and its like may have come
    /// between. So that copy is replaced by what the source's stash holds before it gets its name.
    ///
    /// ```
    /// use rediscluster::{Stash, StashRecovery};
    ///
    /// let from = Stash::parse(b"rediscluster:stash:rpoplpush:from:0123456789abcdef:foo").unwrap();
    /// let to = Stash::parse(b"rediscluster:stash:rpoplpush:to:0123456789abcdef:bar").unwrap();
    /// // Not committed: back to foo.
    /// assert_eq!(from.recovery(true), StashRecovery::Deliver);
    /// assert_eq!(to.recovery(true), StashRecovery::Drop);
    /// // Committed: on to bar.
    /// assert_eq!(to.recovery(false), StashRecovery::Deliver);
    /// ```
    #[inline]
    pub fn recovery(&self, with_pair: bool) -> StashRecovery {
        use StashRecovery::{Deliver, Drop, Expire};
        match (self.role, self.content(), with_pair) {
            (StashRole::Copy, ..) => Drop,
            // Both: committed and not yet named. The source's alone: named. The destination's alone: not committed.
            (StashRole::To, StashContent::Value, true) => Deliver,
            (StashRole::To, StashContent::Value, false) => Expire,
            (StashRole::From, StashContent::Value, _) => Drop,
            (StashRole::From, ..) => Deliver,
            (StashRole::To, _, true) => Drop,
            (StashRole::To, _, false) => Deliver,
        }
    }

    /// The command that seals a stash of elements or members: for an hour a string stands under its name, so that
    /// nothing that is still on its way there can arrive, and everyone sees that the other side is decided.
    ///
    /// A sealed [`To`](StashRole::To) never got what was sent to it. A sealed [`From`](StashRole::From) was given back,
    /// and what its pair holds is to be dropped. Either goes by itself.
    ///
    /// ```
    /// let stash = rediscluster::Stash::parse(b"rediscluster:stash:smove:to:0123456789abcdef:foo").unwrap();
    /// let [set, name, mark, ex, seconds] = stash.seal();
    /// assert_eq!((set, name, ex, seconds), (b"SET".to_vec(), stash.name(), b"EX".to_vec(), b"3600".to_vec()));
    /// ```
    #[inline]
    pub fn seal(&self) -> [Vec<u8>; 5] {
        // A kernel may try for a quarter of an hour to send what a program has long given up.
        [b"SET".to_vec(), self.name(), b"sealed".to_vec(), b"EX".to_vec(), b"3600".to_vec()]
    }
}

impl fmt::Display for Stash {
    /// Its name, for people: escaped, and cut when it is very long.
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::error::escape(&self.name(), 256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_read() {
        for (words, roles) in [
            (&["SMOVE"][..], &[StashRole::From, StashRole::To][..]),
            (&["LMOVE", "Left", "RIGHT"], &[StashRole::From, StashRole::To]),
            (&["BLMOVE", "RIGHT", "RIGHT"], &[StashRole::From, StashRole::To]),
            (&["RPOPLPUSH"], &[StashRole::From, StashRole::To]),
            (&["BRPOPLPUSH"], &[StashRole::From, StashRole::To]),
            (&["RENAME"], &[StashRole::From, StashRole::To]),
            (&["RENAMENX"], &[StashRole::From, StashRole::To]),
            (&["BLPOP"], &[StashRole::From]),
            (&["BLMPOP", "LEFT"], &[StashRole::From]),
            (&["BZPOPMIN"], &[StashRole::From]),
            (&["ZUNIONSTORE"], &[StashRole::Copy]),
        ] {
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            for &role in roles {
                for key in [&b"foo"[..], b"", b"a:b::\xff\0", b"rediscluster:stash:x"] {
                    let stash = Stash::new(&words, role, 7, key);
                    assert_eq!(Stash::parse(&stash.name()), Some(stash.clone()), "{stash}");
                    assert_eq!(stash.command().as_bytes(), words[0]);
                }
            }
        }
    }

    #[test]
    fn what_others_made_is_unknown() {
        for name in [
            "rediscluster:stash:",
            "rediscluster:stash:smove:0123456789abcdef:foo",
            "rediscluster:stash:unpopped:0123456789abcdef:foo",
            "rediscluster:stash:smove:from:0123456789abcdef",
            "rediscluster:stash:smove:from:0123456789ABCDEF:foo",
            "rediscluster:stash:smove:from:123456789abcdef:foo",
            "rediscluster:stash:smove:from:+123456789abcdef:foo",
            "rediscluster:stash:smove-left:from:0123456789abcdef:foo",
            "rediscluster:stash:lmove-left:from:0123456789abcdef:foo",
            "rediscluster:stash:lmove-left-up:from:0123456789abcdef:foo",
            "rediscluster:stash:lmove-left-left-left:from:0123456789abcdef:foo",
            "rediscluster:stash:blpop:to:0123456789abcdef:foo",
            "rediscluster:stash:smove:back:0123456789abcdef:foo",
            "rediscluster:stash:get:from:0123456789abcdef:foo",
            "rediscluster:stash::copy:0123456789abcdef:foo",
            "other:stash:smove:from:0123456789abcdef:foo",
        ] {
            assert_eq!(Stash::parse(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn both_ends_know_where_their_elements_belong() {
        let stash = |words: &[&[u8]], role| Stash::new(words, role, 1, b"k").content();
        let lmove: [&[u8]; 3] = [b"LMOVE", b"LEFT", b"RIGHT"];
        assert_eq!(stash(&lmove, StashRole::From), StashContent::ListLeft);
        assert_eq!(stash(&lmove, StashRole::To), StashContent::ListRight);
        assert_eq!(stash(&[b"RPOPLPUSH"], StashRole::From), StashContent::ListRight);
        assert_eq!(stash(&[b"RPOPLPUSH"], StashRole::To), StashContent::ListLeft);
        assert_eq!(stash(&[b"BRPOP"], StashRole::From), StashContent::ListRight);
        assert_eq!(stash(&[b"PFMERGE"], StashRole::Copy), StashContent::Value);
    }
}
