//! Commands of more words than older servers take as one: in pieces where that gives the same, else refused.

use super::{Answer, Run};
use crate::error::{Error, Outcome, Result};
use crate::merge::{Given, Merge};
use crate::net::{too_many_words, words_if_many, MOST_WORDS};
use crate::plan::{Part, Route, Target};
use crate::resp::Frame;
use std::collections::VecDeque;

/// As many keys go into a piece, which also has a name.
const MOST_KEYS: usize = MOST_WORDS - 1;

impl Run<'_> {
    /// Whether the command has more words than some servers take at once.
    pub(super) fn has_many_words(&self) -> bool {
        words_if_many(self.args.as_bytes()) > MOST_WORDS
    }

    /// Runs the command as it is where its servers take it. Else reads and what deletes keys go out in pieces, and what
    /// one server would do all at once is refused before anything is sent.
    pub(super) fn run_in_pieces(&self, route: Route<'_>) -> Result<Answer> {
        let parts = match &route {
            Route::One(part) => std::slice::from_ref(part),
            Route::Fan(parts, _) => parts,
            // Each of its steps is looked at by itself.
            Route::Emulate(..) => return self.run_route(route),
        };
        let mut refused = None;
        for part in parts {
            let words = words_if_many(&part.request);
            if words > MOST_WORDS && self.takes_few_words(part.target)? {
                refused = Some(words);
            }
        }
        match (refused, self.planner.in_pieces(self.args, self.spec, MOST_KEYS)?) {
            (None, _) => self.run_route(route),
            (Some(_), Some((pieces, merge))) => self.one_after_another(pieces, &merge).map(Answer::Made),
            (Some(words), None) => Err(too_many_words(words)),
        }
    }

    fn takes_few_words(&self, target: Target) -> Result<bool> {
        let server = self.first_asked(target);
        self.tried(server, || self.lend_until(server, self.deadline)?.takes_few_words(self.deadline))
    }

    /// Sends the pieces of each server one after the other, to all servers at the same time, and makes one reply of theirs.
    /// After a failure no more are sent.
    fn one_after_another(&self, pieces: Vec<Part<'_>>, merge: &Merge) -> Result<Vec<u8>> {
        let mut waiting: Vec<VecDeque<Part<'_>>> = Vec::new();
        for piece in pieces {
            match waiting.iter_mut().find(|queue| queue[0].target == piece.target) {
                Some(queue) => queue.push_back(piece),
                None => waiting.push(VecDeque::from([piece])),
            }
        }
        let (mut parts, mut results) = (Vec::new(), Vec::new());
        let mut failed: Option<Error> = None;
        loop {
            let next: Vec<Part<'_>> = waiting.iter_mut().filter_map(VecDeque::pop_front).collect();
            if next.is_empty() {
                break;
            }
            let unsent = |error: &Error| error.clone().with_outcome(Outcome::NotApplied);
            let came = match &failed {
                Some(error) => next.iter().map(|_| Err(unsent(error))).collect(),
                None => self.each(&next).unwrap_or_else(|error| next.iter().map(|_| Err(unsent(&error))).collect()),
            };
            failed = failed.or_else(|| came.iter().find_map(|result| Some(result.as_ref().err()?.clone())));
            parts.extend(next);
            // The next pieces need the connections.
            results.extend(came.into_iter().map(|result| result.map(Answer::apart)));
        }
        if failed.is_some() {
            return Err(self.summed_up(&parts, results));
        }
        let answers: Vec<Answer> = results.into_iter().flatten().collect();
        let frames: Vec<Frame<'_>> = answers.iter().map(Answer::frame).collect();
        let keys: Vec<&[usize]> = parts.iter().map(|part| part.keys.as_slice()).collect();
        merge.frames(&Given { keys: &keys, replies: &frames, node: &|nth| answers[nth].node() })
    }
}
