//! `clone` and `reshard`: after every way there and back each key is there once, in the right place, with what it held and the
//! moment at which it expires.

mod fleet;
mod program;

use fleet::*;
use rediscluster::{Crc32Modulo, Partitioner};
use rediscluster_testing::{named_programs, wait_until, Reply, Server};

#[test]
fn every_type_goes_to_more_and_to_fewer_servers() {
    let one = start(1);
    fill(&refs(&one), 400);
    let wanted = whole(&refs(&one));
    let fleet = start(6);
    let all = refs(&fleet);
    let (three, four, six) =
        (list(&all[..3]), list(&all[..4]), list(&[all[3], all[4], all[5], &one[0], all[0], all[1]]));
    ok(&["clone", "--from", &one[0].address(), "--to", &three, "--untagged"]);
    let out = ok(&["clone", "--from", &one[0].address(), "--to", &three, "--untagged", "--finish"]);
    assert!(out.contains("finished"), "{out}");
    placed(&all[..3], &wanted, "1 to 3");
    // In place: what leaves is there until the end, for programs that know the old nodes.
    ok(&["--nodes", &three, "reshard", "--to", &four, "--untagged"]);
    same(&whole(&all[..3]), &wanted, "3 to 4 before the end");
    ok(&["--nodes", &three, "reshard", "--to", &four, "--untagged"]);
    ok(&["--nodes", &three, "reshard", "--to", &four, "--untagged", "--finish"]);
    placed(&all[..4], &wanted, "3 to 4 in place");
    ok(&["--nodes", &four, "reshard", "--to", &three, "--untagged", "--finish"]);
    placed(&all[..3], &wanted, "4 to 3 in place");
    assert_eq!(fleet[3].ask(&["DBSIZE"]).int(), 0, "who leaves is empty");
    // Servers change their numbers, and two are new.
    one[0].ask(&["FLUSHALL"]);
    ok(&["--nodes", &three, "reshard", "--to", &six, "--untagged", "--finish"]);
    placed(&[all[3], all[4], all[5], &one[0], all[0], all[1]], &wanted, "3 to 6 in place");
    assert_eq!(fleet[2].ask(&["DBSIZE"]).int(), 0, "who leaves is empty");
    // Back to one, and without a tag to be told.
    let last = Server::start();
    ok(&["clone", "--from", &six, "--to", &last.address(), "--finish"]);
    placed(&[&last], &wanted, "6 to 1");
}

#[test]
fn big_keys_go_in_pieces() {
    let (from, to) = (start(1), start(2));
    fill(&refs(&from), 90);
    let mut to_fill = talk(&from[0]);
    for number in 0..3000 {
        let text = number.to_string();
        say(&mut to_fill, &["RPUSH", "big list", &text]);
        say(&mut to_fill, &["SADD", "big set", &text]);
        say(&mut to_fill, &["ZADD", "big zset", &text, &text]);
        say(&mut to_fill, &["HSET", "big hash", &text, &text]);
        say(&mut to_fill, &["XADD", "big stream", &format!("{}-7", number + 1), "f", &text]);
    }
    say(&mut to_fill, &["XGROUP", "CREATE", "big stream", "workers", "0"]);
    say(&mut to_fill, &["XREADGROUP", "GROUP", "workers", "busy", "COUNT", "1500", "STREAMS", "big stream", ">"]);
    say(&mut to_fill, &["SETRANGE", "big string", "3000000", "end"]);
    say(&mut to_fill, &["PEXPIREAT", "big set", &LATER.to_string()]);
    let wanted = whole(&refs(&from));
    let out =
        ok(&["clone", "--from", &from[0].address(), "--to", &list(&refs(&to)), "--untagged", "--big", "1", "--finish"]);
    assert!(out.contains("in pieces"), "{out}");
    placed(&refs(&to), &wanted, "in pieces");
}

#[test]
fn databases_patterns_types_and_limits() {
    let (from, to) = (start(1), start(1));
    let (source, target) = (from[0].address(), to[0].address());
    let mut talk = talk(&from[0]);
    for number in 0..2500 {
        say(&mut talk, &["SET", &format!("a:{number}"), "1"]);
    }
    from[0].ask_in(2, &["RPUSH", "a:l", "1"]);
    from[0].ask_in(2, &["SET", "b:s", "1"]);
    from[0].ask_in(5, &["SET", "a:5", "1"]);
    let words = ["clone", "--from", &source, "--to", &target];
    ok(&[&words[..], &["--databases", "2", "--match", "a:*", "--type", "list", "--finish"]].concat());
    assert_eq!((to[0].ask_in(2, &["DBSIZE"]).int(), to[0].ask_in(2, &["TYPE", "a:l"]).text().as_str()), (1, "list"));
    assert_eq!(to[0].ask(&["DBSIZE"]).int(), 0);
    to[0].ask(&["FLUSHALL"]);
    // As a cron job, some keys a run. The original's spellings are taken.
    let words = ["redis-copy", "--source", &source, "--target", &target, "--limit", "500"];
    let mut runs = 0;
    loop {
        let before = to[0].ask(&["DBSIZE"]).int();
        let out = ok(&words);
        runs += 1;
        if out.contains("everything is copied") {
            break;
        }
        let more = to[0].ask(&["DBSIZE"]).int() - before;
        assert!((400..=1100).contains(&more), "{more} more: {out}");
    }
    assert!(runs >= 4, "{runs}");
    // What has changed since comes with the next run of the same job.
    from[0].ask(&["SET", "a:1", "changed"]);
    ok(&words[..5]);
    assert_eq!(to[0].ask(&["GET", "a:1"]), Reply::bulk("changed"));
    ok(&[&words[..5], &["--finish"]].concat());
    for database in [0, 2, 5] {
        same(&contents(&to[0], database), &contents(&from[0], database), &format!("database {database}"));
    }
}

#[test]
fn what_expires_meanwhile_is_no_failure() {
    let (from, to) = (start(1), start(3));
    let mut talk = talk(&from[0]);
    for number in 0..2000 {
        let ttl = if number % 2 == 0 { (1 + number % 700).to_string() } else { "1000000".into() };
        say(&mut talk, &["SET", &format!("k:{number}"), "v", "PX", &ttl]);
    }
    ok(&["clone", "--from", &from[0].address(), "--to", &list(&refs(&to)), "--untagged", "--finish"]);
    wait_until("all short lives are over", || {
        from[0].ask(&["KEYS", "*"]) == from[0].ask(&["KEYS", "*"]) && {
            let ends = whole(&refs(&from));
            ends.len() == 1000
        }
    });
    wait_until("the copies end as well", || whole(&refs(&to)).len() == 1000);
    placed(&refs(&to), &whole(&refs(&from)), "expiry");
}

#[test]
fn tags_are_told_and_strays_are_found() {
    let fleet = start(4);
    let all = refs(&fleet);
    let (three, four) = (list(&all[..3]), list(&all));
    let mut tags = String::new();
    for number in 0..60 {
        let (name, tag) = (format!("basket:{number}"), format!("user{number}"));
        ok(&["--nodes", &three, "set", &format!("{name}{{{tag}}}"), &number.to_string()]);
        tags.push_str(&format!("{name}{{{tag}}}\n"));
    }
    let told = refused(&["--nodes", &three, "reshard", "--to", &four]);
    assert!(told.contains("--tags FILE") && told.contains("--untagged"), "{told}");
    let told = refused(&["--nodes", &three, "reshard", "--to", &four, "--untagged"]);
    assert!(told.contains("the name leads to another node") && told.contains("nothing was written"), "{told}");
    assert_eq!(fleet[3].ask(&["DBSIZE"]).int(), 0);
    let file = fleet[0].dir().join("tags.txt");
    std::fs::write(&file, tags).unwrap();
    let words = ["--nodes", &three, "reshard", "--to", &four, "--tags", file.to_str().unwrap()];
    ok(&[&words[..], &["--limit", "10"]].concat());
    // Other names would be looked for at other places. Their order does not matter.
    let (tags, reversed) =
        (std::fs::read_to_string(&file).unwrap(), |text: &str| text.lines().rev().collect::<Vec<_>>().join("\n"));
    std::fs::write(&file, format!("{tags}more{{tag}}\n")).unwrap();
    assert!(refused(&words).contains("the full names in the file of --tags are not those"));
    std::fs::write(&file, reversed(&tags)).unwrap();
    ok(&[&words[..], &["--finish"]].concat());
    for number in 0..60 {
        let key = format!("basket:{number}{{user{number}}}");
        assert_eq!(ok(&["--nodes", &four, "get", &key]), format!("{number}\n"));
    }
    // The same by a rule, back again; a stray stays on the node of its number.
    let stray = (0..).map(|n: u32| format!("stray{n}")).find(|n| Crc32Modulo.node_index(n.as_bytes(), 4) != 1).unwrap();
    fleet[1].ask(&["SET", &stray, "here"]);
    let rule = ["--tag-rule", "^(basket:([0-9]+))$=${1}{user$2}"];
    let words = [&["--nodes", &four, "reshard", "--to", &three][..], &rule].concat();
    assert!(refused(&words).contains("the name leads to another node"));
    ok(&[&words[..], &["--strays", "keep", "--finish"]].concat());
    for number in 0..60 {
        let key = format!("basket:{number}{{user{number}}}");
        assert_eq!(ok(&["--nodes", &three, "get", &key]), format!("{number}\n"));
    }
    assert_eq!(fleet[1].ask(&["GET", &stray]), Reply::bulk("here"));
    assert_eq!(fleet[3].ask(&["DBSIZE"]).int(), 0);
    // One server stores whole names, and a fleet without the tag.
    let one = Server::start();
    one.ask(&["SET", "bar{foo}", "7"]);
    fleet.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
    assert!(refused(&["clone", "--from", &one.address(), "--to", &four, "--untagged"]).contains("has a tag"));
    ok(&["clone", "--from", &one.address(), "--to", &four, "--tag-rule", "^(.+)$=$1", "--finish"]);
    assert_eq!(ok(&["--nodes", &four, "get", "bar{foo}"]), "7\n");
}

#[test]
fn one_name_of_two_sources_is_a_conflict() {
    let (from, to) = (start(2), start(1));
    from.iter().for_each(|server| drop(server.ask(&["SET", "both", "x"])));
    let told = refused(&["clone", "--from", &list(&refs(&from)), "--to", &to[0].address()]);
    assert!(told.contains("both would become one key"), "{told}");
    assert_eq!(to[0].ask(&["DBSIZE"]).int(), 0);
}

#[test]
fn functions_and_users_go_along() {
    let (from, to) = (start(1), start(1));
    if !from[0].is_since("7.0", "functions") {
        return;
    }
    from[0].ask(&["FUNCTION", "LOAD", "#!lua name=mine\nredis.register_function('f', function() return 7 end)"]);
    from[0].ask(&["ACL", "SETUSER", "ada", "on", ">s3cret", "~a*", "+get", "(~b* +set)"]);
    let words = ["clone", "--from", &from[0].address(), "--to", &to[0].address(), "--functions", "--acl"];
    ok(&words);
    assert_eq!(to[0].ask(&["FCALL", "f", "0"]).int(), 7);
    let line = |server: &Server| format!("{:?}", server.ask(&["ACL", "GETUSER", "ada"]));
    assert_eq!(line(&to[0]), line(&from[0]));
    ok(&words);
    to[0].ask(&["ACL", "SETUSER", "ada", "+del"]);
    let told = refused(&words);
    assert!(told.contains("another user of this name") && !told.contains('#'), "{told}");
}

#[test]
fn servers_of_all_versions_take_from_each_other() {
    let programs = named_programs();
    for (newer, source) in &programs {
        for (older, target) in programs.iter().filter(|(other, _)| other != newer) {
            let (from, to) = (Server::builder().binary(source).start(), Server::builder().binary(target).start());
            fill(&[&from], 90);
            let ran = run(&["clone", "--from", &from.address(), "--to", &to.address(), "--finish"]);
            let story = format!("{newer} to {older}: {}{}", ran.out(), ran.err());
            let mut wanted = contents(&from, 0);
            let knows = |server: &Server| server.is_since("7.4 or valkey 9.0", "fields that expire");
            if knows(&from) && !knows(&to) {
                // Named, counted, and not there without their expiry.
                assert_eq!(ran.status, 1, "{story}");
                assert!(story.contains("10 keys: not copied: its fields expire"), "{story}");
                wanted.retain(|_, (value, _)| !value.starts_with("hash"));
            } else {
                assert_eq!(ran.status, 0, "{story}");
            }
            let mut found = contents(&to, 0);
            // What a group has read so far is told since 7.0.
            for contents in [&mut wanted, &mut found] {
                contents.retain(|_, (value, _)| !value.starts_with("stream"));
            }
            same(&found, &wanted, &story);
            assert_eq!(
                to.ask(&["XPENDING", "key:5", "workers"]),
                from.ask(&["XPENDING", "key:5", "workers"]),
                "{story}"
            );
        }
    }
}

#[test]
fn keys_are_read_from_replicas() {
    let (from, to) = (start(2), start(3));
    fill(&refs(&from), 400);
    // One that gets the whole data knows what it would not be told of a stream's groups.
    let replicas: Vec<Server> = from.iter().map(|master| Server::replica_of(master, &[])).collect();
    let wanted = whole(&refs(&from));
    let (old, new) = (list(&refs(&from)), list(&refs(&to)));
    let dumps = |servers: &[Server]| servers.iter().map(|server| server.calls("dump")).sum::<u64>();
    let words = ["clone", "--from", &old, "--to", &new, "--untagged", "--read-from", "replica"];
    // Whoever began with the masters may go on with the replicas: their cursors mean something else.
    ok(&[&words[..6], &["--limit", "100"]].concat());
    let before = dumps(&from);
    // One big key as well.
    ok(&[&words[..], &["--big", "15kb", "--finish"]].concat());
    placed(&refs(&to), &wanted, "from replicas");
    assert_eq!(dumps(&from), before, "the masters gave nothing");
    assert!(dumps(&replicas) >= 300, "{}", dumps(&replicas));
    // In place, what leaves is compared with the master before it is deleted.
    let more = start(1);
    let four = list(&[&to[0], &to[1], &to[2], &more[0]]);
    let words = ["--nodes", &new, "reshard", "--to", &four, "--untagged", "--read-from", "replica"];
    let told = refused(&words);
    assert!(told.contains("node_1 (") && told.contains("it has none"), "{told}");
    let _replicas: Vec<Server> = to.iter().map(|master| Server::replica_of(master, &[])).collect();
    ok(&[&words[..], &["--finish"]].concat());
    placed(&[&to[0], &to[1], &to[2], &more[0]], &wanted, "in place");
}

#[test]
fn a_replica_is_read_only_while_it_has_what_its_master_has() {
    let (from, other, to) = (start(1), start(1), start(1));
    fill(&refs(&from), 900);
    // One that gets the whole data knows what it would not be told of a stream's groups.
    let mut replica = Server::replica_of(&from[0], &[]);
    fill(&refs(&other), 900);
    other.iter().for_each(|server| drop(server.ask(&[&b"SET"[..], &name(0), b"of another master"])));
    let wanted = whole(&refs(&from));
    let file = from[0].dir().join("fleet.toml");
    let nodes = format!(
        "[nodes]\nnode_1 = \"{}\"\nreader = \"{}\"\n[master_of]\nnode_1 = \"reader\"\n",
        from[0].address(),
        replica.address()
    );
    std::fs::write(&file, nodes).unwrap();
    let (source, target) = (format!("@{}", file.display()), to[0].address());
    let words = ["clone", "--from", &source, "--to", &target, "--read-from", "replica"];
    // Of another master, and without one.
    replica.follow(&other[0]);
    let told = refused(&words);
    assert!(told.contains("whose data is not that of its master here"), "{told}");
    replica.promote();
    assert!(refused(&words).contains("it is a replica no more"));
    assert_eq!(to[0].ask(&["DBSIZE"]).int(), 0);
    // The same on the way, which ends no connection.
    for moment in ["it gets another master", "it dies"] {
        replica.follow(&from[0]);
        from[0].wait_for_replica(&replica);
        let before = to[0].ask(&["DBSIZE"]).int();
        let child = spawn(&[&words[..], &["--rate", "300"]].concat());
        wait_until("keys arrive", || to[0].ask(&["DBSIZE"]).int() > before + 40);
        match moment {
            "it dies" => replica.kill(),
            _ => replica.follow(&other[0]),
        }
        let (status, said) = ended(child);
        assert_eq!(status, 1, "{moment}: {said}");
        assert!(said.contains("the replica ") && said.contains("go on where it stopped"), "{moment}: {said}");
        let found = contents(&to[0], 0);
        assert!(!found.is_empty());
        let same_names = wanted.clone().into_iter().filter(|(name, _)| found.contains_key(name)).collect();
        same(&found, &same_names, moment);
    }
    assert!(refused(&words).contains("without --read-from it is read itself"));
    ok(&[&words[..5], &["--finish"]].concat());
    placed(&refs(&to), &wanted, "from the master in the end");
}
