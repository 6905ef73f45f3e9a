//! A stretch of a pipeline that goes out at once.

use super::flow::{drive, Flight};
use super::lane::{Landed, Lane};
use crate::error::{Error, ErrorKind, Result};
use crate::net::{Deadline, Lease};
use crate::observer::ObserverEvent;
use crate::retry::Cause;
use crate::run::{is_servers_fault, one_of_several, Run};
use crate::topology::Role;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Commands up to the next one that has to run by itself.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// By shard.
    lanes: BTreeMap<usize, Lane>,
    /// The command that runs when all of these are finished.
    pub(super) then: Option<usize>,
}

/// Some requests of a lane on their way to one server.
struct Trip {
    shard: usize,
    lane: Lane,
    /// Which requests of the shard's lane these are.
    numbers: Vec<usize>,
    server: usize,
    /// The servers that may be asked when that one fails.
    others: Vec<usize>,
    may_repeat: bool,
    /// Whether nobody else can serve it any more.
    is_last: bool,
    began: Instant,
    /// Which one this is for these requests.
    attempt: u32,
}

impl Segment {
    /// Appends a request to the lane of a shard and gives its number there.
    pub(super) fn push(&mut self, shard: usize, role: Role, is_read: bool, request: &[u8]) -> usize {
        let lane = self.lanes.entry(shard).or_default();
        lane.needs_master |= role == Role::Master;
        lane.writes |= !is_read;
        lane.push(request)
    }

    /// The shards that some request may write to.
    pub(super) fn written(&self) -> impl Iterator<Item = usize> + '_ {
        self.lanes.iter().filter(|(_, lane)| lane.writes).map(|(&shard, _)| shard)
    }

    /// Keeps reads from the replicas of these shards.
    pub(super) fn keep_to_masters(&mut self, is_kept: impl Fn(usize) -> bool) {
        self.lanes.iter_mut().for_each(|(&shard, lane)| lane.needs_master |= is_kept(shard));
    }

    /// Sends every lane and gives what came back, by shard. `together` lists requests by shard and number that are
    /// either sent all or not at all: when a node cannot be reached, its are told to `given_up`.
    pub(super) fn run(
        self,
        run: &Run<'_>,
        together: &[(usize, Vec<(usize, usize)>)],
        mut given_up: impl FnMut(usize, Error),
    ) -> BTreeMap<usize, Landed> {
        let mut landed: BTreeMap<usize, Landed> =
            self.lanes.iter().map(|(&shard, lane)| (shard, Landed::of(lane))).collect();
        let mut trips: Vec<Trip> = self.lanes.into_iter().map(|(shard, lane)| Trip::first(run, shard, lane)).collect();
        let mut first = true;
        while !trips.is_empty() {
            // Connections are taken in the order of the servers: two calls can so never wait for one another.
            trips.sort_by_key(|trip| trip.server);
            let is_alone = trips.len() == 1;
            let lend = |trip: &Trip| {
                let deadline = trip.deadline(run);
                let deadline = if is_alone { deadline } else { one_of_several(deadline) };
                run.lend_in_step(trip.server, deadline, trip.has_others(run))
            };
            let leases: Vec<Result<Lease>> = trips.iter().map(lend).collect();
            if std::mem::take(&mut first) {
                let unreached: BTreeMap<usize, &Error> = trips
                    .iter()
                    .zip(&leases)
                    .filter(|(trip, _)| trip.others.is_empty())
                    .filter_map(|(trip, lease)| lease.as_ref().err().map(|error| (trip.shard, error)))
                    .collect();
                let mut left_out: Vec<(usize, usize)> = Vec::new();
                for (command, parts) in together {
                    if let Some(error) = parts.iter().find_map(|(shard, _)| unreached.get(shard)) {
                        given_up(*command, error.again());
                        left_out.extend(parts);
                    }
                }
                if !left_out.is_empty() {
                    trips.iter_mut().for_each(|trip| trip.leave_out(&left_out));
                }
            }
            trips = wave(run, trips, leases, &mut landed);
        }
        landed
    }
}

/// Sends every trip, notes what came back, and gives the trips that are to be made next.
fn wave(
    run: &Run<'_>,
    trips: Vec<Trip>,
    leases: Vec<Result<Lease>>,
    landed: &mut BTreeMap<usize, Landed>,
) -> Vec<Trip> {
    let mut flights = Vec::with_capacity(trips.len());
    let mut came = Vec::with_capacity(trips.len());
    for (trip, lease) in trips.iter().zip(leases) {
        match lease {
            Ok(lease) => {
                flights.push(Flight::new(&trip.lane, lease, trip.deadline(run)));
                came.push(None);
            }
            Err(error) => {
                let mut nothing = Landed::of(&trip.lane);
                nothing.failure = Some(error);
                came.push(Some(nothing));
            }
        }
    }
    let mut flown = drive(flights).into_iter();
    let came: Vec<Landed> =
        came.into_iter().map(|nothing| nothing.or_else(|| flown.next()).unwrap_or_default()).collect();
    let mut next = Vec::new();
    for (trip, mut came) in trips.into_iter().zip(came) {
        trip.note(run, &came);
        let again = trip.again(run, &came);
        came.failure = came.failure.map(|error| error.with_attempts(trip.attempt));
        if let Some(landed) = landed.get_mut(&trip.shard) {
            landed.take(came, &trip.numbers);
        }
        next.extend(again);
    }
    next
}

impl Trip {
    fn first(run: &Run<'_>, shard: usize, lane: Lane) -> Trip {
        if let Some(own) = run.own_writes.filter(|_| lane.writes) {
            own.note(run.topology(), run.topology().shards()[shard].master());
        }
        let mut candidates = run.servers_of(shard, !lane.needs_master);
        let server = candidates.remove(0);
        run.budget.earn();
        Trip {
            shard,
            numbers: (0..lane.len()).collect(),
            lane,
            server,
            others: candidates,
            may_repeat: run.retries.are_allowed(),
            is_last: false,
            began: Instant::now(),
            attempt: 1,
        }
    }

    /// Remembers whether the server could serve reads.
    fn note(&self, run: &Run<'_>, came: &Landed) {
        if self.lane.needs_master {
            return;
        }
        // A connection that was found dead says nothing yet about its server.
        let is_dead = |error: &Error| matches!(error.kind(), ErrorKind::Io | ErrorKind::Protocol);
        let failed = (0..self.lane.len()).find_map(|at| came.reply(at, true).err().filter(is_servers_fault));
        match failed {
            Some(error) if is_dead(&error) && self.may_repeat && self.others.is_empty() => {}
            Some(error) => run.note::<()>(self.server, self.began, &Err(error)),
            None => run.note(self.server, self.began, &Ok(())),
        }
    }

    /// A server that others can stand in for gets a part of the time, so that some is left when it says nothing.
    fn deadline(&self, run: &Run<'_>) -> Deadline {
        run.part_of_the_time(self.has_others(run))
    }

    fn has_others(&self, run: &Run<'_>) -> bool {
        run.any_serves(&self.others)
    }

    fn leave_out(&mut self, requests: &[(usize, usize)]) {
        let kept = |nth: &usize| !requests.contains(&(self.shard, self.numbers[*nth]));
        let kept: Vec<usize> = (0..self.numbers.len()).filter(kept).collect();
        if kept.len() < self.numbers.len() {
            self.lane = self.lane.only(&kept);
            self.numbers = kept.iter().map(|&nth| self.numbers[nth]).collect();
        }
    }

    /// The trip that is to be made for what failed: to another server that can serve these reads, or to the same one on a
    /// new connection.
    fn again(&self, run: &Run<'_>, came: &Landed) -> Option<Trip> {
        if run.deadline.left().is_err() {
            return None;
        }
        let failed = |at: &usize| match came.reply(*at, true) {
            Ok(_) => false,
            Err(error) => came.raw(*at).is_none() || is_servers_fault(&error),
        };
        let trip = |numbers: Vec<usize>, server, others, may_repeat| Trip {
            shard: self.shard,
            lane: self.lane.only(&numbers),
            numbers: numbers.iter().map(|&at| self.numbers[at]).collect(),
            server,
            others,
            may_repeat,
            is_last: false,
            began: Instant::now(),
            attempt: self.attempt + 1,
        };
        if let (false, Some((&server, others))) = (self.lane.writes, self.others.split_first()) {
            let numbers: Vec<usize> = (0..self.lane.len()).filter(failed).collect();
            return (!numbers.is_empty()).then(|| trip(numbers, server, others.to_vec(), self.may_repeat));
        }
        if let (false, false, Some(server)) = (self.lane.needs_master, self.is_last, run.stale_of(self.shard)) {
            // Old data is better than none.
            let numbers: Vec<usize> = (0..self.lane.len()).filter(failed).collect();
            if !numbers.is_empty() {
                return Some(Trip { is_last: true, ..trip(numbers, server, Vec::new(), self.may_repeat) });
            }
        }
        let failure = came.failure.as_ref()?;
        // What must not be sent twice is looked at below.
        let cause = Cause::of(failure, true)?;
        let untouched = (0..self.lane.len()).all(|at| came.raw(at).is_none() && !came.is_open(at));
        if cause == Cause::NotNow || !self.may_repeat || (self.lane.writes && !untouched) {
            return None;
        }
        // What died in the pool says nothing about the server.
        if cause != Cause::Stale && !run.budget.spend() {
            return None;
        }
        let pool = &run.servers.pools[self.server];
        let (node, error, attempt) = (pool.node(), failure.kind(), self.attempt);
        let pause = Duration::ZERO;
        pool.observer().on(|| ObserverEvent::Retry { node, command: "pipeline", attempt, error, pause });
        pool.drop_idle();
        let numbers = (0..self.lane.len()).filter(|&at| came.raw(at).is_none()).collect();
        Some(trip(numbers, self.server, Vec::new(), false))
    }
}
