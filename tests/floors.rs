//! The house stands as it was drawn: imports go down only, and only the third floor knows a socket.

use std::fs;
use std::path::{Path, PathBuf};

/// The floor of a room of `src/`, by the first part of its path.
const FLOORS: &[(&str, u8)] = &[
    ("error", 0),
    ("order", 0),
    ("random", 0),
    ("resp", 0),
    ("threads", 0),
    ("command", 1),
    ("from_value", 1),
    ("to_arg", 1),
    ("retry", 1),
    ("topology", 2),
    ("plan", 2),
    ("observer", 2),
    ("explain", 2),
    ("transport", 3),
    ("config", 3),
    ("net", 3),
    ("execute", 4),
    ("cmd", 4),
    ("cross_node", 5),
    ("table", 6),
    ("discovery", 7),
    ("cluster", 7),
    ("pipeline", 7),
    ("transaction", 7),
    ("pubsub", 7),
    ("commands", 8),
    ("scan", 8),
    ("script", 8),
];

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every room with its file name and its code, without comments and without the tests in it.
fn rooms() -> Vec<(String, String, String)> {
    let src = rediscluster_testing::repository().join("src");
    let mut paths = Vec::new();
    files(&src, &mut paths);
    let room = |path: &PathBuf| {
        let name = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
        let room = name.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        (room, name, code)
    };
    paths.iter().map(room).filter(|(room, ..)| room != "lib").collect()
}

#[test]
fn every_room_has_a_floor_and_every_floor_its_rooms() {
    let rooms = rooms();
    for (room, name, _) in &rooms {
        assert!(floor(room).is_some(), "{name} is on no floor: put it into FLOORS");
    }
    for (known, _) in FLOORS {
        assert!(rooms.iter().any(|(room, ..)| room == known), "FLOORS has {known}, and src/ does not");
    }
}

#[test]
fn imports_go_down_only() {
    let mut arrows = Vec::new();
    for (room, name, code) in rooms() {
        let here = floor(&room).unwrap();
        for path in code.split("crate::").skip(1) {
            let target: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // `crate::Name` is a re-export of lib.rs, used in documentation links only.
            let Some(there) = floor(&target) else {
                panic!("{name} imports crate::{target}, which is no room: import from the room itself")
            };
            assert!(there <= here, "{name} is on floor {here} and imports {target} of floor {there}");
            if target != room {
                arrows.push((room.clone(), target));
            }
        }
    }
    assert!(arrows.len() > 50, "the imports were found");
    // Also among the rooms of one floor no two need each other: taking away what imports nothing leaves nothing.
    while !arrows.is_empty() {
        let before = arrows.len();
        let importing: Vec<String> = arrows.iter().map(|(from, _)| from.clone()).collect();
        arrows.retain(|(_, to)| importing.contains(to));
        assert!(arrows.len() < before, "rooms import each other in a circle: {arrows:?}");
    }
}

#[test]
fn only_the_third_floor_and_above_knows_a_socket() {
    for (room, name, code) in rooms() {
        if floor(&room).unwrap() < 3 {
            // What an address looks like is no socket.
            let code = code.replace("std::net::Ipv6Addr", "");
            assert!(!code.contains("std::net"), "{name} names std::net");
        }
    }
}

#[test]
fn random_numbers_come_from_one_place() {
    let drawing = |code: &str| ["RandomState", "/dev/urandom", "DefaultHasher"].iter().any(|word| code.contains(word));
    let names: Vec<String> = rooms().into_iter().filter(|(.., code)| drawing(code)).map(|(_, name, _)| name).collect();
    assert_eq!(names, ["random.rs"], "`random::random` draws them for everybody");
}

#[test]
fn rooms_stay_small() {
    for (_, name, _) in rooms() {
        let path = rediscluster_testing::repository().join("src").join(&name);
        let lines = fs::read_to_string(path).unwrap().lines().count();
        assert!(lines <= 550, "{name} has {lines} lines: it is two rooms");
    }
}

#[test]
fn the_rooms_that_contributing_leads_to_are_there() {
    let repository = rediscluster_testing::repository();
    let text = fs::read_to_string(repository.join("CONTRIBUTING.md")).unwrap();
    let table: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("| what you look for")).skip(2).collect();
    // `rename.rs` stands for a file of the directory that was named before it in its line.
    let mut found = 0;
    for line in table.iter().take_while(|line| line.starts_with('|')) {
        let names = line.split('`').skip(1).step_by(2);
        let mut directory = String::new();
        for name in names.filter(|name| name.ends_with('/') || name.ends_with(".rs")) {
            let at = |name: &str| repository.join("src").join(name).exists();
            assert!(at(name) || at(&format!("{directory}{name}")), "CONTRIBUTING.md names {name}, and src/ has it not");
            if name.ends_with('/') && directory.is_empty() {
                directory = name.to_owned();
            }
            found += 1;
        }
    }
    assert!(found > 30, "the table was found, with {found} names");
}

/// Public enums that are complete: who matches on them is to see to every case.
const COMPLETE: &[&str] = &[
    // What became of a call, and what a server can be: promises.
    "Outcome",
    "Role",
    // The types of RESP2 and RESP3.
    "Value",
    "ValueRef",
    // Ends, bounds, units and answers of which there are no more.
    "Side",
    "ScoreEnd",
    "ScoreBound",
    "GeoUnit",
    "Ttl",
    "ExpireTime",
    // Whoever recovers what a crash has left has to know every kind of it.
    "StashRole",
    "StashContent",
    "StashRecovery",
];

#[test]
fn public_enums_may_grow_or_are_complete() {
    let mut complete = Vec::new();
    for (_, name, code) in rooms() {
        let lines: Vec<&str> = code.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(rest) = line.strip_prefix("pub enum ") else { continue };
            let is_of_name = |c: &char| c.is_alphanumeric() || *c == '_';
            let named: String = rest.chars().take_while(is_of_name).collect();
            let mut attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
            if !attributes.any(|line| *line == "#[non_exhaustive]") {
                assert!(COMPLETE.contains(&&*named), "{name}: {named} is neither #[non_exhaustive] nor in COMPLETE");
                complete.push(named);
            }
        }
    }
    assert_eq!(complete.len(), COMPLETE.len(), "COMPLETE has what src/ has not: {complete:?}");
}
