//! One job, and all who can do it.

use nix::sys::resource::UsageWho;
use std::time::Duration;

/// One job that several contenders do in turns.
pub struct Case {
    pub title: String,
    /// What one of the things is called that `units` counts.
    pub unit: &'static str,
    /// How many of them one call of a contender does.
    pub units: u64,
    /// Where the case stands on a curve.
    pub point: Option<(Curve, u64)>,
    /// More rounds would take too long.
    pub most_rounds: usize,
    /// How long a turn lasts, about.
    pub turn: Duration,
    /// A turn has as many calls at least: as many as its threads need to be all under way.
    pub least_calls: u64,
    /// Whom the others are compared with; the first one where nobody has that name.
    pub beside: Beside,
    pub contenders: Vec<Contender>,
}

/// Whom the others are compared with.
#[derive(Clone, Copy)]
pub enum Beside {
    Name(&'static str),
    /// Of the first so many contenders the slowest one, which is the only one of them that is told, by this name.
    SlowestOf(usize, &'static str),
}

/// How a job grows with something.
#[derive(Clone, Copy, PartialEq)]
pub struct Curve {
    /// The name of its file, without an ending.
    pub file: &'static str,
    pub title: &'static str,
    /// What the job grows with.
    pub of: &'static str,
}

/// One who does the job.
pub struct Contender {
    pub name: String,
    /// The processes that it keeps busy.
    pub servers: Vec<u32>,
    pub job: Job,
    /// Its allocations are not seen by the counter.
    pub allocates_elsewhere: bool,
    /// Its processor time and system calls say something about it.
    pub is_alone: bool,
}

pub enum Job {
    /// Does so many calls and gives the sum of what they gave, which must be the same for everybody, so that nobody wins by
    /// doing less.
    Here(Box<dyn FnMut(u64) -> u64>),
    /// Has another program do so many calls; how long that took by its own account.
    Elsewhere(Box<dyn FnMut(u64) -> Duration>),
}

impl Case {
    /// A job that is done once by a call.
    pub fn new(title: impl Into<String>) -> Case {
        Case {
            title: title.into(),
            unit: "call",
            units: 1,
            point: None,
            most_rounds: usize::MAX,
            turn: Duration::from_millis(100),
            least_calls: 1,
            beside: Beside::Name("redis-rs"),
            contenders: Vec::new(),
        }
    }

    pub fn units(self, units: u64, unit: &'static str) -> Case {
        Case { units, unit, ..self }
    }

    pub fn on(self, curve: Curve, size: u64) -> Case {
        Case { point: Some((curve, size)), ..self }
    }

    pub fn turn(self, millis: u64) -> Case {
        Case { turn: Duration::from_millis(millis), ..self }
    }

    pub fn least_calls(self, least_calls: u64) -> Case {
        Case { least_calls, ..self }
    }

    pub fn most_rounds(self, most_rounds: usize) -> Case {
        Case { most_rounds, ..self }
    }

    pub fn beside(self, name: &'static str) -> Case {
        Case { beside: Beside::Name(name), ..self }
    }

    /// Of the contenders so far only the slowest one counts, under this name.
    pub fn only_slowest(self, name: &'static str) -> Case {
        Case { beside: Beside::SlowestOf(self.contenders.len(), name), ..self }
    }

    pub fn with(mut self, contender: Contender) -> Case {
        self.contenders.push(contender);
        self
    }

    /// With one that is not always there.
    pub fn with_some(self, contender: Option<Contender>) -> Case {
        contender.into_iter().fold(self, Case::with)
    }
}

impl Contender {
    /// Does the job in this process, once for each call of `once`.
    pub fn new(name: impl Into<String>, servers: &[u32], mut once: impl FnMut() -> u64 + 'static) -> Contender {
        Contender::of(name, servers, Job::Here(Box::new(move |calls| (0..calls).map(|_| once()).sum())))
    }

    pub fn of(name: impl Into<String>, servers: &[u32], job: Job) -> Contender {
        Contender { name: name.into(), servers: servers.to_vec(), job, allocates_elsewhere: false, is_alone: true }
    }

    /// Others work in this process at the same time, so that only its time is told.
    pub fn not_alone(self) -> Contender {
        Contender { is_alone: false, ..self }
    }
}

impl Job {
    pub fn who(&self) -> UsageWho {
        match self {
            Job::Here(_) => UsageWho::RUSAGE_SELF,
            Job::Elsewhere(_) => UsageWho::RUSAGE_CHILDREN,
        }
    }

    /// The sum that they gave, and how long they took, by those who tell.
    pub fn run(&mut self, calls: u64) -> (Option<u64>, Option<Duration>) {
        match self {
            Job::Here(run) => (Some(run(calls)), None),
            Job::Elsewhere(run) => (None, Some(run(calls))),
        }
    }
}
