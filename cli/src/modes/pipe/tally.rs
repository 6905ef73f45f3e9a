//! What is counted of a `--pipe`, and what is told of it.

use crate::modes::bar::Bar;
use crate::modes::stop::Stop;
use crate::modes::Ending;
use std::io;

const BAR: &str = "{pos} replies, {rate}, {elapsed} {msg}";
/// So many errors are shown.
const SHOWN: u64 = 10;

/// Counts replies and errors.
pub struct Tally {
    bar: Bar,
    replies: u64,
    errors: u64,
    /// Commands that were answered by nobody: they count as errors, too.
    unanswered: u64,
    /// Something ended the run before the end of the input.
    is_broken: bool,
}

impl Tally {
    pub fn new() -> Tally {
        Tally { bar: Bar::new(BAR, 0), replies: 0, errors: 0, unanswered: 0, is_broken: false }
    }

    pub fn answered(&mut self) {
        self.replies += 1;
    }

    pub fn error_reply(&mut self, line: u64, text: &str) {
        self.replies += 1;
        self.error(line, text);
    }

    pub fn unanswered(&mut self, line: u64, why: &str) {
        self.unanswered += 1;
        self.error(line, why);
    }

    fn error(&mut self, line: u64, text: &str) {
        self.errors += 1;
        if self.errors <= SHOWN {
            self.complain(&format!("line {line}: {text}"));
        } else if self.errors == SHOWN + 1 {
            self.complain("further errors are counted and not shown");
        }
    }

    /// Says why nothing more is run.
    pub fn broken(&mut self, why: &str) {
        self.is_broken = true;
        self.complain(why);
    }

    fn complain(&self, text: &str) {
        self.bar.above(|| eprintln!("{text}"));
    }

    /// Brings the bar up to date.
    pub fn show(&self) {
        self.bar.set(self.replies);
        if self.errors > 0 {
            self.bar.say(format!("errors: {}", self.errors));
        }
    }

    /// Tells all of it, in the words of redis-cli.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn end(self, stop: &Stop) -> io::Result<Ending> {
        let Tally { bar, replies, errors, unanswered, is_broken } = self;
        bar.end();
        let mut out = match (is_broken, stop.is_asked()) {
            (false, false) => {
                "All data transferred. Waiting for the last reply...\nLast reply received from server.\n".to_owned()
            }
            (false, true) => "Stopped; what was sent has its replies.\n".to_owned(),
            (true, _) => String::new(),
        };
        out += &format!("errors: {errors}, replies: {replies}");
        if unanswered > 0 {
            out += &format!(", without a reply: {unanswered}");
        }
        out.push('\n');
        bar.print(out.as_bytes())?;
        Ok(match errors > 0 || is_broken {
            _ if stop.is_asked() => Ending::Interrupted,
            true => Ending::Failed,
            false => Ending::Done,
        })
    }
}
