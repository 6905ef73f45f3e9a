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

/// What a field of this name holds, among fields that end with one byte and have another one behind their names; empty when
/// there is none, that of the last one when there are several.
#[inline(never)]
pub(crate) fn field<'t>(text: &'t str, name: &str, (end, behind_name): (u8, u8)) -> &'t str {
    let (mut rest, mut found) = (Some(text), "");
    while let Some(text) = rest {
        let (field, after) = cut(text, end);
        rest = after;
        match cut(trimmed(field), behind_name) {
            (known, Some(value)) if known == name => found = value,
            _ => {}
        }
    }
    found
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
