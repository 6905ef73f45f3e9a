//! What connections need to know, and how a server is asked for the master by its Sentinels.

use super::{AddressMap, Share};
use crate::error::{Error, Result};
use crate::observer::{Observing, Pushes};
use crate::resp::{Limits, Protocol};
use crate::retry::Retries;
use crate::topology::{Address, ReplicaLag};
use crate::transport::Connector;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// The server that Sentinels name, and the number of the failover that they have it from, where they tell it.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) address: Address,
    pub(crate) epoch: Option<u64>,
}

/// What Sentinels are asked about a node.
pub(crate) struct Question<'a> {
    /// The name of the node.
    pub(crate) node: &'a str,
    pub(crate) settings: &'a Settings,
    /// Its master until now.
    pub(crate) master: &'a Address,
    /// What they named last.
    pub(crate) last: Option<&'a Named>,
}

/// What Sentinels say.
#[derive(Default)]
pub(crate) struct Word {
    /// The master. It has said so itself, unless there is an error.
    pub(crate) master: Option<Address>,
    /// What they name, where that is news.
    pub(crate) named: Option<Named>,
    /// Servers that they name, and that may be the master if these say so.
    pub(crate) others: Vec<Address>,
    /// Why the master does not answer; without one, why none is known.
    pub(crate) error: Option<Error>,
}

/// What asks the Sentinels of a node, and the servers that they name whether these are masters, by the function that is
/// given. It comes with the call that names Sentinels, so that only a program which does has the code.
pub(crate) type Sentinels = Arc<dyn Fn(&Question<'_>, &mut dyn FnMut(&Address) -> Result<bool>) -> Word + Send + Sync>;

/// What every connection of a cluster needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) database: Option<u32>,
    pub(crate) client_name: Option<String>,
    pub(crate) protocol: Protocol,
    pub(crate) limits: Limits,
    pub(crate) deadline: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) pool_size: usize,
    pub(crate) check_after: Duration,
    pub(crate) max_idle_age: Option<Duration>,
    pub(crate) max_replica_lag: Option<ReplicaLag>,
    pub(crate) stand_in_after: Duration,
    pub(crate) address_map: AddressMap,
    pub(crate) connector: Option<Connector>,
    pub(crate) retries: Retries,
    pub(crate) share: Share,
    pub(crate) observer: Observing,
    pub(crate) pushes: Pushes,
}

/// Who a connection says it is. Servers of one node have the same, so it is shared.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Credentials(Option<Arc<Login>>);

#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

impl Credentials {
    pub(crate) fn new(username: Option<String>, password: Option<String>) -> Credentials {
        let is_anybody = username.is_some() || password.is_some();
        Credentials(is_anybody.then(|| Arc::new(Login { username, password })))
    }
}

impl Deref for Credentials {
    type Target = Login;

    fn deref(&self) -> &Login {
        static NOBODY: Login = Login { username: None, password: None };
        self.0.as_deref().unwrap_or(&NOBODY)
    }
}

impl fmt::Debug for Credentials {
    /// Says what is set and never what it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username.as_ref().map(|_| "set"))
            .field("password", &self.password.as_ref().map(|_| "set"))
            .finish()
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            database: None,
            client_name: None,
            protocol: Protocol::default(),
            limits: Limits::default(),
            deadline: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            pool_size: 16,
            check_after: Duration::from_secs(15),
            max_idle_age: Some(Duration::from_secs(180)),
            max_replica_lag: None,
            stand_in_after: Duration::from_secs(1),
            address_map: AddressMap::default(),
            connector: None,
            retries: Retries::default(),
            share: Share::default(),
            observer: Observing::default(),
            pushes: Pushes::default(),
        }
    }
}
