//! What came of the commands of a pipeline.

use super::lane::Landed;
use super::segment::Segment;
use super::{Fan, Queued, Way};
use crate::args::Args;
use crate::cluster::Cluster;
use crate::command::{Access, MARKED};
use crate::convert::FromValue;
use crate::error::{Error, Outcome, OwnWords, Result};
use crate::execute::RowRef;
use crate::execute::{Answer, Run};
use crate::merge::Given;
use crate::plan::{Part, Target};
use crate::resp::{Frame, Value};
use crate::slot::{first_failure, Slot, Slots};
use crate::topology::Role;
use crate::wait::Wait;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What came of the commands of a [`Pipeline`](super::Pipeline), in their order.
pub struct Replies {
    slots: Slots,
    commands: Vec<Answered>,
    /// By segment and by shard.
    landed: Vec<BTreeMap<usize, Landed>>,
}

struct Answered {
    name: Cow<'static, str>,
    is_read: bool,
    /// What a script that it ran may have said in its own name.
    script: Option<OwnWords>,
    reply: Reply,
}

enum Reply {
    /// Segment, shard, number.
    Landed(usize, usize, usize),
    /// Made of several, or of a command that ran by itself.
    Made(Vec<u8>),
    Failed(Error),
}

impl Replies {
    pub(super) fn run(cluster: &Cluster, slots: Slots, commands: Vec<Queued>, mut segments: Vec<Segment>) -> Replies {
        // Lanes know it by themselves; as a view it would send the other reads to masters as well.
        let alone_on = keep_to_masters(cluster, &commands, &mut segments);
        let observed = cluster.observed();
        let traffic = observed.as_ref().map(|observed| &observed.traffic);
        let waits = commands.iter().map(|queued| match &queued.way {
            Way::Alone(alone) => alone.2,
            _ => Wait::None,
        });
        let wait = waits.fold(Wait::None, Wait::and);
        // One deadline for all of it. What does not wait for data gets no more of it than any call.
        let whole = cluster.begin(wait);
        let deadline_of = |wait: Wait| match wait {
            Wait::None => whole.within(cluster.patience()).waiting(wait),
            _ => whole.waiting(wait),
        };
        let no_args = Args::new();
        let mut answered: Vec<Answered> = Vec::with_capacity(commands.len());
        let mut commands = commands.into_iter();
        let mut landed = Vec::with_capacity(segments.len());
        for (nth, mut segment) in segments.into_iter().enumerate() {
            let first = answered.len();
            // What comes after a failover goes to the new master.
            let servers = cluster.servers();
            let follow = cluster.follower(&servers);
            let then = segment.then.take();
            let count = then.map_or(usize::MAX, |then| then - first);
            let mut fans: Vec<(usize, Box<Fan>)> = Vec::new();
            for queued in commands.by_ref().take(count) {
                let reply = match queued.way {
                    Way::One(shard, number) => Reply::Landed(nth, shard, number),
                    Way::Failed(error) => Reply::Failed(error),
                    Way::Fan(fan) => {
                        fans.push((answered.len(), fan));
                        Reply::Made(Vec::new())
                    }
                    // It ends a segment, so it comes below.
                    Way::Alone(_) => Reply::Failed(Error::reply("a command that runs by itself was not the last")),
                };
                let Queued { name, is_read, script, .. } = queued;
                answered.push(Answered { name, is_read, script, reply });
            }
            let writes = fans.iter().filter(|(at, _)| !answered[*at].is_read);
            let together: Vec<(usize, Vec<(usize, usize)>)> = writes
                .map(|(at, fan)| (*at, fan.parts.iter().map(|(shard, nth, _)| (*shard, *nth)).collect()))
                .collect();
            let mut given_up = BTreeMap::new();
            let deadline = deadline_of(Wait::None);
            let back = segment.run(
                &Run {
                    traffic,
                    follow: Some(&follow),
                    ..cluster.run_of(&servers, &no_args, RowRef::own(&MARKED), Wait::None, deadline)
                },
                &together,
                |at, error| {
                    given_up.insert(at, error.with_outcome(Outcome::NotApplied));
                },
            );
            for (at, fan) in fans {
                let run = cluster.run_of(&servers, &fan.args, fan.row, Wait::None, deadline);
                let made = given_up.remove(&at).map_or_else(|| merged(&run, &fan, &back, answered[at].is_read), Err);
                answered[at].reply = match made {
                    Ok(bytes) => Reply::Made(bytes),
                    Err(error) => Reply::Failed(error.with_command(answered[at].name.clone())),
                };
            }
            landed.push(back);
            if let (Some(_), Some(Queued { name, is_read, script, way: Way::Alone(alone) })) = (then, commands.next()) {
                let (args, row, wait) = &*alone;
                let deadline = deadline_of(*wait);
                let done = alone_on.led(deadline, |servers| {
                    let follow = alone_on.follower(servers);
                    let run = alone_on.run_of(servers, args, *row, *wait, deadline);
                    let run = Run { traffic, follow: Some(&follow), ..run };
                    run.run().map(|answer| answer.frame().as_bytes().to_vec())
                });
                let reply = done.map_or_else(Reply::Failed, Reply::Made);
                answered.push(Answered { name, is_read, script, reply });
            }
        }
        let replies = Replies { slots, commands: answered, landed };
        if let Some(observed) = observed {
            let failed = (0..replies.len()).filter(|&index| replies.reply(index).is_err()).count();
            observed.pipeline(replies.len(), failed);
        }
        replies
    }

    /// How many commands there were.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// What came of the command that gave this slot.
    ///
    /// # Errors
    /// What the command met, with its own outcome; [`Reply`](crate::ErrorKind::Reply) when its reply does not fit the
    /// type; [`Argument`](crate::ErrorKind::Argument) for a slot of another pipeline.
    pub fn get<T: FromValue>(&self, slot: Slot<T>) -> Result<T> {
        self.made(self.slots.index_of(&slot)?)
    }

    /// What came of every command, in their order, as it came.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let mut pipeline = cluster.pipeline();
    /// for number in 0..100 {
    ///     pipeline.set(format!("key:{number}"), number);
    /// }
    /// let failed = pipeline.run_each().values().filter(|reply| reply.is_err()).count();
    /// assert_eq!(failed, 0);
    /// # Ok(()) });
    /// ```
    pub fn values(&self) -> impl ExactSizeIterator<Item = Result<Value>> + '_ {
        (0..self.len()).map(|index| self.made(index))
    }

    fn made<T: FromValue>(&self, index: usize) -> Result<T> {
        let command = &self.commands[index];
        let (made, node) = match self.reply(index) {
            Ok((frame, node)) => (T::from_value(frame.value()), node),
            Err(error) => return Err(error),
        };
        made.map_err(|error| {
            // The command ran, also when the error is one inside of what it gave, such as a script may.
            let error = error.with_outcome(Outcome::Applied).with_command(command.name.clone());
            match node {
                Some(node) => error.with_node(|| node.to_owned()),
                None => error,
            }
        })
    }

    /// A reply, and the server that gave it where one did.
    fn reply(&self, index: usize) -> Result<(Frame<'_>, Option<&str>)> {
        let command = &self.commands[index];
        match &command.reply {
            Reply::Made(bytes) => Ok((Frame::trusted(bytes), None)),
            Reply::Failed(error) => Err(error.clone()),
            Reply::Landed(segment, shard, number) => {
                let landed = &self.landed[*segment][shard];
                let reply = landed.reply(*number, command.is_read);
                reply.map(|frame| (frame, landed.node(*number))).map_err(|error| {
                    let error = match command.script {
                        Some(own) => error.of_a_script(own),
                        None => error,
                    };
                    error.with_command(command.name.clone())
                })
            }
        }
    }

    /// The first failure of each node.
    pub(super) fn failures_by_node(&self) -> Vec<Error> {
        let mut first: BTreeMap<Option<String>, Error> = BTreeMap::new();
        for error in (0..self.len()).filter_map(|index| self.reply(index).err()) {
            first.entry(error.node().map(str::to_owned)).or_insert(error);
        }
        first.into_values().collect()
    }

    /// One error for all commands that failed.
    pub(super) fn failure(&self) -> Option<Error> {
        let is_read = |index: usize| self.commands[index].is_read;
        first_failure(self.len(), "a pipeline", is_read, |index| self.reply(index).err())
    }
}

/// What a pipeline has written it reads on masters, whatever stands in between. Which nodes a command that runs by itself
/// writes to is not known before, so then it is all of them. Gives the cluster that such commands run on.
fn keep_to_masters(cluster: &Cluster, commands: &[Queued], segments: &mut [Segment]) -> Cluster {
    let writes_alone = commands.iter().any(|queued| match &queued.way {
        Way::Alone(alone) => alone.1.spec.access == Access::Write,
        _ => false,
    });
    let written: BTreeSet<usize> = segments.iter().flat_map(Segment::written).collect();
    segments.iter_mut().for_each(|segment| segment.keep_to_masters(|shard| writes_alone || written.contains(&shard)));
    match writes_alone || !written.is_empty() {
        true => cluster.masters_only(),
        false => cluster.clone(),
    }
}

/// The one reply to a command that went to several nodes.
fn merged(run: &Run<'_>, fan: &Fan, landed: &BTreeMap<usize, Landed>, is_read: bool) -> Result<Vec<u8>> {
    let replies: Vec<Result<Frame<'_>>> =
        fan.parts.iter().map(|(shard, nth, _)| landed[shard].reply(*nth, is_read)).collect();
    if replies.iter().all(Result::is_ok) {
        let frames: Vec<Frame<'_>> = replies.into_iter().flatten().collect();
        let keys: Vec<&[usize]> = fan.parts.iter().map(|(.., keys)| keys.as_slice()).collect();
        let node = |part: usize| {
            let (shard, nth, _) = &fan.parts[part];
            landed[shard].node(*nth).map(str::to_owned)
        };
        let name = |part: usize| run.topology().shards()[fan.parts[part].0].name().to_owned();
        return (fan.merge)(&Given { keys: &keys, replies: &frames, node: &node, name: &name });
    }
    let parts: Vec<Part<'_>> = fan
        .parts
        .iter()
        .map(|(shard, _, keys)| Part {
            target: Target::Shard(*shard, Role::Master),
            request: Cow::Borrowed(&[]),
            keys: keys.clone(),
        })
        .collect();
    let results = replies.into_iter().map(|reply| reply.map(|frame| Answer::Made(frame.as_bytes().to_vec())));
    Err(run.summed_up(&parts, results.collect()))
}

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("commands", &self.commands.len()).finish_non_exhaustive()
    }
}
