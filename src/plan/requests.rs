//! Requests in the bytes that go over the wire.

use super::Placed;
use crate::command::Args;
use crate::resp::encode;
use std::borrow::Cow;

/// A command in the bytes that go over the wire.
pub(crate) fn command<'a>(args: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    written(&mut args.into_iter())
}

/// The same of words in a row.
pub(crate) fn command_of(words: &[&[u8]]) -> Vec<u8> {
    written(&mut words.iter().copied())
}

/// One copy for all that give arguments.
fn written(args: &mut dyn Iterator<Item = &[u8]>) -> Vec<u8> {
    let mut body = Vec::new();
    let mut count = 0;
    for arg in args {
        encode::bulk(&mut body, arg);
        count += 1;
    }
    let mut out = Vec::with_capacity(body.len() + 16);
    encode::head(&mut out, b'*', count);
    out.extend_from_slice(&body);
    out
}

/// The command with the names that the servers of its keys store. `keys` are in the order of the arguments.
pub(crate) fn renamed(args: &Args, keys: &[Placed<'_>]) -> Vec<u8> {
    let mut request = Args::new();
    let mut keys = keys.iter().peekable();
    for (at, arg) in args.iter().enumerate() {
        let key = keys.next_if(|key| key.position == at);
        request.push(key.map_or(arg, |key| key.stored));
    }
    request.as_bytes().to_vec()
}

/// The same, where they may be the names that they were given by.
pub(crate) fn as_stored<'c>(args: &'c Args, keys: &[Placed<'c>]) -> Cow<'c, [u8]> {
    let positions = keys.iter().map(|key| key.position);
    match args.at(positions).zip(keys).all(|(given, key)| given.len() == key.stored.len()) {
        true => Cow::Borrowed(args.as_bytes()),
        false => renamed(args, keys).into(),
    }
}
