//! Writing RESP into a buffer, and the numbers of the protocol.

/// Room for the decimal digits of any 64-bit number with its sign.
const DIGITS: usize = 20;

/// Writes `number` right-aligned into `room`, which holds its digits, and gives where it starts.
// A slice, because of an array the compiler knows how often the loop runs at most, and writes it out so often.
#[inline(never)]
pub(crate) fn digits(mut number: u64, room: &mut [u8]) -> usize {
    let mut at = room.len();
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
    line(out, &[kind], length as u64);
}

/// A line that is a number behind what begins it.
#[inline(never)]
fn line(out: &mut Vec<u8>, begin: &[u8], number: u64) {
    let mut room = [0; DIGITS];
    let at = digits(number, &mut room);
    out.reserve(begin.len() + DIGITS + 2);
    out.extend_from_slice(begin);
    out.extend_from_slice(&room[at..]);
    out.extend_from_slice(b"\r\n");
}

/// A bulk string.
#[inline]
pub(crate) fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    string(out, b'$', bytes);
}

/// Any string that has its length in front.
#[inline(never)]
pub(crate) fn string(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    string_here(out, kind, bytes);
}

/// The same where nearly all strings are written.
#[inline(always)]
pub(crate) fn string_here(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    match bytes.len() {
        // It nearly always fits.
        0..=9 => {}
        // No more than is needed: what fits as it is must not be moved to where more would fit.
        length @ 10..=99 => out.reserve(length + 7),
        length => out.reserve(length + DIGITS + 5),
    }
    head(out, kind, bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// A bulk string that holds a number in decimal; gives the length of that.
pub(crate) fn bulk_integer(out: &mut Vec<u8>, negative: bool, magnitude: u64) -> usize {
    let mut room = [0; DIGITS];
    let at = digits(magnitude, &mut room);
    let length = DIGITS - at + usize::from(negative);
    head(out, b'$', length);
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(&room[at..]);
    out.extend_from_slice(b"\r\n");
    length
}

/// An integer reply.
pub(crate) fn integer(out: &mut Vec<u8>, number: i64) {
    line(out, if number < 0 { b":-" } else { b":" }, number.unsigned_abs());
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

/// Whether [`parse_f64`] takes a text. It is not asked itself, because its tables are 20 KB, for which only those shall pay
/// that want a number.
pub(crate) fn is_f64(text: &[u8]) -> bool {
    let unsigned = match text {
        [b'+' | b'-', rest @ ..] => rest,
        all => all,
    };
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(unsigned);
    let (mut has_digits, mut rest) = (whole > 0, unsigned.get(whole..).unwrap_or_default());
    if let [b'.', fraction @ ..] = rest {
        let count = digits(fraction);
        (has_digits, rest) = (has_digits || count > 0, fraction.get(count..).unwrap_or_default());
    }
    if !has_digits {
        return [&b"inf"[..], b"infinity", b"nan"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
    }
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        _ => false,
    }
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

/// What a short integer is less than.
const MOST_SHORT: i64 = 100_000_000_000_000_000;

/// As many digits are looked at, zeros in front of a number among them.
const MOST_DIGITS: usize = 18;

/// The whole integer reply at the start of `bytes` and its size on the wire, when it is less than that.
#[inline]
pub(crate) fn short_integer(bytes: &[u8]) -> Option<(i64, usize)> {
    let (negative, digits) = match bytes {
        [b':', b'-', digits @ ..] => (true, digits),
        [b':', digits @ ..] => (false, digits),
        _ => return None,
    };
    let (mut number, mut at) = (0_i64, 0);
    // No digit more than fits for certain, and no zeros without end: these bytes are looked at anew when more have come.
    while number < MOST_SHORT && at < MOST_DIGITS {
        match *digits.get(at)? {
            byte @ b'0'..=b'9' => number = number * 10 + i64::from(byte - b'0'),
            b'\r' if at > 0 && digits.get(at + 1) == Some(&b'\n') => {
                return Some(if negative { (-number, at + 4) } else { (number, at + 3) });
            }
            _ => return None,
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_integers_are_those_that_any_integer_is() {
        for text in
            ["0", "-1", "007", "99999999999999999", "-99999999999999999", "100000000000000000", "9223372036854775807"]
        {
            let reply = format!(":{text}\r\n:8\r\n");
            let found = short_integer(reply.as_bytes());
            let any = parse_i64(text.as_bytes()).map(|number| (number, text.len() + 3));
            assert!(found == any || (found.is_none() && text.len() > 17), "{text}: {found:?}");
        }
        for reply in [":", ":-", ":1", ":1\r", ":\r\n", ":-\r\n", ":1\n", ":1\rx", ":+1\r\n", ":1x\r\n", "$1\r\n"] {
            assert_eq!(short_integer(reply.as_bytes()), None, "{reply:?}");
        }
        assert_eq!(short_integer(format!(":{}7\r\n", "0".repeat(17)).as_bytes()), None, "too many zeros");
    }

    #[test]
    fn what_is_a_floating_point_number_is_what_std_parses() {
        let mut texts: Vec<String> =
            ["", "infinity", "INFINITY", "-Infinity", "+nan", "nano", "infinit", "1e-7", "3.14"]
                .map(str::to_owned)
                .to_vec();
        // Every text of up to five of these.
        for length in 0..=5_u32 {
            texts.extend((0..9_u32.pow(length)).map(|number| {
                (0..length).map(|at| char::from(b"+-.eE05ix"[(number / 9_u32.pow(at) % 9) as usize])).collect()
            }));
        }
        for word in ["inf", "nan", "INF", "NaN"] {
            texts.extend(["", "+", "-", "--", " ", "0", "."].map(|before| format!("{before}{word}")));
            texts.extend(["+", "0", ".", "e1", " "].map(|after| format!("{word}{after}")));
        }
        for text in texts {
            assert_eq!(is_f64(text.as_bytes()), parse_f64(text.as_bytes()).is_some(), "{text:?}");
        }
        assert!(!is_f64(b"\xff") && !is_f64(b"1\xff") && !is_f64(b"1e\xff"));
    }

    #[test]
    fn numbers_are_written_as_std_writes_them() {
        for number in [0, 9, 10, 99, 100, -1, -10, i64::MAX, i64::MIN] {
            let (mut reply, mut argument) = (Vec::new(), Vec::new());
            integer(&mut reply, number);
            bulk_integer(&mut argument, number < 0, number.unsigned_abs());
            let text = number.to_string();
            assert_eq!(reply, format!(":{text}\r\n").into_bytes());
            assert_eq!(argument, format!("${}\r\n{text}\r\n", text.len()).into_bytes());
        }
        for length in [0, 9, 10, 99, 100, usize::MAX] {
            let mut out = Vec::new();
            head(&mut out, b'*', length);
            assert_eq!(out, format!("*{length}\r\n").into_bytes());
        }
    }
}
