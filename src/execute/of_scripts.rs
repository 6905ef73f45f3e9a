//! What is special about commands that run scripts. Rows of such commands point here, and calls of scripts by their names:
//! no other program has this code.

use super::{Answer, Call};
use crate::command::{Args, Spec};
use crate::error::{Error, Outcome, OwnWords, Result};
use crate::net::{Deadline, Lease};
use std::ops::Range;

/// What an error says of what became of a script.
pub(crate) struct OfScripts {
    /// The server refused the script, or it failed.
    pub(super) failed: fn(&Call<'_>, &mut Error),
    /// What it returned does not become what was asked for.
    pub(super) misfit: fn(&Call<'_>, &mut Error),
    /// What the script of these arguments may say in its own name, if they run one.
    pub(super) own_words: fn(&Spec, &Args) -> Option<OwnWords>,
}

pub(super) const OF_SCRIPTS: OfScripts = OfScripts {
    failed: |call, error| {
        if call.spec.runs_a_script(call.args) {
            // Of a script that goes by its name only the whole tells what it may say.
            let own = match call.whole_script.map(|whole| whole.request()) {
                Some(Ok(whole)) => OwnWords::of(&whole),
                _ => OwnWords::of(call.args.as_bytes()),
            };
            error.note_script(own);
        }
    },
    misfit: |call, error| {
        // An error inside of what a script returned: the script came to its end.
        if call.spec.runs_a_script(call.args) && error.is_server() {
            error.set_outcome(Outcome::Applied);
        }
    },
    own_words: |spec, args| spec.runs_a_script(args).then(|| OwnWords::of(args.as_bytes())),
};

/// The whole of a script that is run by its name. A trait, so that only those who run scripts so have what it does.
pub(crate) trait WholeScript: Sync {
    /// The request that brings it to a server that does not know it.
    fn request(&self) -> Result<Vec<u8>>;

    /// Sends it, where a server has to be asked before whether it knows the script, and does not.
    fn exchange(&self, call: &Call<'_>, lease: &mut Lease, deadline: Deadline) -> Result<Option<Range<usize>>>;

    /// The request that follows this failure.
    fn after(&self, failed: &Error) -> Option<Result<Vec<u8>>>;
}

/// The same as a request.
pub(crate) struct Whole<'r> {
    pub(crate) request: &'r (dyn Fn() -> Result<Vec<u8>> + Sync),
    /// Whether a server is asked before whether it knows it, because the script could say itself that it does not.
    pub(crate) ask: bool,
}

impl WholeScript for Whole<'_> {
    fn request(&self) -> Result<Vec<u8>> {
        (self.request)()
    }

    fn exchange(&self, call: &Call<'_>, lease: &mut Lease, deadline: Deadline) -> Result<Option<Range<usize>>> {
        match self.ask && !lease.knows_script(call.args, deadline)? {
            true => lease.exchange(&self.request()?, deadline).map(Some),
            false => Ok(None),
        }
    }

    fn after(&self, failed: &Error) -> Option<Result<Vec<u8>>> {
        failed.is_unknown_script().then(|| self.request())
    }
}

impl Call<'_> {
    /// An error says what became of a script, where this is one.
    #[inline]
    pub(super) fn note_outcome_of_script(&self, error: &mut Error) {
        if let Some(scripts) = self.code.scripts {
            (scripts.failed)(self, error);
        }
    }

    /// The same for the reply that came, where it is an error.
    #[inline]
    pub(super) fn note_outcome_of(&self, answer: &mut Result<Answer>) {
        if let (Some(scripts), Err(error)) = (self.code.scripts, answer) {
            (scripts.failed)(self, error);
        }
    }
}
