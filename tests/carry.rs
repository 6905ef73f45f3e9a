//! Commands that take several steps over two nodes, with the wire to one of them cut at every step: what is
//! moved is never lost and never in two places, and the error says what is known.

use rediscluster::{Error, Outcome, StashRecovery, Value};
use rediscluster_testing::{Reply, Two};

/// What is moved is in one place: at the source, at the destination, or in a stash that is delivered after a crash.
fn check(two: &Two, story: &str, result: &Result<Value, Error>, at_source: bool, at_destination: bool) {
    let stashes = two.stashes();
    let delivered = stashes.iter().filter(|stash| {
        let with_pair = stashes.iter().any(|other| other.is_pair_with(stash));
        stash.recovery(with_pair) == StashRecovery::Deliver
    });
    let places = usize::from(at_source) + usize::from(at_destination) + delivered.count();
    assert_eq!(places, 1, "places that have it: {story}");
    for stash in &stashes {
        let error = result.as_ref().expect_err("a stash is left only by a failure");
        assert!(error.message().contains(&stash.to_string()), "{stash} is not named: {story}");
    }
    match result {
        Ok(_) => assert!(at_destination, "{story}"),
        Err(error) => match error.outcome() {
            Outcome::NotApplied => assert!(at_source, "{story}"),
            Outcome::Applied => assert!(at_destination, "{story}"),
            Outcome::Partial | Outcome::Unknown => {}
        },
    }
}

#[test]
fn an_element_is_never_lost() {
    let two = Two::start();
    for line in ["RPOPLPUSH bar foo", "LMOVE foo bar LEFT RIGHT", "BRPOPLPUSH foo bar 1"] {
        let (source, destination) = if line.contains("bar foo") { (0, 1) } else { (1, 0) };
        let key = if source == 0 { "bar" } else { "foo" };
        let other = if source == 0 { "foo" } else { "bar" };
        two.cut_everywhere(&[&["RPUSH", key, "x"]], line, |story, result| {
            let holds = |server: usize, key: &str| two.servers[server].ask(&["LPOS", key, "x"]) != Reply::Nil;
            check(&two, story, result, holds(source, key), holds(destination, other));
        });
    }
}

#[test]
fn a_member_is_never_lost() {
    let two = Two::start();
    two.cut_everywhere(&[&["SADD", "foo", "x", "y"]], "SMOVE foo bar x", |story, result| {
        let holds = |server: usize, key: &str| two.servers[server].ask(&["SISMEMBER", key, "x"]).int() == 1;
        check(&two, story, result, holds(1, "foo"), holds(0, "bar"));
    });
}

#[test]
fn a_value_is_never_lost_by_a_rename() {
    let two = Two::start();
    for line in ["RENAME foo bar", "RENAMENX foo bar"] {
        two.cut_everywhere(&[&["SET", "foo", "x", "PX", "1000000"]], line, |story, result| {
            let holds = |server: usize, key: &str| two.servers[server].ask(&["GET", key]) == Reply::bulk("x");
            check(&two, story, result, holds(1, "foo"), holds(0, "bar"));
        });
    }
}

#[test]
fn a_stored_set_is_whole_or_as_before() {
    let two = Two::start();
    let begin: &[&[&str]] = &[&["SADD", "foo", "1"], &["SADD", "bar", "old"]];
    two.cut_everywhere(begin, "SUNIONSTORE bar foo bar", |story, result| {
        let now = two.servers[0].ask(&["SMEMBERS", "bar"]).sorted();
        let (before, after) = (Reply::bulks(&["old"]), Reply::bulks(&["1", "old"]));
        match result {
            Ok(_) => assert_eq!(now, after, "{story}"),
            Err(error) if error.outcome() == Outcome::NotApplied => assert_eq!(now, before, "{story}"),
            Err(_) => assert!(now == before || now == after, "{story}: {now:?}"),
        }
    });
}

#[test]
fn msetnx_tells_what_it_set() {
    let two = Two::start();
    two.cut_everywhere(&[], "MSETNX foo 1 bar 2", |story, result| {
        let set = |server: usize, key: &str| two.servers[server].ask(&["EXISTS", key]).int() == 1;
        let (foo, bar) = (set(1, "foo"), set(0, "bar"));
        match result {
            Ok(_) => assert!(foo && bar, "{story}"),
            Err(error) if error.outcome() == Outcome::NotApplied => assert!(!foo && !bar, "{story}"),
            Err(_) => {}
        }
    });
}

#[test]
fn mset_tells_for_each_key_what_became_of_it() {
    let two = Two::start();
    two.cut_everywhere(&[], "MSET foo 1 bar 2", |story, result| {
        let Err(error) = result else { return };
        for part in error.parts() {
            for key in &part.keys {
                let server = usize::from(part.node == "node_2");
                let is_set = two.servers[server].ask(&[b"EXISTS", key.as_slice()]).int() == 1;
                match part.outcome {
                    Outcome::Applied => assert!(is_set, "{story}"),
                    Outcome::NotApplied => assert!(!is_set, "{story}"),
                    _ => {}
                }
            }
        }
    });
}

#[test]
fn a_carried_command_is_whole_or_as_before_and_leaves_no_copies() {
    let two = Two::start();
    let begin: &[&[&str]] = &[&["ZADD", "foo", "1", "a"], &["ZADD", "bar", "2", "old"]];
    two.cut_everywhere(begin, "ZUNIONSTORE bar 2 foo bar", |story, result| {
        let now = two.servers[0].ask(&["ZRANGE", "bar", "0", "-1"]);
        let (before, after) = (Reply::bulks(&["old"]), Reply::bulks(&["a", "old"]));
        match result {
            Ok(_) => assert_eq!(now, after, "{story}"),
            Err(error) if error.outcome() == Outcome::NotApplied => assert_eq!(now, before, "{story}"),
            Err(_) => assert!(now == before || now == after, "{story}: {now:?}"),
        }
        assert_eq!(two.stashes(), [], "{story}");
    });
}

#[test]
fn a_copy_is_whole_or_missing() {
    let two = Two::start();
    two.cut_everywhere(&[&["SET", "foo", "x"]], "COPY foo bar", |story, result| {
        let holds = |server: usize, key: &str| two.servers[server].ask(&["GET", key]) == Reply::bulk("x");
        assert!(holds(1, "foo"), "the source stays: {story}");
        match result {
            Ok(_) => assert!(holds(0, "bar"), "{story}"),
            Err(error) if error.outcome() == Outcome::NotApplied => assert!(!holds(0, "bar"), "{story}"),
            Err(_) => {}
        }
    });
}
