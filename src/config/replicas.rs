//! Settings about replicas, and about servers that change their roles.

use super::{positive, Builder};
use crate::topology::info::Info;
use crate::topology::{Address, ReplicaLag};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where addresses that a server told lead from here.
#[derive(Clone, Default)]
pub(crate) struct AddressMap(Option<Arc<dyn MapAddresses>>);

/// What a program brings to map addresses. Only one that does has the code.
trait MapAddresses: Send + Sync {
    fn map(&self, told: &Address) -> Address;

    fn map_all(&self, told: &mut Info);
}

impl<F: Fn(&Address) -> Address + Send + Sync> MapAddresses for F {
    fn map(&self, told: &Address) -> Address {
        self(told)
    }

    fn map_all(&self, told: &mut Info) {
        told.map_addresses(self);
    }
}

impl AddressMap {
    pub(crate) fn apply(&self, told: &Address) -> Address {
        self.0.as_ref().map_or_else(|| told.clone(), |map| map.map(told))
    }

    /// The same for all servers that one tells of.
    pub(crate) fn apply_to(&self, told: &mut Info) {
        if let Some(map) = &self.0 {
            map.map_all(told);
        }
    }
}

impl fmt::Debug for AddressMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "AddressMap(set)" } else { "AddressMap(none)" })
    }
}

impl Builder {
    /// How far a replica may be behind its master and still serve reads; there is no limit unless this is called. It is
    /// looked at whenever replicas are discovered: on [`connect`](Builder::connect) and on every refresh, so together
    /// with [`refresh_every`](Builder::refresh_every). A replica that is behind is
    /// [passed over](crate::Shard::passed_over), and so is one that has lost its master.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    /// use rediscluster::ReplicaLag;
    ///
    /// let nodes = Cluster::builder().nodes("node_1=10.0.0.1,node_2=10.0.0.2");
    /// let cluster = nodes.max_replica_lag(ReplicaLag::Bytes(100_000)).build()?;
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn max_replica_lag(mut self, lag: ReplicaLag) -> Builder {
        self.settings.max_replica_lag = Some(lag);
        self
    }

    /// The longest time for which a read waits for a server while another one of its node could stand in: after that the
    /// next one is asked, and the one that said nothing [rests](crate::ObserverEvent::ReplicaEjected). 1 second unless told
    /// otherwise, and never more than a quarter of the time that the call has left. Zero is an error.
    ///
    /// A server that works at one slow command says nothing either. Where reads take longer than a second each, a longer
    /// time keeps them on the replicas.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// let nodes = Cluster::builder().nodes("node_1=10.0.0.1,node_2=10.0.0.2");
    /// let cluster = nodes.deadline(Duration::from_secs(60)).stand_in_after(Duration::from_secs(10)).build()?;
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn stand_in_after(self, silence: Duration) -> Builder {
        self.note(|builder| positive("silence", silence).map(|()| builder.settings.stand_in_after = silence))
    }

    /// How often a thread asks all servers again, as [`Cluster::refresh`](crate::Cluster::refresh) does: so new replicas
    /// are found, and those that no longer follow are left. 10 seconds unless told otherwise; `None` for no thread. Zero
    /// is an error.
    ///
    /// The thread begins with the first refresh, which is part of [`connect`](Builder::connect), and ends when the last
    /// clone of the cluster is dropped. What it meets is not told: a call that needs a server which is gone says so.
    ///
    /// ```no_run
    /// use rediscluster::prelude::*;
    /// use std::time::Duration;
    ///
    /// let nodes = Cluster::builder().nodes("node_1=10.0.0.1,node_2=10.0.0.2");
    /// let cluster = nodes.refresh_every(Duration::from_secs(60)).connect()?;
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn refresh_every(self, interval: impl Into<Option<Duration>>) -> Builder {
        let interval = interval.into();
        self.note(|builder| {
            interval.map_or(Ok(()), |interval| positive("refresh interval", interval))?;
            builder.refresh_every = interval;
            Ok(())
        })
    }

    /// Where an address that a server tells leads from here: for servers behind a NAT or in containers, which know
    /// themselves and each other by addresses that mean nothing outside. It is applied to the replicas that a master
    /// lists, to the master that a replica names and to what Sentinels say; addresses of nodes that were configured stay
    /// as they are.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    /// use rediscluster::Address;
    ///
    /// let nodes = Cluster::builder().nodes("node_1=203.0.113.7:7001,node_2=203.0.113.7:7002");
    /// let cluster = nodes
    ///     .map_addresses(|told| match told.host() {
    ///         "10.0.0.1" => Address::new("203.0.113.7", told.port() + 622).unwrap_or_else(|_| told.clone()),
    ///         _ => told.clone(),
    ///     })
    ///     .build()?;
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn map_addresses(mut self, map: impl Fn(&Address) -> Address + Send + Sync + 'static) -> Builder {
        self.settings.address_map = AddressMap(Some(Arc::new(map)));
        self
    }
}
