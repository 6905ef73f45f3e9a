//! Connections that end at every byte of an exchange, in either direction: errors are typed, name node and command and
//! tell the truth about the data, and whoever comes next gets their own replies.

mod exchange;
mod handshake;
mod pieces;

use exchange::Two;
use rediscluster::prelude::*;
use rediscluster::{Error, Outcome, Script};
use rediscluster_testing::Reply;

/// What the server itself says that a key holds.
fn text_of(two: &Two, key: &str) -> Option<String> {
    match two.home_of(key).ask(&["GET", exchange::bare(key)]) {
        Reply::Nil => None,
        other => Some(other.text()),
    }
}

/// The outcome is true of one thing that was to be done, `done` or not.
fn assert_true<T: std::fmt::Debug>(result: &Result<T, Error>, done: bool, story: &str) {
    match result.as_ref().map_err(Error::outcome) {
        Ok(_) | Err(Outcome::Applied) => assert!(done, "not done: {story}"),
        Err(Outcome::NotApplied) => assert!(!done, "done: {story}"),
        Err(Outcome::Unknown) => {}
        Err(Outcome::Partial) => panic!("there are no parts of it: {story}"),
    }
}

#[test]
fn get() {
    for two in Two::both() {
        let run = |cluster: &Cluster| cluster.get::<_, String>("foo");
        two.cut_everywhere(&[&["SET", "foo", "value of foo"]], run, |result, story| match result {
            Ok(value) => assert_eq!(value, "value of foo", "{story}"),
            Err(error) => assert_eq!(error.outcome(), Outcome::NotApplied, "{story}"),
        });
    }
}

#[test]
fn set() {
    for two in Two::both() {
        let run = |cluster: &Cluster| cluster.set("foo", "new");
        two.cut_everywhere(&[&["SET", "foo", "old"]], run, |result, story| {
            assert_true(result, text_of(&two, "foo").as_deref() == Some("new"), story);
        });
    }
}

#[test]
fn mget_of_two_nodes() {
    for two in Two::both() {
        let run = |cluster: &Cluster| cluster.mget::<_, Vec<String>>(["foo", "bar", "a{foo}"]);
        let begin: &[&[&str]] = &[&["SET", "foo", "1"], &["SET", "bar", "2"], &["SET", "a{foo}", "3"]];
        two.cut_everywhere(begin, run, |result, story| match result {
            Ok(values) => assert_eq!(values, &["1", "2", "3"], "{story}"),
            Err(error) => assert_eq!(error.outcome(), Outcome::NotApplied, "{story}"),
        });
    }
}

#[test]
fn mset_of_two_nodes() {
    for two in Two::both() {
        let run = |cluster: &Cluster| cluster.mset([("foo", "new"), ("bar", "new")]);
        let begin: &[&[&str]] = &[&["SET", "foo", "old"], &["SET", "bar", "old"]];
        two.cut_everywhere(begin, run, |result, story| {
            let is_new = |key: &str| text_of(&two, key).as_deref() == Some("new");
            let Err(error) = result else { return assert!(is_new("foo") && is_new("bar"), "{story}") };
            if error.outcome() == Outcome::NotApplied {
                assert!(!is_new("foo") && !is_new("bar"), "{story}");
            }
            for part in error.parts() {
                for key in &part.keys {
                    match part.outcome {
                        Outcome::Applied => assert!(is_new(std::str::from_utf8(key).unwrap()), "{story}"),
                        Outcome::NotApplied => assert!(!is_new(std::str::from_utf8(key).unwrap()), "{story}"),
                        Outcome::Unknown | Outcome::Partial => {}
                    }
                }
            }
        });
    }
}

#[test]
fn transaction() {
    for two in Two::both() {
        let run = |cluster: &Cluster| {
            let mut transaction = cluster.transaction();
            let before = transaction.get::<_, String>("foo");
            transaction.set("foo", "new");
            let count = transaction.incr("n{foo}");
            let replies = transaction.run()?;
            Ok((replies.get(before)?, replies.get(count)?))
        };
        two.cut_everywhere(&[&["SET", "foo", "old"], &["SET", "n{foo}", "41"]], run, |result, story| {
            let held = (text_of(&two, "foo").unwrap(), text_of(&two, "n{foo}").unwrap());
            let (foo, count) = (held.0.as_str(), held.1.as_str());
            assert!([("old", "41"), ("new", "42")].contains(&(foo, count)), "half of it: {story}");
            assert_true(result, foo == "new", story);
            if let Ok(replies) = result {
                assert_eq!(replies, &("old".to_owned(), 42), "{story}");
            }
        });
    }
}

#[test]
fn pipeline_of_five() {
    for two in Two::both() {
        let run = |cluster: &Cluster| {
            let mut pipeline = cluster.pipeline();
            let slots = [
                pipeline.set("foo", "new"),
                pipeline.set("bar", "new"),
                pipeline.set("a{foo}", "new"),
                pipeline.set("a{bar}", "new"),
            ];
            let read = pipeline.get::<_, String>("b{foo}");
            let replies = pipeline.run_each();
            let results: Vec<Result<(), Error>> = slots.map(|slot| replies.get(slot)).into();
            Ok((results, replies.get(read)))
        };
        two.cut_everywhere(&[&["SET", "b{foo}", "b"]], run, |result, story| {
            let (writes, read) = result.as_ref().unwrap();
            for (key, result) in ["foo", "bar", "a{foo}", "a{bar}"].iter().zip(writes) {
                assert_true(result, text_of(&two, key).is_some(), &format!("{key}: {story}"));
                exchange::assert_named(result, story);
            }
            exchange::assert_named(read, story);
            if let Ok(read) = read {
                assert_eq!(read, "b", "{story}");
            }
        });
    }
}

#[test]
fn script() {
    for two in Two::both() {
        let script = Script::new("return redis.call('INCR', KEYS[1]) + ARGV[1]");
        let run = |cluster: &Cluster| script.call().key("foo").arg(100).run::<i64>(cluster);
        two.cut_everywhere(&[&["SET", "foo", "1"]], run, |result, story| {
            let count = text_of(&two, "foo").unwrap();
            assert!(count == "1" || count == "2", "twice: {story}");
            assert_true(result, count == "2", story);
            if let Ok(sum) = result {
                assert_eq!(*sum, 102, "{story}");
            }
        });
    }
}

#[test]
fn rename_over_nodes() {
    for two in Two::both() {
        let run = |cluster: &Cluster| cluster.rename("foo", "bar");
        two.cut_everywhere(&[&["SET", "foo", "x"]], run, |result, story| {
            let at = |key: &str| text_of(&two, key).as_deref() == Some("x");
            let stashed = two.stashes().iter().any(|(server, name)| {
                if let Err(error) = result {
                    assert!(error.message().contains(name.as_str()), "{name} is not named: {story}");
                }
                two.servers[*server].ask(&["GET", name]).text() != "sealed"
            });
            assert!(at("foo") || at("bar") || stashed, "lost: {story}");
            assert!(!(at("foo") && at("bar")), "in two places: {story}");
            match result.as_ref().map_err(Error::outcome) {
                Ok(()) | Err(Outcome::Applied) => assert!(at("bar"), "{story}"),
                Err(Outcome::NotApplied) => assert!(at("foo"), "{story}"),
                Err(Outcome::Unknown | Outcome::Partial) => {}
            }
        });
    }
}
