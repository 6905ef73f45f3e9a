//! What a cluster is told: nodes, credentials, limits.

mod nodes;
mod pools;
mod pushes;
mod replicas;
mod settings;
mod share;

pub(crate) use nodes::{shown, ConfiguredNode, Endpoint, NodeTable};
pub(crate) use replicas::AddressMap;
pub(crate) use settings::{Credentials, Named, Question, Sentinels, Settings, Word};
pub use share::Share;

use crate::command::Spec;
use crate::error::{Error, Result};
use crate::observer::{Observer, Observing};
use crate::plan::CrossNode;
use crate::resp::{Limits, Protocol};
use crate::retry::Retries;
use crate::topology::{Crc32Modulo, HashTags, Partitioner, ReadFrom};
use crate::transport::{Connect, Connector};
use std::fmt;
use std::time::Duration;

/// Asks Sentinels for the nodes without an address, and gives why some of those stay without.
pub(crate) type FindAddresses = fn(&mut Builder) -> Result<Option<Error>>;

/// Everything that a [`Cluster`](crate::Cluster) is told before it connects.
///
/// A mistake in a value is kept and told by [`connect`](Builder::connect), so that calls can be chained.
///
/// | setting | default |
/// |---|---|
/// | [`deadline`](Builder::deadline) of a call, connecting included | 5 s |
/// | [`connect_timeout`](Builder::connect_timeout) for one connection | 2 s |
/// | [`pool_size`](Builder::pool_size), connections to one server | 16 |
/// | [`check_after`](Builder::check_after) that a connection lay unused | 15 s |
/// | [`max_idle_age`](Builder::max_idle_age) of a connection that lies unused | 3 min |
/// | [`retries`](Builder::retries) | up to 3; 1 when connections fail |
/// | [`observer`](Builder::observer) | none |
/// | [`on_push`](Builder::on_push) | nobody |
/// | [`database`](Builder::database) | 0 |
/// | [`protocol`](Builder::protocol) | RESP2 |
/// | [`read_from`](Builder::read_from) | replicas |
/// | [`max_replica_lag`](Builder::max_replica_lag) | no limit |
/// | [`stand_in_after`](Builder::stand_in_after) a replica that says nothing | 1 s |
/// | [`require_all`](Builder::require_all) masters at the start | one is enough |
/// | [`refresh_every`](Builder::refresh_every) | 10 s |
/// | [`cross_node`](Builder::cross_node) | emulate |
/// | [`hash_tags`](Builder::hash_tags) | `name{tag}`, stored as `name` |
/// | [`connector`](Builder::connector) | by TCP |
/// | [`partitioner`](Builder::partitioner) | CRC-32 modulo the number of nodes |
///
/// ```no_run
/// use rediscluster::prelude::*;
///
/// let cluster = Cluster::builder()
///     .node("node_1", "127.0.0.1:63791")
///     .node("node_2", "127.0.0.1:63792")
///     .database(0)
///     .connect()?;
/// # Ok::<(), rediscluster::Error>(())
/// ```
pub struct Builder {
    pub(crate) table: NodeTable,
    /// What asks Sentinels for the nodes without an address. It gives why some of those stay without.
    pub(crate) find_addresses: Option<FindAddresses>,
    /// Nodes of which only Sentinels know where they are may stay without an address.
    pub(crate) may_be_unplaced: bool,
    pub(crate) require_all: bool,
    pub(crate) credentials: Credentials,
    pub(crate) settings: Settings,
    pub(crate) read_from: ReadFrom,
    pub(crate) refresh_every: Option<Duration>,
    pub(crate) cross_node: CrossNode,
    pub(crate) hash_tags: HashTags,
    pub(crate) partitioner: Box<dyn Partitioner>,
    pub(crate) own_specs: Vec<&'static Spec>,
    mistake: Option<Error>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            table: NodeTable::default(),
            find_addresses: None,
            may_be_unplaced: false,
            require_all: false,
            credentials: Credentials::default(),
            settings: Settings::default(),
            read_from: ReadFrom::default(),
            refresh_every: Some(Duration::from_secs(10)),
            cross_node: CrossNode::default(),
            hash_tags: HashTags::default(),
            partitioner: Box::new(Crc32Modulo),
            own_specs: Vec::new(),
            mistake: None,
        }
    }
}

impl Builder {
    pub(crate) fn note(mut self, done: impl FnOnce(&mut Builder) -> Result<()>) -> Builder {
        if let Err(mistake) = done(&mut self) {
            self.mistake.get_or_insert(mistake);
        }
        self
    }

    /// Adds a node: a name, and `host:port` or a URL: `redis://[user:password@]host[:port][/database]`, the same with
    /// `rediss://` for a server with TLS, which needs a [`connector`](Builder::connector), or for a Unix socket
    /// `unix://[user:password@]/path[?db=database]`. What has a meaning in a URL is written as `%` and two hexadecimal
    /// digits there.
    ///
    /// A name has no white space and none of `=`, `,`, `/` and `@` in it. Names `node_1` to `node_N` are put in the order
    /// of their numbers, without gaps; other names keep the order in which they are given. The order decides where keys
    /// live. Two names may be one server.
    pub fn node(self, name: impl Into<String>, address: impl AsRef<str>) -> Builder {
        self.note(|builder| builder.table.add(&name.into(), address.as_ref()))
    }

    /// Adds nodes from the short form `node_1=host:port,node_2=host:port`; URLs are taken here too. Empty
    /// entries and white space around them are passed over.
    pub fn nodes(self, list: impl AsRef<str>) -> Builder {
        self.note(|builder| builder.table.add_list(list.as_ref()))
    }

    /// Says that the node `replica` is a replica of the node `master`; both must have been added by name.
    ///
    /// A replica holds no keys of its own and does not count for placement. For a master that is named here the
    /// given replicas are used and none is discovered.
    ///
    /// **A replica that is named here also serves reads when its master has been gone since before the program began, with
    /// whatever it has:** nobody can say then how far it should be. One that is discovered does not. Once its master has
    /// answered it serves like any other, when it has what its master had.
    pub fn master_of(self, master: impl Into<String>, replica: impl Into<String>) -> Builder {
        self.note(|builder| {
            builder.table.set_master_of(master.into(), replica.into());
            Ok(())
        })
    }

    /// The database to `SELECT` on every connection: 0 to the server's number of databases less one.
    pub fn database(self, database: u32) -> Builder {
        self.note(|builder| {
            builder.settings.database = Some(database);
            Ok(())
        })
    }

    /// The user for `AUTH`, for servers with access control lists (since Redis 6.0). A URL's own user comes first.
    pub fn username(mut self, username: impl Into<String>) -> Builder {
        self.credentials = Credentials::new(Some(username.into()), self.credentials.password.clone());
        self
    }

    /// The password for `AUTH`, for masters and replicas alike. A URL's own password comes first.
    pub fn password(mut self, password: impl Into<String>) -> Builder {
        self.credentials = Credentials::new(self.credentials.username.clone(), Some(password.into()));
        self
    }

    /// Whether reads go to masters only, as `mastersonly` of the original; the same as
    /// [`read_from`](Builder::read_from) with [`ReadFrom::Master`]. No replicas are discovered then.
    pub fn masters_only(self, masters_only: bool) -> Builder {
        self.read_from(if masters_only { ReadFrom::Master } else { ReadFrom::Replica })
    }

    /// Where reads go.
    pub fn read_from(mut self, read_from: ReadFrom) -> Builder {
        self.read_from = read_from;
        self
    }

    /// What becomes of a command whose keys live on several nodes.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    /// use rediscluster::{CrossNode, ErrorKind};
    ///
    /// let nodes = Cluster::builder().nodes("node_1=10.0.0.1,node_2=10.0.0.2");
    /// let cluster = nodes.cross_node(CrossNode::Refuse).build()?;
    /// let error = cluster.mget::<_, Vec<String>>(["foo", "bar"]).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::CrossNode);
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn cross_node(mut self, cross_node: CrossNode) -> Builder {
        self.cross_node = cross_node;
        self
    }

    /// How hash tags are recognised. Every client of a fleet must use the same rule: by default that of the originals, under
    /// which [keys that differ only in their tags are one key](HashTags::Strip). A new fleet should
    /// [`Keep`](HashTags::Keep) them.
    pub fn hash_tags(mut self, hash_tags: HashTags) -> Builder {
        self.hash_tags = hash_tags;
        self
    }

    /// How a hash becomes a node. Every client of a fleet must use the same rule.
    pub fn partitioner(mut self, partitioner: impl Partitioner) -> Builder {
        self.partitioner = Box::new(partitioner);
        self
    }

    /// Adds a row to the command table of this cluster, for commands of modules and of servers to come. It comes before
    /// a row of the table with the same name.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    /// use rediscluster::spec::{Access, KeySpec, Spec};
    ///
    /// static JSON_GET: Spec = Spec::new("JSON.GET", -2, Access::Read, &[KeySpec::Range(1, 1, 1)]);
    ///
    /// let cluster = Cluster::builder().node("node_1", "127.0.0.1:6379").spec(&JSON_GET).build()?;
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn spec(mut self, spec: &'static Spec) -> Builder {
        self.own_specs.insert(0, spec);
        self
    }

    /// The version of the protocol: RESP2, or RESP3 by `HELLO 3` (since Redis 6.0). Typed replies are the same.
    pub fn protocol(mut self, protocol: Protocol) -> Builder {
        self.settings.protocol = protocol;
        self
    }

    /// What a server may send before it counts as broken.
    pub fn limits(mut self, limits: Limits) -> Builder {
        self.settings.limits = limits;
        self
    }

    /// A name for every connection, shown by `CLIENT LIST` (`CLIENT SETNAME`, since Redis 2.6.9).
    pub fn client_name(mut self, name: impl Into<String>) -> Builder {
        self.settings.client_name = Some(name.into());
        self
    }

    /// The longest time that one call may take, however many servers and steps it needs, connecting included.
    /// Commands that wait for data take their own wait in addition. Zero is an error.
    ///
    /// A server that says nothing costs one call its deadline. If that was 0.9 s or more, further calls to the server fail
    /// at once until it speaks again; shorter deadlines are met by every call.
    pub fn deadline(self, deadline: Duration) -> Builder {
        self.note(|builder| positive("deadline", deadline).map(|()| builder.settings.deadline = deadline))
    }

    /// The longest time for making one connection, and for trying whether a silent server speaks again, within the
    /// deadline of the call. Zero is an error.
    pub fn connect_timeout(self, timeout: Duration) -> Builder {
        self.note(|builder| positive("connect timeout", timeout).map(|()| builder.settings.connect_timeout = timeout))
    }

    /// How connections are made, instead of by plain TCP: with TLS, through a proxy. It makes all connections of the
    /// cluster, those to replicas included, but not those to Unix sockets.
    ///
    /// ```no_run
    /// use rediscluster::prelude::*;
    /// use rediscluster::{connect_tcp, Address, Connect, Socket};
    ///
    /// /// By TCP, as without a connector.
    /// struct Plain;
    ///
    /// impl Connect for Plain {
    ///     fn connect(&self, address: &Address, timeout: Option<std::time::Duration>) -> std::io::Result<Socket> {
    ///         connect_tcp(address, timeout).map(Socket::from)
    ///     }
    /// }
    ///
    /// let cluster = Cluster::builder().node("node_1", "127.0.0.1:6379").connector(Plain).connect()?;
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn connector(mut self, connector: impl Connect) -> Builder {
        self.settings.connector = Some(Connector::of(connector));
        self
    }

    /// How often a call that failed is tried again. All attempts share the deadline of the call; an attempt that would
    /// come after it is not waited for.
    ///
    /// | what failed | tried again by default | after |
    /// |---|---|---|
    /// | a connection that had died while it lay in the pool | once, on a new one | nothing |
    /// | a connection that is refused or reset while it is made, or that breaks before the command is sent whole | once | nothing |
    /// | a read whose connection breaks before the reply | once | nothing |
    /// | `LOADING`, `MASTERDOWN`, `NOREPLICAS`, `BUSY`, `TRYAGAIN`, `ERR max number of clients` | 3 times | a random time, up to 20 ms, then 40 ms, then 80 ms |
    /// | a server that is no longer the master of its node, when nothing was applied | once, at the new master | nothing |
    /// | a write whose connection breaks before the reply | never; as a read with [`also_unknown`](Retries::also_unknown) | |
    /// | all other error replies, timeouts, bytes that are not RESP | never | |
    ///
    /// So a dead server that refuses connections is told at once. With [`Retries::up_to`] a number there are as many
    /// attempts more, for all of these; every second one and later ones after a connection that failed wait, too.
    ///
    /// A read that another server of its node can answer goes there at once instead; that is no retry and needs no
    /// budget. Neither does what goes to a new master. [`Retries::none`] lets nothing be tried again, there neither.
    ///
    /// Of a command that is split by key each part is tried again by itself. Of a
    /// [`Pipeline`](crate::Pipeline#when-a-server-refuses) it is what one node gets, of a
    /// [`Transaction`](crate::Transaction) all of it.
    ///
    /// The budget keeps a fleet that is down from being asked over and over: of the calls of a cluster and all its
    /// views no more than one in ten is tried again, but for 32 that may come at once. What died in the pool does
    /// not count. [`Error::attempts`] tells how many attempts were made.
    pub fn retries(mut self, retries: Retries) -> Builder {
        self.settings.retries = retries;
        self
    }

    /// Which calls share a connection when all of a pool are in use; default: [`Share::Reads`].
    ///
    /// A call that finds a connection free has it for itself, whatever this says. Those that find none gather: the next
    /// connection that becomes free takes what all of them want in one go, up to 256 calls and 64 KiB, and each gets its own
    /// reply. With more threads than connections that is several times as many calls a second, of less CPU time at both ends.
    ///
    /// The price: when a connection breaks, so does all that was sent over it. Reads are tried again. Of writes, that gather
    /// with [`Share::All`] only, the outcome of all is unknown then, where all but one would have waited safely.
    ///
    /// Only short requests gather, of commands that servers flag as [fast](crate::spec::Spec::fast); neither do waits for data,
    /// scripts, pipelines, transactions and [cancellable](crate::Cluster::cancelled_by) calls.
    ///
    /// ```
    /// use rediscluster::prelude::*;
    /// use rediscluster::Share;
    ///
    /// let cluster = Cluster::builder()
    ///     .node("node_1", "127.0.0.1:6379")
    ///     .pool_size(4)
    ///     .share_connections(Share::All)
    ///     .build()?;
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn share_connections(mut self, share: Share) -> Builder {
        self.settings.share = share;
        self
    }

    /// Who is told what happens inside: connections, waits, retries, and each command with how long it took. In an
    /// [`Arc`](std::sync::Arc) a program keeps it at hand. See [`Observer`] for what it may do, and [`ObserverEvent`] for
    /// what it is told. Without one nothing is measured.
    ///
    /// [`ObserverEvent`]: crate::ObserverEvent
    pub fn observer(mut self, observer: impl Observer + 'static) -> Builder {
        self.settings.observer = Observing::by(observer);
        self
    }

    /// Checks everything that can be checked without a server. Gives the masters, in the order of placement.
    #[inline(never)]
    pub(crate) fn check(&mut self) -> Result<Vec<ConfiguredNode>> {
        if let Some(mistake) = self.mistake.take() {
            return Err(mistake);
        }
        let mut database = self.settings.database;
        for node in self.table.all() {
            let endpoint = &mut node.endpoint;
            if endpoint.is_unplaced && !self.may_be_unplaced {
                return Err(is_unplaced(&node.name));
            }
            check_encryption(&self.settings, endpoint).map_err(|error| about_node(&node.name, &error))?;
            match (database, endpoint.database) {
                (None, own) => database = own,
                (Some(one), Some(other)) if one != other => return Err(has_another_database(&node.name, other, one)),
                _ => {}
            }
            endpoint.or(&self.credentials);
        }
        self.settings.database = database;
        self.table.masters()
    }

    /// The settings for one connection outside of any cluster.
    pub(crate) fn single(mut self, address: &str) -> Result<(Endpoint, Settings)> {
        if let Some(mistake) = self.mistake.take() {
            return Err(mistake);
        }
        let mut endpoint = Endpoint::parse(address)?;
        check_encryption(&self.settings, &endpoint)?;
        self.settings.database = self.settings.database.or(endpoint.database);
        endpoint.or(&self.credentials);
        Ok((endpoint, self.settings))
    }
}

fn positive(what: &str, duration: Duration) -> Result<()> {
    if duration.is_zero() {
        return Err(Error::config(format!("a {what} of zero; leave it out for the default")));
    }
    Ok(())
}

/// A node that is given as rediss:// is never spoken to in the clear.
fn check_encryption(settings: &Settings, endpoint: &Endpoint) -> Result<()> {
    match &settings.connector {
        _ if !endpoint.encrypted => Ok(()),
        Some(connector) if connector.encrypts() => Ok(()),
        Some(_) => Err(Error::config("rediss:// needs TLS, and the connector does not say that it encrypts")),
        None => Err(Error::config(
            "rediss:// needs TLS, which is brought by `Builder::connector`: the package rediscluster-tls has one",
        )),
    }
}

/// All nodes have the same database, and this one does not.
#[cold]
fn has_another_database(node: &str, other: u32, one: u32) -> Error {
    Error::config(format!("node {node} names database {other}, and another is {one}: all must be the same"))
}

/// The mistake of a node, with its name.
#[cold]
fn about_node(name: &str, error: &Error) -> Error {
    Error::config(format!("node {name}: {}", error.message()))
}

#[cold]
fn is_unplaced(node: &str) -> Error {
    Error::config(format!(
        "where node {} is only its Sentinels know, and `build` asks nobody: use `connect`, or add an address by `node`",
        shown(node)
    ))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("nodes", &self.table)
            .field("credentials", &self.credentials)
            .field("settings", &self.settings)
            .field("read_from", &self.read_from)
            .field("refresh_every", &self.refresh_every)
            .field("require_all", &self.require_all)
            .field("cross_node", &self.cross_node)
            .field("hash_tags", &self.hash_tags)
            .finish_non_exhaustive()
    }
}
