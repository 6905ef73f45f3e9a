//! Calls that find all connections of their server in use and share the next one.

use super::{no_meaning, Answer, Call};
use crate::command::{Access, Wait};
use crate::config::Share;
use crate::error::{Error, Outcome, Result};
use crate::net::{Deadline, Lease, Shared, Taker, Turn, LONGEST};
use crate::topology::Role;

/// What a call gets that finds no connection free.
pub(super) enum Together {
    /// The reply that came with those of others.
    Answer(Answer),
    /// A connection of its own.
    Alone(Lease),
}

impl Call<'_> {
    /// Whether this request may share its connection with those of other calls: a short one whose answer is short as well and
    /// comes at once.
    fn gathers(&self, request: &[u8]) -> bool {
        let is_asked_to = match self.view.share {
            Share::None => false,
            Share::Reads => self.spec.access == Access::Read,
            Share::All => matches!(self.spec.access, Access::Read | Access::Write),
        };
        let is_alone = self.view.cancel.is_some() || self.whole_script.is_some() || self.wait != Wait::None;
        is_asked_to && self.spec.fast && !is_alone && request.len() <= LONGEST
    }

    /// Runs a request when no connection is free, with others that wait for one; or gets one of its own when it is its turn.
    #[cold]
    #[inline(never)]
    pub(super) fn attempt_with_others(
        &self,
        server: usize,
        request: &[u8],
        deadline: Deadline,
        routed: Option<bool>,
    ) -> Result<Together> {
        if !self.gathers(request) {
            let lent = self.lend_routed(server, &deadline, routed, &Taker::of(Turn::Its))?;
            return lent.ok_or_else(no_meaning).map(Together::Alone);
        }
        let pool = &self.servers.pools[server];
        // What a replica has to be asked first is asked by the one that leads.
        let in_step = routed.filter(|_| self.topology().role(server) == Role::Replica);
        let shared = pool.gather((self.view.database, in_step), request, deadline, &mut |turn| {
            let lend = |until| pool.lend_in_turn(self.view.database, until, &Taker::of(turn));
            let lent = match in_step {
                Some(others) => self.lend_in_step_by(server, deadline, others, &lend),
                None => lend(deadline),
            };
            lent?.ok_or_else(no_meaning)
        });
        let received = match &shared {
            Ok(Shared::Reply(_, range)) => Some(range.len()),
            Err(error) if error.outcome() != Outcome::NotApplied => Some(0),
            _ => None,
        };
        if let (Some(traffic), Some(received)) = (self.traffic, received) {
            traffic.add(request.len() as u64, received as u64);
        }
        match shared? {
            Shared::Reply(replies, range) => match replies.frame(range.clone()).error() {
                Some(text) => {
                    let mut error = Error::server(text).at(replies.node());
                    self.note_outcome_of_script(&mut error);
                    Err(error)
                }
                None => Ok(Together::Answer(Answer::Gathered(replies, range))),
            },
            Shared::Alone(mut lease) => {
                if let Some(traffic) = self.traffic {
                    lease.count_for(traffic);
                }
                Ok(Together::Alone(lease))
            }
        }
    }
}
