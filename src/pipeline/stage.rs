//! A stage of a pipeline: commands that go out at once, to all nodes.

use super::attempt::{Attempt, Next, Unsent};
use super::in_flight::exchange;
use super::node_batch::{About, NodeBatch};
use super::node_replies::NodeReplies;
use crate::error::Error;
use crate::execute::{one_of_several, Call, Servers};
use crate::order::sort_by_key;
use crate::topology::Role;
use std::sync::Arc;
use std::time::Duration;

/// Commands up to the next one that has to run by itself.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// By shard; empty for one that gets nothing.
    batches: Vec<NodeBatch>,
    /// The commands, by their number in the pipeline, whose requests go to several nodes.
    pub(super) several: Vec<usize>,
    /// The command that runs when all of these are finished.
    pub(super) then: Option<usize>,
}

/// A command, and its requests by shard and number, which are either sent all or not at all.
pub(super) type Together = (usize, Vec<(usize, usize)>);

/// A stage that runs.
struct Running<'s> {
    together: &'s [Together],
    /// The commands of which nothing was sent because a node could not be reached.
    given_up: Vec<(usize, Error)>,
    /// By shard.
    replies: Vec<NodeReplies>,
}

impl Stage {
    /// Appends a request to the batch of a shard and gives its number there.
    #[inline]
    pub(super) fn push(&mut self, shard: usize, role: Role, about: About, request: &[u8]) -> usize {
        if shard >= self.batches.len() {
            self.batches.resize_with(shard + 1, NodeBatch::default);
        }
        let batch = &mut self.batches[shard];
        batch.needs_master |= role == Role::Master;
        batch.writes |= !about.is_read;
        batch.push(request, about)
    }

    /// An empty one with room for as much, within reason.
    #[inline]
    pub(super) fn like_it(&self) -> Stage {
        let mut batches = Vec::with_capacity(self.batches.len());
        for batch in &self.batches {
            batches.push(NodeBatch::with_room_of(batch));
        }
        Stage { batches, ..Stage::default() }
    }

    /// Marks the shards that some request may write to.
    #[inline]
    pub(super) fn mark_written(&self, written: &mut Vec<bool>) {
        if written.len() < self.batches.len() {
            written.resize(self.batches.len(), false);
        }
        for (batch, written) in self.batches.iter().zip(written) {
            *written |= batch.writes;
        }
    }

    /// Keeps reads from the replicas of the marked shards.
    #[inline]
    pub(super) fn keep_to_masters(&mut self, written: &[bool]) {
        for (batch, written) in self.batches.iter_mut().zip(written) {
            batch.needs_master |= written;
        }
    }

    /// Sends every batch and gives what came back, by shard. When a node cannot be reached, the commands whose requests
    /// belong `together` and of which it has one are not sent; why not comes with their numbers.
    #[inline]
    pub(super) fn run(self, call: &Call<'_>, together: &[Together]) -> (Vec<NodeReplies>, Vec<(usize, Error)>) {
        let mut replies = Vec::with_capacity(self.batches.len());
        let mut unsent = Vec::new();
        for (shard, batch) in self.batches.into_iter().enumerate() {
            replies.push(NodeReplies::none(batch.len()));
            if batch.len() > 0 {
                unsent.push(Unsent::all(shard, batch));
            }
        }
        let mut running = Running { together, given_up: Vec::new(), replies };
        running.run(call, unsent);
        (running.replies, running.given_up)
    }
}

impl Running<'_> {
    #[inline]
    fn run(&mut self, call: &Call<'_>, unsent: Vec<Unsent>) {
        let mut attempts = Vec::with_capacity(unsent.len());
        for unsent in unsent {
            attempts.push(Attempt::first(call, unsent));
        }
        connect(call, &mut attempts);
        while let Some((at, error)) = self.missing(&attempts) {
            // Nothing was sent to anybody yet, and nothing is held during the pause.
            attempts.iter_mut().for_each(|attempt| attempt.connection = None);
            if let Some(pause) = attempts[at].pause(call, &error) {
                std::thread::sleep(pause);
                connect(call, &mut attempts);
                continue;
            }
            let asked = error.clone().with_command("pipeline").with_attempts(attempts[at].number());
            if let Some(now) = new_master(call, &asked) {
                attempts[at].unsent.attempts_before = attempts[at].number();
                return self.run(&call.on(&now), attempts.into_iter().map(|attempt| attempt.unsent).collect());
            }
            attempts[at].connection = Some(Err(error));
            connect(call, &mut attempts);
            break;
        }
        self.give_up(&mut attempts);
        let mut refused = Vec::new();
        loop {
            let pause = self.send(call, &mut attempts, &mut refused);
            if attempts.is_empty() {
                break;
            }
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
            connect(call, &mut attempts);
        }
        // Every other node is done by then: to ask for a master may take a while.
        let mut now = None;
        let mut unsent = Vec::new();
        for (requests, error) in refused {
            if let Some(servers) = new_master(call, &error) {
                now = Some(servers);
                unsent.push(requests);
            }
        }
        if let Some(now) = now {
            // What is sent now belongs to commands of which other parts may have been applied.
            self.together = &[];
            self.run(&call.on(&now), unsent);
        }
    }

    /// An attempt at a server that cannot be reached and that commands of several nodes need, and why it cannot.
    #[inline]
    fn missing(&self, attempts: &[Box<Attempt>]) -> Option<(usize, Error)> {
        for (at, attempt) in attempts.iter().enumerate() {
            let Some(error) = attempt.unreachable() else { continue };
            for (_, parts) in self.together {
                if parts.iter().any(|&(shard, _)| shard == attempt.unsent.shard) {
                    return Some((at, error.clone()));
                }
            }
        }
        None
    }

    /// Leaves out the commands that need a server that cannot be reached.
    #[inline]
    fn give_up(&mut self, attempts: &mut [Box<Attempt>]) {
        if self.together.is_empty() {
            return;
        }
        // By shard.
        let mut unreachable: Vec<Option<Error>> = Vec::new();
        let mut left_out: Vec<Vec<bool>> = Vec::new();
        unreachable.resize_with(self.replies.len(), || None);
        left_out.resize_with(self.replies.len(), Vec::new);
        for attempt in attempts.iter() {
            let error = attempt.unreachable().cloned();
            unreachable[attempt.unsent.shard] = error.map(|error| error.with_attempts(attempt.number()));
        }
        for (command, parts) in self.together {
            let Some(error) = parts.iter().find_map(|&(shard, _)| unreachable[shard].as_ref()) else { continue };
            self.given_up.push((*command, error.clone()));
            for &(shard, nth) in parts {
                left_out[shard].resize(self.replies[shard].len(), false);
                left_out[shard][nth] = true;
            }
        }
        for attempt in attempts {
            let is_left_out = &left_out[attempt.unsent.shard];
            if !is_left_out.is_empty() {
                attempt.unsent.leave_out(is_left_out);
            }
        }
    }

    /// Makes every attempt and notes what came back. Leaves the attempts that are to be made next, and gives the pause
    /// before them.
    // In boxes, because attempts are large and move from one list to the other.
    #[allow(clippy::vec_box)]
    #[inline]
    fn send(
        &mut self,
        call: &Call<'_>,
        attempts: &mut Vec<Box<Attempt>>,
        refused: &mut Vec<(Unsent, Error)>,
    ) -> Duration {
        let mut current = std::mem::take(attempts);
        let mut in_flight = Vec::with_capacity(current.len());
        for attempt in &mut current {
            in_flight.push(attempt.in_flight(call));
        }
        let came = exchange(in_flight);
        let mut longest = Duration::ZERO;
        for (mut attempt, mut replies) in current.into_iter().zip(came) {
            attempt.note(call, &replies);
            let number = attempt.number();
            let next = attempt.next(call, &replies);
            replies.failure = replies.failure.map(|error| error.with_attempts(number));
            self.replies[attempt.unsent.shard].merge(replies, &attempt.unsent.numbers);
            match next {
                Next::OtherServer(numbers) => attempt.go_on(call, &numbers),
                Next::SameServer(numbers, pause) => {
                    longest = longest.max(pause);
                    attempt.repeat(&numbers);
                }
                Next::NewMaster(numbers, error) => {
                    attempt.unsent.keep(&numbers);
                    attempt.unsent.attempts_before = number;
                    refused.push((attempt.unsent, error.with_command("pipeline").with_attempts(number)));
                    continue;
                }
                Next::Nothing => continue,
            }
            attempts.push(attempt);
        }
        longest
    }
}

/// Takes a connection for each attempt that has none and does not know yet that there is none.
///
/// They are taken in the order of the servers: two calls can so never wait for one another.
#[inline]
fn connect(call: &Call<'_>, attempts: &mut [Box<Attempt>]) {
    sort_by_key(attempts, |attempt| attempt.server);
    let is_alone = attempts.len() == 1;
    for attempt in attempts {
        if attempt.connection.is_none() {
            let deadline = attempt.deadline(call);
            attempt.connect(call, if is_alone { deadline } else { one_of_several(deadline) });
        }
    }
}

/// The servers of now, when the node that failed so has another master among them.
#[inline]
fn new_master(call: &Call<'_>, error: &Error) -> Option<Arc<Servers>> {
    call.to_new_master.and_then(|to_new_master| to_new_master.moved(call.servers, error, one_of_several(call.deadline)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: About = About { is_read: true, script: None };
    const WRITE: About = About { is_read: false, script: None };

    #[test]
    fn each_node_has_its_requests_in_order() {
        let mut stage = Stage::default();
        let numbers =
            [(2, b"a"), (0, b"b"), (2, b"c")].map(|(shard, text)| stage.push(shard, Role::Replica, READ, text));
        assert_eq!(numbers, [0, 0, 1]);
        let bytes: Vec<&[u8]> = stage.batches.iter().map(|batch| batch.bytes.as_slice()).collect();
        assert_eq!(bytes, [&b"b"[..], b"", b"ac"]);
        assert!(stage.batches.iter().all(|batch| !batch.needs_master && !batch.writes));
    }

    #[test]
    fn what_is_written_is_read_on_the_master() {
        let (mut first, mut second) = (Stage::default(), Stage::default());
        first.push(1, Role::Master, WRITE, b"w");
        first.push(3, Role::Master, READ, b"r");
        second.push(0, Role::Replica, READ, b"r");
        second.push(1, Role::Replica, READ, b"r");
        let mut written = Vec::new();
        first.mark_written(&mut written);
        second.mark_written(&mut written);
        assert_eq!(written, [false, true, false, false]);
        second.keep_to_masters(&written);
        let masters: Vec<bool> = second.batches.iter().map(|batch| batch.needs_master).collect();
        assert_eq!(masters, [false, true]);
    }
}
