//! Commands to named servers, without routing.

use super::Cluster;
use crate::cmd::{Cmd, Execute, Untyped};
use crate::command::{Access, Args};
use crate::error::{escape, Error, Result};
use crate::execute::{Call, RowRef, Servers, WholeScript};
use crate::from_value::FromValue;
use crate::plan::{about_a_connection, Placed, Route};
use crate::table;
use crate::to_arg::ToArg;
use crate::topology::{Node, Role, Topology};
use std::fmt;

/// One server by its name: see [`Cluster::on`].
#[derive(Clone)]
pub struct OnNode {
    pub(super) cluster: Cluster,
    name: String,
}

/// Every master: see [`Cluster::on_each_master`].
#[derive(Clone)]
pub struct OnEachMaster {
    cluster: Cluster,
}

impl Cluster {
    /// One server by its name: a node such as `node_2`, which is its master, or a replica by the name that
    /// [`Topology::servers`](crate::Topology::servers) tells, such as `node_2/10.0.0.2:6380`.
    ///
    /// Commands go there as they are over the pooled connections, known to the command table or not, and hash tags mean
    /// nothing. Only those that change the state of their connection are refused: [`Builder::open`](crate::Builder::open)
    /// gives a connection for them.
    ///
    /// # Errors
    /// [`Argument`](crate::ErrorKind::Argument) when there is no server of that name.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.set("foo", "bar")?; // lives on node_2
    /// assert_eq!(cluster.on("node_1")?.dbsize()?, 0);
    /// assert_eq!(cluster.on("node_2")?.get::<_, String>("foo")?, "bar");
    /// assert!(cluster.on("node_3").is_err());
    /// # Ok(()) });
    /// ```
    pub fn on(&self, name: impl Into<String>) -> Result<OnNode> {
        let on = OnNode { cluster: self.clone(), name: name.into() };
        on.server(&self.servers())?;
        Ok(on)
    }

    /// Every master, all at once: a command gives a list of nodes and what came of each, in the order of the nodes. One
    /// that fails does not keep the others from answering. Two names for one server are one.
    ///
    /// Commands go there as they are, as with [`on`](Cluster::on). A command that is refused because of its connection
    /// is an error of the call; what fails on a node is an error in the list.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.mset([("foo", 1), ("bar", 2)])?;
    /// for (node, keys) in cluster.on_each_master().dbsize()? {
    ///     println!("{node} has {} keys", keys?);
    /// }
    /// # Ok(()) });
    /// ```
    pub fn on_each_master(&self) -> OnEachMaster {
        OnEachMaster { cluster: self.clone() }
    }

    /// The row of a command that goes to a server as it is.
    pub(crate) fn row_of_any(&self, cmd: &Untyped) -> Result<RowRef> {
        cmd.check()?;
        // A command without a row may write.
        let row = self.row_of(cmd).unwrap_or(RowRef::routed_already());
        match row.spec.access {
            Access::Connection => Err(about_a_connection(row.spec).with_command(cmd.name())),
            _ => Ok(row),
        }
    }
}

impl OnNode {
    /// The name that it was asked for by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster that it was taken from.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Which server that is now.
    pub(crate) fn server(&self, servers: &Servers) -> Result<usize> {
        let topology = &servers.topology;
        let shard = topology.shards().iter().find(|shard| shard.name() == self.name);
        let server = || topology.servers().position(|(_, node)| node.name() == self.name);
        shard.map(|shard| shard.master()).or_else(server).ok_or_else(|| {
            Error::argument(format!("there is no server of the name {}", escape(self.name.as_bytes(), 64)))
        })
    }

    /// Gives a key of this node to another node, where it gets `new_name`, unless that name is taken there; says whether it
    /// did. Both are names as servers store them, wherever keys of such names lead: this is for a key that lies on the
    /// wrong node. A time to live and all that a stream has go along.
    ///
    /// It is done as [`renamenx`](crate::commands::KeyCommands::renamenx) does it across nodes: no write in between is lost,
    /// and what a crash leaves behind is a [`Stash`](crate::Stash) that `rediscluster recover` finishes or undoes. Where two
    /// names are one server, that renames it.
    ///
    /// # Errors
    /// [`Argument`](crate::ErrorKind::Argument) when one of the two is no node, which a replica is not either;
    /// [`Server`](crate::ErrorKind::Server) with `ERR no such key`, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let first = cluster.on("node_1")?;
    /// first.set("foo", "bar")?; // where nobody finds it: foo lives on node_2
    /// assert_eq!(cluster.get::<_, Option<String>>("foo")?, None);
    /// assert!(first.renamenx_to("foo", "node_2", "foo")?);
    /// assert_eq!(cluster.get::<_, String>("foo")?, "bar");
    /// # Ok(()) });
    /// ```
    pub fn renamenx_to(&self, name: impl ToArg, node: &str, new_name: impl ToArg) -> Result<bool> {
        let cmd: Cmd<bool> = Cmd::new(&table::RENAMENX).arg(name).arg(new_name);
        let row = self.cluster.row_of(cmd.untyped())?;
        self.cluster.call(cmd.args(), row, None, |call| {
            let topology = call.topology();
            let ends = (placed(topology, &self.name, call.args, 1)?, placed(topology, node, call.args, 2)?);
            let answer = match ends.0.master == ends.1.master {
                true => call.run_on(ends.0.master)?,
                false => call.run_route(Route::Across(vec![ends.0, ends.1]))?,
            };
            call.convert(answer)
        })
    }

    /// Runs a command, which may be a script by its name.
    pub(super) fn run<T: FromValue>(&self, cmd: &Cmd<T>, whole_script: Option<&dyn WholeScript>) -> Result<T> {
        let row = self.cluster.row_of_any(cmd.untyped())?;
        self.cluster.call(cmd.args(), row, None, |call| {
            let server = self.server(call.servers).map_err(|error| error.with_command(cmd.untyped().name()))?;
            let call = Call { whole_script, ..*call };
            call.convert(call.run_on(server)?)
        })
    }
}

/// An argument as the name of a key of this node, wherever such keys lead.
fn placed<'c>(topology: &Topology, node: &str, args: &'c Args, position: usize) -> Result<Placed<'c>> {
    let shard = topology.shards().iter().position(|shard| shard.name() == node);
    let shard = shard
        .ok_or_else(|| Error::argument(format!("there is no node of the name {}", escape(node.as_bytes(), 64))))?;
    let stored = args.get(position).unwrap_or_default();
    Ok(Placed { position, shard, master: topology.shards()[shard].master(), stored })
}

impl OnEachMaster {
    fn run<T: FromValue>(&self, cmd: &Cmd<T>) -> Result<Vec<(Node, Result<T>)>> {
        let row = self.cluster.row_of_any(cmd.untyped())?;
        let servers = self.cluster.servers();
        let masters = servers.topology.servers().enumerate().filter(|(_, (role, _))| *role == Role::Master);
        let (numbers, nodes): (Vec<usize>, Vec<Node>) = masters.map(|(at, (_, node))| (at, node.clone())).unzip();
        let wait = row.wait(cmd.args());
        let mut call = self.cluster.call_of(&servers, cmd.args(), row, wait, self.cluster.begin(wait));
        let observed = self.cluster.observed();
        call.context.traffic = observed.as_ref();
        let answers = call.run_on_each(&numbers).into_iter();
        let results: Vec<Result<T>> = answers.map(|answer| answer.and_then(|answer| call.convert(answer))).collect();
        if let Some(observed) = observed {
            let failed = results.iter().find_map(|result| result.as_ref().err());
            observed.command(&row.spec.name_of(cmd.args()), failed);
        }
        Ok(nodes.into_iter().zip(results).collect())
    }
}

impl Execute for &OnNode {
    type Output<T: FromValue> = Result<T>;

    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Result<T> {
        self.run(&cmd, None)
    }
}

impl Execute for &OnEachMaster {
    type Output<T: FromValue> = Result<Vec<(Node, Result<T>)>>;

    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Result<Vec<(Node, Result<T>)>> {
        self.run(&cmd)
    }
}

impl fmt::Debug for OnNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnNode").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for OnEachMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnEachMaster").field("cluster", &self.cluster).finish()
    }
}
