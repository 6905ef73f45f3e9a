//! `--show-pushes`: what servers say that answers no command.

use crate::render::{Mode, Style};
use crate::reply::Reply;
use crate::run::put;
use rediscluster::ValueRef;

/// Shows it as redis-cli does.
pub fn show(push: ValueRef<'_>, style: &Style) {
    let push = Reply::from(push);
    let mut out = Vec::new();
    match invalidated(&push).filter(|_| style.mode == Mode::Standard) {
        Some(keys) => {
            let keys: Vec<Vec<u8>> = keys.iter().map(|key| [b"'", *key, b"'"].concat()).collect();
            out = [b"-> invalidate: ", &keys.join(&b", "[..])[..], b"\n"].concat();
        }
        None => style.render(&push, false, &mut out),
    }
    // Whoever reads the output has gone: the reply to the command will say so.
    let _ = put(&out);
}

/// The keys that are not any more what a client was told.
fn invalidated(push: &Reply) -> Option<Vec<&[u8]>> {
    match push {
        Reply::Push(parts) => match parts.as_slice() {
            [Reply::Text(word), Reply::Array(keys)] if word == b"invalidate" => keys.iter().map(Reply::text).collect(),
            _ => None,
        },
        _ => None,
    }
}
