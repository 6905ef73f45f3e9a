//! Commands that take several steps over two nodes, with the wire to one of them cut at every step: what is
//! moved is never lost and never in two places, and the error says what is known.

use rediscluster::{Error, ErrorKind, Outcome, StashRecovery, Value};
use rediscluster_testing::{Cut, Reply, Two, Wire};

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
    if let Err(error) = result {
        let [source, destination] = error.parts() else { panic!("nothing is said of each key: {story}") };
        assert!(source.keys.len() == 1 && destination.keys.len() == 1 && source.node != destination.node, "{story}");
        assert!(source.outcome != Outcome::Applied || !at_source, "{story}");
        assert!(source.outcome != Outcome::NotApplied || at_source, "{story}");
        assert!(destination.outcome != Outcome::Applied || at_destination, "{story}");
        assert!(destination.outcome != Outcome::NotApplied || !at_destination, "{story}");
    }
}

/// What the error says of the source and of the destination.
fn told_of_each(error: &Error) -> Vec<Outcome> {
    error.parts().iter().map(|part| part.outcome).collect()
}

/// What the error says of each key of a command that sets keys is true.
fn check_parts(two: &Two, story: &str, result: &Result<Value, Error>) {
    let Err(error) = result else { return };
    for part in error.parts() {
        for key in &part.keys {
            let server = usize::from(part.node == "node_2");
            let is_set = two.servers[server].ask(&[&b"EXISTS"[..], key.as_slice()]).int() == 1;
            match part.outcome {
                Outcome::Applied => assert!(is_set, "{story}"),
                Outcome::NotApplied => assert!(!is_set, "{story}"),
                _ => {}
            }
        }
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
            Err(_) => check_parts(&two, story, result),
        }
    });
}

#[test]
fn msetnx_that_lost_its_race_deletes_only_what_it_has_set() {
    let two = Two::start();
    let mut met = 0;
    for other in
        [&["SET", "bar", "1"][..], &["SET", "bar", "1", "EX", "1000"], &["SETNX", "bar", "1"], &["INCR", "bar"]]
    {
        for nth in 0.. {
            two.servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
            // `foo` is taken right before it would be set, and `bar` at any moment.
            two.wires[1].meddle_at(4, &["SET", "foo", "1"]);
            two.wires[0].meddle_at(nth, other);
            let result = two.run("MSETNX foo 1 bar 1");
            let story = format!("{other:?} before step {nth}: {result:?}");
            let has_met = !two.wires[0].is_meddling();
            two.wires.iter().for_each(Wire::mend);
            assert_eq!(result.ok(), Some(Value::Integer(0)), "{story}");
            if !has_met {
                assert_eq!(two.servers[0].ask(&["EXISTS", "bar"]).int(), 0, "{story}");
                break;
            }
            let (held, left) = (two.servers[0].ask(&["GET", "bar"]), two.servers[0].ask(&["TTL", "bar"]).int());
            match (&held, other[0]) {
                // It may have come while `bar` was set, and so done nothing.
                (Reply::Nil, "SETNX") => {}
                (Reply::Bulk(held), "INCR") => {
                    assert!([b"1", b"2"].contains(&&held[..].try_into().unwrap()), "{story}")
                }
                (held, _) => assert_eq!(held, &Reply::bulk("1"), "{story}"),
            }
            let wanted = if other.len() > 3 { 900..=1000 } else { -2..=-1 };
            assert!(wanted.contains(&left), "{left} s: {story}");
            met += 1;
        }
    }
    assert!(met > 40, "only {met} moments were met");
}

#[test]
fn msetnx_sets_a_key_whose_time_is_over() {
    let two = Two::start();
    two.servers.iter().for_each(|server| drop(server.ask(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"])));
    two.servers[0].ask(&["SET", "bar", "old", "PX", "1"]);
    two.servers[1].ask(&["SET", "foo", "old", "PX", "1"]);
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert_eq!(two.run("MSETNX foo 1 bar 2").unwrap(), Value::Integer(1));
    assert_eq!(two.servers[0].ask(&["GET", "bar"]), Reply::bulk("2"));
    assert_eq!(two.servers[1].ask(&["TTL", "foo"]).int(), -1);
}

#[test]
fn mset_tells_for_each_key_what_became_of_it() {
    let two = Two::start();
    two.cut_everywhere(&[], "MSET foo 1 bar 2", |story, result| check_parts(&two, story, result));
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

/// Runs a command, and right before the command number `nth` on one of the servers somebody else runs `other` there.
fn meddled(
    two: &Two,
    begin: &[&[&str]],
    line: &str,
    (server, nth): (usize, usize),
    other: &[&str],
) -> Result<Value, Error> {
    two.servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
    begin.iter().for_each(|command| drop(two.home_of(command[1]).ask(command)));
    two.wires[server].meddle_at(nth, other);
    let result = two.run(line);
    assert!(!two.wires[server].is_meddling(), "{line}: nobody came to command {nth}: {result:?}");
    two.wires[server].mend();
    result
}

#[test]
fn what_the_destination_takes_no_more_goes_back_where_it_was() {
    let two = Two::start();
    let list: &[&[&str]] = &[&["RPUSH", "foo", "a", "b", "c"]];
    for line in ["RPOPLPUSH foo bar", "LMOVE foo bar LEFT RIGHT", "BLMOVE foo bar LEFT LEFT 1"] {
        // Right before the last step.
        let error = meddled(&two, list, line, (0, 2), &["SET", "bar", "no list"]).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::WrongType, Outcome::NotApplied), "{line}: {error}");
        assert_eq!(two.servers[1].ask(&["LRANGE", "foo", "0", "-1"]), Reply::bulks(&["a", "b", "c"]), "{line}");
        assert_eq!(two.stashes(), [], "{line}");
    }
    let set: &[&[&str]] = &[&["SADD", "foo", "a", "b"]];
    let error = meddled(&two, set, "SMOVE foo bar a", (0, 2), &["SET", "bar", "no set"]).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::WrongType, Outcome::NotApplied), "{error}");
    assert_eq!(two.servers[1].ask(&["SMEMBERS", "foo"]).sorted(), Reply::bulks(&["a", "b"]));
    assert_eq!(two.stashes(), []);
}

#[test]
fn what_was_taken_out_without_an_answer_goes_back() {
    let two = Two::start();
    for (put, line) in [("RPUSH", "BLMOVE foo bar LEFT LEFT 1"), ("SADD", "SMOVE foo bar a")] {
        two.servers[1].ask(&["DEL", "foo"]);
        two.servers[1].ask(&[put, "foo", "a"]);
        two.wires[1].cut_once_at(1, Cut::BeforeReply);
        let error = two.run(line).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Io, Outcome::NotApplied), "{error}");
        assert_eq!((two.servers[1].ask(&["EXISTS", "foo"]).int(), two.stashes()), (1, vec![]), "{line}");
    }
}

#[test]
fn what_nobody_takes_stays_in_the_stash_that_the_error_names() {
    let two = Two::start();
    let begin: &[&[&str]] = &[&["RPUSH", "foo", "a"]];
    two.servers[0].ask(&["ACL", "SETUSER", "default", "-lmove"]);
    // The destination's node does not know LMOVE any more, and the source is something else when it gets it back.
    let error = meddled(&two, begin, "RPOPLPUSH foo bar", (1, 4), &["SET", "foo", "no list"]).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::Partial), "{error}");
    assert_eq!(told_of_each(&error), [Outcome::Applied, Outcome::NotApplied], "it was taken, and nobody has it yet");
    let stashes = two.stashes();
    assert!(stashes.len() == 1 && error.message().contains(&stashes[0].to_string()), "{error}: {stashes:?}");
    assert_eq!(two.servers[1].ask(&[&b"LRANGE"[..], &stashes[0].name(), b"0", b"-1"]), Reply::bulks(&["a"]));
}

#[test]
fn what_was_given_back_by_somebody_else_is_not_moved() {
    let two = Two::start();
    let give_back = "for _, k in ipairs(redis.call('KEYS', 'rediscluster:stash:*')) do redis.call('SET', k, 'sealed', 'EX', 3600) end redis.call('RPUSH', 'foo', 'a')";
    let begin: &[&[&str]] = &[&["RPUSH", "foo", "a"]];
    // Right before the commit.
    let error = meddled(&two, begin, "RPOPLPUSH foo bar", (1, 2), &["EVAL", give_back, "0"]).unwrap_err();
    assert!(error.outcome() == Outcome::NotApplied && error.message().contains("given back"), "{error}");
    assert_eq!(two.servers[1].ask(&["LRANGE", "foo", "0", "-1"]), Reply::bulks(&["a"]));
    assert_eq!((two.servers[0].ask(&["DBSIZE"]).int(), two.stashes()), (0, vec![]));
}

#[test]
fn a_rename_that_loses_its_race_gives_the_value_back_with_its_expiry() {
    let two = Two::start();
    let begin: &[&[&str]] = &[&["SET", "foo", "x", "PX", "1000000"]];
    let answer = meddled(&two, begin, "RENAMENX foo bar", (0, 2), &["SET", "bar", "taken"]).unwrap();
    assert_eq!(answer, Value::Integer(0));
    assert_eq!(two.servers[1].ask(&["GET", "foo"]), Reply::bulk("x"));
    assert!((1..=1_000_000).contains(&two.servers[1].ask(&["PTTL", "foo"]).int()));
    assert_eq!((two.servers[0].ask(&["GET", "bar"]), two.stashes()), (Reply::bulk("taken"), vec![]));

    // The destination's node refuses to rename, and its old name is taken as well.
    two.servers[0].ask(&["ACL", "SETUSER", "default", "-rename"]);
    let error = meddled(&two, begin, "RENAME foo bar", (1, 6), &["SET", "foo", "new"]).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::BusyKey, Outcome::Partial), "{error}");
    assert_eq!(told_of_each(&error), [Outcome::Applied, Outcome::NotApplied], "it was taken, and nobody has it yet");
    let stashes = two.stashes();
    assert!(stashes.len() == 2 && stashes.iter().all(|stash| error.message().contains(&stash.to_string())), "{error}");
    let error = meddled(&two, begin, "RENAME foo bar", (0, 0), &["SET", "bar", "old"]).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::NoPerm, Outcome::NotApplied), "{error}");
    assert_eq!((two.servers[1].ask(&["GET", "foo"]), two.stashes()), (Reply::bulk("x"), vec![]));
}

#[test]
fn a_value_whose_time_is_over_in_the_middle_of_a_rename_is_gone_everywhere() {
    let two = Two::start();
    for (line, answer) in [("RENAME foo bar", Value::Simple(b"OK".to_vec())), ("RENAMENX foo bar", Value::Integer(1))] {
        let mut begin: Vec<&[&str]> = vec![&["SET", "foo", "x", "PX", "300"]];
        begin.extend((line == "RENAME foo bar").then_some(&["SET", "bar", "old"][..]));
        let nth = if begin.len() == 1 { 2 } else { 1 };
        // Nobody pushes: half a second passes before the copy would get its name.
        let result = meddled(&two, &begin, line, (0, nth), &["BLPOP", "nothing", "0.5"]);
        assert_eq!(result.unwrap(), answer, "{line}");
        let keys = two.servers.iter().map(|server| server.ask(&["KEYS", "*"]));
        assert!(keys.into_iter().all(|keys| keys == Reply::Array(Vec::new())), "{line}");
    }
}

/// A stream under `foo` with a group, and an entry that was given to a consumer and is not acknowledged.
fn begin_stream(two: &Two) {
    two.servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
    two.servers[1].ask(&["XADD", "foo", "1-1", "n", "1"]);
    two.servers[1].ask(&["XGROUP", "CREATE", "foo", "g", "0"]);
    two.servers[1].ask(&["XREADGROUP", "GROUP", "g", "c", "STREAMS", "foo", ">"]);
    two.servers[1].ask(&["PEXPIRE", "foo", "1000000"]);
}

/// How many entries of a stream are not acknowledged; `None` when there is no such stream.
fn pending(two: &Two, key: &str) -> Option<i64> {
    match two.home_of(key).ask(&["XPENDING", key, "g"]) {
        Reply::Array(items) => Some(items[0].int()),
        _ => None,
    }
}

#[test]
fn what_is_acknowledged_while_a_stream_is_renamed_stays_acknowledged() {
    let two = Two::start();
    for line in ["RENAME foo bar", "RENAMENX foo bar"] {
        // The source is asked for WATCH, DUMP, PTTL, MULTI, RENAME, DUMP, PTTL and EXEC.
        for nth in 0..8 {
            begin_stream(&two);
            two.wires[1].meddle_at(nth, &["XACK", "foo", "g", "1-1"]);
            let result = two.run(line);
            let story = format!("{line}, XACK before step {nth}: {result:?}");
            assert!(!two.wires[1].is_meddling() && result.is_ok(), "{story}");
            assert_eq!((pending(&two, "foo"), pending(&two, "bar")), (None, Some(0)), "{story}");
            let left = two.servers[0].ask(&["PTTL", "bar"]).int();
            assert!((940_000..=1_000_000).contains(&left), "{left} ms: {story}");
            assert_eq!(two.stashes(), [], "{story}");
        }
    }
}
