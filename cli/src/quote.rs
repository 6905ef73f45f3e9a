//! Words in quotes: taking a line apart as redis-cli does, and writing bytes so that they can be read.

/// Takes a line apart into words; `None` when a quote is not closed, or is closed in the middle of a word.
///
/// In double quotes `\n`, `\r`, `\t`, `\b`, `\a` and `\xHH` have their meanings and a backslash before anything
/// else is dropped; in single quotes only `\'` is special. A quote may begin inside a word, but it must end the
/// word. Outside of quotes a backslash is an ordinary byte.
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = match rest.iter().position(|&byte| !is_space(byte)) {
            Some(start) => &rest[start..],
            None => return Some(words),
        };
        let (word, after) = word(rest)?;
        words.push(word);
        rest = after;
    }
}

/// The word at the start of `bytes`, and what comes behind it.
fn word(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => break,
            b'"' | b'\'' => {
                let after = if byte == b'"' { double(after, &mut word)? } else { single(after, &mut word)? };
                return match after.first() {
                    Some(&next) if !is_space(next) => None,
                    _ => Some((word, after)),
                };
            }
            _ => word.push(byte),
        }
        rest = after;
    }
    Some((word, rest))
}

/// What comes behind the closing double quote.
fn double<'a>(bytes: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] => return None,
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                word.push(hexadecimal(*high) << 4 | hexadecimal(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        }
    }
}

/// What comes behind the closing single quote.
fn single<'a>(bytes: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] => return None,
            [b'\'', after @ ..] => return Some(after),
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        }
    }
}

fn hexadecimal(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// White space as C has it: with the vertical tab and the form feed.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Appends bytes in double quotes, whatever is not printable ASCII as an escape that [`split`] understands.
pub fn quote(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
    out.push(b'"');
}

/// A name as it is, or in quotes where it would not be readable or drive a terminal.
pub fn shown(name: &[u8]) -> String {
    match std::str::from_utf8(name) {
        Ok(text) if !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'!'..=b'~')) => text.to_owned(),
        _ => {
            let mut quoted = Vec::new();
            quote(name, &mut quoted);
            String::from_utf8_lossy(&quoted).into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let text = |word| String::from_utf8(word).expect("the tests use text only");
        Some(split(line.as_bytes())?.into_iter().map(text).collect())
    }

    #[test]
    fn plain_words() {
        assert_eq!(words("").unwrap(), [""; 0]);
        assert_eq!(words(" \t\r\x0b\x0c").unwrap(), [""; 0]);
        assert_eq!(words("  set  foo\tbar\r").unwrap(), ["set", "foo", "bar"]);
        assert_eq!(words(r"a\x41\n b\").unwrap(), [r"a\x41\n", r"b\"]);
        assert_eq!(words("a\x0bb").unwrap(), ["a\x0bb"], "only spaces, tabs and line ends part words");
        assert_eq!(words("a\0b").unwrap(), ["a\0b"]);
    }

    #[test]
    fn double_quotes() {
        assert_eq!(words(r#""" "a b" c"d e""#).unwrap(), ["", "a b", "cd e"]);
        assert_eq!(words(r#""\x41\x6a\n\r\t\b\a\\\"\q\'""#).unwrap(), ["Aj\n\r\t\u{8}\u{7}\\\"q'"]);
        assert_eq!(words(r#""\x4 \xZZ \x""#).unwrap(), ["x4 xZZ x"], "not two digits: no escape");
        assert_eq!(split(br#""\xff\x00""#).unwrap(), [[0xff, 0]]);
    }

    #[test]
    fn single_quotes() {
        assert_eq!(words(r"'a b' c'd e' ''").unwrap(), ["a b", "cd e", ""]);
        assert_eq!(words(r#"'\x41\n\'"\\\'\ '"#).unwrap(), [r#"\x41\n'"\\'\ "#]);
    }

    #[test]
    fn quotes_that_do_not_fit() {
        for line in
            [r#"""#, r#"a "b"#, r#""a"b"#, r#""a""b""#, "'", "'a'b", r"'a\'", r"'a\\'", r#""a\""#, r#""a\"#, r#""\x4"#]
        {
            assert_eq!(words(line), None, "{line}");
        }
    }

    #[test]
    fn every_byte_survives_quoting() {
        let all: Vec<u8> = (0..=255).collect();
        let mut quoted = Vec::new();
        quote(&all, &mut quoted);
        assert!(quoted.iter().all(|byte| matches!(byte, b' '..=b'~')));
        assert_eq!(split(&quoted).unwrap(), [all]);
    }
}
