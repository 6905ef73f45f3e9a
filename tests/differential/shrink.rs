//! The shortest sequence that still differs, and how it is written down.

use crate::commands::Command;
use crate::compare::Difference;
use std::time::{Duration, Instant};

/// A failure that waits may take long to make short: what there is then must do.
const PATIENCE: Duration = Duration::from_secs(20);

/// Leaves out commands, then arguments, then shortens arguments, for as long as the same command differs.
pub fn shrunk(
    mut script: Vec<Command>,
    mut difference: Difference,
    differs: impl Fn(&[Command]) -> Option<Difference>,
) -> (Vec<Command>, Difference) {
    let end = Instant::now() + PATIENCE;
    script.truncate(difference.after);
    let mut attempt = |script: &mut Vec<Command>, candidate: Vec<Command>| {
        let found = differs(&candidate).filter(|found| found.name == difference.name);
        let fails = found.is_some();
        if let Some(found) = found {
            *script = candidate;
            script.truncate(found.after);
            difference = found;
        }
        fails
    };
    let mut chunk = script.len().div_ceil(2);
    while chunk > 0 && Instant::now() < end {
        let mut at = 0;
        let mut changed = false;
        while at < script.len() && Instant::now() < end {
            let mut candidate = script.clone();
            candidate.drain(at..(at + chunk).min(script.len()));
            if attempt(&mut script, candidate) {
                changed = true;
            } else {
                at += chunk;
            }
        }
        if !(changed && chunk == 1) {
            chunk /= 2;
        }
    }
    let mut at = script.len();
    while at > 0 && Instant::now() < end {
        at -= 1;
        let mut count = script.get(at).map_or(0, |command| command.len() / 2);
        while count > 0 && Instant::now() < end {
            let mut word = 1;
            while at < script.len() && word < script[at].len() {
                let mut candidate = script.clone();
                let last = (word + count).min(script[at].len());
                candidate[at].drain(word..last);
                if !attempt(&mut script, candidate) {
                    word += count;
                }
            }
            count /= 2;
        }
        for word in 1..script.get(at).map_or(0, Vec::len) {
            while at < script.len() && word < script[at].len() && script[at][word].len() > 16 {
                let mut candidate = script.clone();
                let length = script[at][word].len() / 2;
                candidate[at][word].truncate(length);
                if !attempt(&mut script, candidate) {
                    break;
                }
            }
        }
    }
    (script, difference)
}

/// A command as redis-cli and the command line of this library read it.
pub fn quoted(command: &[Vec<u8>]) -> String {
    command.iter().map(|word| quoted_word(word)).collect::<Vec<_>>().join(" ")
}

pub fn quoted_word(word: &[u8]) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if !word.is_empty() && word.iter().all(is_plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    let mut text = String::from("\"");
    for &byte in word {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}
