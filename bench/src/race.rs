//! Contestants that take turns at one job, and the table of their medians.

use std::time::{Duration, Instant};

/// How often each contestant has its turn.
const ROUNDS: usize = 21;
/// How long a turn lasts, about.
const TURN: Duration = Duration::from_millis(15);

/// One job and all who can do it, ourselves first.
pub struct Case {
    pub name: &'static str,
    pub work: Work,
    pub peers: Vec<Peer>,
}

/// What one run of a job gets done.
#[derive(Clone, Copy)]
pub enum Work {
    Values(usize),
    Bytes(usize),
}

pub struct Peer {
    pub name: &'static str,
    /// Does the job once. What it gives back must be the same for every peer, so that nobody wins by doing less.
    pub run: Box<dyn FnMut() -> usize>,
}

pub fn peer(name: &'static str, run: impl FnMut() -> usize + 'static) -> Peer {
    Peer { name, run: Box::new(run) }
}

impl Work {
    fn rate(self, seconds: f64) -> f64 {
        match self {
            Work::Values(count) => count as f64 / seconds / 1e6,
            Work::Bytes(count) => count as f64 / seconds / 1e9,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Work::Values(_) => "M/s",
            Work::Bytes(_) => "GB/s",
        }
    }
}

/// Runs the cases and prints a line for each as soon as it is known.
pub fn print(cases: Vec<Case>) {
    println!("median of {ROUNDS} rounds; in brackets, how many times faster we are\n");
    for mut case in cases {
        let medians = medians(&mut case);
        print!("{:<34}", case.name);
        for (peer, seconds) in case.peers.iter().zip(&medians) {
            let ratio =
                if peer.name == case.peers[0].name { String::new() } else { format!(" ({:.2})", seconds / medians[0]) };
            let rate = format!("{:.1} {}{ratio}", case.work.rate(*seconds), case.work.unit());
            print!("  {} {rate:<19}", peer.name);
        }
        println!();
    }
}

/// The seconds that one run takes each peer.
fn medians(case: &mut Case) -> Vec<f64> {
    let expected = (case.peers[0].run)();
    let runs: Vec<u32> = case
        .peers
        .iter_mut()
        .map(|peer| {
            assert_eq!((peer.run)(), expected, "{} does another job in {:?}", peer.name, case.name);
            let (begin, mut runs) = (Instant::now(), 0);
            while begin.elapsed() < TURN {
                std::hint::black_box((peer.run)());
                runs += 1;
            }
            runs
        })
        .collect();
    let mut seconds = vec![Vec::with_capacity(ROUNDS); case.peers.len()];
    for _ in 0..ROUNDS {
        for ((peer, &runs), seconds) in case.peers.iter_mut().zip(&runs).zip(&mut seconds) {
            let begin = Instant::now();
            for _ in 0..runs {
                std::hint::black_box((peer.run)());
            }
            seconds.push(begin.elapsed().as_secs_f64() / f64::from(runs));
        }
    }
    seconds
        .into_iter()
        .map(|mut seconds| {
            seconds.sort_by(f64::total_cmp);
            seconds[ROUNDS / 2]
        })
        .collect()
}
