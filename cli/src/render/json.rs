//! Replies as JSON, the way redis-cli writes it: an error is `error:"…"`, and the bytes of a text are not checked to
//! be UTF-8. But what JSON has no number for, such as `inf`, is a string, as it is in RESP2.

use crate::quote::quote;
use crate::reply::Reply;

/// Writes a text as a JSON string.
type Strings = fn(&[u8], &mut Vec<u8>);

/// Appends a reply.
pub fn render(reply: &Reply, string: Strings, out: &mut Vec<u8>) {
    match reply {
        Reply::Nil => out.extend_from_slice(b"null"),
        Reply::Error(text) => {
            out.extend_from_slice(b"error:");
            string(text, out);
        }
        Reply::Status(text) | Reply::Text(text) | Reply::Verbatim(text) => string(text, out),
        Reply::Integer(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Reply::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Reply::Double(text) | Reply::BigNumber(text) if is_number(text) => out.extend_from_slice(text),
        Reply::Double(text) | Reply::BigNumber(text) => string(text, out),
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => {
            list(b'[', b']', items, out, |item, out| render(item, string, out));
        }
        Reply::Map(pairs) => list(b'{', b'}', pairs, out, |(name, value), out| {
            key(name, string, out);
            out.push(b':');
            render(value, string, out);
        }),
    }
}

fn list<T>(open: u8, close: u8, items: &[T], out: &mut Vec<u8>, each: impl Fn(&T, &mut Vec<u8>)) {
    out.push(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        each(item, out);
    }
    out.push(close);
}

/// A key must be a string in JSON: what is none is put in quotes.
fn key(name: &Reply, string: Strings, out: &mut Vec<u8>) {
    let is_text = match name {
        Reply::Status(_) | Reply::Text(_) | Reply::Verbatim(_) | Reply::Error(_) => true,
        Reply::Double(text) | Reply::BigNumber(text) => !is_number(text),
        _ => false,
    };
    if !is_text {
        out.push(b'"');
    }
    render(name, string, out);
    if !is_text {
        out.push(b'"');
    }
}

/// Whether the text of a number from a server is one in JSON, too: `inf` and `nan` are none.
fn is_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    digits.first().is_some_and(u8::is_ascii_digit) && digits.iter().all(|byte| b"0123456789.eE+-".contains(byte))
}

/// Appends a JSON string, bytes beyond ASCII as they are.
pub fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x08 => out.extend(b"\\b"),
            0x0c => out.extend(b"\\f"),
            0..=0x1f => out.extend(format!("\\u{byte:04x}").into_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Appends a string in which the escapes of [`quote`] are readable after JSON is taken apart.
pub fn quoted_string(bytes: &[u8], out: &mut Vec<u8>) {
    let mut quoted = Vec::new();
    quote(bytes, &mut quoted);
    for byte in quoted {
        if byte == b'\\' {
            out.push(b'\\');
        }
        out.push(byte);
    }
}
