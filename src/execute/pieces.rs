//! Commands of more words than older servers take as one: in pieces where that gives the same, else refused.

use super::fan_out::let_go;
use super::{Answer, Call};
use crate::error::{Error, Outcome, Result};
use crate::net::{too_many_words, words_if_many, MOST_WORDS};
use crate::plan::{Part, Route, Target};

/// As many keys go into a piece, which also has a name.
const MOST_KEYS: usize = MOST_WORDS - 1;

/// A command in pieces of no more than so many keys, several for one server; `None` where one server would do all of it at
/// once, or would tell something else of the pieces.
pub(crate) type Pieces = for<'r> fn(&Call<'r>, usize) -> Result<Option<Vec<Part<'r>>>>;

impl Call<'_> {
    /// Runs what is for one server or for several at the same time: as it is where its servers take it. Else reads and what
    /// deletes keys go out in pieces, and what one server would do all at once is refused before anything is sent.
    pub(crate) fn run_in_pieces(&self, route: Route<'_>, pieces: Pieces) -> Result<Answer> {
        if words_if_many(self.args.as_bytes()) <= MOST_WORDS {
            return self.run_on_all(route);
        }
        let parts = match &route {
            Route::One(part) => std::slice::from_ref(part),
            Route::Fan(parts) => parts,
            Route::Across(_) => &[],
        };
        let mut refused = None;
        for part in parts {
            let words = words_if_many(&part.request);
            if words > MOST_WORDS && self.takes_few_words(part.target)? {
                refused = Some(words);
            }
        }
        let Some(words) = refused else { return self.run_on_all(route) };
        match pieces(self, MOST_KEYS)? {
            Some(pieces) => self.one_after_another(pieces).map(Answer::Merged),
            None => Err(too_many_words(words)),
        }
    }

    fn takes_few_words(&self, target: Target) -> Result<bool> {
        let server = self.first_asked(target);
        self.tried(server, || self.lend_until(server, self.deadline)?.takes_few_words(self.deadline))
    }

    /// Sends the pieces of each server one after the other, to all servers at the same time, and makes one reply of theirs.
    /// After a failure no more are sent.
    fn one_after_another(&self, pieces: Vec<Part<'_>>) -> Result<Vec<u8>> {
        let (mut parts, mut results) = (Vec::with_capacity(pieces.len()), Vec::with_capacity(pieces.len()));
        let mut failed: Option<Error> = None;
        let mut left = pieces;
        while !left.is_empty() {
            // The first piece of each server that is left.
            let (mut round, mut later): (Vec<Part<'_>>, Vec<Part<'_>>) = (Vec::new(), Vec::new());
            for piece in left {
                let is_first = round.iter().all(|other| other.target != piece.target);
                if is_first { &mut round } else { &mut later }.push(piece);
            }
            left = later;
            let came = match &failed {
                Some(error) => Err(error.clone()),
                None => self.fan_out(&round),
            };
            match came {
                Ok(mut came) => {
                    // The next pieces need the connections.
                    let_go(&mut came);
                    failed = came.iter().find_map(|result| result.as_ref().err().cloned());
                    results.append(&mut came);
                }
                Err(error) => {
                    let not_sent = || Err(error.clone().with_outcome(Outcome::NotApplied));
                    results.resize_with(results.len() + round.len(), not_sent);
                    failed = Some(error);
                }
            }
            parts.append(&mut round);
        }
        self.merged(&parts, results)
    }
}
