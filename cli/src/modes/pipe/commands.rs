//! Commands out of a stream of bytes: one a line, quoted as in a script, or as RESP, and both mixed.

use crate::quote::split;

/// The longest inline command, and the longest number of RESP. Servers take no longer ones.
const LONGEST_LINE: usize = 64 << 10;
/// The most words of one command, and the longest of them, that servers take.
const MOST_WORDS: usize = 1 << 20;
const LONGEST_WORD: usize = 512 << 20;

/// A command and the line in which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    pub line: u64,
    pub words: Vec<Vec<u8>>,
}

/// Why the rest of the input cannot be understood, and from which line on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub line: u64,
    pub why: String,
}

/// What has come and was not understood yet.
#[derive(Default)]
pub struct Commands {
    bytes: Vec<u8>,
    at: usize,
    /// Line ends before `at`.
    lines: u64,
    /// With so many bytes behind `at` it is worth looking again.
    needed: usize,
}

impl Commands {
    /// Says that nothing more comes. A last line may lack its end.
    pub fn end(&mut self) {
        if self.bytes.get(self.at) != Some(&b'*') {
            self.feed(b"\n");
        }
    }

    /// Adds what came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether everything was given out.
    pub fn is_empty(&self) -> bool {
        self.bytes[self.at..].iter().all(u8::is_ascii_whitespace)
    }

    /// The line in which what comes next begins.
    pub fn line(&self) -> u64 {
        self.lines + 1
    }

    /// The next command that has come whole.
    ///
    /// # Errors
    /// That there is none and never will be.
    pub fn next(&mut self) -> Result<Option<Numbered>, Mistake> {
        loop {
            let rest = &self.bytes[self.at..];
            if rest.len() < self.needed.max(1) {
                return Ok(None);
            }
            let line = self.line();
            let mistake = |why: &str| Mistake { line, why: why.to_owned() };
            let found = match rest[0] {
                b'*' => resp(rest).map_err(&mistake)?,
                _ => inline(rest).map_err(mistake)?,
            };
            match found {
                Found::Command { length, words } => {
                    self.lines += rest[..length].iter().filter(|&&byte| byte == b'\n').count() as u64;
                    self.at += length;
                    self.needed = 0;
                    if !words.is_empty() {
                        return Ok(Some(Numbered { line, words }));
                    }
                }
                Found::Missing(needed) => {
                    self.needed = needed;
                    return Ok(None);
                }
            }
        }
    }
}

enum Found {
    Command {
        length: usize,
        words: Vec<Vec<u8>>,
    },
    /// It is not whole before there are so many bytes.
    Missing(usize),
}

fn inline(bytes: &[u8]) -> Result<Found, &'static str> {
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
        return match bytes.len() > LONGEST_LINE {
            true => Err("too big inline request"),
            false => Ok(Found::Missing(bytes.len() + 1)),
        };
    };
    let words = split(&bytes[..end]).ok_or("unbalanced quotes in request")?;
    Ok(Found::Command { length: end + 1, words })
}

fn resp(bytes: &[u8]) -> Result<Found, &'static str> {
    let Some((count, mut at)) = number(bytes, 0, "invalid multibulk length")? else {
        return Ok(Found::Missing(bytes.len() + 1));
    };
    if count > MOST_WORDS {
        return Err("invalid multibulk length");
    }
    let mut words = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        match bytes.get(at) {
            None => return Ok(Found::Missing(at + 1)),
            Some(b'$') => {}
            Some(_) => return Err("expected '$'"),
        }
        let Some((length, begin)) = number(bytes, at, "invalid bulk length")? else {
            return Ok(Found::Missing(bytes.len() + 1));
        };
        if length > LONGEST_WORD {
            return Err("invalid bulk length");
        }
        // As servers do, what ends a word is not looked at.
        if bytes.len() < begin + length + 2 {
            return Ok(Found::Missing(begin + length + 2));
        }
        words.push(bytes[begin..begin + length].to_vec());
        at = begin + length + 2;
    }
    Ok(Found::Command { length: at, words })
}

/// The number behind the byte at `at`, and where the next line begins; `None` when it has not come whole.
fn number(bytes: &[u8], at: usize, mistake: &'static str) -> Result<Option<(usize, usize)>, &'static str> {
    let rest = &bytes[at + 1..];
    let Some(end) = rest.iter().take(LONGEST_LINE).position(|&byte| byte == b'\r') else {
        return if rest.len() >= LONGEST_LINE { Err(mistake) } else { Ok(None) };
    };
    if rest.len() < end + 2 {
        return Ok(None);
    }
    let text = std::str::from_utf8(&rest[..end]).map_err(|_| mistake)?;
    let number: i64 = text.parse().map_err(|_| mistake)?;
    // Servers pass over a command of -1 words.
    let number = usize::try_from(number).unwrap_or(if bytes[at] == b'*' { 0 } else { usize::MAX });
    Ok(Some((number, at + 1 + end + 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All commands of an input that comes in pieces of this size.
    fn read(input: &[u8], piece: usize) -> (Vec<(u64, String)>, Option<Mistake>) {
        let mut commands = Commands::default();
        let mut found = Vec::new();
        for bytes in input.chunks(piece) {
            commands.feed(bytes);
            loop {
                match commands.next() {
                    Ok(Some(command)) => {
                        let words: Vec<_> = command.words.iter().map(|word| String::from_utf8_lossy(word)).collect();
                        found.push((command.line, words.join("|")));
                    }
                    Ok(None) => break,
                    Err(mistake) => return (found, Some(mistake)),
                }
            }
        }
        (found, None)
    }

    #[test]
    fn lines_and_resp_in_any_pieces() {
        let input =
            b"SET a 1\r\n\n  \nset \"b c\" '2'\n*3\r\n$3\r\nSET\r\n$3\r\nx\ny\r\n$0\r\n\r\n*0\r\n*-1\r\nGET a\n";
        let wanted = [(1, "SET|a|1"), (4, "set|b c|2"), (5, "SET|x\ny|"), (15, "GET|a")];
        let wanted = wanted.map(|(line, words)| (line, words.to_owned()));
        for piece in 1..=input.len() {
            assert_eq!(read(input, piece), (wanted.to_vec(), None), "pieces of {piece}");
        }
    }

    #[test]
    fn what_is_no_command() {
        for (input, line, why) in [
            (&b"GET a\nSET \"b\n"[..], 2, "unbalanced quotes in request"),
            (b"*1\r\n+PING\r\n", 1, "expected '$'"),
            (b"\n*x\r\n", 2, "invalid multibulk length"),
            (b"*1\r\n$-1\r\n", 1, "invalid bulk length"),
            (b"*99999999\r\n", 1, "invalid multibulk length"),
            (b"*1\r\n$999999999999\r\n", 1, "invalid bulk length"),
        ] {
            assert_eq!(read(input, 1).1, Some(Mistake { line, why: why.to_owned() }));
        }
        assert_eq!(read(&[b'a'; LONGEST_LINE + 2], 4096).1.unwrap().why, "too big inline request");
    }
}
