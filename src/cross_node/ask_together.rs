//! Several requests to each of several servers at the same time, over connections that are held.

use super::Reply;
use crate::error::Result;
use crate::execute::fan_out::{receive, Leased};
use crate::execute::{Call, WINDOW};
use crate::plan::{command_of, groups_in_order, Placed};
use std::time::Instant;

/// Requests for one connection, one after the other.
#[derive(Default)]
pub(super) struct Requests {
    bytes: Vec<u8>,
    /// Where each request ends.
    ends: Vec<usize>,
}

impl Requests {
    #[inline]
    pub(super) fn add(&mut self, args: &[&[u8]]) {
        self.push(&command_of(args));
    }

    #[inline]
    fn push(&mut self, request: &[u8]) {
        self.bytes.extend_from_slice(request);
        self.ends.push(self.bytes.len());
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A window of them: how many, and their bytes. Behind the last one there are none.
    #[inline]
    fn window(&self, nth: usize) -> (usize, &[u8]) {
        let (first, last) = (self.ends.len().min(nth * WINDOW), self.ends.len().min((nth + 1) * WINDOW));
        let begin = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let end = last.checked_sub(1).map_or(0, |last| self.ends[last]);
        (last - first, &self.bytes[begin..end])
    }
}

/// One request for each of some keys, all servers at once: every reply, errors among them, and its node. Servers come
/// in their order.
#[inline]
pub(super) fn ask_each<'k, 'c>(
    call: &Call<'_>,
    keys: &'k [Placed<'c>],
    request: &dyn Fn(&Placed<'_>) -> Vec<u8>,
) -> Result<Vec<(&'k Placed<'c>, Vec<u8>, String)>> {
    let groups = groups_in_order(keys);
    let (mut asked, mut requests) = (Vec::with_capacity(groups.len()), Vec::with_capacity(groups.len()));
    for group in &groups {
        let server = group[0].master;
        asked.push(Leased::new(server, Instant::now(), Ok(call.lend(server)?), call.deadline));
        let mut of_group = Requests::default();
        for key in group {
            of_group.push(&request(key));
        }
        requests.push(of_group);
    }
    let replies = ask_together(&mut asked, &requests);
    let mut all = Vec::with_capacity(keys.len());
    for ((group, asked), replies) in groups.into_iter().zip(asked).zip(replies) {
        let lease = asked.lease?;
        for (key, Reply(reply)) in group.into_iter().zip(replies) {
            all.push((key, reply, lease.node().to_string()));
        }
    }
    Ok(all)
}

/// Sends everything and gives the replies of each server, error replies among them.
#[inline]
pub(super) fn ask_together(asked: &mut [Leased], requests: &[Requests]) -> Vec<Vec<Reply>> {
    let (mut replies, mut windows) = (Vec::with_capacity(requests.len()), 0);
    for requests in requests {
        replies.push(Vec::new());
        windows = windows.max(requests.ends.len().div_ceil(WINDOW));
    }
    for nth in 0..windows {
        for (asked, requests) in asked.iter_mut().zip(requests) {
            let (count, bytes) = requests.window(nth);
            asked.send(bytes, count);
        }
        receive(asked, &mut |at, reply| replies[at].push(Reply::of(reply)));
    }
    replies
}
