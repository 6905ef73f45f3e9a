//! Runs a pipeline: stage after stage, and between them the commands that run by themselves.

use super::node_replies::NodeReplies;
use super::stage::{Stage, Together};
use super::Slots;
use super::{About, ByItself, Command, Progress, Replies, SeveralNodes};
use crate::cluster::Cluster;
use crate::command::{Access, Args, Given, Wait};
use crate::error::{Error, Outcome, Result};
use crate::execute::{Answer, Call, RowRef};
use crate::net::Deadline;
use crate::observer::Traffic;
use crate::plan::{Part, Target};
use crate::resp::Frame;
use crate::topology::Role;
use std::borrow::Cow;
use std::sync::Arc;

/// What all commands of a pipeline share while it runs.
struct Execution<'e> {
    cluster: &'e Cluster,
    /// Where commands run that run by themselves.
    alone_on: Cluster,
    /// The deadline of all of it.
    whole: Deadline,
    traffic: Option<&'e Arc<dyn Traffic>>,
}

/// Runs all stages, and gives what came of every command.
pub(super) fn execute<Here>(
    cluster: &Cluster,
    slots: Slots,
    mut commands: Vec<Command>,
    mut stages: Vec<Stage>,
    has_others: bool,
) -> Replies {
    let observed = cluster.observed();
    let mut wait = Wait::None;
    for stage in &stages {
        if let Some(alone) = alone_of(stage, &commands) {
            wait = wait.and(alone.wait);
        }
    }
    let execution = Execution {
        cluster,
        // Batches know it by themselves; as a view it would send the other reads to masters as well.
        alone_on: keep_to_masters(cluster, &commands, &mut stages),
        // One deadline for all of it. What does not wait for data gets no more of it than any call.
        whole: cluster.begin(wait),
        traffic: observed.as_ref(),
    };
    let mut nodes = Vec::with_capacity(stages.len());
    for mut stage in stages {
        let then = stage.then.take();
        nodes.push(execution.stage(stage, &mut commands));
        if let Some(at) = then {
            let replied = match commands[at].progress() {
                Some(Progress::ByItself(alone)) => execution.alone(alone),
                _ => continue,
            };
            commands[at].ended(replied.map_or_else(Progress::Failed, Progress::Replied));
        }
    }
    let replies = Replies::new(slots, commands, nodes, has_others);
    if let Some(observed) = observed {
        observed.pipeline(replies.len(), replies.failed());
    }
    replies
}

/// The command that runs by itself behind a stage.
#[inline]
fn alone_of<'c>(stage: &Stage, commands: &'c [Command]) -> Option<&'c ByItself> {
    match commands[stage.then?].progress() {
        Some(Progress::ByItself(alone)) => Some(alone),
        _ => None,
    }
}

/// What a pipeline has written it reads on masters, whatever stands in between. Which nodes a command that runs by itself
/// writes to is not known before, so then it is all of them. Gives the cluster that such commands run on.
#[inline]
fn keep_to_masters(cluster: &Cluster, commands: &[Command], stages: &mut [Stage]) -> Cluster {
    // By shard.
    let mut written = vec![false; cluster.topology().shards().len()];
    for stage in &*stages {
        stage.mark_written(&mut written);
        if alone_of(stage, commands).is_some_and(|alone| alone.row.spec.access == Access::Write) {
            written.fill(true);
            break;
        }
    }
    stages.iter_mut().for_each(|stage| stage.keep_to_masters(&written));
    match written.contains(&true) {
        true => cluster.masters_only(),
        false => cluster.clone(),
    }
}

impl Execution<'_> {
    #[inline]
    fn deadline_of(&self, wait: Wait) -> Deadline {
        match wait {
            Wait::None => self.whole.within(self.cluster.patience()).waiting(wait),
            _ => self.whole.waiting(wait),
        }
    }

    /// Runs the commands of a stage. Of those of several nodes the replies become one.
    #[inline]
    fn stage(&self, stage: Stage, commands: &mut [Command]) -> Vec<NodeReplies> {
        let mut together: Vec<Together> = Vec::new();
        for &at in &stage.several {
            if let (Some(Progress::SeveralNodes(several)), false) =
                (commands[at].progress(), commands[at].about().is_read)
            {
                let mut requests = Vec::with_capacity(several.parts.len());
                several.parts.iter().for_each(|part| requests.push((part.shard, part.number)));
                together.push((at, requests));
            }
        }
        // What comes after a failover goes to the new master.
        let servers = self.cluster.servers();
        let (deadline, no_args) = (self.deadline_of(Wait::None), Args::new());
        let mut call = self.cluster.call_of(&servers, &no_args, RowRef::routed_already(), Wait::None, deadline);
        call.context.traffic = self.traffic;
        call.context.to_new_master = Some(self.cluster);
        let several = stage.several.clone();
        let (nodes, given_up) = stage.run(&call, &together);
        for (at, error) in given_up {
            let error = error.with_outcome(Outcome::NotApplied).with_command(commands[at].name());
            commands[at].ended(Progress::Failed(error));
        }
        for at in several {
            let command = &commands[at];
            if let Some(Progress::SeveralNodes(several)) = command.progress() {
                let call = self.cluster.call_of(&servers, several.cmd.args(), several.row, Wait::None, deadline);
                let came = match merged(&call, several, &nodes, &command.about()) {
                    Ok(bytes) => Progress::Replied(bytes),
                    Err(error) => Progress::Failed(error.with_command(command.name())),
                };
                commands[at].ended(came);
            }
        }
        nodes
    }

    /// Runs a command by itself.
    #[inline]
    fn alone(&self, alone: &ByItself) -> Result<Vec<u8>> {
        let deadline = self.deadline_of(alone.wait);
        let mut replied = None;
        self.alone_on.with_failover(deadline, &mut |servers| {
            let (args, traffic) = (alone.cmd.args(), self.traffic);
            let call = self.alone_on.call_with_failover(servers, args, alone.row, alone.wait, deadline, traffic);
            replied = Some(call.execute()?.frame().as_bytes().to_vec());
            Ok(())
        })?;
        replied.ok_or_else(|| Error::reply("no reply came"))
    }
}

/// The one reply to a command that went to several nodes.
#[inline]
fn merged(call: &Call<'_>, several: &SeveralNodes, nodes: &[NodeReplies], about: &About) -> Result<Vec<u8>> {
    let mut replies: Vec<Frame<'_>> = Vec::with_capacity(several.parts.len());
    for part in &several.parts {
        match nodes[part.shard].frame(part.number, about.is_read) {
            Ok(frame) => replies.push(frame),
            Err(_) => return Err(summed_up(call, several, nodes, about)),
        }
    }
    let mut keys: Vec<&[usize]> = Vec::with_capacity(several.parts.len());
    several.parts.iter().for_each(|part| keys.push(&part.keys));
    let node = |part: usize| {
        let part = &several.parts[part];
        nodes[part.shard].node(part.number).map(str::to_owned)
    };
    let name = |part: usize| call.topology().nth_shard(several.parts[part].shard).name().to_owned();
    let RowRef { spec, code } = several.row;
    (code.merge)(&Given { response: spec.response, keys: &keys, replies: &replies, node: &node, name: &name })
}

/// The one error of a command of which some node did not answer, or refused its part.
#[cold]
fn summed_up(call: &Call<'_>, several: &SeveralNodes, nodes: &[NodeReplies], about: &About) -> Error {
    let mut parts = Vec::with_capacity(several.parts.len());
    let mut results = Vec::with_capacity(several.parts.len());
    for part in &several.parts {
        let target = Target::Shard(part.shard, Role::Master);
        parts.push(Part { target, request: Cow::Borrowed(&[]), keys: part.keys.clone() });
        let reply = nodes[part.shard].frame(part.number, about.is_read).map_err(|error| about.with_outcome(error));
        results.push(reply.map(|frame| Answer::Merged(frame.as_bytes().to_vec())));
    }
    call.summed_up(&parts, results)
}
