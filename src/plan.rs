//! From a command to what is sent to which server. Pure: nothing here knows a socket.

mod native;
mod parts;
mod requests;
mod routers;
mod sets;
mod sorting;
mod streams;

pub(crate) use native::{
    about_a_connection, name_one_key, native, on_one_server, ranges_on_one_server, Naming, Native,
};
pub(crate) use parts::{groups, groups_in_order, split, split_in_pieces, Carried};
pub(crate) use requests::{as_stored, command, command_of, renamed};
pub(crate) use routers::{
    any_node, every_server, every_shard, in_rounds, one_key, one_node, one_server, refuse_connection,
};
pub(crate) use sets::{merged_sets, sets_in_pieces};
pub(crate) use sorting::{sorted, sorted_on_one_server, Get, Order, Pattern, Sorting};
pub(crate) use streams::{parse_id, StreamRead};

use crate::command::{Access, Args, KeySpec, Positions, RequestPolicy, Spec};
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::topology::{Placement, ReadFrom, Role, Topology};
use std::borrow::Cow;

/// What has to be done to run one command.
#[derive(Debug)]
pub(crate) enum Route<'c> {
    /// One server answers, and its answer is the answer.
    One(Part<'c>),
    /// Several servers answer at the same time, and the strategy makes one of their answers.
    Fan(Vec<Part<'c>>),
    /// Several rounds are needed, which the strategy of the row knows.
    Across(Vec<Placed<'c>>),
}

/// Says what has to be sent where for a command of a row.
pub(crate) type Router = for<'c> fn(&Planner<'_>, &'c Args, &'static Spec) -> Result<Route<'c>>;

/// Where the keys of a command live.
pub(crate) enum Homes<'c> {
    /// On one node, or it has none and any node will do: the command as that node gets it.
    One(Part<'c>),
    Several(Vec<Placed<'c>>),
}

/// One request to one server.
#[derive(Debug)]
pub(crate) struct Part<'c> {
    pub(crate) target: Target,
    pub(crate) request: Cow<'c, [u8]>,
    /// Which arguments of the command are keys of this part; not filled where there is one part only.
    pub(crate) keys: Vec<usize>,
}

/// The server that a part goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The one of a shard that serves this role.
    Shard(usize, Role),
    /// This very server.
    Server(usize),
}

impl Target {
    /// Whether routing chose the server, and not the caller.
    pub(crate) fn is_routed(self) -> bool {
        matches!(self, Target::Shard(..))
    }

    /// Whether any server of the shard may answer that can serve reads.
    pub(crate) fn is_read(self) -> bool {
        matches!(self, Target::Shard(_, Role::Replica))
    }
}

/// One key of a command, and where it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed<'c> {
    /// Which argument it is.
    pub(crate) position: usize,
    pub(crate) shard: usize,
    /// The master of the shard: two shards may share one.
    pub(crate) master: usize,
    /// The name that the server stores.
    pub(crate) stored: &'c [u8],
}

/// The one key of a command.
#[derive(Clone, Copy)]
pub(crate) struct OnlyKey<'c> {
    /// Which argument it is.
    pub(crate) position: usize,
    pub(crate) shard: usize,
    /// The name that the server stores.
    pub(crate) stored: &'c [u8],
    /// That is not the name in the command.
    pub(crate) is_renamed: bool,
}

/// What becomes of a command whose keys live on several nodes.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CrossNode {
    /// It gives the answer that one server would give, in steps that others can come between; what has no meaning
    /// across nodes is refused.
    #[default]
    Emulate,
    /// It is refused, so that every command with keys is atomic.
    Refuse,
}

/// What planning needs to know besides the command.
#[derive(Clone, Copy)]
pub(crate) struct Planner<'p> {
    pub(crate) topology: &'p Topology,
    pub(crate) placement: &'p Placement,
    pub(crate) read_from: ReadFrom,
    pub(crate) cross_node: CrossNode,
}

/// The command as it is, to whichever node.
pub(crate) fn anywhere(args: &Args, role: Role) -> Part<'_> {
    Part { target: Target::Shard(0, role), request: args.as_bytes().into(), keys: Vec::new() }
}

impl Planner<'_> {
    /// As what a server is asked for this command.
    pub(crate) fn role(&self, spec: &Spec) -> Role {
        match spec.request {
            RequestPolicy::OneMaster => Role::Master,
            _ if spec.access == Access::Read && self.read_from.includes_replicas() => Role::Replica,
            _ => Role::Master,
        }
    }

    /// The one key of a command, whose place is fixed.
    #[inline]
    pub(crate) fn only_key<'c>(&self, args: &'c Args, spec: &Spec) -> Result<OnlyKey<'c>> {
        let position = place_of_only_key(spec);
        let Some(given) = args.get(position) else { return Err(too_few(spec)) };
        let (shard, stored) = self.placement.place(given, self.topology);
        Ok(OnlyKey { position, shard, stored, is_renamed: stored.len() != given.len() })
    }

    /// The shard of that key, and whether its server stores it by another name; `None` when there is no key.
    #[inline]
    pub(crate) fn home_of_only_key(&self, args: &Args, spec: &Spec) -> Option<(usize, bool)> {
        let given = args.get(place_of_only_key(spec))?;
        let (shard, stored) = self.placement.place(given, self.topology);
        Some((shard, stored.len() != given.len()))
    }

    /// Where the keys of a command live. Those on several nodes are refused where the caller wants it so.
    pub(crate) fn homes<'c>(&self, args: &'c Args, spec: &'static Spec) -> Result<Homes<'c>> {
        self.homes_by(args, spec, Spec::key_positions)
    }

    /// The same, where `positions` says which arguments are keys.
    pub(crate) fn homes_by<'c>(&self, args: &'c Args, spec: &'static Spec, positions: Positions) -> Result<Homes<'c>> {
        let role = self.role(spec);
        let (keys, are_renamed) = match self.placed_by(args, spec, positions) {
            // Any node will do for what no node takes: it says why in its own words.
            Err(_) if spec.is_refused_for_its_keys(args, positions) => return Ok(Homes::One(anywhere(args, role))),
            keys => keys?,
        };
        let Some(home) = keys.first() else {
            // A script or a union of no keys.
            return Ok(Homes::One(anywhere(args, role)));
        };
        if keys.iter().all(|key| key.master == home.master) {
            let target = Target::Shard(home.shard, role);
            let request = if are_renamed { renamed(args, &keys).into() } else { args.as_bytes().into() };
            return Ok(Homes::One(Part { target, request, keys: Vec::new() }));
        }
        match self.cross_node {
            CrossNode::Refuse => Err(self.refused(args, &keys)),
            CrossNode::Emulate => Ok(Homes::Several(keys)),
        }
    }

    /// Every key of a command with the place that it lives in, in the order of the arguments.
    pub(crate) fn placed<'c>(&self, args: &'c Args, spec: &'static Spec) -> Result<Vec<Placed<'c>>> {
        self.placed_by(args, spec, Spec::key_positions).map(|(keys, _)| keys)
    }

    /// The same, where `positions` says which arguments are keys; and whether their servers store any of them by another
    /// name.
    fn placed_by<'c>(
        &self,
        args: &'c Args,
        spec: &'static Spec,
        positions: Positions,
    ) -> Result<(Vec<Placed<'c>>, bool)> {
        if !spec.takes(args.len()) {
            return Err(too_few(spec));
        }
        let positions = positions(spec, args).ok_or_else(untold_keys)?;
        let is_channel = matches!(spec.keys, [KeySpec::Channel(_)]);
        let mut are_renamed = false;
        let mut keys = Vec::with_capacity(positions.len());
        for (&position, key) in positions.iter().zip(args.at(positions.iter().copied())) {
            let (shard, stored) = self.placement.place(key, self.topology);
            let stored = if is_channel { key } else { stored };
            are_renamed |= stored.len() != key.len();
            let master = self.topology.shards()[shard].master();
            keys.push(Placed { position, shard, master, stored });
        }
        Ok((keys, are_renamed))
    }

    /// The error for keys that live on several nodes.
    pub(crate) fn refused(&self, args: &Args, keys: &[Placed<'_>]) -> Error {
        let mut message = String::from("its keys live on several nodes, and it needs them on one:");
        for key in keys.iter().take(8) {
            let name = args.shown(key.position);
            let node = self.topology.nth_shard(key.shard).name();
            [" ", &name, " on ", node, ","].iter().for_each(|part| message.push_str(part));
        }
        message.pop();
        if keys.len() > 8 {
            message.push_str(&format!(" and {} more", keys.len() - 8));
        }
        message.push_str("; nothing was sent");
        Error::new(ErrorKind::CrossNode, Outcome::NotApplied, message)
    }
}

/// Which argument the one key of a command is.
#[inline]
fn place_of_only_key(spec: &Spec) -> usize {
    match spec.keys {
        [KeySpec::Range(first, ..)] => *first,
        _ => 1,
    }
}

impl<'c> OnlyKey<'c> {
    /// The server that the command goes to.
    #[inline]
    pub(crate) fn target(self, planner: &Planner<'_>, spec: &Spec) -> Target {
        Target::Shard(self.shard, planner.role(spec))
    }

    /// The command as that server gets it.
    pub(crate) fn request(self, args: &'c Args) -> Cow<'c, [u8]> {
        if !self.is_renamed {
            return Cow::Borrowed(args.as_bytes());
        }
        // Only its position and its name are asked for.
        let key = Placed { position: self.position, shard: self.shard, master: 0, stored: self.stored };
        renamed(args, &[key]).into()
    }
}

/// The words that a server would use.
pub(crate) fn too_few(spec: &Spec) -> Error {
    let name = spec.name.to_ascii_lowercase().replace(' ', "|");
    Error::argument(format!("ERR wrong number of arguments for '{name}' command"))
}

/// The error where the arguments do not say which of them are keys and no server was asked.
fn untold_keys() -> Error {
    Error::argument("the arguments do not say which of them are keys, so their node is not known; nothing was sent")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::Cmd;
    use crate::table::cmd;
    use crate::topology::{Address, Crc32Modulo, HashTags, Node, ShardDescription};

    /// `bar` lives on the first of two nodes, `foo` on the second, which has a replica.
    fn two_nodes() -> Topology {
        let node = |name: &str, port, replicas| ShardDescription {
            name: name.into(),
            address: Address::new("h", port).unwrap(),
            replicas,
            passed_over: Vec::new(),
        };
        let replica = Node::new("node_2/h:3", Address::new("h", 3).unwrap());
        Topology::new([node("node_1", 1, Vec::new()), node("node_2", 2, vec![replica])])
    }

    /// The plan in words: who gets what, and how it is merged.
    fn planned(cmd: &Cmd, read_from: ReadFrom) -> String {
        let topology = two_nodes();
        let placement = Placement { hash_tags: HashTags::Strip, partitioner: Box::new(Crc32Modulo) };
        let cross_node = CrossNode::Emulate;
        let planner = Planner { topology: &topology, placement: &placement, read_from, cross_node };
        let part = |part: &Part<'_>| {
            let words = String::from_utf8_lossy(&part.request).into_owned();
            let words: Vec<&str> = words.split("\r\n").skip(2).step_by(2).collect();
            format!("{:?} {}", part.target, words.join(" "))
        };
        let row = cmd.row(&[]).unwrap();
        let spec = row.spec;
        match row.route(&planner, cmd.args()) {
            Ok(Route::One(one)) => part(&one),
            Ok(Route::Fan(parts)) => {
                let parts = parts.iter().map(part).collect::<Vec<_>>().join(", ");
                format!(
                    "{parts} => {}",
                    if spec.across.is_atomic() { spec.response.name() } else { spec.across.name() }
                )
            }
            Ok(Route::Across(keys)) => format!("{} of {} keys", spec.across.name(), keys.len()),
            Err(error) => format!("{:?}", error.kind()),
        }
    }

    #[test]
    fn plans() {
        for (line, read_from, plan) in [
            ("GET foo", ReadFrom::Replica, "Shard(1, Replica) GET foo"),
            ("GET foo", ReadFrom::Master, "Shard(1, Master) GET foo"),
            ("SET foo x", ReadFrom::Replica, "Shard(1, Master) SET foo x"),
            ("SET a{foo} x", ReadFrom::Replica, "Shard(1, Master) SET a x"),
            ("OBJECT ENCODING a{bar}", ReadFrom::Master, "Shard(0, Master) OBJECT ENCODING a"),
            (
                "MGET foo bar a{foo} foo",
                ReadFrom::Replica,
                "Shard(1, Replica) MGET foo a foo, Shard(0, Replica) MGET bar => split",
            ),
            ("MGET foo a{foo}", ReadFrom::Master, "Shard(1, Master) MGET foo a"),
            ("MSET foo 1 bar 2", ReadFrom::Master, "Shard(1, Master) MSET foo 1, Shard(0, Master) MSET bar 2 => split"),
            ("MSET foo 1 bar", ReadFrom::Master, "Shard(0, Master) MSET foo 1 bar"),
            ("DEL bar foo", ReadFrom::Replica, "Shard(0, Master) DEL bar, Shard(1, Master) DEL foo => split"),
            (
                "SDIFF foo bar a{bar} a{foo}",
                ReadFrom::Master,
                "Shard(1, Master) SDIFF foo a, Shard(0, Master) SUNION bar a => merge_sets",
            ),
            ("RENAME foo bar", ReadFrom::Master, "rename of 2 keys"),
            ("RENAME foo a{foo}", ReadFrom::Master, "Shard(1, Master) RENAME foo a"),
            ("BLPOP foo bar 0", ReadFrom::Master, "first_that_has of 2 keys"),
            ("SORT foo STORE a{foo}", ReadFrom::Master, "Shard(1, Master) SORT foo STORE a"),
            ("SORT foo STORE bar", ReadFrom::Master, "sort of 2 keys"),
            ("SORT foo BY w*{foo} STORE bar", ReadFrom::Master, "sort of 2 keys"),
            ("SORT foo BY w*{foo} GET #", ReadFrom::Master, "Shard(1, Master) SORT foo BY w* GET #"),
            ("SORT foo BY w*{bar}", ReadFrom::Master, "sort of 1 keys"),
            ("SORT foo BY w*", ReadFrom::Master, "sort of 1 keys"),
            ("SORT foo BY w*{foo}->f", ReadFrom::Master, "Shard(1, Master) SORT foo BY w*->f"),
            ("SORT foo BY w*->f{foo}", ReadFrom::Master, "sort of 1 keys"),
            ("SORT foo BY w{*}", ReadFrom::Master, "sort of 1 keys"),
            // Of several the last counts; one without a star keeps the order, whatever follows.
            ("SORT foo BY w* BY v*{foo}", ReadFrom::Master, "Shard(1, Master) SORT foo BY w* BY v*"),
            ("SORT foo BY x BY w* GET y", ReadFrom::Master, "Shard(1, Master) SORT foo BY x BY w* GET y"),
            ("SORT foo GET w*->f", ReadFrom::Master, "sort of 1 keys"),
            (
                "SORT foo BY nosort GET # LIMIT 0 STORE",
                ReadFrom::Master,
                "Shard(1, Master) SORT foo BY nosort GET # LIMIT 0 STORE",
            ),
            ("SORT_RO foo BY w*", ReadFrom::Replica, "sort of 1 keys"),
            ("SORT_RO foo BY w*{foo}", ReadFrom::Replica, "Shard(1, Replica) SORT_RO foo BY w*"),
            ("ZUNIONSTORE foo 1 a{foo} WEIGHTS 2", ReadFrom::Master, "Shard(1, Master) ZUNIONSTORE foo 1 a WEIGHTS 2"),
            ("ZUNIONSTORE foo 2 bar foo", ReadFrom::Master, "carry_sources of 3 keys"),
            ("XREAD STREAMS foo bar 0 0", ReadFrom::Master, "read_streams of 2 keys"),
            (
                "XREAD COUNT 1 STREAMS a{foo} foo 0 1",
                ReadFrom::Replica,
                "Shard(1, Replica) XREAD COUNT 1 STREAMS a foo 0 1",
            ),
            (
                "XREADGROUP COUNT 1 GROUP STREAMS c STREAMS bar >",
                ReadFrom::Master,
                "Shard(0, Master) XREADGROUP COUNT 1 GROUP STREAMS c STREAMS bar >",
            ),
            ("XREADGROUP GROUP g c STREAMS foo bar > 0", ReadFrom::Replica, "read_streams of 2 keys"),
            ("XREAD STREAMS foo bar 0", ReadFrom::Replica, "Shard(0, Replica) XREAD STREAMS foo bar 0"),
            ("XREAD STREAMS foo", ReadFrom::Master, "Argument"),
            ("MSETEX 2 foo 1 bar 2", ReadFrom::Master, "CrossNode"),
            ("SCAN 0", ReadFrom::Master, "Refused"),
            ("EVAL return 0", ReadFrom::Master, "Shard(0, Master) EVAL return 0"),
            ("PUBLISH news{foo} x", ReadFrom::Master, "Shard(1, Master) PUBLISH news{foo} x"),
            // No server takes these, and one says why.
            ("ZUNIONSTORE foo 3 foo", ReadFrom::Master, "Shard(0, Master) ZUNIONSTORE foo 3 foo"),
            ("ZUNION -1 foo", ReadFrom::Replica, "Shard(0, Replica) ZUNION -1 foo"),
            ("LMPOP 01 foo LEFT", ReadFrom::Replica, "Shard(0, Master) LMPOP 01 foo LEFT"),
            ("SINTERCARD +1 foo", ReadFrom::Master, "Shard(0, Master) SINTERCARD +1 foo"),
            ("EVAL script nine a{foo}", ReadFrom::Master, "Shard(0, Master) EVAL script nine a{foo}"),
            ("DBSIZE", ReadFrom::Replica, "Shard(0, Replica) DBSIZE, Shard(1, Replica) DBSIZE => agg_sum"),
            ("FLUSHALL", ReadFrom::Replica, "Shard(0, Master) FLUSHALL, Shard(1, Master) FLUSHALL => all_succeeded"),
            ("TIME", ReadFrom::Master, "Server(0) TIME, Server(1) TIME => per_node"),
            ("TIME", ReadFrom::Replica, "Server(0) TIME, Server(1) TIME, Server(2) TIME => per_node"),
            ("WATCH foo", ReadFrom::Master, "Refused"),
            ("GET", ReadFrom::Master, "Argument"),
        ] {
            let mut words = line.split(' ');
            let command = cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>());
            assert_eq!(planned(&command, read_from), plan, "{line}");
        }
    }
}
