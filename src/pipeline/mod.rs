//! Many commands at once: queued first, then sent to all nodes at the same time.

mod attempt;
mod execute;
mod in_flight;
mod node_batch;
mod node_replies;
mod replies;
mod slot;
mod stage;

pub use replies::Replies;
pub use slot::Slot;
pub(crate) use slot::{first_failure, Slots};

use crate::cluster::Cluster;
use crate::cmd::{Cmd, Execute};
use crate::command::{Spec, Wait};
use crate::error::{Error, Result};
use crate::execute::RowRef;
use crate::from_value::FromValue;
use crate::net::{words_if_many, MOST_WORDS};
use crate::plan::{Part, Route, Target};
use crate::topology::{Role, Topology};
use node_batch::About;
use stage::Stage;
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
    commands: Vec<Command>,
    /// Whether any of them is more than one request to one node.
    has_others: bool,
    /// Those that are full: each ends with a command that runs by itself.
    stages: Vec<Stage>,
    /// The one that is being filled.
    last: Stage,
}

/// One command of a pipeline: how it is run, and what came of it.
enum Command {
    /// One request of a command that the table names. There are many of these, and nothing in them has to be freed.
    OneRequest { name: &'static str, about: About, place: Place },
    /// Anything else, which few commands are.
    Other(Box<Other>),
}

/// Where the reply to a request is.
#[derive(Clone, Copy)]
struct Place {
    stage: usize,
    shard: usize,
    /// Its number among the requests of the node.
    number: usize,
}

struct Other {
    name: Cow<'static, str>,
    about: About,
    progress: Progress,
}

enum Progress {
    /// One request to one node: its reply is among those of the stage.
    OneNode(Place),
    /// Requests to several nodes, whose replies become one.
    SeveralNodes(SeveralNodes),
    /// By itself, when everything before it is finished.
    ByItself(ByItself),
    /// It has one reply, made of several or of a command that ran by itself.
    Replied(Vec<u8>),
    Failed(Error),
}

struct SeveralNodes {
    cmd: Cmd,
    row: RowRef,
    parts: Vec<NodePart>,
}

/// The request of a command of several nodes to one of them.
struct NodePart {
    shard: usize,
    /// Its number among the requests of the node.
    number: usize,
    /// Which arguments are its keys.
    keys: Vec<usize>,
}

struct ByItself {
    cmd: Cmd,
    row: RowRef,
    wait: Wait,
}

impl Cluster {
    /// Begins a pipeline: commands that are queued and then sent together. Nothing is sent before
    /// [`Pipeline::run`].
    #[doc(alias = "pipe")]
    #[inline]
    pub fn pipeline(&self) -> Pipeline {
        Pipeline {
            cluster: self.clone(),
            topology: self.topology(),
            slots: Slots::new(),
            commands: Vec::new(),
            has_others: false,
            stages: Vec::new(),
            last: Stage::default(),
        }
    }
}

impl Pipeline {
    /// How many commands are queued.
    #[inline]
    pub fn len(&self) -> usize {
        self.slots.count()
    }

    /// Whether nothing is queued.
    #[inline]
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
    #[inline]
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
    #[inline]
    pub fn run_each(&mut self) -> Replies {
        let slots = std::mem::replace(&mut self.slots, Slots::new());
        // It is likely to be filled with as many again.
        let next = Vec::with_capacity(self.commands.len().min(1_000));
        let commands = std::mem::replace(&mut self.commands, next);
        let mut stages = std::mem::take(&mut self.stages);
        let last = self.last.like_it();
        stages.push(std::mem::replace(&mut self.last, last));
        let deadline = self.cluster.begin(Wait::None);
        let has_others = std::mem::take(&mut self.has_others);
        let replies = execute::execute::<()>(&self.cluster, slots, commands, stages, has_others);
        for error in replies.failures_by_node() {
            // For the next run: what may have been applied is not sent again.
            self.cluster.look_for_master(&self.cluster.servers(), &error, deadline);
        }
        self.topology = self.cluster.topology();
        replies
    }

    /// Forgets what is queued.
    #[inline]
    pub fn clear(&mut self) {
        *self = self.cluster.pipeline();
    }

    fn push<Here>(&mut self, cmd: Cmd) {
        let command = match self.cluster.row_of(cmd.untyped()) {
            Ok(row) if self.takes(&cmd, row) => return,
            Ok(row) => self.planned(cmd, row),
            Err(error) => Other::failed(cmd.name(), error),
        };
        self.has_others = true;
        match command.progress {
            Progress::SeveralNodes(_) => self.last.several.push(self.commands.len()),
            Progress::ByItself(_) => {
                self.last.then = Some(self.commands.len());
                self.stages.push(std::mem::take(&mut self.last));
            }
            _ => {}
        }
        self.commands.push(Command::Other(Box::new(command)));
    }

    /// Takes a command of one key, as nearly every one is, when it goes out as it is.
    #[inline]
    fn takes(&mut self, cmd: &Cmd, row: RowRef) -> bool {
        let spec = row.spec;
        if !row.code.is_of_one_key || may_wait_or_be_long(cmd, row) {
            return false;
        }
        let planner = self.cluster.planner_of(&self.topology);
        let Some((shard, is_renamed)) = planner.home_of_only_key(cmd.args(), spec) else { return false };
        if is_renamed {
            return false;
        }
        let (role, about) = (planner.role(spec), About::of(cmd, row));
        let (shard, number) = self.add(shard, role, about, cmd.as_bytes());
        let place = Place { stage: self.stages.len(), shard, number };
        self.commands.push(Command::OneRequest { name: spec.name, about, place });
        true
    }

    /// How a command is run. Its requests are put with those of their nodes.
    #[inline]
    fn planned(&mut self, cmd: Cmd, row: RowRef) -> Other {
        let spec = row.spec;
        let name = spec.name_of(cmd.args());
        let about = About::of(&cmd, row);
        let wait = row.wait(cmd.args());
        let progress = match row.route(&self.cluster.planner_of(&self.topology), cmd.args()) {
            Err(error) => return Other::failed(name, error),
            Ok(_) if may_wait_or_be_long(&cmd, row) => Progress::ByItself(ByItself { cmd, row, wait }),
            Ok(Route::One(Part { target: Target::Shard(shard, role), request, .. })) => {
                let (shard, number) = self.add(shard, role, about, &request);
                Progress::OneNode(Place { stage: self.stages.len(), shard, number })
            }
            Ok(Route::Fan(parts)) if are_for_the_stage(&parts, spec) => {
                let mut placed = Vec::with_capacity(parts.len());
                for Part { target, request, keys } in parts {
                    if let Target::Shard(shard, role) = target {
                        let (shard, number) = self.add(shard, role, about, &request);
                        placed.push(NodePart { shard, number, keys });
                    }
                }
                Progress::SeveralNodes(SeveralNodes { cmd, row, parts: placed })
            }
            Ok(_) => Progress::ByItself(ByItself { cmd, row, wait }),
        };
        Other { name, about, progress }
    }

    /// Puts a request with those of its node. Gives the shard that stands for the node, and the number of the request.
    #[inline]
    fn add(&mut self, shard: usize, role: Role, about: About, request: &[u8]) -> (usize, usize) {
        // Two names of one server have one batch, or what is sent to both could overtake one another.
        let shard = self.topology.distinct(shard);
        (shard, self.last.push(shard, role, about, request))
    }
}

/// Whether a command has to run by itself: it waits for data, or its servers may take it in pieces only.
#[inline]
fn may_wait_or_be_long(cmd: &Cmd, row: RowRef) -> bool {
    row.wait(cmd.args()) != Wait::None || words_if_many(cmd.as_bytes()) > MOST_WORDS
}

/// Whether the parts of a command go out with the other commands: keys choose their servers, and all of these have to
/// answer.
#[inline]
fn are_for_the_stage(parts: &[Part<'_>], spec: &Spec) -> bool {
    !spec.response.wants_one() && parts.iter().all(|part| part.target.is_routed())
}

impl Command {
    #[inline]
    fn about(&self) -> About {
        match self {
            Command::OneRequest { about, .. } => *about,
            Command::Other(other) => other.about,
        }
    }

    #[inline]
    fn name(&self) -> Cow<'static, str> {
        match self {
            Command::OneRequest { name, .. } => Cow::Borrowed(name),
            Command::Other(other) => other.name.clone(),
        }
    }

    /// How it is run when it is not one request of a command that the table names, and what came of it.
    #[inline]
    fn progress(&self) -> Option<&Progress> {
        match self {
            Command::OneRequest { .. } => None,
            Command::Other(other) => Some(&other.progress),
        }
    }

    /// Notes what came of it.
    #[inline]
    fn ended(&mut self, progress: Progress) {
        if let Command::Other(other) = self {
            other.progress = progress;
        }
    }

    /// The error for what its server answered, or for why it did not.
    #[cold]
    #[inline(never)]
    fn failed_with(&self, error: Error) -> Error {
        self.about().with_outcome(error).with_command(self.name())
    }
}

impl Other {
    /// One that is not sent.
    #[inline]
    fn failed(name: Cow<'static, str>, error: Error) -> Other {
        Other { name, about: About { is_read: false, script: None }, progress: Progress::Failed(error) }
    }
}

impl Execute for &mut Pipeline {
    type Output<T: FromValue> = Slot<T>;

    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Slot<T> {
        self.push::<()>(cmd.reply());
        self.slots.next()
    }
}

impl fmt::Debug for Pipeline {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("commands", &self.commands.len()).finish_non_exhaustive()
    }
}
