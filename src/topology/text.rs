//! Reading what is written in a line: fields, numbers. One copy each, for all that read addresses, URLs and `INFO`.

/// What stands before the first of these bytes and what stands after it, if there is any. The byte is one of ASCII.
#[inline(never)]
pub(crate) fn cut(text: &str, at: u8) -> (&str, Option<&str>) {
    for (nth, &byte) in text.as_bytes().iter().enumerate() {
        if byte == at {
            return (text.get(..nth).unwrap_or_default(), text.get(nth + 1..));
        }
    }
    (text, None)
}

/// Reads fields that end with one byte and have another one behind their names, in one pass: `each` gets the name and the value
/// of each.
#[inline(never)]
pub(crate) fn fields<'t>(text: &'t str, (end, behind_name): (u8, u8), each: &mut dyn FnMut(&str, &'t str)) {
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (field, after) = cut(text, end);
        rest = after;
        if let (name, Some(value)) = cut(trimmed(field), behind_name) {
            each(name, value);
        }
    }
}

/// A number from digits alone: `parse` would take a sign.
#[inline(never)]
pub(crate) fn digits(text: &str) -> Option<u64> {
    let mut number: Option<u64> = None;
    for byte in text.bytes() {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(digit))?);
    }
    number
}

/// Without white space around it.
#[inline(never)]
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim()
}
