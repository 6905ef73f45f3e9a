//! The cluster: the one thing that most programs hold.

mod accept_master;
mod batches;
mod call;
mod failover;
mod named_servers;
mod pages;
mod refresh;
mod scripts;
mod server_changes;
mod start;
mod views;

pub(crate) use batches::not_refused;
pub use named_servers::{OnEachMaster, OnNode};
pub(crate) use pages::Page;
pub(crate) use server_changes::OnServersChanged;
pub use start::Unreachable;

use failover::Masters;
use refresh::{OneAtATime, Refresher};
use server_changes::ChangeListeners;

use crate::cmd::{Cmd, Execute};
use crate::command::{Args, Spec, Wait};
use crate::config::{Builder, ConfiguredNode};
use crate::cross_node::steps_of;
use crate::discovery::{Fleet, Probes};
use crate::error::Result;
use crate::execute::{Call, Context, RowRef, Servers, View};
use crate::explain::Plan;
use crate::from_value::FromValue;
use crate::net::{Connection, Deadline, Pool, PoolStatus};
use crate::plan::Planner;
use crate::retry::Budget;
use crate::to_arg::ToArg;
use crate::topology::{Node, Placement, ReadFrom, ShardDescription, Topology};
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, RwLock};

/// N independent Redis servers that look like one.
///
/// It is cheap to clone, and clones share everything: give one to every thread. Each call takes what connections
/// it needs out of the pools and has one deadline, however many servers take part.
///
/// After a `fork` the child can go on with it: its pools leave the connections to the parent and make their own, and
/// [`refresh`](Cluster::refresh) starts a thread for it. What was in use before stays with the parent: a [`Connection`],
/// a [`Subscriber`](crate::Subscriber), a [`Watched`](crate::Watched). As always with `fork`, no other thread may be in the
/// middle of a call in that moment.
///
/// ```no_run
/// use rediscluster::prelude::*;
///
/// let cluster = Cluster::builder()
///     .node("node_1", "127.0.0.1:63791")
///     .node("node_2", "127.0.0.1:63792")
///     .connect()?;
/// cluster.set("foo", "bar")?;
/// let value: Option<String> = cluster.get("foo")?;
/// assert_eq!(value.as_deref(), Some("bar"));
/// assert_eq!(cluster.node_for("foo").name(), "node_2");
/// # Ok::<(), rediscluster::Error>(())
/// ```
///
#[doc = include_str!("cluster/methods.md")]
#[derive(Clone)]
#[doc(alias = "Client")]
#[doc(alias = "ConnectionManager")]
pub struct Cluster {
    shared: Arc<Shared>,
    view: View,
}

/// What a cluster and all its views have in common.
struct Shared {
    fleet: Arc<Fleet>,
    placement: Placement,
    /// Whose replicas are discovered.
    read_from: ReadFrom,
    /// Rows for commands that the table does not have.
    own_specs: Vec<&'static Spec>,
    servers: RwLock<Arc<Servers>>,
    masters: Masters,
    listeners: ChangeListeners,
    refresher: Refresher,
    refreshing: OneAtATime,
    turn: AtomicUsize,
    budget: Budget,
}

impl Builder {
    /// Makes the cluster without asking any server: connections are made when calls need them, and until
    /// [`refresh`](Cluster::refresh) masters serve all reads. For placement alone, and for programs that must start
    /// while a server is down.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for a mistake in the settings.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    ///
    /// let cluster = Cluster::builder().nodes("node_1=10.0.0.1:6379,node_2=10.0.0.2:6379").build()?;
    /// assert_eq!(cluster.node_for("foo").to_string(), "node_2 (10.0.0.2:6379)");
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn build(mut self) -> Result<Cluster> {
        let nodes = self.check()?;
        let Builder { settings, read_from, refresh_every, cross_node, hash_tags, partitioner, own_specs, .. } = self;
        let view = View {
            read_from,
            cross_node,
            deadline: settings.deadline,
            stand_in_after: settings.stand_in_after,
            database: settings.database.unwrap_or(0),
            cancel: None,
            own_writes: None,
            retries: settings.retries,
            share: settings.share,
        };
        let (settings, probes, marks) = (Arc::new(settings), Probes::default(), Arc::default());
        let fleet = Fleet { nodes, settings, probes, marks };
        let servers = Servers::new(topology_of(&fleet.nodes), &fleet, &[]);
        let shared = Shared {
            masters: Masters::new(&fleet.nodes),
            fleet: Arc::new(fleet),
            placement: Placement { hash_tags, partitioner },
            read_from,
            own_specs,
            servers: RwLock::new(Arc::new(servers)),
            listeners: ChangeListeners::default(),
            refresher: Refresher::new(refresh_every),
            refreshing: OneAtATime::new(),
            turn: AtomicUsize::new(0),
            budget: Budget::new(),
        };
        Ok(Cluster { shared: Arc::new(shared), view })
    }

    /// Opens a connection of one's own to one server, `host:port` or a URL, without any routing. Nodes that were
    /// added do not matter; credentials, database, protocol and times do.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for a mistake in the settings or the address;
    /// [`Connect`](crate::ErrorKind::Connect) and the kinds of authentication when the server cannot be reached.
    pub fn open(self, address: impl AsRef<str>) -> Result<Connection> {
        let (endpoint, settings) = self.single(address.as_ref())?;
        let node = Arc::new(Node::new(format!("{}", endpoint.address), endpoint.address.clone()));
        let deadline = Deadline::after(settings.deadline);
        Connection::open(&node, &endpoint, &Arc::new(settings), deadline).map(|connection| *connection)
    }
}

/// The nodes as they were configured.
#[inline(never)]
fn topology_of(nodes: &[ConfiguredNode]) -> Topology {
    let mut shards = Vec::with_capacity(nodes.len());
    for node in nodes {
        shards.push(ShardDescription::new(Arc::clone(&node.name), &node.endpoint.address));
    }
    Topology::new(shards)
}

impl Servers {
    /// A pool for every server, taken over from `before` where the server was known.
    fn new(topology: Topology, fleet: &Fleet, before: &[Arc<Pool>]) -> Servers {
        let mut pools = Vec::with_capacity(topology.server_count());
        for server in 0..topology.server_count() {
            let (role, node) = (topology.role(server), topology.node(server));
            // The shards are in the order of the nodes that they were discovered for.
            let endpoint = fleet.node(topology.shard_of(server)).endpoint_of(node.address());
            let pool = match before.iter().find(|pool| *pool.endpoint() == endpoint) {
                Some(same) => Arc::clone(same),
                None => Arc::new(Pool::new(role, node.clone(), endpoint, Arc::clone(&fleet.settings))),
            };
            // A server that was promoted or demoted goes by another name.
            if *pool.node() != *node {
                pool.rename(role, node);
            }
            pools.push(pool);
        }
        Servers { topology: Arc::new(topology), pools, marks: Arc::clone(&fleet.marks) }
    }
}

impl Cluster {
    /// Begins a configuration.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn servers(&self) -> Arc<Servers> {
        self.shared.servers()
    }

    /// The node that a key lives on, hash tags observed: where a write of it goes. Nothing is sent.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    ///
    /// let cluster = Cluster::builder().nodes("node_1=10.0.0.1,node_2=10.0.0.2:7000").build()?;
    /// let node = cluster.node_for("bar{foo}");
    /// assert_eq!(node, cluster.node_for("foo"));
    /// assert_eq!((node.name(), node.address().port()), ("node_2", 7000));
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn node_for(&self, key: impl ToArg) -> Node {
        let mut args = Args::new();
        key.write_arg(&mut args);
        let topology = self.topology();
        let (shard, _) = self.shared.placement.place(args.get(0).unwrap_or_default(), &topology);
        let shard = &topology.shards()[shard];
        topology.master_of(shard).called(shard.name())
    }

    /// What running a command by this view would take: which servers get what, in how many rounds. Nothing is sent.
    /// The servers of reads are those that would be asked now.
    ///
    /// # Errors
    /// Those that the command would meet before it is sent: [`UnknownCommand`](crate::ErrorKind::UnknownCommand),
    /// [`Argument`](crate::ErrorKind::Argument), [`CrossNode`](crate::ErrorKind::CrossNode) and
    /// [`Refused`](crate::ErrorKind::Refused).
    ///
    /// ```
    /// use rediscluster::prelude::*;
    ///
    /// let cluster = Cluster::builder().nodes("node_1=10.0.0.1,node_2=10.0.0.2").build()?;
    /// let plan = cluster.plan(&cmd("RENAME").arg("foo").arg("bar"))?;
    /// assert_eq!((plan.is_atomic(), plan.round_trips()), (false, 6));
    /// assert!(cluster.plan(&cmd("RENAME").arg("a{x}").arg("b{x}"))?.is_native());
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn plan<T>(&self, cmd: &Cmd<T>) -> Result<Plan> {
        let row = self.row_of(cmd.untyped())?;
        let servers = self.servers();
        let wait = row.wait(cmd.args());
        let run = self.call_of(&servers, cmd.args(), row, wait, self.begin(wait));
        let route = row.route(&run.planner, cmd.args())?;
        let steps = steps_of(row.spec.across);
        Ok(Plan::of(&run.planner, cmd.args(), row.spec, &route, steps, &|target| run.first_asked(target)))
    }

    /// Whether it can be said where a command goes.
    #[cfg(fuzzing)]
    pub(crate) fn routes<T>(&self, cmd: &Cmd<T>) -> bool {
        let servers = self.servers();
        self.row_of(cmd.untyped()).is_ok_and(|row| row.route(&self.planner(&servers), cmd.args()).is_ok())
    }

    pub(crate) fn planner<'p>(&'p self, servers: &'p Servers) -> Planner<'p> {
        self.planner_of(&servers.topology)
    }

    #[inline]
    pub(crate) fn planner_of<'p>(&'p self, topology: &'p Topology) -> Planner<'p> {
        let View { read_from, cross_node, .. } = self.view;
        Planner { topology, placement: &self.shared.placement, read_from, cross_node }
    }

    /// The nodes with their masters and replicas, as last discovered.
    pub fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.servers().topology)
    }

    /// How the pool of each server stands, in the order of [`Topology::servers`]: for metrics, and to see whether
    /// pools are too small.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?; // on node_2
    /// let pools = cluster.pools();
    /// assert_eq!((pools[0].open, pools[1].open, pools[1].idle, pools[1].size), (0, 1, 1, 16));
    /// # Ok(()) });
    /// ```
    pub fn pools(&self) -> Vec<PoolStatus> {
        self.servers().pools.iter().map(|pool| pool.status()).collect()
    }

    /// One command on its way, until this deadline.
    pub(crate) fn call_of<'r>(
        &'r self,
        servers: &'r Servers,
        args: &'r Args,
        row: RowRef,
        wait: Wait,
        deadline: Deadline,
    ) -> Call<'r> {
        let context = Context {
            servers,
            planner: self.planner(servers),
            deadline,
            has_just_begun: false,
            wait,
            view: &self.view,
            is_step: false,
            turn: &self.shared.turn,
            budget: &self.shared.budget,
            traffic: None,
            to_new_master: None,
        };
        Call { args, spec: row.spec, code: row.code, whole_script: None, context }
    }
}

impl Execute for &Cluster {
    type Output<T: FromValue> = Result<T>;

    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Result<T> {
        self.route_and_run(&cmd)
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topology = self.topology();
        let nodes = topology.shards().iter().map(|shard| format!("{}", topology.master_of(shard)));
        f.debug_struct("Cluster").field("nodes", &nodes.collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
