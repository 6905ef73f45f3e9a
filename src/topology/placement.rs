//! From a key to the node that it lives on.

/// How hash tags are recognised, and what the server stores.
///
/// A tag lets related keys share a node: in `basket:7{user7}` the tag `user7` is hashed.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HashTags {
    /// As rediscluster-py and rediscluster-php: in `name{tag}` the tag is hashed and `name` is what the server
    /// stores. A tag is recognised only in that form: name and tag not empty, one `{` and one `}` in the whole
    /// key, the `}` last. Anything else is a plain key.
    ///
    /// **Keys that differ only in their tags are one key on the server:** `hits{user:7}` and `hits{user:8}` are both
    /// stored as `hits`, and share a value where both tags lead to one node. What tells keys apart has to stand before
    /// the brace too: `hits:7{user:7}`. A new fleet is better off with [`Keep`](HashTags::Keep).
    #[default]
    Strip,
    /// As Redis Cluster and twemproxy (`hash_tag: "{}"`): what lies between the first `{` and the next `}` is
    /// hashed when it is not empty, and the whole key is stored, so that different keys stay different. For new fleets.
    Keep,
    /// Braces mean nothing.
    Off,
}

impl HashTags {
    /// The part of `key` that is hashed, and the name that the server stores.
    ///
    /// ```
    /// use rediscluster::HashTags;
    ///
    /// assert_eq!(HashTags::Strip.split(b"bar{foo}"), (&b"foo"[..], &b"bar"[..]));
    /// assert_eq!(HashTags::Keep.split(b"bar{foo}"), (&b"foo"[..], &b"bar{foo}"[..]));
    /// assert_eq!(HashTags::Strip.split(b"bar{}"), (&b"bar{}"[..], &b"bar{}"[..]));
    /// ```
    #[inline]
    pub fn split(self, key: &[u8]) -> (&[u8], &[u8]) {
        self.tag(key).unwrap_or((key, key))
    }

    #[inline]
    fn tag(self, key: &[u8]) -> Option<(&[u8], &[u8])> {
        match self {
            HashTags::Off => None,
            HashTags::Strip => {
                // The last byte decides for nearly every key.
                let body = key.strip_suffix(b"}")?;
                let open = body.iter().position(|&byte| byte == b'{')?;
                let (name, tag) = (&body[..open], &body[open + 1..]);
                let plain = name.is_empty() || tag.is_empty() || tag.contains(&b'{') || body.contains(&b'}');
                (!plain).then_some((tag, name))
            }
            HashTags::Keep => {
                let open = key.iter().position(|&byte| byte == b'{')?;
                let tag = &key[open + 1..];
                let close = tag.iter().position(|&byte| byte == b'}')?;
                (close > 0).then_some((&tag[..close], key))
            }
        }
    }
}

/// Chooses the node of a key.
///
/// The default is [`Crc32Modulo`]. Another one makes sense for a fleet that was laid out by other rules; every
/// client of a fleet must use the same.
pub trait Partitioner: Send + Sync + 'static {
    /// The node for the hashed part of a key, counted from 0 and below `nodes`. It is not asked where one node has all keys.
    fn node_index(&self, hashed: &[u8], nodes: usize) -> usize;
}

/// CRC-32 (IEEE) modulo the number of nodes: rediscluster-py, rediscluster-php, and twemproxy with
/// `hash: crc32a` and `distribution: modula`.
///
/// ```
/// use rediscluster::{Crc32Modulo, Partitioner};
///
/// assert_eq!(Crc32Modulo.node_index(b"foo", 2), 1); // node_2
/// assert_eq!(Crc32Modulo.node_index(b"bar", 2), 0); // node_1
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Crc32Modulo;

impl Partitioner for Crc32Modulo {
    fn node_index(&self, hashed: &[u8], nodes: usize) -> usize {
        // As u64, because the modulus could be beyond 32 bits only in theory but the cast must not decide that.
        (u64::from(crc32fast::hash(hashed)) % nodes as u64) as usize
    }
}
