//! Whether this is still the process that opened a connection, or a child that was forked since.
//!
//! A child has all that its parent had, the sockets as well, and what two processes send over one socket gets mixed up: each
//! would get replies of the other one. So a pool asks for the id of its process before it lends what lies in it. That is a
//! system call, and the only one of a `GET` beside those that send and receive. Nothing that std offers tells a child from
//! its parent without one: memory, threads' names and numbers, and the clock are the same in both.
//!
//! What differs is that a fork takes time. A thread that had a reply a moment ago, on the clock of the system, or asked for its
//! process then, was not forked in that moment: it is where it was, whichever connection it takes next.

use std::cell::Cell;
use std::process;
use std::time::{Duration, Instant};

/// No fork is over in less: from the copy of the memory to the child's first call.
///
/// The shortest that was measured, of a process that has nothing to copy and does nothing else, are 59 µs, and 25 µs are told
/// of on the fastest machines. Between the last reply and the next call of a loop lie 1 to 3 µs.
const NO_FORK: Duration = Duration::from_micros(5);

thread_local! {
    /// In which process this thread was when it last knew.
    static KNOWN: Cell<(Option<Instant>, u32)> = const { Cell::new((None, 0)) };
}

/// The id of the process that runs, asked for only when there may have been a fork since this thread knew it.
#[inline]
pub(super) fn process_at(now: Instant) -> u32 {
    let (known, mut process) = KNOWN.get();
    if known.map_or(true, |known| may_have(known, now)) {
        process = this_process();
        was_in(process, now);
    }
    process
}

/// This thread was in this process at this moment.
#[inline]
pub(super) fn was_in(process: u32, then: Instant) {
    KNOWN.set((Some(then), process));
}

/// The id of the process that runs.
pub(super) fn this_process() -> u32 {
    #[cfg(test)]
    tests::ASKED.with(|asked| asked.set(asked.get() + 1));
    process::id()
}

/// Whether there may have been a fork between the moment at which a thread knew its process and this one.
///
/// A clock that has not moved at all since then tells nothing: it may stand still or count in large steps.
#[inline]
pub(super) fn may_have(heard: Instant, now: Instant) -> bool {
    // To add is a third of what it takes to subtract.
    now <= heard || heard.checked_add(NO_FORK).map_or(true, |over| now >= over)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Deadline, Pool, Taker};
    use crate::plan::command;
    use rediscluster_testing::{wait_until, Server};
    use std::cell::Cell;
    use std::thread;

    thread_local!(pub(super) static ASKED: Cell<u32> = const { Cell::new(0) });

    #[test]
    fn a_clock_that_stands_still_tells_nothing() {
        let heard = Instant::now();
        let after = |nanos| may_have(heard, heard + Duration::from_nanos(nanos));
        assert!(after(0) && !after(1) && !after(4_999) && after(5_000) && after(5_000_000_000));
        assert!(may_have(heard + NO_FORK, heard), "a clock that went back");
    }

    #[test]
    fn a_loop_over_several_nodes_does_not_ask_for_its_process_either() {
        let server = Server::start();
        let pools = [Pool::of(&server), Pool::of(&server)];
        let mut without = 0;
        for nth in 0..2_000 {
            let asked = ASKED.with(Cell::get);
            let mut lease = pools[nth % 2].lend(0, Deadline::never()).unwrap();
            let has_asked = ASKED.with(Cell::get) > asked;
            without += u32::from(!has_asked && lease.lay() >= NO_FORK);
            lease.ask(&[b"PING"], Deadline::never()).unwrap();
        }
        assert!(without > 0, "each of 2,000 calls asked, however soon it came after one over another connection");
        // To have asked for it is as good as a reply.
        let asks_once = |_| {
            let asked = ASKED.with(Cell::get);
            KNOWN.set((None, 0));
            let _ = (process_at(Instant::now()), process_at(Instant::now()));
            ASKED.with(Cell::get) - asked == 1
        };
        assert!((0..2_000).any(asks_once), "each of 2,000 times it was asked for again at once");
        // What was known of this thread is worth nothing after a while, and for nobody else.
        let asked = |pause| {
            std::thread::sleep(pause);
            let asked = ASKED.with(Cell::get);
            process_at(Instant::now());
            ASKED.with(Cell::get) - asked
        };
        assert_eq!(asked(Duration::from_millis(1)), 1);
        std::thread::scope(|scope| assert_eq!(scope.spawn(|| asked(Duration::ZERO)).join().unwrap(), 1));
    }

    #[test]
    fn who_has_gathered_with_others_need_not_ask_for_its_process() {
        let server = Server::start();
        let pool = Pool::of(&server);
        let get = command([&b"GET"[..], b"x"]);
        let gathers = || {
            let deadline = Deadline::after(Duration::from_secs(60));
            let lent = pool.gather((0, None), &get, deadline, &mut |turn| {
                pool.lend_in_turn(0, deadline, &Taker::of(turn)).map(Option::unwrap)
            });
            drop(lent.unwrap());
        };
        let knows_afterwards = |_| {
            let mut all: Vec<_> = (0..pool.status().size).map(|_| pool.lend(0, Deadline::never()).unwrap()).collect();
            thread::scope(|scope| {
                scope.spawn(gathers);
                wait_until("one leads", || pool.status().waiting == 1);
                let follows = scope.spawn(|| {
                    gathers();
                    let asked = ASKED.with(Cell::get);
                    process_at(Instant::now());
                    ASKED.with(Cell::get) == asked
                });
                wait_until("another one follows", || pool.status().waiting == 2);
                all.pop();
                follows.join().unwrap()
            })
        };
        assert!((0..200).any(knows_afterwards), "each of 200 asked again at once");
    }

    #[test]
    fn a_loop_of_calls_does_not_ask_for_its_process() {
        let server = Server::start();
        let pool = Pool::of(&server);
        let call = || {
            let asked = ASKED.with(Cell::get);
            let mut lease = pool.lend(0, Deadline::never()).unwrap();
            let counts = (lease.lay(), ASKED.with(Cell::get) - asked);
            lease.ask(&[b"PING"], Deadline::never()).unwrap();
            counts
        };
        call();
        // Between two calls of a machine that is busy there may lie any time, and that decides.
        let calls: Vec<(Duration, u32)> = (0..2_000).map(|_| call()).collect();
        for (lay, asked) in &calls {
            assert!(*asked == 0 || lay.is_zero() || *lay >= NO_FORK, "after {lay:?}");
        }
        assert!(calls.iter().any(|(_, asked)| *asked == 0), "not one of 2,000 calls came soon after another");
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(call().1, 1, "after a pause it is asked");
    }
}
