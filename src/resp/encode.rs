//! Writing RESP into a buffer, and the numbers of the protocol.

/// Room for the decimal digits of any 64-bit number with its sign.
const DIGITS: usize = 20;

/// Writes `number` right-aligned into `room` and gives where it starts.
pub(crate) fn digits(mut number: u64, room: &mut [u8; DIGITS]) -> usize {
    let mut at = DIGITS;
    loop {
        at -= 1;
        room[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return at;
        }
    }
}

/// The head of a bulk or an aggregate: its kind and its length.
#[inline]
pub(crate) fn head(out: &mut Vec<u8>, kind: u8, length: usize) {
    match length {
        0..=9 => out.extend_from_slice(&[kind, b'0' + length as u8, b'\r', b'\n']),
        10..=99 => {
            let length = length as u8;
            out.extend_from_slice(&[kind, b'0' + length / 10, b'0' + length % 10, b'\r', b'\n']);
        }
        _ => long_head(out, kind, length),
    }
}

fn long_head(out: &mut Vec<u8>, kind: u8, length: usize) {
    let mut room = [0; DIGITS];
    let at = digits(length as u64, &mut room);
    out.push(kind);
    out.extend_from_slice(&room[at..]);
    out.extend_from_slice(b"\r\n");
}

/// A bulk string.
#[inline]
pub(crate) fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    string(out, b'$', bytes);
}

/// Any string that has its length in front.
#[inline]
pub(crate) fn string(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    // No more than is needed: what fits as it is must not be moved to where more would fit.
    out.reserve(bytes.len() + if bytes.len() < 100 { 7 } else { DIGITS + 5 });
    head(out, kind, bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// A bulk string that holds a number in decimal.
pub(crate) fn bulk_integer(out: &mut Vec<u8>, negative: bool, magnitude: u64) {
    let mut room = [0; DIGITS];
    let at = digits(magnitude, &mut room);
    head(out, b'$', DIGITS - at + usize::from(negative));
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(&room[at..]);
    out.extend_from_slice(b"\r\n");
}

/// An integer reply.
pub(crate) fn integer(out: &mut Vec<u8>, number: i64) {
    let mut room = [0; DIGITS];
    let at = digits(number.unsigned_abs(), &mut room);
    out.push(b':');
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&room[at..]);
    out.extend_from_slice(b"\r\n");
}

/// A whole number in decimal with an optional sign and nothing around it.
pub(crate) fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number: i64 = 0;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        // Counting downwards, because −2⁶³ has no positive twin.
        number = number.checked_mul(10)?.checked_sub(i64::from(byte - b'0'))?;
    }
    if negative {
        Some(number)
    } else {
        number.checked_neg()
    }
}

/// A floating point number as the servers write it: `3.14`, `1e-7`, `inf`, `-inf`, `nan`, `-nan`, `NAN`.
pub(crate) fn parse_f64(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The length of the bulk at the start of `bytes` and where its text begins, when the length has one to three digits.
#[inline]
pub(crate) fn short_bulk(bytes: &[u8]) -> Option<(usize, usize)> {
    let digit = |byte: u8| usize::from(byte - b'0');
    match *bytes {
        [b'$', a @ b'0'..=b'9', b'\r', b'\n', ..] => Some((digit(a), 4)),
        [b'$', a @ b'0'..=b'9', b @ b'0'..=b'9', b'\r', b'\n', ..] => Some((digit(a) * 10 + digit(b), 5)),
        [b'$', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b'\r', b'\n', ..] => {
            Some((digit(a) * 100 + digit(b) * 10 + digit(c), 6))
        }
        _ => None,
    }
}

/// The whole integer reply at the start of `bytes` and its size on the wire, when it has one to eighteen digits.
#[inline]
pub(crate) fn short_integer(bytes: &[u8]) -> Option<(i64, usize)> {
    let (negative, digits) = match bytes {
        [b':', b'-', digits @ ..] => (true, digits),
        [b':', digits @ ..] => (false, digits),
        _ => return None,
    };
    let mut number: i64 = 0;
    for (at, &byte) in digits.iter().take(18).enumerate() {
        match byte {
            b'0'..=b'9' => number = number * 10 + i64::from(byte - b'0'),
            b'\r' if at > 0 && digits.get(at + 1) == Some(&b'\n') => {
                return Some(if negative { (-number, at + 4) } else { (number, at + 3) });
            }
            _ => return None,
        }
    }
    None
}
