//! What follows a failure: the same server is asked again, another one of its node, the new master of the node, or nobody.
//! Pure: it neither sends nor sleeps.
//!
//! Each of the three is done in one place: `execute/attempts.rs` asks the same server again, `Call::first_that_serves` another
//! one, and `Cluster::goes_to_new_master` the new master. Pipelines do all three for the requests that failed, by the same
//! rules.

use crate::error::{Error, ErrorKind, Outcome};
use crate::random::chance;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How often a call is tried again, and which: see [`Builder::retries`](crate::Builder::retries) for what is tried again
/// by default, and [`Cluster::retries`](crate::Cluster::retries) for one call.
///
/// Whatever it says, a call has one deadline over all its attempts, and what a server may have applied is sent again
/// only when it is a read or [`also_unknown`](Retries::also_unknown) is given.
///
/// ```
/// use rediscluster::prelude::*;
/// use rediscluster::Retries;
/// use std::time::Duration;
///
/// let cluster = Cluster::builder().node("node_1", "127.0.0.1:6379").build()?;
/// let once = cluster.retries(Retries::none());
/// // Rides out the restart of a server, as long as the deadline allows.
/// let patient = cluster.deadline(Duration::from_secs(60)).retries(Retries::up_to(100));
/// # Ok::<(), rediscluster::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    most: u32,
    /// Of those, the ones that follow a connection that could not be made or that broke.
    most_connecting: u32,
    unknown: bool,
    first_pause: Duration,
    longest_pause: Duration,
}

impl Default for Retries {
    /// Up to 3, of which one follows a connection that could not be made or that broke: a dead server is told at once.
    fn default() -> Retries {
        let (first_pause, longest_pause) = (Duration::from_millis(20), Duration::from_secs(1));
        Retries { most: 3, most_connecting: 1, unknown: false, first_pause, longest_pause }
    }
}

impl Retries {
    /// Every request is sent once, and to no new master either: the next call goes there. A read still goes on to the next
    /// server of its node that can answer, as [`ReadFrom`](crate::ReadFrom) says, and what brings a move between nodes to its
    /// end is sent once more.
    pub fn none() -> Retries {
        Retries::up_to(0)
    }

    /// So many more attempts after the first one, whatever may be tried again.
    pub fn up_to(retries: u32) -> Retries {
        Retries { most: retries, most_connecting: retries, ..Retries::default() }
    }

    /// A write whose connection broke before the reply came is sent again, though the server may have applied it: only
    /// for commands that may be applied twice, such as `SET`, `DEL` or `EXPIRE` and unlike `INCR` or `RPUSH`. It is for
    /// commands that one node applies and for those that are split by key; the steps of a command that takes several
    /// rounds, pipelines and transactions go on as without it.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::Retries;
    ///
    /// let repeatable = cluster.retries(Retries::default().also_unknown());
    /// repeatable.set("foo", "bar")?;
    /// # Ok(()) });
    /// ```
    pub fn also_unknown(self) -> Retries {
        Retries { unknown: true, ..self }
    }

    /// The pauses: each is a random time from zero to a most, which is `first` to begin with, doubles each time and ends
    /// at `longest`. The default is 20 ms and 1 s.
    pub fn pauses(self, first: Duration, longest: Duration) -> Retries {
        Retries { first_pause: first, longest_pause: longest, ..self }
    }

    /// Whether also what may have been applied is sent again.
    pub(crate) fn repeat_unknown(&self) -> bool {
        self.unknown
    }

    /// Whether anything is sent again.
    pub(crate) fn are_allowed(&self) -> bool {
        self.most > 0
    }
}

/// What keeps a fleet that is down from being asked over and over: calls earn retries, and retries spend them.
///
/// Spending is what rarely happens, so a full budget is only looked at.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

impl Budget {
    /// What a retry costs; a call earns 1. So there is no more than one retry for so many calls,
    const PRICE: u32 = 10;
    /// but for as many as this, which may come at once.
    pub(crate) const BURST: u32 = 32;
    const MOST: u32 = Budget::BURST * Budget::PRICE;

    pub(crate) fn new() -> Budget {
        Budget(AtomicU32::new(Budget::MOST))
    }

    pub(crate) fn earn(&self) {
        if self.0.load(Ordering::Relaxed) < Budget::MOST {
            let more = |saved: u32| (saved < Budget::MOST).then_some(saved + 1);
            // It is full: then there is nothing to earn.
            let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        }
    }

    pub(crate) fn spend(&self) -> bool {
        let less = |saved: u32| saved.checked_sub(Budget::PRICE);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// Why a failure may be followed by another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The connection had died while it lay in the pool, which says nothing about the server.
    Stale,
    /// No connection could be made, or it broke.
    Connection,
    /// The server refuses for the moment, before it looks at the command.
    NotNow,
}

impl Cause {
    /// With `unknown`, also what may have been applied is sent again.
    pub(crate) fn of(error: &Error, unknown: bool) -> Option<Cause> {
        let not_applied = error.outcome() == Outcome::NotApplied;
        match error.kind() {
            ErrorKind::Io if (not_applied || unknown) && error.was_pooled() => Some(Cause::Stale),
            ErrorKind::Io if not_applied || unknown => Some(Cause::Connection),
            // Bytes that nobody asked for lay in the connection.
            ErrorKind::Protocol if not_applied && error.was_pooled() => Some(Cause::Stale),
            ErrorKind::Connect if may_pass(error) => Some(Cause::Connection),
            _ if error.is_for_the_moment() => Some(Cause::NotNow),
            _ => None,
        }
    }
}

/// Whether a connection that could not be made may be had a moment later. To wait for a server that says nothing takes
/// the whole time that connecting may take, so that is not done twice.
fn may_pass(error: &Error) -> bool {
    use io::ErrorKind::*;
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|source| matches!(source.kind(), ConnectionRefused | ConnectionReset | ConnectionAborted))
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The same server is asked again after a pause.
    SameServer { pause: Duration, cause: Cause },
    /// Another server of the node is asked, which holds the same.
    OtherServer,
    /// The node may have a new master, which is asked then.
    NewMaster,
    /// The failure is the last word.
    Nothing,
}

/// What a request allows after a failure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allows {
    /// It may be sent again though a server may have applied it.
    pub(crate) repeating: bool,
    /// Other servers can answer it. Then the first one is asked again only over a connection that had died in the pool.
    pub(crate) others: bool,
}

/// What follows a failure after which the same server is not asked again.
pub(crate) fn elsewhere(error: &Error, has_others: bool, retries: &Retries) -> Next {
    if has_others && error.is_servers_fault() {
        return Next::OtherServer;
    }
    match error.outcome() == Outcome::NotApplied && error.may_come_of_a_failover() && retries.are_allowed() {
        true => Next::NewMaster,
        false => Next::Nothing,
    }
}

/// The attempts of one request at one server so far.
#[derive(Debug)]
pub(crate) struct Attempts {
    retries: Retries,
    made: u32,
    connecting: u32,
    pauses: u32,
    was_stale: bool,
}

impl Attempts {
    /// The first one is about to be made.
    pub(crate) fn first(retries: &Retries) -> Attempts {
        Attempts { retries: *retries, made: 1, connecting: 0, pauses: 0, was_stale: false }
    }

    /// How many have been made, the one under way included.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// What follows a failure with so much time left, `None` being without end. What another attempt costs is spent by
    /// `spend`, where it costs anything.
    pub(crate) fn next(
        &mut self,
        error: &Error,
        allows: Allows,
        left: Option<Duration>,
        spend: &dyn Fn() -> bool,
    ) -> Next {
        let cause = Cause::of(error, allows.repeating).filter(|&cause| !allows.others || cause == Cause::Stale);
        if let Some(cause) = cause {
            if let Some(pause) = self.pause_after(cause, spend, left) {
                return Next::SameServer { pause, cause };
            }
        }
        elsewhere(error, allows.others, &self.retries)
    }

    /// The pause before the next attempt at the same server; `None` when none follows.
    ///
    /// A connection that had died in the pool is replaced once, at once and without the budget, and is not counted where
    /// anything may be tried again: no server was asked twice. The first attempt after a connection that could not be made
    /// comes at once, too.
    fn pause_after(&mut self, cause: Cause, spend: &dyn Fn() -> bool, left: Option<Duration>) -> Option<Duration> {
        if self.made - u32::from(self.was_stale) > self.retries.most {
            return None;
        }
        if cause == Cause::Stale && !self.was_stale {
            self.was_stale = true;
            self.made += 1;
            return Some(Duration::ZERO);
        }
        let at_once = match cause {
            Cause::NotNow => false,
            Cause::Stale | Cause::Connection if self.connecting >= self.retries.most_connecting => return None,
            Cause::Stale | Cause::Connection => {
                self.connecting += 1;
                self.connecting == 1
            }
        };
        let pause = if at_once { Duration::ZERO } else { self.pause(chance()) };
        // An attempt after the deadline is none, and to wait for it would only keep the caller from knowing.
        if left.is_some_and(|left| pause >= left) || !spend() {
            return None;
        }
        self.made += 1;
        Some(pause)
    }

    fn pause(&mut self, chance: u64) -> Duration {
        let doubled = 1u32.checked_shl(self.pauses).unwrap_or(u32::MAX);
        let most = self.retries.first_pause.saturating_mul(doubled).min(self.retries.longest_pause);
        self.pauses = (self.pauses + 1).min(31);
        jitter(most, chance)
    }
}

/// From nothing to `most`, as chance has it: so those who failed together do not come back together.
pub(crate) fn jitter(most: Duration, chance: u64) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(((u128::from(nanos) * u128::from(chance)) >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Option<Duration> = Some(Duration::from_secs(3600));

    #[test]
    fn the_pause_is_within_its_bounds_and_spreads_over_them() {
        let most = Duration::from_millis(100);
        assert_eq!(jitter(most, 0), Duration::ZERO);
        assert_eq!(jitter(most, 1 << 63), most / 2);
        assert!(jitter(most, u64::MAX) < most && jitter(most, u64::MAX) > most * 99 / 100);
        assert!(jitter(Duration::MAX, u64::MAX) > Duration::from_secs(1 << 32), "no overflow");
        let (mut low, mut high) = (0, 0);
        for _ in 0..1000 {
            let pause = jitter(most, chance());
            assert!(pause < most);
            low += u32::from(pause < most / 4);
            high += u32::from(pause >= most * 3 / 4);
        }
        assert!(low > 100 && high > 100, "{low} {high}");
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut attempts =
            Attempts::first(&Retries::up_to(100).pauses(Duration::from_millis(20), Duration::from_millis(100)));
        let most: Vec<u128> = (0..50).map(|_| attempts.pause(u64::MAX).as_millis() + 1).collect();
        assert_eq!(most[..5], [20, 40, 80, 100, 100]);
        assert!(most[5..].iter().all(|&most| most == 100));
    }

    #[test]
    fn a_retry_costs_what_ten_calls_earn_but_for_a_burst() {
        let budget = Budget::new();
        (0..1000).for_each(|_| budget.earn());
        assert_eq!((0..100).filter(|_| budget.spend()).count(), Budget::BURST as usize);
        let spent = (0..1000).filter(|_| {
            budget.earn();
            budget.spend()
        });
        assert_eq!(spent.count(), 100);
    }

    #[test]
    fn how_many_follow() {
        let follow = |retries: Retries, causes: &[Cause]| {
            let budget = Budget::new();
            let mut attempts = Attempts::first(&retries);
            causes.iter().take_while(|&&cause| attempts.pause_after(cause, &|| budget.spend(), LONG).is_some()).count()
        };
        use Cause::*;
        let default = Retries::default();
        assert_eq!(follow(default, &[NotNow; 9]), 3);
        assert_eq!(follow(default, &[Connection; 9]), 1);
        assert_eq!(follow(default, &[Stale, Connection, Connection]), 2);
        assert_eq!(follow(default, &[Stale, NotNow, NotNow, NotNow, NotNow]), 4);
        assert_eq!(follow(default, &[Stale; 9]), 2, "the second one is as a connection that broke");
        assert_eq!(follow(default, &[Connection, NotNow, NotNow, NotNow]), 3);
        assert_eq!(follow(Retries::up_to(7), &[Connection; 9]), 7);
        assert_eq!(follow(Retries::up_to(1), &[Stale, Connection, Connection]), 2, "the stale one is not counted");
        assert_eq!(follow(Retries::none(), &[Stale]), 0);
    }

    #[test]
    fn the_first_attempt_after_a_broken_connection_comes_at_once_and_none_after_the_deadline() {
        let hour = Duration::from_secs(3600);
        let budget = Budget::new();
        let mut attempts = Attempts::first(&Retries::up_to(9).pauses(hour, hour));
        assert_eq!(attempts.pause_after(Cause::Connection, &|| budget.spend(), LONG), Some(Duration::ZERO));
        assert_eq!(attempts.pause_after(Cause::Connection, &|| budget.spend(), Some(Duration::from_nanos(1))), None);
        assert_eq!(attempts.made(), 2);
        // Nor one at its end.
        let mut attempts = Attempts::first(&Retries::up_to(9).pauses(Duration::ZERO, Duration::ZERO));
        assert_eq!(attempts.pause_after(Cause::NotNow, &|| true, Some(Duration::ZERO)), None);
    }

    #[test]
    fn what_follows_which_failure() {
        use Outcome::{NotApplied, Unknown};
        let io = |outcome| Error::io(io::ErrorKind::ConnectionReset.into(), outcome, "testing");
        let connect = |kind: io::ErrorKind| Error::io(kind.into(), NotApplied, "testing").with_kind(ErrorKind::Connect);
        let refused = || connect(io::ErrorKind::ConnectionRefused);
        let server = |text: &str| Error::server(text.as_bytes());
        let same = |pause: u64, cause| Next::SameServer { pause: Duration::from_millis(pause), cause };
        let (once, others, repeat) = ("", "others", "repeat");
        let ms = |millis| Some(Duration::from_millis(millis));
        for (error, allows, made, left, paid, expected) in [
            // A connection that had died in the pool: at once, the first time without the budget, whatever else may serve.
            (io(NotApplied).pooled(true), once, 1, ms(9), false, same(0, Cause::Stale)),
            (io(NotApplied).pooled(true), others, 1, ms(9), false, same(0, Cause::Stale)),
            (io(Unknown).pooled(true), once, 1, None, true, Next::Nothing),
            (io(Unknown).pooled(true), repeat, 1, None, true, same(0, Cause::Stale)),
            // A connection that broke or could not be made: once more at once, where that is paid for.
            (io(NotApplied), once, 1, None, true, same(0, Cause::Connection)),
            (io(NotApplied), once, 1, None, false, Next::NewMaster),
            (io(NotApplied), others, 1, None, true, Next::OtherServer),
            (io(Unknown), others, 1, None, true, Next::OtherServer),
            (io(Unknown), once, 1, None, true, Next::Nothing),
            (io(Unknown), repeat, 1, None, true, same(0, Cause::Connection)),
            (refused(), once, 1, None, true, same(0, Cause::Connection)),
            (refused(), once, 2, None, true, Next::NewMaster),
            // To wait for a server that says nothing takes too long to be done twice.
            (connect(io::ErrorKind::TimedOut), once, 1, None, true, Next::NewMaster),
            // A server that refuses for the moment: after a pause, when there is time for that.
            (server("LOADING x"), once, 1, ms(9), true, same(8, Cause::NotNow)),
            (server("LOADING x"), once, 1, ms(0), true, Next::NewMaster),
            (server("LOADING x"), once, 3, None, true, same(8, Cause::NotNow)),
            (server("LOADING x"), once, 4, None, true, Next::NewMaster),
            (server("LOADING x"), others, 1, None, true, Next::OtherServer),
            (server("TRYAGAIN x"), once, 1, None, false, Next::Nothing),
            // What is no longer the master, and what nobody else would answer otherwise.
            (server("READONLY x"), once, 1, None, true, Next::NewMaster),
            (server("NOPERM x"), others, 1, None, true, Next::OtherServer),
            (server("NOPERM x"), once, 1, None, true, Next::Nothing),
            (server("WRONGTYPE x"), others, 1, None, true, Next::Nothing),
            (server("WRONGTYPE x"), repeat, 1, None, true, Next::Nothing),
        ] {
            let told = format!("{error} {allows} after {made} with {left:?}");
            let allows = Allows { repeating: allows == repeat, others: allows == others };
            let mut attempts = Attempts::first(&Retries::default().pauses(ms(8).unwrap(), ms(8).unwrap()));
            attempts.made = made;
            attempts.connecting = made - 1;
            // Which pause it is, chance decides: some part of the longest.
            let longest = |next| match next {
                Next::SameServer { pause, cause } if pause > Duration::ZERO => {
                    assert!(pause < Duration::from_millis(8), "{told}");
                    same(8, cause)
                }
                next => next,
            };
            assert_eq!(longest(attempts.next(&error, allows, left, &|| paid)), expected, "{told}");
        }
        // Without retries nothing is sent again, but a read goes on to the next server.
        let none = |error: Error, others| {
            let allows = Allows { repeating: true, others };
            Attempts::first(&Retries::none()).next(&error, allows, None, &|| true)
        };
        assert_eq!(none(io(NotApplied).pooled(true), false), Next::Nothing);
        assert_eq!(none(server("READONLY x"), false), Next::Nothing);
        assert_eq!(none(io(Unknown), true), Next::OtherServer);
    }

    #[test]
    fn what_is_tried_again() {
        let server = |text: &str| Error::server(text.as_bytes());
        for text in [
            "LOADING Redis is loading the dataset in memory",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "NOREPLICAS Not enough good replicas to write.",
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
            "ERR max number of clients reached",
        ] {
            assert_eq!(Cause::of(&server(text), false), Some(Cause::NotNow), "{text}");
            let of_a_script = server(text).with_outcome(Outcome::Unknown);
            assert_eq!(Cause::of(&of_a_script, true), None, "a script may say anything: {text}");
        }
        for text in ["READONLY x", "OOM x", "NOAUTH x", "WRONGPASS x", "NOPERM x", "WRONGTYPE x", "ERR x", "MISCONF x"]
        {
            assert_eq!(Cause::of(&server(text), true), None, "{text}");
        }
        let io = |kind: io::ErrorKind, outcome| Error::io(kind.into(), outcome, "testing");
        let broke = io::ErrorKind::ConnectionReset;
        assert_eq!(Cause::of(&io(broke, Outcome::NotApplied), false), Some(Cause::Connection));
        assert_eq!(Cause::of(&io(broke, Outcome::NotApplied).pooled(true), false), Some(Cause::Stale));
        assert_eq!(Cause::of(&io(broke, Outcome::Unknown).pooled(true), false), None);
        assert_eq!(Cause::of(&io(broke, Outcome::Unknown), true), Some(Cause::Connection));
        assert_eq!(Cause::of(&io(io::ErrorKind::TimedOut, Outcome::NotApplied), true), None);
        let connect = |kind| Cause::of(&io(kind, Outcome::NotApplied).with_kind(ErrorKind::Connect), false);
        for kind in [io::ErrorKind::ConnectionRefused, broke, io::ErrorKind::ConnectionAborted] {
            assert_eq!(connect(kind), Some(Cause::Connection), "{kind:?}");
        }
        // Bytes that lay in a connection before it was asked are no reason to ask another one twice.
        let protocol = |outcome| Error::new(ErrorKind::Protocol, outcome, "testing");
        assert_eq!(Cause::of(&protocol(Outcome::NotApplied).pooled(true), false), Some(Cause::Stale));
        assert_eq!(Cause::of(&protocol(Outcome::NotApplied), true), None);
        assert_eq!(Cause::of(&protocol(Outcome::Unknown).pooled(true), true), None);
        assert_eq!(connect(io::ErrorKind::TimedOut), None);
        let not_asked = Error::new(ErrorKind::Connect, Outcome::NotApplied, "the server has said nothing for 1.0 s");
        assert_eq!(Cause::of(&not_asked, true), None, "a silent server is not waited for");
    }
}
