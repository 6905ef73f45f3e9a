//! A replica of a source, for `--read-from replica`: which one may be read, and whether it still may.

use super::fleet::{Facts, Fleet, Server};
use super::link::Link;
use crate::config::Config;
use crate::nodes::{given_replicas, host, with_credentials_of};
use crate::probe::Probe;
use rediscluster::{Builder, Protocol, Value};
use std::time::{Duration, Instant};

/// For so long a replica may be waited for that does not have everything yet.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A replica that had everything its master had when it was chosen.
pub struct Replica {
    /// Where it is, without credentials.
    pub address: String,
    /// The same as it is reached.
    pub given: String,
    pub facts: Facts,
    pub state: InStep,
}

/// What has to stay as it is for as long as a replica is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InStep {
    run_id: String,
    replid: String,
    /// What its master had written when the run began.
    offset: u64,
}

/// Finds a replica of a source that has everything its master has at this moment.
///
/// # Errors
/// Why none of them may be read, or that there is none.
pub fn choose(fleet: &Fleet, config: &Config, server: &Server) -> Result<Replica, String> {
    let settings = || config.settings().protocol(Protocol::Resp2);
    let master = Probe::ask(settings(), &server.given).map_err(|error| format!("{}: {error}", server.place()))?;
    let mut replicas: Vec<String> = given_replicas(config, &server.name).map(|(_, given)| given.clone()).collect();
    if replicas.is_empty() {
        replicas = master.replicas.iter().map(|(address, _)| with_credentials_of(&server.given, address)).collect();
    }
    // Cursors are those of one server: the next run had better read the same one.
    replicas.sort_by(|one, other| host(one).cmp(host(other)));
    let mut why = Vec::new();
    for given in replicas {
        match in_step(&settings, &given, &master) {
            Ok(state) => {
                let mut replica = Replica { address: host(&given).to_owned(), given, facts: Facts::default(), state };
                let mut link = fleet.open_replica(server, &replica)?;
                replica.facts = Facts::ask(&mut link)?;
                return Ok(replica);
            }
            Err(what) => why.push(format!("{}: {what}", host(&given))),
        }
    }
    let why = if why.is_empty() { "it has none".to_owned() } else { why.join("; ") };
    Err(format!("{} has no replica that can be read: {why}; without --read-from it is read itself", server.place()))
}

/// Waits until a replica has what its master had.
fn in_step(settings: &impl Fn() -> Builder, given: &str, master: &Probe) -> Result<InStep, String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let probe = Probe::ask(settings(), given).map_err(|error| error.message().to_owned())?;
        let state = InStep { run_id: probe.run_id.clone(), replid: master.replid.clone(), offset: master.offset };
        match state.differs(&probe) {
            None => return Ok(state),
            // Nobody becomes another server's replica by being waited for.
            Some(why) if probe.is_master || probe.replid != master.replid && probe.link_up => return Err(why),
            Some(why) if Instant::now() >= until => return Err(why),
            Some(_) => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

impl InStep {
    /// Why a replica may not be read; `None` when it may.
    fn differs(&self, probe: &Probe) -> Option<String> {
        if probe.is_master {
            return Some("it is a replica no more".into());
        }
        if probe.run_id != self.run_id {
            return Some("it was started anew".into());
        }
        if !probe.link_up {
            let what = if probe.is_syncing { ", and it is being sent everything anew" } else { "" };
            return Some(format!("its link to its master {} is down{what}", probe.follows));
        }
        if probe.replid != self.replid {
            return Some(format!("it follows {}, whose data is not that of its master here", probe.follows));
        }
        let behind = self.offset.saturating_sub(probe.offset);
        (behind > 0).then(|| format!("it is {behind} bytes behind what its master had when this run began"))
    }

    /// Asks a replica, behind what was read from it, whether that may be believed.
    ///
    /// # Errors
    /// Why not, or that it does not answer.
    pub fn check(&self, link: &mut Link) -> Result<(), String> {
        let Value::Bulk(info) = link.ask_text(&["INFO"])? else {
            return Err(format!("{}: INFO gave no text", link.place()));
        };
        match self.differs(&Probe::read(&String::from_utf8_lossy(&info))) {
            None => Ok(()),
            Some(why) => Err(format!("{}: {why}", link.place())),
        }
    }
}
