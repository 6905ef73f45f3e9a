//! Replies for people: types are told, texts are quoted, elements are numbered.

use crate::quote::quote;
use crate::reply::Reply;

/// Appends a reply and a line end.
pub fn render(reply: &Reply, out: &mut Vec<u8>) {
    indented(reply, 0, out);
}

/// Appends a reply whose further lines begin with `indent` spaces; the first one is already begun.
fn indented(reply: &Reply, indent: usize, out: &mut Vec<u8>) {
    let mut line = |parts: [&[u8]; 2]| {
        out.extend(parts.concat());
        out.push(b'\n');
    };
    match reply {
        Reply::Nil => line([b"(nil)", b""]),
        Reply::Status(text) | Reply::Verbatim(text) => line([text, b""]),
        Reply::Error(text) => line([b"(error) ", text]),
        Reply::Integer(number) => line([b"(integer) ", number.to_string().as_bytes()]),
        Reply::Boolean(true) => line([b"(true)", b""]),
        Reply::Boolean(false) => line([b"(false)", b""]),
        Reply::Double(text) => line([b"(double) ", text]),
        Reply::BigNumber(text) => line([b"(big number) ", text]),
        Reply::Text(text) => {
            quote(text, out);
            out.push(b'\n');
        }
        Reply::Array(items) if items.is_empty() => line([b"(empty array)", b""]),
        Reply::Set(items) if items.is_empty() => line([b"(empty set)", b""]),
        Reply::Push(items) if items.is_empty() => line([b"(empty push)", b""]),
        Reply::Map(pairs) if pairs.is_empty() => line([b"(empty hash)", b""]),
        Reply::Array(items) | Reply::Push(items) => list(items, ')', indent, out),
        Reply::Set(items) => list(items, '~', indent, out),
        Reply::Map(pairs) => map(pairs, indent, out),
    }
}

fn list(items: &[Reply], mark: char, indent: usize, out: &mut Vec<u8>) {
    let width = digits(items.len());
    for (at, item) in items.iter().enumerate() {
        number(at, width, mark, indent, out);
        indented(item, indent + width + 2, out);
    }
}

fn map(pairs: &[(Reply, Reply)], indent: usize, out: &mut Vec<u8>) {
    let width = digits(pairs.len());
    let inner = indent + width + 2;
    for (at, (key, value)) in pairs.iter().enumerate() {
        number(at, width, '#', indent, out);
        indented(key, inner, out);
        // The value goes on in the key's last line.
        out.pop();
        out.extend_from_slice(b" => ");
        if takes_lines(value) {
            out.push(b'\n');
            out.extend(std::iter::repeat(b' ').take(inner));
        }
        indented(value, inner, out);
    }
}

/// The number in front of an element. The first one stands in the line that is already begun.
fn number(at: usize, width: usize, mark: char, indent: usize, out: &mut Vec<u8>) {
    if at > 0 {
        out.extend(std::iter::repeat(b' ').take(indent));
    }
    out.extend(format!("{:>width$}{mark} ", at + 1).into_bytes());
}

fn digits(count: usize) -> usize {
    count.to_string().len()
}

/// Whether a value of a map is shown in lines of its own: when it, or the one value in it, has several elements.
fn takes_lines(value: &Reply) -> bool {
    match value {
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => match items.as_slice() {
            [one] => takes_lines(one),
            items => items.len() > 1,
        },
        Reply::Map(pairs) => match pairs.as_slice() {
            [(_, one)] => takes_lines(one),
            pairs => pairs.len() > 1,
        },
        _ => false,
    }
}
