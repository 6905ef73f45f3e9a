//! Which server is asked for a read, and which one when that fails.

use super::{Context, Servers};
use crate::command::Wait;
use crate::error::{Error, ErrorKind};
use crate::net::{BreakerState, Deadline};
use crate::observer::ObserverEvent;
use crate::plan::Target;
use crate::topology::{ReadFrom, Role};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The servers that may serve a target, the one to ask first coming first. Those that failed a moment ago come last.
///
/// To take one is to ask it: of several calls that meet a server whose pause after a failure is over, one takes it.
pub(crate) struct Candidates<'r> {
    servers: &'r Servers,
    replicas: &'r [usize],
    master: usize,
    order: ReadFrom,
    /// Nearer ones first, where that is the order. How long servers take to answer changes at any time, so it is looked at
    /// once.
    nearest: Vec<(Duration, usize)>,
    /// The place of the first replica among its like.
    turn: usize,
    /// How many were looked at.
    nth: usize,
    ejected: Vec<usize>,
    /// Those that are asked a second time.
    again: Vec<usize>,
}

impl Candidates<'_> {
    /// The server at a place of the order.
    #[inline(never)]
    fn at(&self, nth: usize) -> Option<usize> {
        let count = self.replicas.len();
        let in_turn = |nth: usize| self.replicas[self.turn.wrapping_add(nth) % count];
        match self.order {
            _ if nth > count => None,
            _ if count == 0 => Some(self.master),
            ReadFrom::Any => {
                let place = self.turn.wrapping_add(nth) % (count + 1);
                Some(if place == count { self.master } else { self.replicas[place] })
            }
            ReadFrom::Master | ReadFrom::PreferMaster if nth == 0 => Some(self.master),
            ReadFrom::Master | ReadFrom::PreferMaster => Some(in_turn(nth - 1)),
            ReadFrom::Nearest => self.nearest.get(nth).map(|&(_, server)| server),
            ReadFrom::Replica if nth == count => Some(self.master),
            ReadFrom::Replica => Some(in_turn(nth)),
        }
    }

    /// Whether one that has not failed is still to come.
    pub(crate) fn has_more(&self) -> bool {
        let mut nth = self.nth;
        while let Some(server) = self.at(nth) {
            if self.servers.pools[server].health().breaker() == BreakerState::Closed {
                return true;
            }
            nth += 1;
        }
        false
    }

    /// A server that failed is asked once more behind all others, when it has old data: if nobody else can serve.
    pub(crate) fn failed(&mut self, server: usize) {
        if self.servers.pools[server].health().is_stale() && !self.again.contains(&server) {
            self.again.push(server);
            self.ejected.push(server);
        }
    }

    /// What is left, without taking any.
    fn rest(mut self) -> Vec<usize> {
        let left: Vec<usize> = (self.nth..).map_while(|nth| self.at(nth)).collect();
        let (serving, ejected): (Vec<usize>, Vec<usize>) =
            left.into_iter().partition(|&server| self.servers.pools[server].health().breaker() == BreakerState::Closed);
        self.ejected.extend(ejected);
        serving.into_iter().chain(self.ejected.into_iter().rev()).collect()
    }
}

/// The servers, nearer ones first; those that nobody has measured last.
#[inline(never)]
fn nearest_first(servers: &Servers, replicas: &[usize], master: usize) -> Vec<(Duration, usize)> {
    let mut all: Vec<(Duration, usize)> = Vec::with_capacity(replicas.len() + 1);
    for &server in replicas.iter().chain([&master]) {
        let latency = match servers.pools[server].health().latency() {
            Duration::ZERO => Duration::MAX,
            latency => latency,
        };
        // They are few.
        let mut place = all.len();
        while place > 0 && all[place - 1].0 > latency {
            place -= 1;
        }
        all.insert(place, (latency, server));
    }
    all
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    #[inline(never)]
    fn next(&mut self) -> Option<usize> {
        while let Some(server) = self.at(self.nth) {
            self.nth += 1;
            // Where there is no choice, nobody is left out.
            if self.replicas.is_empty() || self.servers.pools[server].health().may_ask() {
                return Some(server);
            }
            self.ejected.push(server);
        }
        // Old data before no answer, and the master before its replicas.
        let stale = self.ejected.iter().rposition(|&server| self.servers.pools[server].health().is_stale());
        match stale {
            Some(at) => Some(self.ejected.remove(at)),
            None => self.ejected.pop(),
        }
    }
}

impl Context<'_> {
    /// The one server that may serve a target, where there is no choice and nothing to remember of it for a choice.
    pub(crate) fn only_server(&self, target: Target) -> Option<usize> {
        match target {
            Target::Server(server) => Some(server),
            Target::Shard(shard, role) => {
                let shard = &self.topology().shards()[shard];
                let is_alone = role == Role::Master || shard.replicas().is_empty();
                is_alone.then_some(shard.master())
            }
        }
    }

    /// The servers that may serve a target, the one to ask first coming first.
    pub(crate) fn candidates(&self, target: Target) -> Candidates<'_> {
        let turn = match (self.replicas_for(target).len(), self.planner.read_from) {
            (0, _) | (1, ReadFrom::Replica) => 0,
            _ => self.turn.fetch_add(1, Ordering::Relaxed),
        };
        self.candidates_from(target, turn)
    }

    /// The server that is asked first as things stand; of several that take turns the first.
    pub(crate) fn first_asked(&self, target: Target) -> usize {
        match target {
            // Who waits in slices is to get what is new as soon as it is there.
            Target::Shard(shard, _) if self.can_be_cancelled() => self.topology().shards()[shard].master(),
            _ => {
                let candidates = self.candidates_from(target, 0);
                let master = candidates.master;
                candidates.rest().first().copied().unwrap_or(master)
            }
        }
    }

    fn candidates_from(&self, target: Target, turn: usize) -> Candidates<'_> {
        let replicas = self.replicas_for(target);
        let master = match target {
            Target::Server(server) => server,
            Target::Shard(shard, _) => self.topology().shards()[shard].master(),
        };
        let order = self.planner.read_from;
        let nearest = match (order, replicas) {
            (ReadFrom::Nearest, [_, ..]) => nearest_first(self.servers, replicas, master),
            _ => Vec::new(),
        };
        Candidates {
            servers: self.servers,
            replicas,
            master,
            order,
            nearest,
            turn,
            nth: 0,
            ejected: Vec::new(),
            again: Vec::new(),
        }
    }

    /// The replicas that may serve a target.
    fn replicas_for(&self, target: Target) -> &[usize] {
        match target {
            Target::Shard(shard, Role::Replica) if !self.own_writes().is_some_and(|own| own.includes(shard)) => {
                self.topology().shards()[shard].replicas()
            }
            _ => &[],
        }
    }

    /// Whether more than one server may serve a target.
    pub(super) fn has_others(&self, target: Target) -> bool {
        !self.replicas_for(target).is_empty()
    }

    /// The servers of a shard that may serve a read, or with `replicas` false a write, the one to ask first coming first.
    pub(crate) fn servers_of(&self, shard: usize, replicas: bool) -> Vec<usize> {
        let role = if replicas { Role::Replica } else { Role::Master };
        let mut candidates = self.candidates(Target::Shard(shard, role));
        let first = candidates.next();
        first.into_iter().chain(candidates.rest()).collect()
    }

    /// A replica of the shard that has old data.
    pub(crate) fn stale_of(&self, shard: usize) -> Option<usize> {
        let replicas = self.topology().shards()[shard].replicas();
        replicas.iter().copied().find(|&server| self.servers.pools[server].health().is_stale())
    }

    /// Whether any of these has not failed a moment ago.
    pub(crate) fn any_serves(&self, servers: &[usize]) -> bool {
        servers.iter().any(|&server| self.servers.pools[server].health().breaker() == BreakerState::Closed)
    }

    /// A server for which another one can stand in gets a part of the time, so that some is left when it says nothing;
    /// however much there is, no more than what was set for that.
    pub(crate) fn part_of_the_time(&self, others: bool) -> Deadline {
        // Most calls have no choice, and read no clock for it.
        if !others {
            return self.deadline;
        }
        let longest = self.view.stand_in_after;
        // While it waits for data, to say nothing is right.
        let (wait, waits) = match self.wait {
            Wait::None => (Duration::ZERO, false),
            Wait::AtMost(wait) => (wait, true),
            Wait::Forever => return self.deadline,
        };
        let part = match self.deadline.left() {
            Ok(Some(left)) => longest.min(left.saturating_sub(wait) / 4),
            Ok(None) if !waits => longest,
            _ => return self.deadline,
        };
        self.deadline.within(wait.saturating_add(part))
    }

    /// Remembers whether a server could serve a read that began at this moment, or why it failed.
    #[inline(never)]
    pub(crate) fn note(&self, server: usize, began: Instant, failed: Option<&Error>) {
        let pool = &self.servers.pools[server];
        match failed {
            Some(error) if ejects(error) => self.eject(server, began, error.kind()),
            // It found no connection free, so it says nothing of the server.
            Some(error) if error.kind() == ErrorKind::PoolTimeout => {}
            _ if pool.health().served(began) && self.topology().role(server) == Role::Replica => {
                pool.tell(&|node| ObserverEvent::ReplicaReadmitted { node });
            }
            _ => {}
        }
    }

    /// A server has failed a read that began at this moment.
    pub(super) fn eject(&self, server: usize, began: Instant, error: ErrorKind) {
        let pool = &self.servers.pools[server];
        if let (Some(pause), Role::Replica) = (pool.health().failed(began), self.topology().role(server)) {
            pool.tell(&|node| ObserverEvent::ReplicaEjected { node, error, pause });
        }
    }
}

/// Whether a server that failed so would fail the next read too. What one user may not do, what one script needs and
/// that all connections are in use is not about the server.
fn ejects(error: &Error) -> bool {
    use ErrorKind::*;
    error.is_servers_fault() && !matches!(error.kind(), NoPerm | PoolTimeout) && error.code() != Some("NOSCRIPT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Builder;
    use crate::error::Outcome;
    use crate::execute::scripted_servers::{view, with_context};
    use crate::execute::{Cancel, Cancellable, OwnWrites, View};
    use crate::net::Pool;
    use crate::topology::{Address, Crc32Modulo, HashTags, Node, Placement, ShardDescription, Topology};
    use std::sync::atomic::AtomicBool;
    use std::sync::Arc;

    /// A master, which is server 0, and so many replicas.
    fn servers(replicas: u16) -> Servers {
        let node = |port: u16| Node::new(format!("n{port}"), Address::new("h", port).unwrap());
        let (endpoint, settings) = Builder::default().single("h:1").unwrap();
        let settings = Arc::new(settings);
        let pool = |port| Arc::new(Pool::new(Role::Replica, node(port), endpoint.clone(), Arc::clone(&settings)));
        let master = ShardDescription {
            replicas: (2..=replicas + 1).map(node).collect(),
            ..ShardDescription::new("n1", node(1).address())
        };
        Servers {
            topology: Arc::new(Topology::new([master])),
            pools: (1..=replicas + 1).map(pool).collect(),
            marks: Arc::default(),
        }
    }

    fn candidates<'s>(servers: &'s Servers, replicas: &'s [usize], order: ReadFrom, turn: usize) -> Candidates<'s> {
        Candidates {
            servers,
            replicas,
            master: 0,
            order,
            nearest: match order {
                ReadFrom::Nearest => nearest_first(servers, replicas, 0),
                _ => Vec::new(),
            },
            turn,
            nth: 0,
            ejected: Vec::new(),
            again: Vec::new(),
        }
    }

    #[test]
    fn who_is_asked_in_which_order() {
        for (order, turn, failed, stale, expected) in [
            (ReadFrom::Master, 0, None, None, [0, 1, 2]),
            (ReadFrom::PreferMaster, 1, None, None, [0, 2, 1]),
            (ReadFrom::Replica, 0, None, None, [1, 2, 0]),
            (ReadFrom::Replica, 1, None, None, [2, 1, 0]),
            (ReadFrom::Replica, usize::MAX, None, None, [2, 1, 0]),
            (ReadFrom::Any, 0, None, None, [1, 2, 0]),
            (ReadFrom::Any, 1, None, None, [2, 0, 1]),
            (ReadFrom::Any, 2, None, None, [0, 1, 2]),
            // The nearest of those that were measured; nobody has measured the others.
            (ReadFrom::Nearest, 0, None, None, [1, 2, 0]),
            // Who failed a moment ago comes last, whoever that is.
            (ReadFrom::Replica, 0, Some(1), None, [2, 0, 1]),
            (ReadFrom::Replica, 0, Some(0), None, [1, 2, 0]),
            (ReadFrom::PreferMaster, 0, Some(0), None, [1, 2, 0]),
            // Of all that failed the one with old data comes first.
            (ReadFrom::PreferMaster, 0, Some(0), Some(2), [1, 2, 0]),
            (ReadFrom::Replica, 0, Some(2), Some(1), [0, 1, 2]),
        ] {
            let servers = servers(2);
            servers.pools[1].health().set_latency(Duration::from_millis(1));
            for server in failed.into_iter().chain(stale) {
                servers.pools[server].health().failed(Instant::now());
            }
            stale.into_iter().for_each(|server: usize| servers.pools[server].health().set_stale(true));
            let asked: Vec<usize> = candidates(&servers, &[1, 2], order, turn).collect();
            assert_eq!(asked, expected, "{order:?}, turn {turn}, failed {failed:?}, stale {stale:?}");
            let left = candidates(&servers, &[1, 2], order, turn).rest();
            // Which of those that failed comes first does not matter there.
            let told = if stale.is_some() { 1 } else { 3 };
            assert_eq!(left.len(), 3);
            assert_eq!(left[..told], expected[..told], "{order:?}, turn {turn}: what is told is what is asked");
        }
        // Where there is no choice, nobody is left out.
        let servers = servers(0);
        servers.pools[0].health().failed(Instant::now());
        assert_eq!(candidates(&servers, &[], ReadFrom::Replica, 7).collect::<Vec<_>>(), [0]);
        // Who has old data is asked once more behind all others, and only once.
        let servers = self::servers(1);
        servers.pools[1].health().set_stale(true);
        servers.pools[1].health().failed(Instant::now());
        let mut candidates = candidates(&servers, &[1], ReadFrom::Replica, 0);
        let mut asked = Vec::new();
        while let Some(server) = candidates.next() {
            asked.push(server);
            candidates.failed(server);
        }
        assert_eq!(asked, [0, 1, 1]);
    }

    fn in_context<T>(
        servers: &Servers,
        view: &View,
        deadline: Deadline,
        wait: Wait,
        go: impl Fn(&Context<'_>) -> T,
    ) -> T {
        let placement = Placement { hash_tags: HashTags::Off, partitioner: Box::new(Crc32Modulo) };
        with_context(servers, &placement, view, deadline, wait, |context| go(&context))
    }

    const MASTER: Target = Target::Shard(0, Role::Master);
    const READ: Target = Target::Shard(0, Role::Replica);

    #[test]
    fn what_is_noted_of_a_server_that_failed_before() {
        let server = |text: &str| Error::server(text.as_bytes());
        let failed = |kind| Error::new(kind, Outcome::NotApplied, "testing");
        for (failed, serves) in [
            (None, true),
            // It has answered.
            (Some(server("WRONGTYPE x")), true),
            (Some(server("NOPERM x")), true),
            (Some(failed(ErrorKind::Timeout)), false),
            // Nobody has asked it.
            (Some(failed(ErrorKind::PoolTimeout)), false),
        ] {
            let servers = servers(1);
            let view = view(Duration::from_secs(5));
            servers.pools[1].health().failed(Instant::now());
            in_context(&servers, &view, Deadline::never(), Wait::None, |context| {
                context.note(1, Instant::now(), failed.as_ref())
            });
            assert_eq!(servers.pools[1].health().breaker() == BreakerState::Closed, serves, "{failed:?}");
        }
    }

    #[test]
    fn which_servers_a_target_has() {
        static CANCELLABLE: Cancellable =
            Cancellable { routed: |_, _| unreachable!("nothing is run"), named: |_, _| unreachable!("nothing is run") };
        // Of a target the only server where there is no choice, and the one that is asked first.
        for (replicas, target, has_written, may_be_cancelled, only, first) in [
            (0, MASTER, false, false, Some(0), 0),
            (0, READ, false, false, Some(0), 0),
            (2, MASTER, false, false, Some(0), 0),
            (2, READ, false, false, None, 1),
            (2, Target::Server(2), false, false, Some(2), 2),
            // Who sees its own writes has a choice that is none.
            (2, READ, true, false, None, 0),
            (2, READ, false, true, None, 0),
            (2, Target::Server(2), false, true, Some(2), 2),
        ] {
            let servers = servers(replicas);
            let mut view = View { read_from: ReadFrom::Replica, ..view(Duration::from_secs(1)) };
            let (own, told) = (OwnWrites::new(1), (replicas, target, has_written, may_be_cancelled));
            if has_written {
                own.note(&servers.topology, 0);
            }
            view.own_writes = Some(Arc::new(own));
            view.cancel = may_be_cancelled.then(|| (Cancel::new(), &CANCELLABLE));
            let wait = if may_be_cancelled { Wait::Forever } else { Wait::None };
            in_context(&servers, &view, Deadline::never(), wait, |context| {
                assert_eq!((context.only_server(target), context.first_asked(target)), (only, first), "{told:?}");
                let has_others = replicas > 0 && target == READ && !has_written;
                assert_eq!(context.has_others(target), has_others, "{told:?}");
            });
        }
        let servers = servers(2);
        let view = View { read_from: ReadFrom::Replica, ..view(Duration::from_secs(1)) };
        in_context(&servers, &view, Deadline::never(), Wait::None, |context| {
            assert_eq!(context.servers_of(0, false), [0]);
            assert_eq!((context.servers_of(0, true), context.servers_of(0, true)), (vec![1, 2, 0], vec![2, 1, 0]));
            assert!(context.any_serves(&[1]) && context.stale_of(0).is_none());
            servers.pools[1].health().failed(Instant::now());
            servers.pools[1].health().set_stale(true);
            assert!(!context.any_serves(&[1]) && context.any_serves(&[1, 2]) && context.stale_of(0) == Some(1));
            assert_eq!(context.first_asked(READ), 2);
        });
    }

    #[test]
    fn how_long_one_may_take_for_which_another_can_stand_in() {
        let servers = servers(1);
        let secs = Duration::from_secs;
        let (hundred, never) = (Some(secs(100)), None);
        for (others, wait, deadline, longest, expected) in [
            (false, Wait::None, hundred, 3, hundred),
            (true, Wait::None, hundred, 3, Some(secs(3))),
            (true, Wait::None, hundred, 30, Some(secs(25))),
            (true, Wait::None, never, 30, Some(secs(30))),
            // While it waits for data, to say nothing is right.
            (true, Wait::AtMost(secs(60)), hundred, 3, Some(secs(63))),
            (true, Wait::AtMost(secs(60)), hundred, 30, Some(secs(70))),
            (true, Wait::AtMost(secs(60)), never, 30, never),
            (true, Wait::Forever, hundred, 3, hundred),
        ] {
            let view = View { stand_in_after: secs(longest), ..view(secs(100)) };
            let until = deadline.map_or_else(Deadline::never, Deadline::after);
            let part = in_context(&servers, &view, until, wait, |context| context.part_of_the_time(others));
            let left = part.left().unwrap_or_else(|_| panic!("there is time"));
            let about = |left: Duration| left + Duration::from_millis(500);
            assert_eq!(left.map(|left| about(left).as_secs()), expected.map(|expected| expected.as_secs()), "{wait:?}");
        }
    }

    #[test]
    fn whether_one_that_has_not_failed_is_still_to_come() {
        for (failed, taken, expected) in [
            (&[][..], 0, true),
            (&[], 2, true),
            (&[], 3, false),
            // Of the master, which is the last one.
            (&[0], 1, true),
            (&[0], 2, false),
            (&[0, 2], 0, true),
            (&[0, 2], 1, false),
            (&[0, 1, 2], 0, false),
        ] {
            let servers = servers(2);
            let mut candidates = candidates(&servers, &[1, 2], ReadFrom::Replica, 0);
            candidates.by_ref().take(taken).for_each(drop);
            for &server in failed {
                servers.pools[server].health().failed(Instant::now());
            }
            assert_eq!(candidates.has_more(), expected, "{failed:?} failed, {taken} were asked");
        }
    }

    #[test]
    fn what_speaks_against_a_server() {
        let server = |text: &str| Error::server(text.as_bytes());
        let failed = |kind| Error::new(kind, Outcome::NotApplied, "testing");
        for (error, expected) in [
            (failed(ErrorKind::Connect), true),
            (failed(ErrorKind::Timeout), true),
            (server("LOADING x"), true),
            (server("BUSY x"), true),
            (server("WRONGTYPE x"), false),
            (server("NOPERM x"), false),
            (server("NOSCRIPT x"), false),
            (failed(ErrorKind::PoolTimeout), false),
        ] {
            assert_eq!(ejects(&error), expected, "{error}");
        }
    }

    #[test]
    fn each_server_has_one_place_while_their_latencies_change() {
        let servers = servers(8);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for nth in (0u64..).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                    let pool = &servers.pools[nth as usize % 9];
                    pool.health().set_latency(Duration::from_nanos(nth * 7919 % 1000 + 1));
                }
            });
            let replicas: Vec<usize> = (1..9).collect();
            for _ in 0..20_000 {
                let candidates = candidates(&servers, &replicas, ReadFrom::Nearest, 0);
                let mut all: Vec<usize> = candidates.collect();
                all.sort_unstable();
                assert_eq!(all, (0..9).collect::<Vec<_>>());
            }
            is_over.store(true, Ordering::Relaxed);
        });
    }
}
