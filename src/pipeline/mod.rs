//! Many commands at once: queued first, then sent to all nodes at the same time.

mod flow;
mod lane;
mod replies;
mod segment;
mod trip;

pub use replies::Replies;

use crate::args::Args;
use crate::cluster::Cluster;
use crate::cmd::{Cmd, Execute};
use crate::command::Access;
use crate::convert::FromValue;
use crate::error::{Error, OwnWords, Result};
use crate::execute::RowRef;
use crate::merge::Merge;
use crate::net::{words_if_many, MOST_WORDS};
use crate::plan::{Route, Target};
use crate::slot::{Slot, Slots};
use crate::topology::{Role, Topology};
use crate::wait::Wait;
use lane::Mark;
use segment::Segment;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Commands that are sent together: to all nodes at the same time, and to each node without waiting for one reply
/// before the next command.
///
/// The typed methods give a [`Slot`] each, which stands for the reply; [`run`](Pipeline::run) sends everything and gives
/// the replies. Commands with the same key run in the order in which they were queued; of commands on different nodes
/// any may run first. It is no transaction: other clients' commands come in between, and one command may fail where others
/// succeed.
///
/// - **Reads** go to replicas as outside, unless the pipeline also writes to the same node: then they go to its
///   master, so that they see what was written before them and nothing that is written after them.
/// - **Commands with keys on several nodes** give the same answer as outside. Those that one round answers, such as
///   `MGET` and `DEL`, go out with the others. For those that take more, such as `RENAME` over two nodes, for those that
///   wait for data, and for those that go to every server, such as `PING`, everything before is finished first.
/// - **Windows** bound what is under way: no more than 1,000 commands on a connection are without a reply. A pipeline
///   of a million commands needs memory for its commands and its replies, and no server has to hold more than a
///   window.
/// - **Failures** are told for each command: see [`run`](Pipeline::run) and [`run_each`](Pipeline::run_each). What fails
///   on one node does not matter to the others.
/// - The whole run has one deadline, that of the cluster or view, see [`Cluster::deadline`], and on top of it what its
///   commands may wait for data.
///
/// # When a server refuses
///
/// What was certainly not applied is sent again within the deadline, as [`Builder::retries`](crate::Builder::retries)
/// says of any call: to the same server after a pause when it says `LOADING` and the like, at once when the connection
/// was refused or broke, and once to the new master when it turns out that the node has another one, such as
/// when it says `READONLY`.
///
/// The order of what a node gets holds. So with writes among its commands only the last ones are sent again: those behind
/// which no other one was applied, and before which none has an [`Unknown`](crate::Outcome::Unknown) outcome. A write that
/// may have been applied is never sent again, also with [`also_unknown`](crate::Retries::also_unknown). Reads by
/// themselves are sent again whichever of them failed.
///
/// ```
/// # rediscluster_testing::example(|cluster| {
/// use rediscluster::prelude::*;
///
/// let mut pipeline = cluster.pipeline();
/// pipeline.set("foo", "bar");
/// let foo = pipeline.get::<_, Option<String>>("foo");
/// let count = pipeline.incr("count");
/// let replies = pipeline.run()?;
/// assert_eq!(replies.get(foo)?.as_deref(), Some("bar"));
/// assert_eq!(replies.get(count)?, 1);
/// # Ok(()) });
/// ```
#[doc(alias = "pipe")]
pub struct Pipeline {
    cluster: Cluster,
    /// For planning only: which servers there are is looked up when it runs.
    topology: Arc<Topology>,
    slots: Slots,
    commands: Vec<Queued>,
    segments: Vec<Segment>,
}

/// One command of a pipeline.
struct Queued {
    name: Cow<'static, str>,
    is_read: bool,
    /// What a script that it runs may say in its own name.
    script: Option<OwnWords>,
    way: Way,
}

/// How a command is run.
enum Way {
    /// One request to one node: its shard, and its number in the lane of the shard.
    One(usize, usize),
    /// Requests to several nodes, whose replies become one.
    Fan(Box<Fan>),
    /// By itself, when everything before it is finished.
    Alone(Box<(Args, RowRef, Wait)>),
    /// Not at all.
    Failed(Error),
}

struct Fan {
    args: Args,
    row: RowRef,
    merge: Merge,
    /// The shard, the number in its lane, and which arguments are the keys of the part.
    parts: Vec<(usize, usize, Vec<usize>)>,
}

impl Cluster {
    /// Begins a pipeline: commands that are queued and then sent together. Nothing is sent before
    /// [`Pipeline::run`].
    #[doc(alias = "pipe")]
    pub fn pipeline(&self) -> Pipeline {
        Pipeline {
            cluster: self.clone(),
            topology: self.topology(),
            slots: Slots::new(),
            commands: Vec::new(),
            segments: vec![Segment::default()],
        }
    }
}

impl Pipeline {
    /// How many commands are queued.
    pub fn len(&self) -> usize {
        self.slots.count()
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends what is queued and gives the replies. The pipeline is empty afterwards and can be filled again.
    ///
    /// # Errors
    /// When any command failed, what the first of them met, with its node and its command; the note behind it says how
    /// many failed. [`Error::outcome`] then is about all of them: `NotApplied` when none was applied, `Partial` when
    /// some were, `Unknown` when that is not known. For the replies of the others, use
    /// [`run_each`](Pipeline::run_each).
    #[doc(alias = "query")]
    pub fn run(&mut self) -> Result<Replies> {
        let replies = self.run_each();
        match replies.failure() {
            Some(error) => Err(error),
            None => Ok(replies),
        }
    }

    /// Sends what is queued and gives what came of each command: [`Replies::get`] tells its reply or its own error,
    /// with its own outcome. The pipeline is empty afterwards and can be filled again.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::ErrorKind;
    ///
    /// let mut pipeline = cluster.pipeline();
    /// pipeline.set("foo", "bar");
    /// let wrong = pipeline.lpush("foo", ["x"]);
    /// let length = pipeline.strlen("foo");
    /// let replies = pipeline.run_each();
    /// assert_eq!(replies.get(wrong).unwrap_err().kind(), ErrorKind::WrongType);
    /// assert_eq!(replies.get(length)?, 3);
    /// # Ok(()) });
    /// ```
    #[must_use = "a command may have failed, and only its reply tells"]
    pub fn run_each(&mut self) -> Replies {
        let slots = std::mem::replace(&mut self.slots, Slots::new());
        let commands = std::mem::take(&mut self.commands);
        let segments = std::mem::replace(&mut self.segments, vec![Segment::default()]);
        let deadline = self.cluster.begin(Wait::None);
        let replies = Replies::run(&self.cluster, slots, commands, segments);
        let servers = self.cluster.servers();
        for error in replies.failures_by_node() {
            // For the next run: what may have been applied is not sent again.
            self.cluster.look_for_master(&servers, &error, deadline);
        }
        self.topology = self.cluster.topology();
        replies
    }

    /// Forgets what is queued.
    pub fn clear(&mut self) {
        *self = self.cluster.pipeline();
    }

    fn queue<T>(&mut self, cmd: &Cmd<T>) -> Result<Queued> {
        let row = self.cluster.row_of(cmd)?;
        let (spec, wait) = (row.spec, row.wait(cmd.args()));
        let is_read = spec.access == Access::Read;
        let script = spec.runs_a_script(cmd.args()).then(|| OwnWords::of(cmd.as_bytes()));
        let mark = Mark { is_read, script };
        let route = row.route(&self.cluster.planner_of(&self.topology), cmd.args())?;
        // Two names of one server have one lane, or what is sent to both could overtake one another.
        let lane_of = |shard| self.topology.distinct(shard);
        let segment = self.segments.last_mut().expect("there is always a segment to fill");
        let way = match (wait, route) {
            // Its servers may take it in pieces only.
            _ if words_if_many(cmd.as_bytes()) > MOST_WORDS => None,
            (Wait::None, Route::One(part)) => match part.target {
                Target::Shard(shard, role) => {
                    let lane = lane_of(shard);
                    Some(Way::One(lane, segment.push(lane, role, mark, &part.request)))
                }
                Target::Server(_) => None,
            },
            (Wait::None, Route::Fan(parts, merge)) if !spec.response.wants_one => {
                let shards: Option<Vec<(usize, Role)>> = parts.iter().map(|part| part.target.shard()).collect();
                shards.map(|shards| {
                    let parts = parts.into_iter().zip(shards).map(|(part, (shard, role))| {
                        let lane = lane_of(shard);
                        (lane, segment.push(lane, role, mark, &part.request), part.keys)
                    });
                    Way::Fan(Box::new(Fan { parts: parts.collect(), args: cmd.args().clone(), row, merge }))
                })
            }
            _ => None,
        };
        let way = way.unwrap_or_else(|| Way::Alone(Box::new((cmd.args().clone(), row, wait))));
        if matches!(way, Way::Alone(_)) {
            segment.then = Some(self.commands.len());
            self.segments.push(Segment::default());
        }
        Ok(Queued { name: spec.name_of(cmd.args()), is_read, script, way })
    }
}

impl Execute for &mut Pipeline {
    type Output<T: FromValue> = Slot<T>;

    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Slot<T> {
        let queued = self.queue(&cmd).unwrap_or_else(|error| {
            let name = cmd.name();
            Queued { name, is_read: false, script: None, way: Way::Failed(error) }
        });
        self.commands.push(queued);
        self.slots.next()
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("commands", &self.commands.len()).finish_non_exhaustive()
    }
}
