//! Weights that elements are sorted by: texts that are numbers, or not.

/// A weight as a number, and whether every server reads it so.
pub(super) struct Weight<'w> {
    text: &'w [u8],
    number: Option<f64>,
    is_certain: bool,
}

/// Nearer to zero servers differ: to some a number that cannot be told exactly any more is an error.
const SMALL: f64 = 1e-300;
/// No number that a program writes is longer.
const LONG: usize = 64;

impl<'w> Weight<'w> {
    #[inline]
    pub(super) fn of(text: &'w [u8]) -> Weight<'w> {
        let number = decimal(text);
        let is_zero = || text.iter().take_while(|byte| !byte.eq_ignore_ascii_case(&b'e')).all(|b| b"+-.0".contains(b));
        let is_named = || text.ends_with(b"f") || text.ends_with(b"F") || text.ends_with(b"y") || text.ends_with(b"Y");
        let is_certain = text.len() <= LONG
            && number.is_some_and(|number| match number.abs() {
                size if size.is_infinite() => is_named(),
                size => size >= SMALL || is_zero(),
            });
        Weight { text, number: number.or_else(|| as_c_reads(text)), is_certain }
    }

    /// The text, when servers may differ about it.
    #[inline]
    pub(super) fn doubtful(&self) -> Option<&'w [u8]> {
        (!self.is_certain).then_some(self.text)
    }

    /// The number, in the meaning of a server that takes it for one.
    #[inline]
    pub(super) fn number(&self) -> Option<f64> {
        self.number
    }
}

/// A decimal number or infinity, and nothing else.
#[inline]
fn decimal(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok().filter(|number: &f64| !number.is_nan())
}

/// What `strtod` of C makes of it: it ends at a NUL, white space in front does not count, nothing is zero.
#[inline]
fn as_c_reads(text: &[u8]) -> Option<f64> {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    let white = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    match &text[white..] {
        [] => Some(0.0),
        text => decimal(text).or_else(|| hexadecimal(text)),
    }
}

/// Such as `-0x1.8p3`. `None` as well for more digits than a number holds.
#[inline]
fn hexadecimal(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.to_ascii_lowercase();
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1.0, text),
        None => (1.0, text.strip_prefix('+').unwrap_or(&text)),
    };
    let text = text.strip_prefix("0x")?;
    let (digits, exponent) = match text.split_once('p') {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    // 13 digits are 52 bits, which a number holds exactly.
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_hexdigit()) || all.trim_start_matches('0').len() > 13 {
        return None;
    }
    let mantissa =
        all.bytes().fold(0u64, |sum, digit| sum * 16 + u64::from(char::from(digit).to_digit(16).unwrap_or(0)));
    let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    // In two steps, because the factor alone may be beyond what a number can be.
    let half = exponent / 2;
    Some(sign * mantissa as f64 * 2f64.powi(half) * 2f64.powi(exponent - half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_servers_read_alike() {
        for (text, number) in [
            ("0", 0.0),
            ("-0", 0.0),
            ("+5", 5.0),
            ("5.", 5.0),
            (".5", 0.5),
            ("-1.5e3", -1500.0),
            ("0.000e99999", 0.0),
            ("1e308", 1e308),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            let weight = Weight::of(text.as_bytes());
            assert_eq!((weight.number(), weight.doubtful()), (Some(number), None), "{text}");
        }
    }

    #[test]
    fn what_a_server_decides() {
        for (text, number) in [
            ("", Some(0.0)),
            (" 1", Some(1.0)),
            ("\t\x0b-2", Some(-2.0)),
            ("1\0x", Some(1.0)),
            ("0x10", Some(16.0)),
            ("-0X1.8p1", Some(-3.0)),
            ("0x.8", Some(0.5)),
            ("0x1p-1074", Some(5e-324)),
            ("0x1p1023", Some(2f64.powi(1023))),
            ("1e400", Some(f64::INFINITY)),
            ("1e-400", Some(0.0)),
            ("1e-310", Some(1e-310)),
            ("0x123456789abcdef", None),
            ("nan", None),
            ("1 ", None),
            ("x", None),
            ("0x", None),
            ("0x1p", None),
            ("++1", None),
            ("1e", None),
            ("\u{e9}", None),
        ] {
            let weight = Weight::of(text.as_bytes());
            assert_eq!((weight.number(), weight.doubtful()), (number, Some(text.as_bytes())), "{text:?}");
        }
        let long = "1".repeat(100);
        assert!(Weight::of(long.as_bytes()).doubtful().is_some());
    }
}
