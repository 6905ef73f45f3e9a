//! Reading what is written in a line: fields, numbers. One copy each, for all that read addresses, URLs and `INFO`.

/// What stands before the first of these bytes and what stands after it, if there is any. The byte is one of ASCII.
#[inline(never)]
pub(crate) fn cut(text: &str, at: u8) -> (&str, Option<&str>) {
    for (nth, &byte) in text.as_bytes().iter().enumerate() {
        if byte == at {
            return (&text[..nth], Some(&text[nth + 1..]));
        }
    }
    (text, None)
}

/// A number from digits alone: `parse` would take a sign.
#[inline(never)]
pub(crate) fn digits(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Without white space around it.
#[inline(never)]
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim()
}
