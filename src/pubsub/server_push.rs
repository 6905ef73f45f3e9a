//! What a server sends to a connection that listens, and what it means. Pure.

use super::message::Message;
use crate::error::{Error, Result};
use crate::execute::Row;
use crate::resp::{Items, ValueRef};
use crate::table;
use crate::topology::Node;
use std::sync::Arc;

/// The three sorts of names that can be listened to; each has names of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ChannelKind {
    Channel,
    Pattern,
    ShardChannel,
}

impl ChannelKind {
    /// The row of the command that begins to listen, or that ends it.
    #[inline]
    pub(super) fn command(self, begins: bool) -> &'static Row {
        match (self, begins) {
            (ChannelKind::Channel, true) => &table::SUBSCRIBE,
            (ChannelKind::Channel, false) => &table::UNSUBSCRIBE,
            (ChannelKind::Pattern, true) => &table::PSUBSCRIBE,
            (ChannelKind::Pattern, false) => &table::PUNSUBSCRIBE,
            (ChannelKind::ShardChannel, true) => &table::SSUBSCRIBE,
            (ChannelKind::ShardChannel, false) => &table::SUNSUBSCRIBE,
        }
    }
}

/// A name that can be listened to.
pub(super) type Subscription = (ChannelKind, Vec<u8>);

/// One value that a server sent.
pub(super) enum ServerPush {
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

impl ServerPush {
    /// # Errors
    /// [`Protocol`](crate::ErrorKind::Protocol) for what no server sends to a connection that listens.
    #[inline]
    pub(super) fn parse(value: ValueRef<'_>, node: &Arc<Node>) -> Result<ServerPush> {
        let (mut items, is_push) = match value {
            ValueRef::Error(text) => return Ok(ServerPush::Refused(Error::server(text))),
            ValueRef::Simple(b"PONG") => return Ok(ServerPush::Pong),
            ValueRef::Array(items) => (items, false),
            ValueRef::Push(items) => (items, true),
            _ => return Err(Error::protocol("a reply came that nobody asked for")),
        };
        let count = items.len();
        let word = match items.next() {
            Some(ValueRef::Bulk(word)) => word,
            _ => return Err(strange()),
        };
        let parsed = match (word, count) {
            (b"message", 3) => message(items, node, false, false),
            (b"smessage", 3) => message(items, node, false, true),
            (b"pmessage", 4) => message(items, node, true, false),
            (b"pong", 2) => Some(ServerPush::Pong),
            (_, 3) => confirmation(word, items),
            _ => None,
        };
        match parsed {
            Some(push) => Ok(push),
            // In RESP3 pushes may be about other things, of which later versions may bring any.
            None if is_push && !is_about_subscriptions(word) => Ok(ServerPush::Other),
            None => Err(strange()),
        }
    }
}

#[cold]
fn strange() -> Error {
    Error::protocol("a message came that has not the shape of any")
}

#[inline]
fn is_about_subscriptions(word: &[u8]) -> bool {
    word.ends_with(b"message") || word.ends_with(b"subscribe")
}

#[inline]
fn message(mut items: Items<'_>, node: &Arc<Node>, has_pattern: bool, sharded: bool) -> Option<ServerPush> {
    let pattern = match has_pattern {
        true => Some(string(&mut items)?),
        false => None,
    };
    let (channel, payload) = (string(&mut items)?, string(&mut items)?);
    Some(ServerPush::Message(Message { node: Arc::clone(node), channel, pattern, sharded, payload }))
}

#[inline]
fn string(items: &mut Items<'_>) -> Option<Vec<u8>> {
    match items.next() {
        Some(ValueRef::Bulk(text)) => Some(text.to_vec()),
        _ => None,
    }
}

#[inline]
fn confirmation(word: &[u8], mut items: Items<'_>) -> Option<ServerPush> {
    for kind in [ChannelKind::Channel, ChannelKind::Pattern, ChannelKind::ShardChannel] {
        for begins in [true, false] {
            if word.eq_ignore_ascii_case(kind.command(begins).name.as_bytes()) {
                let name = string(&mut items)?;
                let is_counted = matches!(items.next(), Some(ValueRef::Integer(_)));
                return is_counted.then_some(ServerPush::Confirmed { begins, subscription: (kind, name) });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::resp::{Decoder, Limits, Protocol};
    use crate::topology::Address;

    fn pushed(text: &str) -> Result<ServerPush> {
        let node = Arc::new(Node::new("node_1", Address::new("h", 1).unwrap()));
        let mut decoder = Decoder::new(Protocol::Resp3, Limits::default());
        decoder.feed(text.as_bytes());
        let frame = decoder.decode().unwrap().expect("a whole value");
        ServerPush::parse(frame.value(), &node)
    }

    #[test]
    fn messages_of_both_protocols() {
        for head in ["*", ">"] {
            let text = format!("{head}4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
            let Ok(ServerPush::Message(message)) = pushed(&text) else { panic!("a message") };
            assert_eq!((message.channel(), message.pattern()), (&b"news"[..], Some(&b"n*"[..])));
            assert_eq!((message.is_sharded(), message.as_bytes()), (false, &b"hi"[..]));
            let text = format!("{head}3\r\n$8\r\nsmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
            let Ok(ServerPush::Message(message)) = pushed(&text) else { panic!("a message") };
            assert!(message.is_sharded() && message.pattern().is_none());
            let text = format!("{head}3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n");
            let Ok(ServerPush::Confirmed { begins, subscription }) = pushed(&text) else { panic!("a confirmation") };
            assert_eq!((begins, subscription), (false, (ChannelKind::Channel, b"a".to_vec())));
        }
        assert!(matches!(pushed("*2\r\n$4\r\npong\r\n$0\r\n\r\n"), Ok(ServerPush::Pong)));
        assert!(matches!(pushed("+PONG\r\n"), Ok(ServerPush::Pong)));
        assert!(matches!(pushed("-NOPERM no\r\n"), Ok(ServerPush::Refused(_))));
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
            assert_eq!(pushed(text).err().map(|error| error.kind()), Some(ErrorKind::Protocol), "{text:?}");
        }
        assert!(matches!(pushed(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"), Ok(ServerPush::Other)));
    }
}
