//! How long a command may wait for data, as its arguments say it.

use crate::command::{Args, Spec, StreamWords, WaitArgument};
use std::time::Duration;

/// How long a server may take before it answers, on top of what any answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    None,
    AtMost(Duration),
    Forever,
}

/// The most seconds that every server takes: a little less than what fills its clock.
const MOST_SECONDS: f64 = 9_223_370_000_000_000.0;

impl Wait {
    /// Of seconds as servers read them, which is by `strtold`: also hexadecimal ones. `None` for what they refuse, and for
    /// what only they can tell.
    fn of_seconds(text: &[u8]) -> Option<Wait> {
        let text = std::str::from_utf8(text).ok()?;
        let is_hexadecimal =
            text.trim_start_matches(['+', '-']).get(..2).is_some_and(|zero| matches!(zero, "0x" | "0X"));
        let (seconds, exponent) = match is_hexadecimal {
            true => (hexadecimal(text)?, ['p', 'P']),
            false => (text.parse().ok()?, ['e', 'E']),
        };
        let digits = text.split(exponent).next().unwrap_or_default();
        let is_zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'x' | b'X' | b'+' | b'-'));
        match seconds {
            // Servers have smaller numbers than this one could be.
            seconds if seconds == 0.0 && !is_zero => None,
            // They count in milliseconds, and round upwards.
            seconds if seconds > -0.001 && seconds <= 0.0 => Some(Wait::Forever),
            seconds if seconds > 0.0 && seconds <= MOST_SECONDS => {
                Duration::try_from_secs_f64(seconds).ok().map(Wait::AtMost)
            }
            _ => None,
        }
    }

    /// Of milliseconds as servers read them: digits and nothing else. `None` for what they refuse.
    pub(crate) fn of_millis(text: &[u8]) -> Option<Wait> {
        let millis: u64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        match millis {
            _ if millis.to_string().as_bytes() != text || i64::try_from(millis).is_err() => None,
            0 => Some(Wait::Forever),
            millis => Some(Wait::AtMost(Duration::from_millis(millis))),
        }
    }

    /// One wait and then another.
    pub(crate) fn and(self, other: Wait) -> Wait {
        match (self, other) {
            (Wait::None, one) | (one, Wait::None) => one,
            (Wait::AtMost(one), Wait::AtMost(other)) => Wait::AtMost(one.saturating_add(other)),
            _ => Wait::Forever,
        }
    }
}

/// Reads how long a command of a row may wait.
pub(crate) type WaitOf = fn(&Args, &Spec) -> Wait;

/// What reads that of the arguments of a row; `None` for a row that never waits.
pub(crate) const fn wait_of(argument: WaitArgument) -> Option<WaitOf> {
    match argument {
        WaitArgument::None => None,
        WaitArgument::FirstSeconds => {
            Some(|args, spec| unless_refused(args, spec, |args| Wait::of_seconds(args.get(1)?)))
        }
        WaitArgument::LastSeconds => Some(|args, spec| {
            unless_refused(args, spec, |args| Wait::of_seconds(args.get(args.len().checked_sub(1)?)?))
        }),
        WaitArgument::BlockMillis => Some(|args, spec| {
            // The last one counts, as on a server.
            unless_refused(args, spec, |args| Wait::of_millis(args.get(*StreamWords::of(args)?.blocks.last()?)?))
        }),
    }
}

/// What a server refuses it refuses at once.
fn unless_refused(args: &Args, spec: &Spec, wait: fn(&Args) -> Option<Wait>) -> Wait {
    match spec.is_refused_for_its_keys(args, Spec::key_positions) {
        true => Wait::None,
        false => wait(args).unwrap_or(Wait::None),
    }
}

/// A hexadecimal number as C reads it, such as `0x1.8p-3`.
fn hexadecimal(text: &str) -> Option<f64> {
    let (is_negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))?;
    let (digits, exponent) = match digits.split_once(['p', 'P']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut number = 0.0;
    for digit in whole.chars().chain(part.chars()) {
        number = number * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let exponent = exponent.checked_sub(i32::try_from(part.len()).ok()?.checked_mul(4)?)?;
    let number = number * 2f64.powi(exponent);
    Some(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::cmd;

    #[test]
    fn waits() {
        let seconds = |seconds| Wait::AtMost(Duration::from_secs_f64(seconds));
        for (line, wait) in [
            ("GET BLOCK", Wait::None),
            ("BLPOP a b 1.5", seconds(1.5)),
            ("BLPOP a b 0", Wait::Forever),
            ("BLPOP a b x", Wait::None),
            ("BLPOP a b -1", Wait::None),
            ("BLPOP a b 1e300", Wait::None),
            ("BLPOP a b 9e15", seconds(9e15)),
            ("BLPOP a b 1e16", Wait::None),
            ("BLPOP a b inf", Wait::None),
            ("BLPOP a b nan", Wait::None),
            ("BLPOP a b -0", Wait::Forever),
            ("BLPOP a b -0.0001", Wait::Forever),
            ("BLPOP a b -0.001", Wait::None),
            // Zero here, and on a server less than a millisecond.
            ("BLPOP a b 1e-400", Wait::None),
            ("BLPOP a b 0e-400", Wait::Forever),
            ("BLPOP a b +1.", seconds(1.0)),
            ("BLPOP a b 0x10", seconds(16.0)),
            ("BLPOP a b 0X1P3", seconds(8.0)),
            ("BLPOP a b +0x1p-4", seconds(0.0625)),
            ("BLPOP a b 0x.8", seconds(0.5)),
            ("BLPOP a b 0xa.8p1", seconds(21.0)),
            ("BLPOP a b 0x0p9", Wait::Forever),
            ("BLPOP a b -0x10", Wait::None),
            ("BLPOP a b 0x", Wait::None),
            ("BLPOP a b 0x.", Wait::None),
            ("BLPOP a b 0x1p", Wait::None),
            ("BLPOP a b 0x1p+", Wait::None),
            ("BLPOP a b 0x1p60", Wait::None),
            ("BLPOP a b +-0x1", Wait::None),
            ("BLPOP a b 1_0", Wait::None),
            ("XREAD BLOCK +5 STREAMS a 0", Wait::None),
            ("XREAD BLOCK 1.5 STREAMS a 0", Wait::None),
            ("XREAD BLOCK 0 STREAMS a 0", Wait::Forever),
            ("XREAD BLOCK 9223372036854775808 STREAMS a 0", Wait::None),
            ("BLMPOP 2 1 a LEFT", seconds(2.0)),
            ("BLMPOP 2 9 a LEFT", Wait::None),
            ("XREAD COUNT 1 BLOCK 1500 STREAMS a 0", seconds(1.5)),
            ("XREAD BLOCK 1500 BLOCK 500 STREAMS a 0", seconds(0.5)),
            ("XREAD STREAMS BLOCK 0", Wait::None),
            ("XREADGROUP GROUP BLOCK 5 STREAMS a >", Wait::None),
            ("XREADGROUP GROUP streams BLOCK BLOCK 0 STREAMS a >", Wait::Forever),
        ] {
            let mut words = line.split(' ');
            let cmd = cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>());
            assert_eq!(cmd.row(&[]).unwrap().wait(cmd.args()), wait, "{line}");
        }
    }
}
