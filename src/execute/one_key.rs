//! Runs a command of one key, as nearly every one is: what `route` and `run` of its row do in two steps for any command.

use super::{cancelled, Answer, Call};
use crate::error::Result;
use crate::plan::Part;

impl Call<'_> {
    /// Runs a command whose one key stands at a fixed place.
    pub(super) fn execute_one_key(&self) -> Result<Answer> {
        let mut answer = self.answer_of_one_key();
        self.finish(&mut answer);
        answer
    }

    #[inline(always)]
    fn answer_of_one_key(&self) -> Result<Answer> {
        let key = self.planner.only_key(self.args, self.spec)?;
        if let Some(own) = self.notes_writes() {
            own.note(self.topology(), self.topology().shards()[key.shard].master());
        }
        let target = key.target(&self.planner, self.spec);
        match self.cancellable() {
            None if !key.is_renamed => self.one_here(target, self.args.as_bytes(), self.has_just_begun),
            None => self.one(target, &key.request(self.args)),
            Some(_) if self.is_cancelled() => Err(cancelled()),
            Some(cancellable) => {
                (cancellable.routed)(self, &Part { target, request: key.request(self.args), keys: Vec::new() })
            }
        }
    }
}
