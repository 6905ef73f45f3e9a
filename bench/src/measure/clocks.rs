//! Processor time: of this process, of the programs that it has run, and of servers.

use nix::sys::resource::{getrusage, UsageWho};
use nix::sys::time::TimeVal;
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// How much has passed or been used, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    pub wall: f64,
    /// Of the client: its own code.
    pub user: f64,
    /// Of the client: in the kernel.
    pub system: f64,
    /// Of all servers together.
    pub servers: f64,
}

impl Times {
    /// For each of so many.
    pub fn per(self, count: f64) -> Times {
        let per = |seconds: f64| seconds / count;
        Times { wall: per(self.wall), user: per(self.user), system: per(self.system), servers: per(self.servers) }
    }

    /// Processor time of the client and of the servers.
    pub fn processor(&self) -> f64 {
        self.user + self.system + self.servers
    }
}

/// All clocks at one moment.
pub struct Clocks {
    wall: Instant,
    user: f64,
    system: f64,
    servers: f64,
}

impl Clocks {
    /// Of whom, and of which servers.
    pub fn now(who: UsageWho, servers: &[u32]) -> Clocks {
        let servers = servers.iter().map(|process| of_process(*process)).sum();
        let usage = getrusage(who).expect("everybody may ask that of himself");
        Clocks { user: seconds(usage.user_time()), system: seconds(usage.system_time()), servers, wall: Instant::now() }
    }

    /// What has passed since then. `wall` is what the work itself says that it took, where it does.
    pub fn until_now(self, who: UsageWho, servers: &[u32], wall: Option<Duration>) -> Times {
        let passed = self.wall.elapsed();
        let now = Clocks::now(who, servers);
        Times {
            wall: wall.unwrap_or(passed).as_secs_f64(),
            user: now.user - self.user,
            system: now.system - self.system,
            servers: now.servers - self.servers,
        }
    }
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

fn of_process(process: u32) -> f64 {
    let pid = Pid::from_raw(i32::try_from(process).expect("a process id"));
    let clock = clock_getcpuclockid(pid).unwrap_or_else(|error| panic!("the clock of server {process}: {error}"));
    let time = clock.now().unwrap_or_else(|error| panic!("the clock of server {process}: {error}"));
    time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9
}
