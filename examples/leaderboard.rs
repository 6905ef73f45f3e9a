//! A leaderboard whose players are spread over all nodes.
//!
//! It shows
//! - one sorted set a shard instead of one for all: a player's shard is told by the name, and the shards by crc32
//!   over the nodes;
//! - the top of all shards by one pipeline, whose answers are merged here: one round to all nodes at once, and each gives
//!   only the first few. `ZUNION` over the nodes gives the same, but carries every sorted set whole to one node, in three
//!   rounds; the demonstration prints its plan beside it;
//! - ranks as counts over all shards;
//! - the end of a week: `RENAME` and `ZUNIONSTORE` in one transaction a shard. It can be run again after a failure and
//!   counts nothing twice, because a shard whose week is closed is left alone.
//!
//! ```sh
//! cargo run --example leaderboard -- node_1=127.0.0.1:63791,node_2=127.0.0.1:63792
//! ```
//!
//! The keys of a shard share a tag and so a node: that is what makes the transaction possible. The number of shards is
//! chosen once; it is not the number of nodes, and more shards than nodes spread better.

use rediscluster::prelude::*;
use rediscluster::{Build, Error, Result, ScoreBound, ScoredMember, ZCombineOptions};

/// Changing it moves players to other shards.
const SHARDS: u64 = 32;

/// A player with points.
pub type Player = ScoredMember<String>;

/// A board of this week, of all weeks that are closed, and of all time.
pub struct Board {
    cluster: Cluster,
    name: String,
}

impl Board {
    /// The board of this name, which must not hold braces.
    pub fn new(cluster: &Cluster, name: &str) -> Board {
        // A player who has just scored wants to see it, and a replica may lag.
        Board { cluster: cluster.masters_only(), name: name.to_owned() }
    }

    /// The sorted set of one shard. Servers do not store the tag, so the shard stands in front of it as well.
    fn key(&self, what: &str, shard: u64) -> String {
        let name = &self.name;
        format!("{name}:{what}:{shard}{{{name}:{shard}}}")
    }

    /// The sorted sets of all shards.
    fn keys(&self, what: &str) -> Vec<String> {
        (0..SHARDS).map(|shard| self.key(what, shard)).collect()
    }

    fn key_of(&self, what: &str, player: &str) -> String {
        // FNV-1a: any hash does that is the same in every program and version, which those of `std` do not promise.
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.key(what, player.bytes().fold(0xcbf2_9ce4_8422_2325, step) % SHARDS)
    }

    /// Adds points of this week and gives the new sum. When the outcome of an error is `Unknown`, they may be added.
    pub fn add(&self, player: &str, points: f64) -> Result<f64> {
        self.cluster.zincrby(self.key_of("week", player), points, player)
    }

    /// The best `count` players: `what` is `week`, `total` or the name of a closed week. Each player is in one shard, so
    /// the best of all are among the best of each. When a node does not answer, that is an error: a top without the players
    /// of a node would be wrong.
    pub fn top(&self, what: &str, count: u16) -> Result<Vec<Player>> {
        let mut pipeline = self.cluster.pipeline();
        let last = i64::from(count) - 1;
        let keys = self.keys(what).into_iter().take(if count == 0 { 0 } else { usize::MAX });
        let slots: Vec<_> = keys.map(|key| pipeline.zrevrange_with_scores::<_, String>(key, 0, last)).collect();
        let replies = pipeline.run()?;
        let mut players = Vec::new();
        for slot in slots {
            players.extend(replies.get(slot)?);
        }
        // As servers order them: the highest score first, and of equal scores the last by name.
        players.sort_by(|a: &Player, b| b.score.total_cmp(&a.score).then_with(|| b.member.cmp(&a.member)));
        players.truncate(usize::from(count));
        Ok(players)
    }

    /// The same by `ZUNION`: correct, and slow once the sorted sets are large, because all of it is carried.
    pub fn top_by_zunion(&self, what: &str, count: u16) -> Result<Vec<Player>> {
        let mut players = self.cluster.zunion_with_scores(self.keys(what), ZCombineOptions::new())?;
        players.reverse();
        players.truncate(usize::from(count));
        Ok(players)
    }

    /// The rank of a player, from 1: how many have more points, and one. `None` for who has none.
    pub fn rank(&self, what: &str, player: &str) -> Result<Option<u64>> {
        let Some(score) = self.cluster.zscore(self.key_of(what, player), player)? else { return Ok(None) };
        let mut pipeline = self.cluster.pipeline();
        let better = (ScoreBound::Exclusive(score), ScoreBound::MAX);
        let slots: Vec<_> = self.keys(what).into_iter().map(|key| pipeline.zcount(key, better)).collect();
        let replies = pipeline.run()?;
        let better = slots.into_iter().map(|slot| replies.get(slot)).sum::<Result<u64>>()?;
        Ok(Some(better + 1))
    }

    /// Closes the week under a name: its points stay there and are added to `total`, and a new week begins. Gives how
    /// many shards were closed now. Each shard is closed whole or not at all; after an error run it again with the same
    /// name, and what is closed stays as it is.
    pub fn close_week(&self, name: &str) -> Result<u64> {
        let close = |shard| {
            let [week, closed, total] = ["week", name, "total"].map(|what| self.key(what, shard));
            self.cluster.watch([&week, &closed], |watched| {
                if watched.exists(&closed)? == 1 || watched.exists(&week)? == 0 {
                    return Ok(0);
                }
                let mut transaction = watched.transaction();
                transaction.rename(&week, &closed);
                transaction.zunionstore(&total, [&total, &closed]);
                transaction.run()?;
                Ok(1)
            })
        };
        (0..SHARDS).map(close).sum()
    }

    /// Deletes all of it.
    pub fn delete(&self, weeks: &[&str]) -> Result<u64> {
        let keys = ["week", "total"].iter().chain(weeks).flat_map(|what| self.keys(what));
        self.cluster.del(keys.collect::<Vec<_>>())
    }
}

fn main() -> Result<()> {
    let nodes = std::env::args().nth(1).or_else(|| std::env::var("REDISCLUSTER_NODES").ok());
    let cluster = Cluster::builder().nodes(nodes.unwrap_or_default()).connect()?;
    let board = Board::new(&cluster, &format!("board-{}", std::process::id()));
    let shown = demonstrate(&cluster, &board);
    // Also after an error; that of the demonstration says more.
    let deleted = board.delete(&["2026-47"]);
    shown.and(deleted.map(drop))
}

fn demonstrate(cluster: &Cluster, board: &Board) -> Result<(), Error> {
    for player in 0..200 {
        board.add(&format!("player-{player}"), f64::from(player * 37 % 200))?;
    }
    for shard in cluster.topology().shards() {
        let is_there = |key: &String| cluster.node_for(key).name() == shard.name();
        let count = board.keys("week").iter().filter(|key| is_there(key)).count();
        println!("{} has {count} of {SHARDS} shards", shard.name());
    }
    let top = board.top("week", 3)?;
    for player in &top {
        let rank = board.rank("week", &player.member)?;
        println!("{}: {} points, rank {}", player.member, player.score, rank.unwrap_or(0));
    }
    let zunion = Build.zunion_with_scores::<_, String>(board.keys("week"), ZCombineOptions::new());
    let (same, rounds) = (top == board.top_by_zunion("week", 3)?, cluster.plan(&zunion)?.round_trips());
    println!("ZUNION gives the same: {same}, in {rounds} rounds instead of 1");

    println!("the week ends: {} shards closed", board.close_week("2026-47")?);
    println!("once more: {} shards closed", board.close_week("2026-47")?);
    board.add("player-1", 5.0)?;
    let names = |what| Ok::<_, Error>(board.top(what, 2)?.into_iter().map(|player| player.member).collect::<Vec<_>>());
    println!("new week: {:?}, last week: {:?}, total: {:?}", names("week")?, names("2026-47")?, names("total")?);
    Ok(())
}
