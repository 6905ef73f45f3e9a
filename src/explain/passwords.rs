//! Arguments that are passwords: no plan shows them.

/// What stands for a password.
const HIDDEN: &[u8] = b"(hidden)";
/// The rules of `ACL SETUSER` that are words. What is neither one of them nor begins with a sign that no password begins
/// with may be a password whose sign was forgotten.
const RULES: &[&str] = &[
    "on",
    "off",
    "nopass",
    "reset",
    "resetpass",
    "resetkeys",
    "resetchannels",
    "allkeys",
    "allchannels",
    "allcommands",
    "nocommands",
    "clearselectors",
    "sanitize-payload",
    "skip-sanitize-payload",
];

/// The words of a command with `(hidden)` in the place of each password.
#[inline]
pub(super) fn hide(words: &mut [&[u8]]) {
    let is = |at: usize, word: &str| words.get(at).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()));
    let hidden: Vec<usize> = if is(0, "ACL") && is(1, "SETUSER") {
        (3..words.len()).filter(|&at| !is_rule(words[at])).collect()
    } else if is(0, "CONFIG") && is(1, "SET") {
        (3..words.len()).step_by(2).filter(|&at| is_password_setting(words[at - 1])).collect()
    } else if is(0, "MIGRATE") {
        let auth = (6..words.len()).filter(|&at| is(at - 1, "AUTH"));
        auth.chain((7..words.len()).filter(|&at| is(at - 2, "AUTH2"))).collect()
    } else {
        Vec::new()
    };
    hidden.into_iter().for_each(|at| words[at] = HIDDEN);
}

#[inline]
fn is_rule(rule: &[u8]) -> bool {
    matches!(rule.first(), Some(b'+' | b'-' | b'~' | b'%' | b'&' | b'(' | b')'))
        || RULES.iter().any(|word| rule.eq_ignore_ascii_case(word.as_bytes()))
}

/// Such as `requirepass`, `masterauth` and `tls-key-file-pass`.
#[inline]
fn is_password_setting(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(b"pass") || name.ends_with(b"auth")
}

#[cfg(test)]
mod tests {
    #[test]
    fn passwords_and_nothing_else_are_hidden() {
        for (line, expected) in [
            (
                "ACL SETUSER bob on >s <s #s !s s ~a* +@all -get &c %R~k (~x )",
                "ACL SETUSER bob on ? ? ? ? ? ~a* +@all -get &c %R~k (~x )",
            ),
            ("acl setuser bob", "acl setuser bob"),
            ("ACL GETUSER s", "ACL GETUSER s"),
            ("CONFIG SET maxmemory 1 requirepass s MasterAuth s", "CONFIG SET maxmemory 1 requirepass ? MasterAuth ?"),
            ("CONFIG SET requirepass", "CONFIG SET requirepass"),
            ("CONFIG SET tls-key-file-pass s", "CONFIG SET tls-key-file-pass ?"),
            ("MIGRATE h 1 k 0 100 COPY AUTH s", "MIGRATE h 1 k 0 100 COPY AUTH ?"),
            ("MIGRATE h 1 k 0 100 auth2 bob s KEYS a", "MIGRATE h 1 k 0 100 auth2 bob ? KEYS a"),
            ("SET AUTH s", "SET AUTH s"),
            ("", ""),
        ] {
            let mut words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            super::hide(&mut words);
            let text = String::from_utf8(words.join(&b' ')).unwrap();
            assert_eq!(text, expected.replace('?', "(hidden)"), "{line}");
        }
    }
}
