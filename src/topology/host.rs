//! What may stand for a host in an address.

/// Whether this may be the name of a host, or an IPv4 address. Names may hold letters of any language.
pub(super) fn is_name(host: &str) -> bool {
    let is_of_a_name = |c: char| match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'),
        false => !c.is_whitespace() && !c.is_control(),
    };
    !host.is_empty() && host.chars().all(is_of_a_name)
}

/// Whether this is an IPv6 address: eight groups of up to four hexadecimal digits, of which `::` may stand for some zeros,
/// and an IPv4 address for the last two.
pub(super) fn is_v6(host: &str) -> bool {
    let is_v4 = |text: &str| {
        let is_byte = |part: &str| part.bytes().all(|b| b.is_ascii_digit()) && part.parse::<u8>().is_ok();
        text.split('.').count() == 4 && text.split('.').all(is_byte)
    };
    // How many groups there are, where all of them are good.
    let groups = |text: &str, may_end_in_v4: bool| -> Option<usize> {
        if text.is_empty() {
            return Some(0);
        }
        let is_group = |part: &str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
        let (front, last) = text.rsplit_once(':').map_or((None, text), |(front, last)| (Some(front), last));
        let last = if may_end_in_v4 && is_v4(last) { 2 } else { usize::from(is_group(last)) };
        let front = front.map_or(Some(0), |front| front.split(':').all(is_group).then(|| front.split(':').count()));
        front.filter(|_| last > 0).map(|front| front + last)
    };
    match host.split_once("::") {
        None => groups(host, true) == Some(8),
        Some((front, back)) => match (groups(front, false), groups(back, true)) {
            (Some(front), Some(back)) => front + back < 8,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::Address;

    #[test]
    fn what_is_an_address() {
        for (text, shown) in [
            ("h", "h:6379"),
            ("redis_1.example-2.org:1", "redis_1.example-2.org:1"),
            ("b\u{fc}ro:65535", "b\u{fc}ro:65535"),
            ("10.0.0.1:007", "10.0.0.1:7"),
            ("::", "[::]:6379"),
            ("[::1]:1", "[::1]:1"),
            ("1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:6379"),
            ("[fe80::a:B]", "[fe80::a:B]:6379"),
            ("[::ffff:10.0.0.1]:2", "[::ffff:10.0.0.1]:2"),
            ("[1:2:3:4:5:6:10.0.0.1]:2", "[1:2:3:4:5:6:10.0.0.1]:2"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            ":1",
            "h:",
            "h:+1",
            "h:-1",
            "h: 1",
            "h:1 ",
            "h:0",
            "h:65536",
            "h:0x1",
            "h:1:2",
            "a:b:1",
            "=b:1",
            "a=b",
            "h%41",
            "h,i",
            "h i",
            "h@i",
            "h/i",
            "h?i",
            "h#i",
            "h\\i",
            "[h]:1",
            "[10.0.0.1]:1",
            "[]:1",
            "[:]:1",
            "[::1",
            "[::1]1",
            "[::1]:",
            "[::1]:+1",
            "::1]",
            ":",
            ":::",
            "1::2::3",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7:8::",
            "12345::",
            "g::",
            "::10.0.0",
            "::10.0.0.256",
            "::+1",
            "::10.0.0.+1",
            "10.0.0.1::",
            "1:2:3:4:5:6:7:10.0.0.1",
        ] {
            let parsed = Address::parse(text);
            assert!(parsed.is_err(), "{text}: {parsed:?}");
        }
    }
}
