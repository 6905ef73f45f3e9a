//! `recover`: whatever a program leaves behind, everything ends in one place and no stash that holds something stays.

mod program;

use program::{rediscluster, Ran};
use rediscluster::prelude::*;
use rediscluster::{Error, Outcome, StashRecovery, Value};
use rediscluster_testing::{cluster_of, dead_address, Cut, Reply, Server, Two, Wire};

const ID: &str = "00c0ffee00c0ffee";

/// `recover` with these words, on two servers; `bar` lives on the first one, `foo` on the second.
fn recover(servers: &[Server; 2], words: &[&str]) -> Ran {
    let nodes = format!("node_1={},node_2={}", servers[0].address(), servers[1].address());
    rediscluster(&[&["--nodes", nodes.as_str()], words].concat())
}

fn applied(servers: &[Server; 2]) -> String {
    let ran = recover(servers, &["recover", "--apply", "--older-than", "0"]);
    assert_eq!((ran.status, ran.err().as_str()), (0, ""), "{}", ran.out());
    ran.out()
}

fn stash(call: &str, key: &str) -> String {
    format!("rediscluster:stash:{call}:{ID}:{key}")
}

/// What is told, with every idle time as 0 s: a slow machine lets some pass.
fn timeless(told: &str) -> String {
    let (mut out, mut rest) = (String::new(), told);
    while let Some((before, after)) = rest.split_once("not used for ") {
        out.extend([before, "not used for 0"]);
        rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    out + rest
}

/// Nothing waits any more: what is left is a copy of what is elsewhere, which goes by itself.
fn nothing_waits(two: &Two, story: &str) {
    for stash in two.stashes() {
        assert_eq!(stash.recovery(false), StashRecovery::Expire, "{stash} is left: {story}");
        let left = two.servers.iter().map(|server| server.ask(&[&b"TTL"[..], &stash.name()]).int()).max();
        assert!((1..=3600).contains(&left.unwrap_or(0)), "{stash} stays for {left:?}: {story}");
    }
}

/// After any cut and `recover`, what was moved is once at the source or once at the destination.
fn recovered(two: &Two, line: &str, begin: &[&[&str]], count: impl Fn(&Server, &str) -> usize) {
    let mut words = line.split(' ').skip(1);
    let (source, destination) = (words.next().unwrap(), words.next().unwrap());
    two.cut_everywhere(begin, line, |story, result: &Result<Value, Error>| {
        let told = applied(&two.servers);
        let story = format!("{story}\n{told}");
        nothing_waits(two, &story);
        let (at_source, at_destination) =
            (count(two.home_of(source), source), count(two.home_of(destination), destination));
        assert_eq!(
            at_source + at_destination,
            1,
            "at the source {at_source}, at the destination {at_destination}: {story}"
        );
        match result.as_ref().map_err(Error::outcome) {
            Ok(_) | Err(Outcome::Applied) => assert_eq!(at_destination, 1, "{story}"),
            Err(Outcome::NotApplied) => assert_eq!(at_source, 1, "{story}"),
            Err(Outcome::Partial | Outcome::Unknown) => {}
        }
    });
}

#[test]
fn an_element_is_found_once_after_every_cut() {
    let two = Two::start();
    for line in ["RPOPLPUSH bar foo", "LMOVE foo bar LEFT RIGHT", "BRPOPLPUSH foo bar 1", "BLMOVE bar foo RIGHT LEFT 1"]
    {
        let source = line.split(' ').nth(1).unwrap();
        recovered(&two, line, &[&["RPUSH", source, "x"]], |server, key| {
            let Reply::Array(items) = server.ask(&["LRANGE", key, "0", "-1"]) else { panic!("{key} is no list") };
            items.len()
        });
    }
}

#[test]
fn a_member_is_found_once_after_every_cut() {
    let two = Two::start();
    let count = |server: &Server, key: &str| usize::try_from(server.ask(&["SISMEMBER", key, "x"]).int()).unwrap();
    recovered(&two, "SMOVE foo bar x", &[&["SADD", "foo", "x", "y"]], count);
}

#[test]
fn a_value_is_found_once_after_every_cut_with_its_expiry() {
    let two = Two::start();
    for line in ["RENAME foo bar", "RENAMENX foo bar"] {
        for begin in
            [&["SET", "foo", "x"][..], &["SET", "foo", "x", "PX", "1000000"], &["SET", "foo", "x", "PX", "9000000"]]
        {
            recovered(&two, line, &[begin], |server, key| match server.ask(&["GET", key]) {
                Reply::Nil => 0,
                value => {
                    assert_eq!(value, Reply::bulk("x"));
                    let (left, given) = (server.ask(&["PTTL", key]).int(), begin.get(4));
                    let given = given.map_or(-1, |given| given.parse().unwrap());
                    assert!((given - 60_000..=given).contains(&left), "{key} lives for {left} ms, not for {given}");
                    1
                }
            });
        }
    }
}

#[test]
fn what_was_acknowledged_while_a_stream_was_renamed_stays_so_after_every_cut() {
    let two = Two::start();
    let mut cuts = 0;
    for line in ["RENAME foo bar", "RENAMENX foo bar"] {
        for cut in [Cut::BeforeCommand, Cut::BeforeReply, Cut::Late] {
            for nth in 0.. {
                two.servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
                for begin in ["XADD foo 1-1 n 1", "XGROUP CREATE foo g 0", "XREADGROUP GROUP g c STREAMS foo >"] {
                    two.servers[1].ask(&begin.split(' ').collect::<Vec<_>>());
                }
                // The source has told its value, and is about to be asked for the commit.
                two.wires[1].meddle_at(4, &["XACK", "foo", "g", "1-1"]);
                two.wires[0].cut_at(nth, cut);
                let result = two.run(line);
                let (is_cut, is_acknowledged) = (two.wires[0].is_cut(), !two.wires[1].is_meddling());
                let told = applied(&two.servers);
                two.wires.iter().for_each(Wire::mend);
                let story = format!("{line}, {cut:?} {nth}: {result:?}\n{told}\n{}", applied(&two.servers));
                nothing_waits(&two, &story);
                let pending = |server: usize, key: &str| match two.servers[server].ask(&["XPENDING", key, "g"]) {
                    Reply::Array(items) => Some(items[0].int()),
                    _ => None,
                };
                let (source, destination) = (pending(1, "foo"), pending(0, "bar"));
                assert!(source.is_some() != destination.is_some(), "{source:?} {destination:?}: {story}");
                let left = i64::from(!is_acknowledged);
                assert_eq!(source.or(destination), Some(left), "acknowledged {is_acknowledged}: {story}");
                if !is_cut {
                    assert!(result.is_ok(), "{story}");
                    break;
                }
                cuts += 1;
            }
        }
    }
    assert!(cuts >= 15, "only {cuts} cuts were met");
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let servers = [Server::start(), Server::start()];
    assert_eq!(recover(&servers, &["recover"]).out(), "no stashes\n");
    let (from, to) = (stash("lmove-left-right:from", "foo"), stash("lmove-left-right:to", "bar"));
    servers[1].ask(&["RPUSH", &from, "x"]);
    servers[0].ask(&["RPUSH", &to, "x"]);
    let wanted = format!(
        "LMOVE {ID}, not used for 0 s\n  {to} on node_1 ({})\n  {from} on node_2 ({})\n  STATE: it was not finished, so \
         what it took goes back to the left end of foo on node_2; the stash for bar on node_1 is deleted, since what it \
         holds is elsewhere\n",
        servers[0].address(),
        servers[1].address()
    );
    let ran = recover(&servers, &["recover", "--older-than=0"]);
    let told = wanted.replace("STATE", "to do");
    assert_eq!(
        timeless(&ran.out()),
        format!("{told}1 to do; nothing was changed, --apply does what is to do\n"),
        "{}",
        ran.err()
    );
    // By default a stash that was used a moment ago is left alone, also with --apply.
    let ran = recover(&servers, &["recover", "--apply"]);
    let told = wanted.replace("STATE", "left alone");
    assert_eq!(
        timeless(&ran.out()),
        format!("{told}  a program may still be at work: --older-than is 60 s\n1 left alone\n")
    );
    assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 1));
    assert_eq!(timeless(&applied(&servers)), format!("{}1 done\n", wanted.replace("STATE", "done")));
    assert_eq!(servers[1].ask(&["LRANGE", "foo", "0", "-1"]), Reply::bulks(&["x"]));
    assert_eq!(servers[0].ask(&["DBSIZE"]).int(), 0);
    // For an hour it is remembered that it went back, should what was sent to the other node come late.
    servers[0].ask(&["RPUSH", &to, "x"]);
    assert!(applied(&servers).contains("  done: the stash for bar on node_1 is deleted"));
    assert_eq!((servers[0].ask(&["DBSIZE"]).int(), servers[1].ask(&["LLEN", "foo"]).int()), (0, 1));
    assert!((3500..=3600).contains(&servers[1].ask(&["TTL", &from]).int()));
    assert!(applied(&servers).contains(", sealed\n  left alone: it holds nothing that is needed"));
}

#[test]
fn each_stash_is_told_in_json() {
    let servers = [Server::start(), Server::start()];
    servers[0].ask(&["SADD", &stash("smove:to", "bar"), "x"]);
    servers[1].ask(&["SET", "rediscluster:stash:mine", "x"]);
    let ran = recover(&servers, &["--json", "recover", "--older-than", "0"]);
    let told: serde_json::Value = serde_json::from_slice(&ran.out).expect("JSON");
    assert_eq!(
        (&told[0]["command"], &told[0]["id"], &told[0]["state"]),
        (&"SMOVE".into(), &ID.into(), &"to do".into())
    );
    assert_eq!(told[0]["does"], "it was committed, so what it moves goes on into bar on node_1");
    let of_it = &told[0]["stashes"][0];
    assert_eq!((&of_it["role"], &of_it["key"], &of_it["node"]), (&"to".into(), &"bar".into(), &"node_1".into()));
    assert_eq!(of_it["address"], servers[0].address());
    assert_eq!((&told[1]["state"], &told[1]["command"]), (&"unknown".into(), &serde_json::Value::Null));
    assert_eq!(told[1]["stashes"][0]["name"], "rediscluster:stash:mine");
}

#[test]
fn what_is_not_known_is_not_touched() {
    let servers = [Server::start(), Server::start()];
    let names = [
        "rediscluster:stash:mine",
        "rediscluster:stash:unpopped:0123456789abcdef:foo",
        "rediscluster:stash:rename:0123456789abcdef:foo",
        "rediscluster:stash:a\x1b[2J",
    ];
    names.iter().for_each(|name| drop(servers[0].ask(&["RPUSH", name, "x"])));
    // Two of one call at the same end: no call leaves that.
    for key in ["a", "b"] {
        servers[0].ask(&["RPUSH", &stash("rpoplpush:from", key), "x"]);
    }
    let told = applied(&servers);
    assert!(told.ends_with("\n5 unknown\n") && !told.contains('\x1b'), "{told}");
    assert_eq!(servers[0].ask(&["DBSIZE"]).int(), 6);
}

#[test]
fn what_was_popped_and_given_to_nobody_goes_back_to_its_end() {
    let servers = [Server::start(), Server::start()];
    servers[1].ask(&["RPUSH", "foo", "c"]);
    servers[1].ask(&["RPUSH", &stash("blmpop-left:from", "foo"), "a", "b"]);
    servers[0].ask(&["RPUSH", "bar", "a"]);
    servers[0].ask(&["RPUSH", &stash("brpop:from", "bar").replace("ffee:", "ffef:"), "b", "c"]);
    servers[0].ask(&["ZADD", "sorted", "5", "new"]);
    let members = ["1.5", "a", "7", "new", "-inf", "z"];
    let name = stash("bzmpop:from", "sorted").replace("ffee:", "fff0:");
    servers[0].ask(&[&["ZADD", &name][..], &members].concat());
    applied(&servers);
    assert_eq!(servers[1].ask(&["LRANGE", "foo", "0", "-1"]), Reply::bulks(&["a", "b", "c"]));
    assert_eq!(servers[0].ask(&["LRANGE", "bar", "0", "-1"]), Reply::bulks(&["a", "b", "c"]));
    let sorted = servers[0].ask(&["ZRANGE", "sorted", "0", "-1", "WITHSCORES"]);
    assert_eq!(sorted, Reply::bulks(&["z", "-inf", "a", "1.5", "new", "5"]), "one that is there again keeps its score");
}

#[test]
fn a_rename_is_finished_or_goes_back() {
    let servers = [Server::start(), Server::start()];
    let (from, to) = (stash("renamenx:from", "foo"), stash("renamenx:to", "bar"));
    servers[1].ask(&["SET", &from, "x", "EX", "1000"]);
    servers[0].ask(&["SET", &to, "x"]);
    servers[0].ask(&["SET", "bar", "taken"]);
    let told = applied(&servers);
    assert!(told.contains("or goes back to foo on node_2 where that is taken"), "{told}");
    assert!(told.contains("\n  the name was taken, so it went back\n"), "{told}");
    assert_eq!(
        (servers[1].ask(&["GET", "foo"]), servers[0].ask(&["GET", "bar"])),
        (Reply::bulk("x"), Reply::bulk("taken"))
    );
    assert!((900..=1000).contains(&servers[1].ask(&["TTL", "foo"]).int()));
    assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 1));
    // Both names are taken.
    servers[1].ask(&["SET", &from, "y"]);
    servers[0].ask(&["SET", &to, "y"]);
    let ran = recover(&servers, &["recover", "--apply", "--older-than", "0"]);
    assert!(
        ran.status == 1 && ran.out().contains("\n  failed: ") && ran.out().contains("are taken\n1 failed\n"),
        "{ran:?}"
    );
    assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 2));
    servers[0].ask(&["DEL", "bar"]);
    applied(&servers);
    assert_eq!(
        (servers[0].ask(&["GET", "bar"]), servers[1].ask(&["GET", "foo"])),
        (Reply::bulk("y"), Reply::bulk("x"))
    );
    assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 1));
}

#[test]
fn what_its_key_does_not_take_stays() {
    let servers = [Server::start(), Server::start()];
    let from = stash("rpoplpush:from", "foo");
    servers[1].ask(&["RPUSH", &from, "x"]);
    servers[1].ask(&["SET", "foo", "no list"]);
    let ran = recover(&servers, &["recover", "--apply", "--older-than", "0"]);
    assert!(ran.status == 1 && ran.out().contains("\n  foo on node_2"), "{ran:?}");
    assert!(ran.out().contains("holds a string now\n1 failed\n"), "{ran:?}");
    assert_eq!(servers[1].ask(&["LRANGE", &from, "0", "-1"]), Reply::bulks(&["x"]));
    // A server that is full refuses the whole transaction.
    servers[1].ask(&["DEL", "foo"]);
    servers[1].ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let ran = recover(&servers, &["recover", "--apply", "--older-than", "0"]);
    assert!(ran.status == 1 && ran.out().contains("OOM"), "{ran:?}");
    servers[1].ask(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(servers[1].ask(&["LRANGE", &from, "0", "-1"]), Reply::bulks(&["x"]));
    applied(&servers);
    assert_eq!(servers[1].ask(&["LRANGE", "foo", "0", "-1"]), Reply::bulks(&["x"]));
}

#[test]
fn a_server_that_does_not_tell_the_time_needs_to_be_told() {
    let servers = [Server::start(), Server::start()];
    servers[1].ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"]);
    servers[1].ask(&["RPUSH", &stash("rpoplpush:from", "foo"), "x"]);
    for older_than in ["60", "1"] {
        let ran = recover(&servers, &["recover", "--apply", "--older-than", older_than]);
        assert!(ran.status == 0 && ran.out().contains("only --older-than 0 includes it\n1 left alone\n"), "{ran:?}");
    }
    applied(&servers);
    assert_eq!(servers[1].ask(&["LRANGE", "foo", "0", "-1"]), Reply::bulks(&["x"]));
}

#[test]
fn without_a_node_nothing_is_done() {
    let server = Server::start();
    server.ask(&["SADD", &stash("smove:to", "bar"), "x"]);
    let nodes = format!("node_1={},node_2={}", server.address(), dead_address());
    let ran = rediscluster(&["--nodes", &nodes, "recover", "--apply", "--older-than", "0"]);
    assert!(ran.status == 1 && ran.out.is_empty() && ran.err().contains("node_2"), "{ran:?}");
    let ran = rediscluster(&["--direct", &server.address(), "recover"]);
    assert!(ran.status == 1 && ran.err().contains("give --nodes"), "{ran:?}");
    let ran = rediscluster(&["--nodes", &nodes, "recover", "now"]);
    assert!(ran.status == 1 && ran.err().contains("unexpected argument 'now'"), "{ran:?}");
    assert_eq!(server.ask(&["DBSIZE"]).int(), 1);
    // Two names of one server are one node.
    let nodes = format!("a={},b={}", server.address(), server.address());
    let ran = rediscluster(&["--nodes", &nodes, "recover", "--apply", "--older-than", "0"]);
    assert!(ran.out().ends_with("\n1 done\n"), "{ran:?}");
    assert_eq!(server.ask(&["SMEMBERS", "bar"]), Reply::bulks(&["x"]));
}

#[test]
fn two_operators_at_the_same_time_recover_everything_once() {
    let servers = [Server::start(), Server::start()];
    const CALLS: u32 = 200;
    for n in 0..CALLS {
        let name = |role: &str, key: &str| format!("rediscluster:stash:rpoplpush:{role}:{n:016x}:{key}");
        // A third of each: not committed, committed, not even sent.
        if n % 3 != 1 {
            servers[1].ask(&["RPUSH", &name("from", "foo"), &n.to_string()]);
        }
        if n % 3 != 2 {
            servers[0].ask(&["RPUSH", &name("to", "bar"), &n.to_string()]);
        }
    }
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| applied(&servers));
        }
    });
    let mut found = Vec::new();
    for (server, key) in servers.iter().zip(["bar", "foo"]) {
        let Reply::Array(items) = server.ask(&["LRANGE", key, "0", "-1"]) else { panic!("{key} is no list") };
        found.extend(items.iter().map(|item| item.text().parse::<u32>().unwrap()));
    }
    found.sort_unstable();
    assert_eq!(found, (0..CALLS).collect::<Vec<_>>());
    assert!(applied(&servers).lines().last().unwrap().ends_with(" left alone"), "only seals are left");
}

#[test]
fn elements_that_programs_are_just_moving_are_not_lost() {
    let servers = [Server::start(), Server::start()];
    const ELEMENTS: usize = 600;
    let cluster = cluster_of(&servers).connect().unwrap();
    for n in 0..ELEMENTS {
        servers[1].ask(&["RPUSH", "foo", &n.to_string()]);
    }
    let programs = std::sync::atomic::AtomicUsize::new(3);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..ELEMENTS / 3 {
                    if let Err(error) = cluster.execute(cmd("RPOPLPUSH").arg("foo").arg("bar")) {
                        assert!(error.message().contains("given back meanwhile"), "{error}");
                        assert_eq!(error.outcome(), Outcome::NotApplied);
                    }
                }
                programs.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
            });
        }
        while programs.load(std::sync::atomic::Ordering::SeqCst) > 0 {
            applied(&servers);
        }
    });
    applied(&servers);
    let Reply::Array(left) = servers[1].ask(&["LRANGE", "foo", "0", "-1"]) else { panic!("foo is no list") };
    let Reply::Array(moved) = servers[0].ask(&["LRANGE", "bar", "0", "-1"]) else { panic!("bar is no list") };
    let mut found: Vec<usize> = left.iter().chain(&moved).map(|item| item.text().parse().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, (0..ELEMENTS).collect::<Vec<_>>());
    assert!(!moved.is_empty());
}

#[test]
fn a_recovery_that_breaks_off_is_finished_by_the_next() {
    let two = Two::start();
    let wires = format!("node_1={},node_2={}", two.wires[0].address(), two.wires[1].address());
    let name = |call: &str| format!("rediscluster:stash:{}", call.replace("ID", ID));
    let mut cuts = 0;
    // What there is, and where it has to be: the node and the key of `x`.
    for (stashes, (home, key)) in [
        (&[("RPUSH", 1, "lmove-left-left:from:ID:foo"), ("RPUSH", 0, "lmove-left-left:to:ID:bar")][..], (1, "foo")),
        (&[("RPUSH", 0, "lmove-left-left:to:ID:bar")], (0, "bar")),
        (&[("SADD", 1, "smove:from:ID:foo"), ("SADD", 0, "smove:to:ID:bar")], (1, "foo")),
        (&[("SADD", 0, "smove:to:ID:bar")], (0, "bar")),
        (&[("RPUSH", 1, "rename:from:ID:foo"), ("RPUSH", 0, "rename:to:ID:bar")], (0, "bar")),
        (&[("RPUSH", 1, "renamenx:from:ID:foo"), ("RPUSH", 0, "renamenx:to:ID:taken")], (1, "foo")),
        (&[("RPUSH", 1, "blpop:from:ID:foo")], (1, "foo")),
    ] {
        for (at, wire) in two.wires.iter().enumerate() {
            // The second recovery runs before what is late arrives, and the third one after.
            for cut in [Cut::BeforeReply, Cut::Late] {
                for nth in 0.. {
                    two.servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
                    two.servers[0].ask(&["SET", "taken", "by another"]);
                    for (put, server, call) in stashes {
                        two.servers[*server].ask(&[*put, name(call).as_str(), "x"]);
                    }
                    wire.cut_at(nth, cut);
                    let line = ["--masters-only", "--nodes", &wires, "recover", "--apply", "--older-than", "0"];
                    let first = rediscluster(&line);
                    let story = format!("{stashes:?}, node_{} {cut:?} {nth}: {first:?}", at + 1);
                    let is_cut = wire.is_cut();
                    assert_eq!(first.status, i32::from(is_cut), "what was not done is told: {story}");
                    let second = applied(&two.servers);
                    wire.mend();
                    let story = format!("{story}\n{second}\n{}", applied(&two.servers));
                    nothing_waits(&two, &story);
                    for (at, server) in two.servers.iter().enumerate() {
                        for name in ["foo", "bar"] {
                            let holds = match server.ask(&["LRANGE", name, "0", "-1"]) {
                                Reply::Error(_) => server.ask(&["SMEMBERS", name]),
                                items => items,
                            };
                            let wanted = if (at, name) == (home, key) { vec!["x"] } else { vec![] };
                            assert_eq!(holds, Reply::bulks(&wanted), "{name} on node_{}: {story}", at + 1);
                        }
                    }
                    assert_eq!(two.servers[0].ask(&["GET", "taken"]), Reply::bulk("by another"));
                    if !is_cut {
                        break;
                    }
                    cuts += 1;
                }
            }
        }
    }
    assert!(cuts > 100, "only {cuts} cuts were met");
}
