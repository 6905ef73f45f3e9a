//! From what a server sends to a connection that listens, to what it means. Pure.

use super::message::Message;
use crate::error::{Error, Result};
use crate::execute::Row;
use crate::resp::{Items, ValueRef};
use crate::table;
use crate::topology::Node;
use std::sync::Arc;

/// The three sorts of names that can be listened to; each has names of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Channel,
    Pattern,
    ShardChannel,
}

impl Kind {
    /// The row of the command that begins to listen.
    pub(super) fn begin(self) -> &'static Row {
        match self {
            Kind::Channel => &table::SUBSCRIBE,
            Kind::Pattern => &table::PSUBSCRIBE,
            Kind::ShardChannel => &table::SSUBSCRIBE,
        }
    }

    /// The row of the command that ends it.
    pub(super) fn end(self) -> &'static Row {
        match self {
            Kind::Channel => &table::UNSUBSCRIBE,
            Kind::Pattern => &table::PUNSUBSCRIBE,
            Kind::ShardChannel => &table::SUNSUBSCRIBE,
        }
    }
}

/// A name that can be listened to.
pub(super) type Subscription = (Kind, Vec<u8>);

/// One value that came.
pub(super) enum Heard {
    Message(Message),
    /// A subscription began, or ended.
    Confirmed {
        begins: bool,
        subscription: Subscription,
    },
    /// The answer to a `PING`.
    Pong,
    /// An error reply.
    Refused(Error),
    /// A push that is not about subscriptions.
    Other,
}

impl Heard {
    /// # Errors
    /// [`Protocol`](crate::ErrorKind::Protocol) for what no server sends to a connection that listens.
    pub(super) fn of(value: ValueRef<'_>, node: &Arc<Node>) -> Result<Heard> {
        let (items, pushed) = match value {
            ValueRef::Error(text) => return Ok(Heard::Refused(Error::server(text))),
            ValueRef::Simple(b"PONG") => return Ok(Heard::Pong),
            ValueRef::Array(items) => (items, false),
            ValueRef::Push(items) => (items, true),
            _ => return Err(Error::protocol("a reply came that nobody asked for")),
        };
        let strange = || Error::protocol("a message came that has not the shape of any");
        let mut rest = items;
        let Some(ValueRef::Bulk(word)) = rest.next() else { return Err(strange()) };
        let message = |channel, pattern: Option<Vec<u8>>, sharded, payload| {
            Heard::Message(Message { node: Arc::clone(node), channel, pattern, sharded, payload })
        };
        let heard = match (word, items.len()) {
            (b"message", 3) => strings(rest).map(|[channel, payload]| message(channel, None, false, payload)),
            (b"smessage", 3) => strings(rest).map(|[channel, payload]| message(channel, None, true, payload)),
            (b"pmessage", 4) => {
                strings(rest).map(|[pattern, channel, payload]| message(channel, Some(pattern), false, payload))
            }
            (b"pong", 2) => Some(Heard::Pong),
            (_, 3) => confirmed(word, rest),
            _ => None,
        };
        match heard {
            Some(heard) => Ok(heard),
            // In RESP3 pushes may be about other things, of which later versions may bring any.
            None if pushed && !is_ours(word) => Ok(Heard::Other),
            None => Err(strange()),
        }
    }
}

fn is_ours(word: &[u8]) -> bool {
    word.ends_with(b"message") || word.ends_with(b"subscribe")
}

/// A list of exactly so many strings.
fn strings<const N: usize>(items: Items<'_>) -> Option<[Vec<u8>; N]> {
    let texts: Option<Vec<Vec<u8>>> = items
        .map(|item| match item {
            ValueRef::Bulk(text) => Some(text.to_vec()),
            _ => None,
        })
        .collect();
    texts?.try_into().ok()
}

fn confirmed(word: &[u8], mut rest: Items<'_>) -> Option<Heard> {
    let (kind, begins) = [Kind::Channel, Kind::Pattern, Kind::ShardChannel].into_iter().find_map(|kind| {
        let is = |spec: &Row| word.eq_ignore_ascii_case(spec.name.as_bytes());
        is(kind.begin()).then_some((kind, true)).or_else(|| is(kind.end()).then_some((kind, false)))
    })?;
    match (rest.next(), rest.next()) {
        (Some(ValueRef::Bulk(name)), Some(ValueRef::Integer(_))) => {
            Some(Heard::Confirmed { begins, subscription: (kind, name.to_vec()) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::resp::{Decoder, Limits, Protocol};
    use crate::topology::Address;

    fn heard(text: &str) -> Result<Heard> {
        let node = Arc::new(Node::new("node_1", Address::new("h", 1).unwrap()));
        let mut decoder = Decoder::new(Protocol::Resp3, Limits::default());
        decoder.feed(text.as_bytes());
        let frame = decoder.decode().unwrap().expect("a whole value");
        Heard::of(frame.value(), &node)
    }

    #[test]
    fn messages_of_both_protocols() {
        for head in ["*", ">"] {
            let text = format!("{head}4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
            let Ok(Heard::Message(message)) = heard(&text) else { panic!("a message") };
            assert_eq!((message.channel(), message.pattern()), (&b"news"[..], Some(&b"n*"[..])));
            assert_eq!((message.is_sharded(), message.as_bytes()), (false, &b"hi"[..]));
            let text = format!("{head}3\r\n$8\r\nsmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
            let Ok(Heard::Message(message)) = heard(&text) else { panic!("a message") };
            assert!(message.is_sharded() && message.pattern().is_none());
            let text = format!("{head}3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n");
            let Ok(Heard::Confirmed { begins, subscription }) = heard(&text) else { panic!("a confirmation") };
            assert_eq!((begins, subscription), (false, (Kind::Channel, b"a".to_vec())));
        }
        assert!(matches!(heard("*2\r\n$4\r\npong\r\n$0\r\n\r\n"), Ok(Heard::Pong)));
        assert!(matches!(heard("+PONG\r\n"), Ok(Heard::Pong)));
        assert!(matches!(heard("-NOPERM no\r\n"), Ok(Heard::Refused(_))));
    }

    #[test]
    fn what_is_no_message() {
        for text in [
            "+OK\r\n",
            ":1\r\n",
            "$-1\r\n",
            "*0\r\n",
            "*-1\r\n",
            ">0\r\n",
            "*1\r\n$7\r\nmessage\r\n",
            "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n:1\r\n",
            "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n*0\r\n",
            ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n_\r\n",
            "*4\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n",
            "*3\r\n$8\r\npmessage\r\n$1\r\na\r\n$1\r\na\r\n",
            "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n$1\r\n1\r\n",
            ">3\r\n$9\r\nsubscribe\r\n$-1\r\n:1\r\n",
            "*3\r\n$4\r\nwhat\r\n$1\r\na\r\n$1\r\na\r\n",
            "*3\r\n:1\r\n:2\r\n:3\r\n",
            "%1\r\n$7\r\nmessage\r\n$1\r\na\r\n",
        ] {
            assert_eq!(heard(text).err().map(|error| error.kind()), Some(ErrorKind::Protocol), "{text:?}");
        }
        assert!(matches!(heard(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"), Ok(Heard::Other)));
    }
}
