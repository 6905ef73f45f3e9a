//! Replies as values in one line with commas between them; what is nested becomes flat.

use crate::quote::quote;
use crate::reply::Reply;

/// Appends a reply.
pub fn render(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::Nil => out.extend_from_slice(b"NULL"),
        Reply::Error(text) => {
            out.extend_from_slice(b"ERROR,");
            quote(text, out);
        }
        Reply::Status(text) | Reply::Text(text) | Reply::Verbatim(text) => quote(text, out),
        Reply::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Reply::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Reply::Double(text) | Reply::BigNumber(text) => out.extend_from_slice(text),
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => list(items.iter(), out),
        Reply::Map(pairs) => list(pairs.iter().flat_map(|(key, value)| [key, value]), out),
    }
}

fn list<'a>(items: impl Iterator<Item = &'a Reply>, out: &mut Vec<u8>) {
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        render(item, out);
    }
}
