//! Several requests to each of several servers at the same time, over connections that are held.

use super::Reply;
use crate::error::Result;
use crate::execute::Call;
use crate::net::{Deadline, Lease};
use crate::order::sort_by_key;
use crate::plan::{command_of, groups, Placed};

/// The most requests that are sent over a connection before their replies are read.
const WINDOW: usize = 1000;

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
        self.bytes.extend(command_of(args));
        self.ends.push(self.bytes.len());
    }

    /// A window of them: how many, and their bytes.
    #[inline]
    fn window(&self, nth: usize) -> (usize, &[u8]) {
        let (first, last) = (nth * WINDOW, self.ends.len().min((nth + 1) * WINDOW));
        let begin = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let end = last.checked_sub(1).map_or(0, |last| self.ends[last]);
        (last - first, &self.bytes[begin..end])
    }
}

/// One request for each of some keys, all servers at once: every reply, errors among them, and its node. Servers come
/// in their order, so that no two calls wait for one another.
#[inline]
pub(super) fn ask_each<'k, 'c>(
    call: &Call<'_>,
    keys: &'k [Placed<'c>],
    request: &dyn Fn(&Placed<'_>) -> Vec<u8>,
) -> Result<Vec<(&'k Placed<'c>, Vec<u8>, String)>> {
    let mut groups = groups(keys);
    sort_by_key(&mut groups, |group| group[0].master);
    let mut leases = Vec::with_capacity(groups.len());
    for group in &groups {
        leases.push(call.lend(group[0].master)?);
    }
    for (lease, group) in leases.iter_mut().zip(&groups) {
        let mut bytes = Vec::new();
        for key in group {
            bytes.extend(request(key));
        }
        lease.send(&bytes, group.len(), call.deadline)?;
    }
    let mut replies = Vec::with_capacity(keys.len());
    for (lease, group) in leases.iter_mut().zip(groups) {
        for key in group {
            let reply = lease.receive(call.deadline)?.as_bytes().to_vec();
            replies.push((key, reply, lease.node().to_string()));
        }
    }
    Ok(replies)
}

/// Sends everything and gives the replies of each server, error replies among them; or why its connection failed.
#[inline]
pub(super) fn ask_together(
    leases: Vec<&mut Lease>,
    requests: &[Requests],
    deadline: Deadline,
) -> Vec<Result<Vec<Reply>>> {
    let windows = requests.iter().map(|requests| requests.ends.len().div_ceil(WINDOW)).max().unwrap_or(0);
    let mut all: Vec<(&mut Lease, &Requests, Result<Vec<Reply>>)> = Vec::with_capacity(requests.len());
    for (lease, requests) in leases.into_iter().zip(requests) {
        all.push((lease, requests, Ok(Vec::new())));
    }
    for nth in 0..windows {
        for (lease, requests, replies) in all.iter_mut().filter(|(_, requests, _)| requests.ends.len() > nth * WINDOW) {
            let (count, bytes) = requests.window(nth);
            let sent = if replies.is_ok() { lease.send(bytes, count, deadline) } else { Ok(()) };
            if let Err(error) = sent {
                *replies = Err(error);
            }
        }
        for (lease, requests, replies) in all.iter_mut().filter(|(_, requests, _)| requests.ends.len() > nth * WINDOW) {
            for _ in 0..requests.window(nth).0 {
                let Ok(so_far) = replies else { break };
                match lease.receive(deadline) {
                    Ok(reply) => so_far.push(Reply::of(reply)),
                    Err(error) => *replies = Err(error),
                }
            }
        }
    }
    all.into_iter().map(|(.., replies)| replies).collect()
}
