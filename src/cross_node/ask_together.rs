//! Several requests to each of several servers at the same time, over connections that are held.

use super::Reply;
use crate::error::Result;
use crate::net::{Deadline, Lease};
use crate::plan::command_of;

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
    pub(super) fn add(&mut self, args: &[&[u8]]) {
        self.bytes.extend(command_of(args));
        self.ends.push(self.bytes.len());
    }

    /// A window of them: how many, and their bytes.
    fn window(&self, nth: usize) -> (usize, &[u8]) {
        let (first, last) = (nth * WINDOW, self.ends.len().min((nth + 1) * WINDOW));
        let begin = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let end = last.checked_sub(1).map_or(0, |last| self.ends[last]);
        (last - first, &self.bytes[begin..end])
    }
}

/// Sends everything and gives the replies of each server, error replies among them; or why its connection failed.
pub(super) fn ask_together(
    leases: Vec<&mut Lease>,
    requests: &[Requests],
    deadline: Deadline,
) -> Vec<Result<Vec<Reply>>> {
    let windows = requests.iter().map(|requests| requests.ends.len().div_ceil(WINDOW)).max().unwrap_or(0);
    let mut all: Vec<(&mut Lease, &Requests, Result<Vec<Reply>>)> =
        leases.into_iter().zip(requests).map(|(lease, requests)| (lease, requests, Ok(Vec::new()))).collect();
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
