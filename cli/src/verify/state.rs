//! How far a walk is and what it has found so far, in a file that outlives the program.

use super::verdict::{Explained, Kind, KINDS};
use rediscluster::ScanPosition;
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What a file of this kind begins with.
const FORMAT: &str = "rediscluster verify 1";

/// Where the walk is in one database of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// It has not begun.
    Start,
    Position(ScanPosition),
    End,
}

/// Everything that has to be known to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What the walk was told, and the nodes, which must be the same.
    of: String,
    pub walks: BTreeMap<(String, u32), At>,
    counts: [u64; KINDS.len()],
    pub explained: Explained,
}

impl State {
    pub fn new(of: String, nodes: &[String], databases: &[u32]) -> State {
        let walks =
            nodes.iter().flat_map(|node| databases.iter().map(|&database| ((node.clone(), database), At::Start)));
        State { of, walks: walks.collect(), counts: [0; KINDS.len()], explained: Explained::default() }
    }

    pub fn count(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    pub fn add(&mut self, kind: Kind) {
        self.counts[kind as usize] += 1;
    }

    /// How many keys were looked at.
    pub fn keys(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many of them somebody has to look at.
    pub fn wrong(&self) -> u64 {
        KINDS.iter().filter(|kind| kind.is_wrong()).map(|&kind| self.count(kind)).sum()
    }

    pub fn is_over(&self) -> bool {
        self.walks.values().all(|at| *at == At::End)
    }

    /// The state that a file holds; `new` when there is none yet.
    ///
    /// # Errors
    /// When the file is none of these, or one of another walk.
    pub fn read_or(path: &Path, new: State) -> Result<State, String> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(new),
            Err(error) => return Err(format!("verify: {}: {error}", path.display())),
        };
        let state =
            State::parse(&text).ok_or_else(|| format!("verify: {} holds no state of verify", path.display()))?;
        if state.of != new.of || state.walks.keys().ne(new.walks.keys()) {
            let path = path.display();
            return Err(format!(
                "verify: {path} is of a walk with other nodes or other options: give those, or remove it"
            ));
        }
        Ok(state)
    }

    /// Replaces the file as a whole.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut beside: PathBuf = path.to_owned();
        beside.as_mut_os_string().push(".new");
        let mut file = fs::File::create(&beside)?;
        file.write_all(self.to_json().to_string().as_bytes())?;
        file.sync_data()?;
        fs::rename(&beside, path)
    }

    fn to_json(&self) -> Value {
        let walk = |((node, database), at): (&(String, u32), &At)| {
            let at = match at {
                At::Start => "start".to_owned(),
                At::End => "end".to_owned(),
                At::Position(position) => position.to_string(),
            };
            json!({"node": node, "database": database, "at": at})
        };
        let (strays, by) = self.explained.parts();
        json!({
            "format": FORMAT,
            "of": self.of,
            "walks": self.walks.iter().map(walk).collect::<Vec<_>>(),
            "counts": KINDS.iter().map(|&kind| (kind.name().to_owned(), self.count(kind).into())).collect::<Map<_, _>>(),
            "strays": strays,
            "explained": by,
        })
    }

    fn parse(text: &str) -> Option<State> {
        let value: Value = serde_json::from_str(text).ok()?;
        if value["format"] != FORMAT {
            return None;
        }
        let walk = |walk: &Value| {
            let at = match walk["at"].as_str()? {
                "start" => At::Start,
                "end" => At::End,
                position => At::Position(position.parse().ok()?),
            };
            Some(((walk["node"].as_str()?.to_owned(), walk["database"].as_u64()?.try_into().ok()?), at))
        };
        let mut counts = [0; KINDS.len()];
        for kind in KINDS {
            counts[kind as usize] = value["counts"][kind.name()].as_u64()?;
        }
        let by: Option<Vec<u64>> = value["explained"].as_array()?.iter().map(Value::as_u64).collect();
        Some(State {
            of: value["of"].as_str()?.to_owned(),
            walks: value["walks"].as_array()?.iter().map(walk).collect::<Option<_>>()?,
            counts,
            explained: Explained::of(value["strays"].as_u64()?, by?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut state = State::new("of".into(), &["node_1".into(), "node_2".into()], &[0, 3]);
        state.add(Kind::Home);
        state.add(Kind::Twice);
        state.explained.add(b"foo", [1].into_iter());
        state.walks.insert(("node_1".into(), 0), At::End);
        assert_eq!(State::parse(&state.to_json().to_string()), Some(state.clone()));
        assert_eq!((state.keys(), state.wrong(), state.is_over()), (2, 1, false));
        for text in ["", "{}", "[]", "{\"format\":\"rediscluster verify 1\"}"] {
            assert_eq!(State::parse(text), None);
        }
    }
}
