//! What one node gets of a pipeline. Pure.

use super::node_replies::NodeReplies;
use crate::cmd::Cmd;
use crate::command::Access;
use crate::error::{Error, Outcome, OwnWords};
use crate::execute::RowRef;

/// The requests of one node in order, in the bytes that go over the wire.
#[derive(Debug, Default)]
pub(super) struct NodeBatch {
    pub(super) bytes: Vec<u8>,
    requests: Vec<Request>,
    /// Some request must go to the master.
    pub(super) needs_master: bool,
    /// Some request must not be sent a second time.
    pub(super) writes: bool,
}

/// One request of a batch.
#[derive(Debug, Clone, Copy)]
struct Request {
    /// Where its bytes end.
    end: usize,
    about: About,
}

/// What has to be known of a command to say what became of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) is_read: bool,
    /// What a script that it runs may say in its own name.
    pub(super) script: Option<OwnWords>,
}

impl About {
    #[inline]
    pub(super) fn of(cmd: &Cmd, row: RowRef) -> About {
        About { is_read: row.spec.access == Access::Read, script: row.own_words(cmd.args()) }
    }

    /// The error with which its server answered, with the outcome that it has for this command.
    #[inline]
    pub(super) fn with_outcome(&self, error: Error) -> Error {
        match self.script {
            Some(own) => error.of_a_script(own),
            None => error,
        }
    }
}

/// As many bytes of a batch are room for the next one.
const MOST_ROOM: usize = 64 << 10;
/// And as many requests.
const MOST_REQUESTS: usize = 1_000;

impl NodeBatch {
    /// An empty one with room for as much, within reason.
    #[inline]
    pub(super) fn with_room_of(other: &NodeBatch) -> NodeBatch {
        NodeBatch {
            bytes: Vec::with_capacity(other.bytes.len().min(MOST_ROOM)),
            requests: Vec::with_capacity(other.len().min(MOST_REQUESTS)),
            ..NodeBatch::default()
        }
    }

    /// Appends a request and gives its number.
    #[inline]
    pub(super) fn push(&mut self, request: &[u8], about: About) -> usize {
        self.bytes.extend_from_slice(request);
        self.requests.push(Request { end: self.bytes.len(), about });
        self.requests.len() - 1
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Where the bytes of so many requests end.
    #[inline]
    pub(super) fn end_of(&self, count: usize) -> usize {
        count.checked_sub(1).map_or(0, |last| self.requests[last].end)
    }

    /// Some of the requests, in a batch of their own.
    #[inline]
    pub(super) fn only(&self, numbers: &[usize]) -> NodeBatch {
        let mut batch = NodeBatch { needs_master: self.needs_master, writes: self.writes, ..NodeBatch::default() };
        for &nth in numbers {
            batch.push(&self.bytes[self.end_of(nth)..self.end_of(nth + 1)], self.requests[nth].about);
        }
        batch
    }

    /// The error reply with which a server refused a request before it did anything.
    #[inline]
    pub(super) fn refusal(&self, replies: &NodeReplies, nth: usize) -> Option<Error> {
        let about = self.requests[nth].about;
        if !replies.has_come(nth) {
            return None;
        }
        let error = about.with_outcome(replies.value(nth, about.is_read).err()?);
        Some(error).filter(|error| error.outcome() == Outcome::NotApplied)
    }

    /// The error for which a request may be sent again, if that is one of those that `may_repeat` looks for.
    #[inline]
    fn repeatable(&self, replies: &NodeReplies, nth: usize, may_repeat: fn(&Error) -> bool) -> Option<Error> {
        let error = match (replies.has_come(nth), &replies.failure) {
            (true, _) => self.refusal(replies, nth)?,
            (false, Some(failure)) if self.requests[nth].about.is_read || !replies.is_open(nth) => failure.clone(),
            (false, _) => return None,
        };
        // The failure is judged as it came, whatever its outcome is for this request.
        may_repeat(&error).then(|| error.with_outcome(Outcome::NotApplied))
    }

    /// The requests that may be sent again, because nothing of them was applied and for a reason that `may_repeat`
    /// takes; with it comes why the first of them failed.
    ///
    /// Reads may be sent again by themselves. With writes among the requests these are the last ones: an earlier request
    /// must not be applied after a later one, nor after one of which nobody knows whether it was applied.
    #[inline]
    pub(super) fn to_repeat(
        &self,
        replies: &NodeReplies,
        may_repeat: fn(&Error) -> bool,
    ) -> Option<(Vec<usize>, Error)> {
        let mut numbers = Vec::new();
        let mut why = None;
        for nth in (0..self.len()).rev() {
            match self.repeatable(replies, nth, may_repeat) {
                Some(error) => {
                    numbers.push(nth);
                    why = Some(error);
                }
                None if self.writes => {
                    if (0..=nth).any(|earlier| replies.is_open(earlier)) {
                        return None;
                    }
                    break;
                }
                None => {}
            }
        }
        numbers.reverse();
        Some((numbers, why?))
    }

    /// The reads that another server can answer: those without a reply, and those that their server was not able to
    /// serve.
    #[inline]
    pub(super) fn unserved(&self, replies: &NodeReplies) -> Vec<usize> {
        let mut numbers = Vec::new();
        for nth in 0..self.len() {
            let failed = replies.value(nth, true).err();
            if failed.is_some_and(|error| !replies.has_come(nth) || error.is_servers_fault()) {
                numbers.push(nth);
            }
        }
        numbers
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// Requests by their letters: `r` reads, `w` writes, `s` runs a script that may say `BUSY` in its own name.
    pub(in crate::pipeline) fn batch(kinds: &str) -> NodeBatch {
        let mut batch = NodeBatch::default();
        for (nth, kind) in kinds.chars().enumerate() {
            let script = (kind == 's').then(|| OwnWords::of(b"return redis.error_reply('BUSY Redis is busy running')"));
            batch.writes |= kind != 'r';
            batch.push(format!("request {nth};").as_bytes(), About { is_read: kind == 'r', script });
        }
        batch
    }

    /// What came of as many requests: `+` a reply, `L` loading, `B` busy, `R` read only, `T` try again, `E` an error of the command, `?` sent and no
    /// reply, `.` not sent.
    pub(in crate::pipeline) fn replies(fates: &str, failure: Option<ErrorKind>) -> NodeReplies {
        let mut replies = NodeReplies::none(fates.len());
        replies.ask("node_1".into(), 1);
        for (nth, fate) in fates.chars().enumerate() {
            match fate {
                '+' => replies.add(nth, b"+OK\r\n"),
                'L' => replies.add(nth, b"-LOADING Redis is loading the dataset in memory\r\n"),
                'R' => replies.add(nth, b"-READONLY You can't write against a read only replica.\r\n"),
                'B' => replies.add(nth, b"-BUSY Redis is busy running a script\r\n"),
                'T' => replies.add(nth, b"-TRYAGAIN Multiple keys request\r\n"),
                'E' => replies.add(nth, b"-WRONGTYPE no\r\n"),
                '?' => replies.set_open(nth),
                _ => {}
            }
        }
        replies.failure = failure.map(|kind| Error::new(kind, Outcome::Unknown, "failed"));
        replies
    }

    #[test]
    fn requests_keep_their_bytes() {
        let batch = batch("rwr");
        assert_eq!((batch.len(), batch.end_of(0), batch.end_of(3)), (3, 0, batch.bytes.len()));
        let some = batch.only(&[0, 2]);
        assert_eq!((some.len(), some.bytes.as_slice()), (2, &b"request 0;request 2;"[..]));
        assert!(some.writes && some.requests[1].about.is_read, "what is known of a batch holds for its parts");
        assert_eq!(batch.only(&[]).len(), 0);
        assert!(!some.needs_master && NodeBatch { needs_master: true, ..some }.only(&[0]).needs_master);
    }

    #[test]
    fn what_is_refused_before_anything_is_done() {
        // What has not come is no refusal, nor what a script may have said after it did something.
        for (kind, fate, expected) in [
            ("w", "+", false),
            ("w", "L", true),
            ("w", "B", true),
            ("s", "B", false),
            ("w", "?", false),
            ("w", ".", false),
        ] {
            let refusal = batch(kind).refusal(&replies(fate, Some(ErrorKind::Io)), 0);
            assert_eq!(refusal.is_some(), expected, "{kind} {fate}");
        }
    }

    #[test]
    fn what_may_be_sent_again() {
        let passing = |error: &Error| error.is_for_the_moment() || error.kind() == ErrorKind::Io;
        let io = Some(ErrorKind::Io);
        for (kinds, fates, failure, expected) in [
            ("rrr", "+++", None, None),
            // Reads by themselves, whichever failed.
            ("rrr", "L+L", None, Some(vec![0, 2])),
            ("rrr", "E+L", None, Some(vec![2])),
            ("rrr", "+?.", io, Some(vec![1, 2])),
            // The failure is none that passes.
            ("rrr", "+?.", Some(ErrorKind::Timeout), None),
            ("rrr", "L?.", Some(ErrorKind::Timeout), Some(vec![0])),
            // With writes only the last ones.
            ("www", "LLL", None, Some(vec![0, 1, 2])),
            ("www", "+LL", None, Some(vec![1, 2])),
            ("www", "L+L", None, Some(vec![2])),
            ("www", "LL+", None, None),
            ("www", "LLE", None, None),
            ("www", "ELL", None, Some(vec![1, 2])),
            ("rww", "L+L", None, Some(vec![2])),
            ("www", "...", io, Some(vec![0, 1, 2])),
            ("www", "++.", io, Some(vec![2])),
            // Never behind one of which nobody knows whether it was applied.
            ("www", "+?.", io, None),
            ("www", "?L.", io, None),
            ("wrw", "+?.", io, Some(vec![1, 2])),
            ("rww", "?L.", io, Some(vec![0, 1, 2])),
            ("rww", "?+.", io, None),
            // A script that could say so itself may have run.
            ("sss", "LLB", None, None),
            ("sss", "BLL", None, Some(vec![1, 2])),
            ("www", "BLL", None, Some(vec![0, 1, 2])),
        ] {
            let repeated = batch(kinds).to_repeat(&replies(fates, failure), passing);
            if let Some((_, why)) = &repeated {
                assert_eq!(why.outcome(), Outcome::NotApplied, "{kinds} {fates}");
            }
            assert_eq!(repeated.map(|(numbers, _)| numbers), expected, "{kinds} {fates} {failure:?}");
        }
    }

    #[test]
    fn the_reason_is_that_of_the_first() {
        let (numbers, why) = batch("rrr").to_repeat(&replies("+LB", None), |error| error.is_for_the_moment()).unwrap();
        assert_eq!((numbers, why.kind(), why.node()), (vec![1, 2], ErrorKind::Loading, Some("node_1")));
    }

    #[test]
    fn reads_that_another_server_can_answer() {
        for (fates, failure, expected) in [
            ("+++", None, vec![]),
            ("+E+", None, vec![]),
            ("+LB", None, vec![1, 2]),
            ("+?.", Some(ErrorKind::Io), vec![1, 2]),
            ("E?.", Some(ErrorKind::Timeout), vec![1, 2]),
            // Without a reply, whatever the reason.
            ("+?.", Some(ErrorKind::Config), vec![1, 2]),
        ] {
            assert_eq!(batch("rrr").unserved(&replies(fates, failure)), expected, "{fates}");
        }
    }
}
