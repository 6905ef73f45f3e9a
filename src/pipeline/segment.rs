//! A stretch of a pipeline that goes out at once.

use super::flow::{drive, Flight};
use super::lane::{Landed, Lane, Mark};
use super::trip::{Load, Next, Trip};
use crate::error::{Error, Result};
use crate::execute::{one_of_several, Run, Servers};
use crate::net::Lease;
use crate::order::sort_by_key;
use crate::topology::Role;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Commands up to the next one that has to run by itself.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// By shard.
    lanes: BTreeMap<usize, Lane>,
    /// The command that runs when all of these are finished.
    pub(super) then: Option<usize>,
}

/// A command, and its requests by shard and number, which are either sent all or not at all.
pub(super) type Together = (usize, Vec<(usize, usize)>);

/// A segment on its way.
struct Course<'c, F> {
    together: &'c [Together],
    /// Told the commands of which nothing was sent because a node could not be reached.
    given_up: F,
    landed: BTreeMap<usize, Landed>,
}

impl Segment {
    /// Appends a request to the lane of a shard and gives its number there.
    pub(super) fn push(&mut self, shard: usize, role: Role, mark: Mark, request: &[u8]) -> usize {
        let lane = self.lanes.entry(shard).or_default();
        lane.needs_master |= role == Role::Master;
        lane.writes |= !mark.is_read;
        lane.push(request, mark)
    }

    /// The shards that some request may write to.
    pub(super) fn written(&self) -> impl Iterator<Item = usize> + '_ {
        self.lanes.iter().filter(|(_, lane)| lane.writes).map(|(&shard, _)| shard)
    }

    /// Keeps reads from the replicas of these shards.
    pub(super) fn keep_to_masters(&mut self, is_kept: impl Fn(usize) -> bool) {
        self.lanes.iter_mut().for_each(|(&shard, lane)| lane.needs_master |= is_kept(shard));
    }

    /// Sends every lane and gives what came back, by shard. When a node cannot be reached, the commands whose requests
    /// belong `together` and of which it has one are told to `given_up`.
    pub(super) fn run(
        self,
        run: &Run<'_>,
        together: &[Together],
        given_up: impl FnMut(usize, Error),
    ) -> BTreeMap<usize, Landed> {
        let landed = self.lanes.iter().map(|(&shard, lane)| (shard, Landed::of(lane))).collect();
        let load = |(shard, lane): (usize, Lane)| Load { shard, numbers: (0..lane.len()).collect(), lane, before: 0 };
        let loads = self.lanes.into_iter().map(load).collect();
        let mut course = Course { together, given_up, landed };
        course.run(run, loads);
        course.landed
    }
}

impl<F: FnMut(usize, Error)> Course<'_, F> {
    fn run(&mut self, run: &Run<'_>, loads: Vec<Load>) {
        let mut trips: Vec<Trip> = loads.into_iter().map(|load| Trip::first(run, load)).collect();
        // Connections are taken in the order of the servers: two calls can so never wait for one another.
        sort_by_key(&mut trips, |trip| trip.server);
        let mut leases = lend(run, &trips);
        while let Some(at) = self.missing(&trips, &leases) {
            let Err(error) = leases.swap_remove(at) else { break };
            // Nothing was sent to anybody yet, and nothing is held during the pause.
            drop(leases);
            if let Some(pause) = trips[at].pause(run, &error) {
                std::thread::sleep(pause);
                leases = lend(run, &trips);
                continue;
            }
            let asked = error.clone().with_command("pipeline").with_attempts(trips[at].attempt());
            if let Some(now) = follow(run, &asked) {
                trips[at].load.before = trips[at].attempt();
                return self.run(&run.on(&now), trips.into_iter().map(|trip| trip.load).collect());
            }
            leases = lend_but(run, &trips, Some((at, error)));
            break;
        }
        self.give_up(&mut trips, &leases);
        let mut refused = Vec::new();
        loop {
            let (next, pause) = self.wave(run, trips, leases, &mut refused);
            trips = next;
            if trips.is_empty() {
                break;
            }
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
            sort_by_key(&mut trips, |trip| trip.server);
            leases = lend(run, &trips);
        }
        // Every other node is done by then: whoever asks for a master may have to wait.
        let mut now = None;
        refused.retain(|(_, error)| follow(run, error).map(|servers| now = Some(servers)).is_some());
        if let Some(now) = now {
            // What is sent now belongs to commands of which other parts may have been applied.
            self.together = &[];
            self.run(&run.on(&now), refused.into_iter().map(|(load, _)| load).collect());
        }
    }

    /// A trip to a server that cannot be reached and that commands of several nodes need.
    fn missing(&self, trips: &[Trip], leases: &[Result<Lease>]) -> Option<usize> {
        let is_needed =
            |trip: &Trip| self.together.iter().flat_map(|(_, parts)| parts).any(|(shard, _)| *shard == trip.load.shard);
        (0..trips.len()).find(|&at| leases[at].is_err() && trips[at].is_alone() && is_needed(&trips[at]))
    }

    /// Leaves out the commands that need a server that cannot be reached.
    fn give_up(&mut self, trips: &mut [Trip], leases: &[Result<Lease>]) {
        let is_alone = |(trip, lease): (&Trip, &Result<Lease>)| {
            let error = lease.as_ref().err().filter(|_| trip.is_alone())?;
            Some((trip.load.shard, error.clone().with_attempts(trip.attempt())))
        };
        let unreached: BTreeMap<usize, Error> = trips.iter().zip(leases).filter_map(is_alone).collect();
        let mut left_out: BTreeSet<(usize, usize)> = BTreeSet::new();
        for (command, parts) in self.together {
            if let Some(error) = parts.iter().find_map(|(shard, _)| unreached.get(shard)) {
                (self.given_up)(*command, error.clone());
                left_out.extend(parts);
            }
        }
        if !left_out.is_empty() {
            trips.iter_mut().for_each(|trip| trip.leave_out(&left_out));
        }
    }

    /// Makes every trip, notes what came back, and gives the trips that are to be made next, and after which pause.
    fn wave(
        &mut self,
        run: &Run<'_>,
        trips: Vec<Trip>,
        leases: Vec<Result<Lease>>,
        refused: &mut Vec<(Load, Error)>,
    ) -> (Vec<Trip>, Duration) {
        let mut flights = Vec::with_capacity(trips.len());
        let mut came = Vec::with_capacity(trips.len());
        for (trip, lease) in trips.iter().zip(leases) {
            match lease {
                Ok(lease) => {
                    flights.push(Flight::new(&trip.load.lane, lease, trip.deadline(run), trip.attempt()));
                    came.push(None);
                }
                Err(error) => {
                    let mut nothing = Landed::of(&trip.load.lane);
                    nothing.failure = Some(error);
                    came.push(Some(nothing));
                }
            }
        }
        let mut flown = drive(flights).into_iter();
        let came: Vec<Landed> =
            came.into_iter().map(|nothing| nothing.or_else(|| flown.next()).unwrap_or_default()).collect();
        let (mut next, mut longest) = (Vec::new(), Duration::ZERO);
        for (trip, mut came) in trips.into_iter().zip(came) {
            trip.note(run, &came);
            let (shard, numbers, attempt) = (trip.load.shard, trip.load.numbers.clone(), trip.attempt());
            match trip.next(run, &came) {
                Next::Trip(trip, pause) => {
                    next.push(trip);
                    longest = longest.max(pause);
                }
                Next::Master(load, error) => refused.push((load, error)),
                Next::Nothing => {}
            }
            came.failure = came.failure.map(|error| error.with_attempts(attempt));
            if let Some(landed) = self.landed.get_mut(&shard) {
                landed.take(came, &numbers);
            }
        }
        (next, longest)
    }
}

fn lend(run: &Run<'_>, trips: &[Trip]) -> Vec<Result<Lease>> {
    lend_but(run, trips, None)
}

/// A connection for each trip but for one, of which it is known that it cannot be had.
fn lend_but(run: &Run<'_>, trips: &[Trip], mut known: Option<(usize, Error)>) -> Vec<Result<Lease>> {
    let lend = |(at, trip): (usize, &Trip)| match known.take() {
        Some((nth, error)) if nth == at => Err(error),
        other => {
            known = other;
            let deadline = trip.deadline(run);
            trip.lend(run, if trips.len() == 1 { deadline } else { one_of_several(deadline) })
        }
    };
    trips.iter().enumerate().map(lend).collect()
}

/// The servers of now, when the node that failed so has another master among them.
fn follow(run: &Run<'_>, error: &Error) -> Option<Arc<Servers>> {
    run.follow.and_then(|follow| follow(error, one_of_several(run.deadline)))
}
