//! Asks each server again and again, in a thread of its own, so that one that says nothing holds up nobody.

use super::reading::{Figures, Reading, Slow};
use crate::config::Config;
use crate::nodes;
use rediscluster::prelude::*;
use rediscluster::{Connection, Protocol, Value};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How many slow commands of each server are asked for.
const SLOW: u32 = 16;
/// How long a server may take to answer, at least.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a thread sleeps before it looks whether the interval is another one.
const NAP: Duration = Duration::from_millis(50);

/// A server and what is known of it.
#[derive(Debug, Clone)]
pub struct Server {
    pub name: String,
    pub address: String,
    /// The name of its master, which may be itself.
    of: String,
    /// What it should be.
    pub master: bool,
    pub state: State,
    /// The last slow commands, newest first.
    pub slow: Vec<Slow>,
    /// When it was last heard of, or first asked.
    pub heard: Instant,
    /// How often it was asked, with whatever success.
    pub asked: u64,
    /// Its master lists it no more.
    gone: bool,
}

/// How a server is.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// It has not answered yet.
    Asked,
    Up(Figures),
    /// It answers, and is not what it should be.
    Wrong(&'static str, Figures),
    Down(String),
}

/// All servers, as they are asked.
#[derive(Clone)]
pub struct Watch {
    servers: Arc<Mutex<Vec<Server>>>,
    /// In milliseconds.
    interval: Arc<AtomicU64>,
    config: Arc<Config>,
}

impl Watch {
    /// Begins to ask the servers of a configuration.
    pub fn start(config: &Config, interval: Duration) -> Watch {
        let watch = Watch { servers: Arc::default(), interval: Arc::default(), config: Arc::new(config.clone()) };
        watch.set_interval(interval);
        for (name, address) in nodes::masters(config) {
            watch.add(name, name, address, true);
            for (replica, address) in nodes::given_replicas(config, name) {
                watch.add(name, replica, address, false);
            }
        }
        watch
    }

    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval.load(Ordering::Relaxed))
    }

    pub fn set_interval(&self, interval: Duration) {
        let millis = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        self.interval.store(millis, Ordering::Relaxed);
    }

    /// What is known of the servers now, masters followed by their replicas.
    pub fn servers(&self) -> Vec<Server> {
        let servers = self.lock();
        let of = |master: &str| {
            let its = |server: &&Server| server.of == master && !server.gone;
            servers.iter().filter(its).cloned().collect::<Vec<_>>()
        };
        let mut ordered = Vec::with_capacity(servers.len());
        for master in servers.iter().filter(|server| server.master) {
            let mut group = of(&master.name);
            group.sort_by_key(|server| !server.master);
            ordered.extend(group);
        }
        ordered
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Server>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, of: &str, name: &str, address: &str, master: bool) {
        let at = {
            let mut servers = self.lock();
            servers.push(Server {
                name: name.to_owned(),
                address: nodes::host(address).to_owned(),
                of: of.to_owned(),
                master,
                state: State::Asked,
                slow: Vec::new(),
                heard: Instant::now(),
                asked: 0,
                gone: false,
            });
            servers.len() - 1
        };
        let (watch, name, address) = (self.clone(), name.to_owned(), address.to_owned());
        // It ends with the program: what it waits for cannot be interrupted.
        thread::spawn(move || watch.ask_again_and_again(at, &name, &address, master));
    }

    fn ask_again_and_again(&self, at: usize, name: &str, address: &str, master: bool) {
        let mut connection: Option<Connection> = None;
        let mut before: Option<Reading> = None;
        loop {
            let begun = Instant::now();
            let asked = self.ask(&mut connection, address);
            let mut listed = Vec::new();
            {
                let server = &mut self.lock()[at];
                server.asked += 1;
                match asked {
                    Ok(reading) => {
                        let figures = reading.since(before.as_ref());
                        server.state = match (master, reading.is_master) {
                            (true, false) => State::Wrong("is a replica", figures),
                            (false, true) => State::Wrong("is a master", figures),
                            (false, false) if !reading.link_up => State::Wrong("link down", figures),
                            _ => State::Up(figures),
                        };
                        server.slow = reading.slow.clone().unwrap_or_default();
                        server.heard = Instant::now();
                        listed = reading.replicas.iter().map(|replica| replica.address.clone()).collect();
                        before = Some(reading);
                    }
                    Err(error) => {
                        server.state = State::Down(error);
                        (connection, before) = (None, None);
                    }
                }
            }
            if master && before.is_some() {
                self.replicas(name, address, &listed);
            }
            // In naps, so that a shorter interval counts at once.
            while begun.elapsed() < self.interval() {
                thread::sleep(NAP.min(self.interval().saturating_sub(begun.elapsed())));
            }
        }
    }

    fn ask(&self, connection: &mut Option<Connection>, address: &str) -> Result<Reading, String> {
        let told = |error: rediscluster::Error| error.message().to_owned();
        let settings = || self.config.settings().protocol(Protocol::Resp2).deadline(PATIENCE.max(self.interval()));
        let open = || settings().open(address).map_err(told);
        let connection = match connection.take() {
            Some(open) => connection.insert(open),
            None => connection.insert(open()?),
        };
        let info: Vec<u8> = connection.execute(cmd("INFO").reply()).map_err(told)?;
        let at = Instant::now();
        // A user without the right to ask sees everything else.
        let slow: Option<Value> = match connection.execute(cmd("SLOWLOG GET").arg(SLOW).reply()) {
            Ok(slow) => Some(slow),
            Err(error) if error.is_server() => None,
            Err(error) => return Err(told(error)),
        };
        Ok(Reading::new(&String::from_utf8_lossy(&info), slow.as_ref().map(Slow::read), at))
    }

    /// Asks replicas that a master lists from now on as well, and shows those no more that it does not list. Where replicas
    /// are configured, its list does not count.
    fn replicas(&self, master: &str, address: &str, listed: &[String]) {
        let name = |replica: &str| format!("{master}/{replica}");
        let mut new = Vec::new();
        {
            let mut servers = self.lock();
            let mut its = servers.iter_mut().filter(|server| server.of == master && !server.master);
            if its.any(|server| server.name != name(&server.address)) {
                return;
            }
            for server in servers.iter_mut().filter(|server| server.of == master && !server.master) {
                // One that answers nothing is shown although its master has given it up.
                server.gone = !listed.contains(&server.address) && !matches!(server.state, State::Down(_));
            }
            for replica in listed {
                if !servers.iter().any(|server| server.name == name(replica)) {
                    new.push(replica.clone());
                }
            }
        }
        for replica in new {
            self.add(master, &name(&replica), &nodes::with_credentials_of(address, &replica), false);
        }
    }
}
