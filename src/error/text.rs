//! Text of servers and callers in errors: printable, of bounded length, without passwords.

use std::borrow::Cow;

/// How servers begin what they say of a rule for a user, which they repeat then.
const RULE: &[u8] = b"ERR Error in ACL SETUSER modifier '";

/// Bytes from a server or a caller as printable text of at most `most` bytes of input.
pub(crate) fn escape(bytes: &[u8], most: usize) -> String {
    let mut cut = bytes.len().min(most);
    while cut < bytes.len() && cut > 0 && (bytes[cut] & 0xc0) == 0x80 {
        cut -= 1;
    }
    let mut out = String::with_capacity(cut);
    for character in String::from_utf8_lossy(&bytes[..cut]).chars() {
        // Control characters could drive a terminal; so could the ones that reorder text.
        if character.is_control()
            || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    if cut < bytes.len() {
        out.push_str("...");
    }
    out
}

/// What a server said of a rule for a user without the rule, unless its first sign says that it is no password.
pub(super) fn without_password(text: &[u8]) -> Cow<'_, [u8]> {
    match text.strip_prefix(RULE) {
        Some(rest) if !matches!(rest.first(), Some(b'+' | b'-' | b'~' | b'%' | b'&' | b'(')) => {
            let reason = rest.windows(3).rposition(|end| end == b"': ").map_or(&b"'"[..], |at| &rest[at..]);
            let mut shown = RULE.to_vec();
            shown.extend_from_slice(b"(hidden)");
            shown.extend_from_slice(reason);
            shown.into()
        }
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(escape("ab\u{e9}".as_bytes(), 3), "ab...");
    }
}
