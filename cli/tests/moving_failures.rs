//! `clone` and `reshard` when something dies on the way or must not begin: nothing is lost or doubled, and what stays is told.

mod fleet;
mod program;

use fleet::*;
use rediscluster::{Crc32Modulo, Partitioner};
use rediscluster_testing::{wait_until, Reply, Server};
use std::process::Command;
use std::time::{Duration, Instant};

/// Different moments, the same ones in every run of the test.
fn moments(count: u64) -> impl Iterator<Item = Duration> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..count).map(move |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Duration::from_millis(15 + state % 250)
    })
}

#[test]
fn killed_at_any_moment_it_goes_on() {
    let fleet = start(4);
    let all = refs(&fleet);
    fill(&all[..3], 600);
    let wanted = whole(&all[..3]);
    let (three, four) = (list(&all[..3]), list(&all));
    let mut killed = 0;
    for (from, to, count) in [(&three, &four, 4), (&four, &three, 3)] {
        // Slow enough to be killed on the way, both while it copies and while it deletes.
        let copy = ["--nodes", from, "reshard", "--to", to, "--untagged", "--rate", "2000", "--big", "15kb"];
        for words in [copy.to_vec(), [&copy[..], &["--finish"]].concat()] {
            for moment in moments(4) {
                let mut child = spawn(&words);
                let begun = Instant::now();
                wait_until("it ends or its moment comes", || {
                    begun.elapsed() > moment || child.try_wait().expect("its state").is_some()
                });
                let _ = child.kill();
                let (status, said) = ended(child);
                killed += usize::from(status == -1);
                assert!(!said.contains("not copied") && !said.contains("kept"), "{said}");
                let names: Contents = whole(&all);
                same(&names, &wanted, "in the middle");
            }
        }
        let out = run(&[&copy[..], &["--finish"]].concat());
        // The last one that was killed may just have come to its end: then this is a job in which nothing moves.
        assert_eq!(out.status, 0, "{}{}", out.out(), out.err());
        placed(&all[..count], &wanted, to);
    }
    assert!(killed > 4, "only {killed} of 16 were killed on the way");
    assert_eq!(fleet[3].ask(&["DBSIZE"]).int(), 0);
}

#[test]
fn a_server_that_dies_stops_it_and_the_next_run_goes_on() {
    let durable = || Server::start_with(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let mut servers = [durable(), durable(), durable()];
    fill(&[&servers[0]], 1200);
    let to = list(&[&servers[1], &servers[2]]);
    let source = servers[0].address();
    for victim in [0, 1, 2] {
        let words = ["clone", "--from", &source, "--to", &to, "--untagged", "--rate", "1500"];
        let progress = || servers[1].ask(&["HGETALL", "rediscluster:job:progress"]);
        let before = progress();
        let child = spawn(&words);
        wait_until("keys arrive", || progress() != before);
        servers[victim].kill();
        let (status, said) = ended(child);
        // It may have come to its end a moment before.
        assert!(
            status == 1 && said.contains("go on where it stopped") || said.contains("is copied"),
            "{status} {said}"
        );
        servers[victim].restart();
    }
    ok(&["clone", "--from", &source, "--to", &to, "--untagged", "--finish"]);
    // A server does not write everything of a stream to its disk.
    placed(&[&servers[1], &servers[2]], &whole(&[&servers[0]]), "after three deaths");
}

#[test]
fn ctrl_c_stops_between_batches() {
    let (from, to) = (start(1), start(2));
    fill(&refs(&from), 900);
    let wanted = whole(&refs(&from));
    let (source, target) = (from[0].address(), list(&refs(&to)));
    let words = ["clone", "--from", &source, "--to", &target, "--untagged", "--rate", "300", "--json"];
    let child = spawn(&words);
    wait_until("keys arrive", || to[0].ask(&["EXISTS", "rediscluster:job"]).int() == 1);
    let ended_by = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(ended_by.success());
    let (status, said) = ended(child);
    assert_eq!(status, 130, "{said}");
    assert!(said.contains("\"state\":\"copying\""), "{said}");
    let told = ok(&["--nodes", &target, "recover"]);
    assert!(
        told.contains("copying")
            && told.contains("--resume goes on copying")
            && told.contains("rediscluster clone --from"),
        "{told}"
    );
    ok(&["clone", "--from", &source, "--to", &target, "--untagged", "--finish"]);
    placed(&refs(&to), &wanted, "after Ctrl-C");
    assert!(!ok(&["--nodes", &target, "recover"]).contains("clone "));
}

#[test]
fn keys_that_are_there_are_refused_skipped_or_replaced() {
    let (from, to) = (start(1), start(1));
    let (source, target) = (from[0].address(), to[0].address());
    let words = ["clone", "--from", &source, "--to", &target];
    for key in ["a", "b"] {
        from[0].ask(&["SET", key, "new"]);
    }
    to[0].ask(&["SET", "a", "old"]);
    let before = contents(&to[0], 0);
    let told = refused(&words);
    assert!(told.contains("nothing was written") && told.contains("a key of this name already"), "{told}");
    assert!(refused(&[&words[..], &["--dry-run"]].concat()).contains("a key of this name already"));
    same(&contents(&to[0], 0), &before, "refused");
    assert_eq!(to[0].ask(&["KEYS", "*"]), Reply::bulks(&["a"]), "nothing of the tool either");
    let out = ok(&[&words[..], &["--skip-existing", "--finish"]].concat());
    assert!(out.contains("1 there already and left as they were"), "{out}");
    assert_eq!((to[0].ask(&["GET", "a"]), to[0].ask(&["GET", "b"])), (Reply::bulk("old"), Reply::bulk("new")));
    ok(&[&words[..], &["--replace"]].concat());
    assert_eq!(to[0].ask(&["GET", "a"]), Reply::bulk("new"));
    // Other options are another job, which has to wait for this one.
    assert!(refused(&[&words[..], &["--match", "x*"]].concat()).contains("go on with the same"));
    ok(&[&words[..], &["--replace", "--clean"]].concat());
    to[0].ask(&["SET", "c", "lost"]);
    assert!(refused(&[&words[..], &["--flush"]].concat()).contains("add --yes"));
    assert_eq!(to[0].ask(&["GET", "c"]), Reply::bulk("lost"));
    ok(&[&words[..], &["--flush", "--yes", "--finish"]].concat());
    same(&contents(&to[0], 0), &contents(&from[0], 0), "flushed");
}

#[test]
fn a_job_is_taken_back() {
    let fleet = start(4);
    let all = refs(&fleet);
    let (three, four) = (list(&all[..3]), list(&all));
    fill(&all[..3], 300);
    let wanted = whole(&all[..3]);
    let words = ["--nodes", &three, "reshard", "--to", &four, "--untagged"];
    ok(&[&words[..], &["--limit", "100"]].concat());
    assert!(fleet[3].ask(&["DBSIZE"]).int() > 3, "something was brought");
    ok(&[&words[..], &["--undo"]].concat());
    placed(&all[..3], &wanted, "undone");
    assert_eq!(fleet[3].ask(&["DBSIZE"]).int(), 0);
    assert!(refused(&[&words[..], &["--undo"]].concat()).contains("there is no job"));
    // What has been written to at its new place stays there.
    ok(&words);
    let name = contents(&fleet[3], 0).into_keys().next().expect("a key");
    fleet[3].ask(&[&b"PEXPIREAT"[..], &name, b"4100000000000"]);
    assert!(refused(&[&words[..], &["--undo"]].concat()).contains("1 key: kept at its new place: its expiry differs"));
    assert!(ok(&["--nodes", &four, "recover"]).contains("--undo takes it back"));
    fleet[3].ask(&[&b"DEL"[..], &name]);
    ok(&[&words[..], &["--undo"]].concat());
    placed(&all[..3], &wanted, "undone in the end");
}

#[test]
fn what_differs_at_its_new_place_is_not_deleted() {
    let fleet = start(3);
    let all = refs(&fleet);
    let (two, three) = (list(&all[..2]), list(&all));
    fill(&all[..2], 300);
    let words = ["--nodes", &two, "reshard", "--to", &three, "--untagged"];
    ok(&words);
    // A program writes to a key that has left, at its old place; and another one acknowledges what `WATCH` does not see.
    let left = |kind: &str| {
        let at = |number: &usize| {
            let name = name(*number);
            Crc32Modulo.node_index(&name, 2) == 0
                && Crc32Modulo.node_index(&name, 3) != 0
                && fleet[0].ask(&[&b"TYPE"[..], &name]).text() == kind
        };
        name((0..300).find(at).expect("a key that leaves"))
    };
    let (written, read) = (left("list"), left("stream"));
    fleet[0].ask(&[&b"RPUSH"[..], &written, b"more"]);
    fleet[0].ask(&[&b"XACK"[..], &read, b"workers", b"5-1"]);
    let told = refused(&[&words[..], &["--finish"]].concat());
    assert!(told.contains("2 keys: kept at its old place: its value differs"), "{told}");
    assert!(run(&[&words[..], &["--finish"]].concat()).out().contains("not finished: what is named stays"));
    assert_eq!(fleet[0].ask(&[&b"LLEN"[..], &written]).int(), 5);
    // Copied once more, all is equal, and it comes to its end.
    ok(&words);
    ok(&[&words[..], &["--finish"]].concat());
    placed(&all, &whole(&all), "after a second copy");
    assert_eq!(whole(&all).len(), 300);
}

#[test]
fn what_is_newer_at_the_new_nodes_is_never_copied_over_by_the_end() {
    let fleet = start(3);
    let all = refs(&fleet);
    let (two, three) = (list(&all[..2]), list(&all));
    fill(&all[..2], 200);
    let words = ["--nodes", &two, "reshard", "--to", &three, "--untagged"];
    ok(&words);
    let mut brought = contents(&fleet[2], 0).into_keys().filter(|name| !name.starts_with(b"rediscluster:"));
    let (newer, lost) = (brought.next().unwrap(), brought.next().unwrap());
    fleet[2].ask(&[&b"DEL"[..], &newer]);
    fleet[2].ask(&[&b"SET"[..], &newer, b"newer"]);
    // The first target knows less than the others, and the last one nothing any more.
    fleet[0].ask(&["HSET", "rediscluster:job", "phase", "copying"]);
    fleet[2].ask(&[&b"DEL"[..], b"rediscluster:job", b"rediscluster:job:progress", &lost]);
    let told = refused(&[&words[..], &["--finish"]].concat());
    assert!(
        told.contains("differs") && told.contains("1 key: kept at its old place: it is not at its new place"),
        "{told}"
    );
    assert_eq!(fleet[2].ask(&[&b"GET"[..], &newer]), Reply::bulk("newer"));
    let old = &fleet[Crc32Modulo.node_index(&lost, 2)];
    assert_eq!(old.ask(&[&b"EXISTS"[..], &lost]).int(), 1);
}

#[test]
fn nothing_is_deleted_before_replicas_have_its_copy() {
    let fleet = start(3);
    let all = refs(&fleet);
    let (two, three) = (list(&all[..2]), list(&all));
    fill(&all[..2], 200);
    let wanted = whole(&all[..2]);
    let replica = Server::replica_of(&fleet[2], &[]);
    let words = ["--nodes", &two, "reshard", "--to", &three, "--untagged"];
    replica.freeze();
    let told = refused(&[&words[..], &["--finish"]].concat());
    assert!(told.contains("node_3") && told.contains("0 of 1 replicas"), "{told}");
    same(&whole(&all[..2]), &wanted, "nothing is deleted");
    replica.thaw();
    ok(&[&words[..], &["--finish"]].concat());
    placed(&all, &wanted, "in the end");
    // Rights are asked for before anything is written.
    fleet[2].ask(&["ACL", "SETUSER", "tool", "on", ">s3cret", "~*", "&*", "+@all", "-wait"]);
    let list = three.replace(&fleet[2].address(), &format!("redis://tool:s3cret@{}", fleet[2].address()));
    assert!(
        refused(&["--nodes", &two, "reshard", "--to", &list, "--untagged"]).contains("needed to know that replicas")
    );
}

#[test]
fn nothing_begins_that_would_lose_keys() {
    let (from, to) = (start(1), start(1));
    let (source, target) = (from[0].address(), to[0].address());
    from[0].ask(&["SET", "a", "1"]);
    let words = ["clone", "--from", &source, "--to", &target];
    assert!(refused(&["clone", "--from", &source, "--to", &source]).contains("are one server"));
    assert!(refused(&["clone", "--to", &target]).contains("--from LIST"));
    to[0].ask(&["CONFIG", "SET", "maxmemory", "1gb"]);
    to[0].ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    assert!(refused(&words).contains("maxmemory-policy allkeys-lru"));
    to[0].ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    to[0].ask(&["CONFIG", "SET", "maxmemory", "100kb"]);
    assert!(refused(&words).contains("would get about"));
    to[0].ask(&["CONFIG", "SET", "maxmemory", "0"]);
    // A right that is missing is told before anything is written, on either side.
    for (server, right) in [(&from[0], "-dump"), (&to[0], "-restore")] {
        server.ask(&["ACL", "SETUSER", "tool", "on", ">s3cret", "~*", "+@all", right]);
        let list = format!("redis://tool:s3cret@{}", server.address());
        let (one, other) = if right == "-dump" { (list.as_str(), &*target) } else { (&*source, list.as_str()) };
        let told = refused(&["clone", "--from", one, "--to", other]);
        assert!(told.contains("NOPERM") && !told.contains("s3cret"), "{told}");
        server.ask(&["ACL", "SETUSER", "tool", "+@all", "&*"]);
    }
    assert_eq!(to[0].ask(&["DBSIZE"]).int(), 0);
    // Another tool is at work: its connection is there.
    let mut other = talk(&to[0]);
    other.expect_ok(&["CLIENT", "SETNAME", "rediscluster-7"]).unwrap();
    to[0].ask(&["SET", "rediscluster:job:lock", "clone of process 7 rediscluster-7", "PX", "30000"]);
    assert!(refused(&words).contains("clone of process 7"), "two at once");
    // One that died has none.
    drop(other);
    wait_until("its connection is gone", || !to[0].ask(&["CLIENT", "LIST"]).text().contains("rediscluster-7"));
    let list = format!("redis://tool:s3cret@{target}");
    ok(&["clone", "--from", &source, "--to", &list, "--finish"]);
    assert_eq!(to[0].ask(&["KEYS", "*"]), Reply::bulks(&["a"]));
}

#[test]
fn what_was_not_copied_is_named_until_it_is() {
    let (from, to) = (start(1), start(1));
    let (source, target) = (from[0].address(), to[0].address());
    let words = ["clone", "--from", &source, "--to", &target];
    for key in 0..50 {
        from[0].ask(&["SET", &format!("key{key}"), "new"]);
    }
    ok(&[&words[..], &["--limit", "10"]].concat());
    // Somebody else writes at the target before the job comes to these.
    for key in 0..50 {
        to[0].ask(&["SET", &format!("key{key}"), "other", "NX"]);
    }
    let another = "not copied: the target has another key of this name";
    assert!(refused(&words).contains(another));
    assert!(refused(&[&words[..], &["--finish"]].concat()).contains(another), "--finish names them as well");
    for key in 0..50 {
        to[0].ask(&["DEL", &format!("key{key}")]);
    }
    ok(&[&words[..], &["--finish"]].concat());
    same(&contents(&to[0], 0), &contents(&from[0], 0), "in the end");
}

#[test]
fn what_a_killed_run_did_not_copy_is_not_forgotten() {
    let (from, to) = (start(1), start(1));
    let (source, target) = (from[0].address(), to[0].address());
    let words = ["clone", "--from", &source, "--to", &target];
    let names: Vec<String> = (0..3000).map(|key| format!("key{key}")).collect();
    from[0].ask(&[vec!["MSET"], names.iter().flat_map(|name| [name.as_str(), "new"]).collect()].concat());
    ok(&[&words[..], &["--limit", "10"]].concat());
    let in_the_way: Vec<&String> =
        names.iter().step_by(30).filter(|name| to[0].ask(&["SET", name, "other", "NX"]) == Reply::ok()).collect();
    let page = || {
        let marks = to[0].ask(&["HVALS", "rediscluster:job:progress"]);
        let Reply::Array(marks) = marks else { panic!("{marks:?}") };
        marks[0].text().split(' ').nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = page();
    let mut child = spawn(&[&words[..], &["--rate", "3000"]].concat());
    wait_until("it has passed pages", || page() > before + 1);
    child.kill().unwrap();
    ended(child);
    // Nothing is in the way any more, and of what was, nobody has been told.
    in_the_way.iter().for_each(|name| drop(to[0].ask(&["DEL", name])));
    wait_until("its connections are gone", || {
        let told = refused(&[&words[..], &["--finish"]].concat());
        assert!(told.contains("at work here") || told.contains("that were not copied: the same command"), "{told}");
        !told.contains("at work here")
    });
    ok(&[&words[..], &["--finish"]].concat());
    assert_eq!(to[0].ask(&["DBSIZE"]).int(), 3000);
    in_the_way.iter().for_each(|name| assert_eq!(to[0].ask(&["GET", name]), Reply::bulk("new")));
}

#[test]
fn marks_are_believed_only_of_who_has_them() {
    let (from, to) = (start(1), start(2));
    let (source, target) = (from[0].address(), list(&refs(&to)));
    (0..100).for_each(|key| drop(from[0].ask_in(1, &["SET", &format!("key{key}"), "1"])));
    let words = ["clone", "--from", &source, "--to", &target, "--untagged"];
    ok(&words);
    // Database 0 is emptied, and with it what says that there is a job; the other one is as if it were read to its end.
    to.iter().for_each(|server| drop(server.ask(&["FLUSHDB"])));
    let name = contents(&to[0], 1).into_keys().find(|name| !name.starts_with(b"rediscluster:")).unwrap();
    to[0].ask_in(1, &[&b"DEL"[..], &name]);
    ok(&[&words[..], &["--replace", "--finish"]].concat());
    let there: i64 = to.iter().map(|server| server.ask_in(1, &["DBSIZE"]).int()).sum();
    assert_eq!(there, 100);
}

#[test]
fn names_that_would_become_one_are_refused_in_every_way() {
    let fleet = start(3);
    let all = refs(&fleet);
    let (one, three) = (fleet[0].address(), list(&all));
    // Of one source: two tags of one name on one node.
    let others = start(2);
    let two = list(&refs(&others));
    let tagged: Vec<String> = (0..).map(|tag| format!("bar{{{tag}}}")).take(20).collect();
    tagged.iter().for_each(|name| drop(fleet[0].ask(&["SET", name, name])));
    let words = ["clone", "--from", &one, "--to", &two, "--tag-rule", "(.+)=$1"];
    for more in [&["--dry-run"][..], &[], &["--replace"]] {
        assert!(refused(&[&words[..], more].concat()).contains("would become one key of the target"), "{more:?}");
    }
    assert_eq!(others[0].ask(&["DBSIZE"]).int() + others[1].ask(&["DBSIZE"]).int(), 0);
    // In place: a key that stays is in the way of one that comes, whatever may be replaced.
    let (old, new) = (list(&all[1..]), fleet[1].address());
    fleet[1].ask(&["SET", "foo", "stays"]);
    fleet[2].ask(&["SET", "foo", "comes"]);
    let words = ["--nodes", &old, "reshard", "--to", &new];
    for more in [&[][..], &["--replace"]] {
        assert!(refused(&[&words[..], more].concat()).contains("would become one key of the target"), "{more:?}");
    }
    assert_eq!(fleet[1].ask(&["GET", "foo"]), Reply::bulk("stays"));
    // And a name that would have to change where it is.
    let alone = list(&all[..1]);
    let words = ["--nodes", &alone, "reshard", "--to", &three, "--tag-rule", "(.+)=$1"];
    fleet[1].ask(&["DEL", "foo"]);
    fleet[2].ask(&["DEL", "foo"]);
    let told = refused(&words);
    assert!(told.contains("under another name"), "{told}");
}

#[test]
fn nothing_is_emptied_by_a_job_that_cannot_begin() {
    let (from, to) = (start(2), start(3));
    let (old, new) = (list(&refs(&from)), list(&refs(&to)));
    let stray = (0..).map(|n| format!("k{n}")).find(|key| Crc32Modulo.node_index(key.as_bytes(), 2) == 1).unwrap();
    from[0].ask(&["SET", &stray, "x"]);
    to[2].ask(&["SET", "precious", "1"]);
    let words = ["clone", "--from", &old, "--to", &new, "--untagged", "--flush", "--yes"];
    assert!(refused(&words).contains("nothing was written"));
    assert_eq!(to[2].ask(&["GET", "precious"]), Reply::bulk("1"));
    // A key that a cut move has left between two nodes is no stranger's.
    from[0].ask(&["DEL", &stray]);
    from[0].ask(&["SET", "rediscluster:stash:rename:to:1:x", "x"]);
    assert!(refused(&words).contains("`recover --apply` ends it"));
    assert_eq!(to[2].ask(&["GET", "precious"]), Reply::bulk("1"));
}

#[test]
fn a_job_that_is_taken_back_half_and_goes_on_misses_nothing() {
    let (from, to) = (start(1), start(3));
    fill(&refs(&from), 300);
    let (source, target) = (from[0].address(), list(&refs(&to)));
    let words = ["clone", "--from", &source, "--to", &target, "--untagged"];
    ok(&words);
    // One differs, so that taking it back comes to no end.
    let name = contents(&to[0], 0).into_keys().find(|name| !name.starts_with(b"rediscluster:")).expect("a key");
    to[0].ask(&[&b"PEXPIREAT"[..], &name, b"4100000000000"]);
    refused(&[&words[..], &["--undo"]].concat());
    to[0].ask(&[&b"DEL"[..], &name]);
    ok(&[&words[..], &["--finish"]].concat());
    placed(&refs(&to), &contents(&from[0], 0), "gone on with");
}

#[test]
fn recover_goes_on_with_a_job_ends_it_or_takes_it_back() {
    let from = Server::start_with(&["--requirepass", "s3cret"]);
    let to = start(2);
    let (source, target) = (format!("redis://:s3cret@{}", from.address()), list(&refs(&to)));
    fill(&[&from], 300);
    let wanted = contents(&from, 0);
    let recover = |words: &[&str]| run(&[&["--nodes", &target, "recover"], words].concat());
    let clone = ["clone", "--from", &source, "--to", &target, "--untagged", "--match", "*"];
    assert!(recover(&["--resume"]).err().contains("no clone or reshard lies at these nodes"));
    for end in ["--undo", "--finish"] {
        ok(&[&clone[..], &["--limit", "100"]].concat());
        let told = recover(&[]);
        assert_eq!(told.status, 0, "{}", told.err());
        for says in
            ["--resume goes on copying", "--finish goes on", "--undo takes it back", "passwords are not remembered"]
        {
            assert!(told.out().contains(says), "{says}: {}", told.out());
        }
        assert!(
            !told.out().contains("s3cret")
                && !format!("{:?}", to[0].ask(&["HGETALL", "rediscluster:job"])).contains("s3cret")
        );
        // The source asks for a password, which the job does not remember.
        let told = recover(&[end]);
        assert!(told.status == 1 && told.err().contains("NOAUTH"), "{}", told.err());
        let one = format!("node_1={source}");
        let ran = recover(&["--resume", "--from", &one]);
        assert!(ran.status == 0 && ran.out().contains("everything is copied"), "{}{}", ran.out(), ran.err());
        assert!(recover(&[]).out().contains("--resume copies what has changed since"));
        let ran = recover(&[end, "--from", &one]);
        assert_eq!(ran.status, 0, "{}{}", ran.out(), ran.err());
        match end {
            "--undo" => assert!(whole(&refs(&to)).is_empty()),
            _ => placed(&refs(&to), &wanted, "recovered"),
        }
        assert_eq!(recover(&[]).out(), "no stashes\n");
    }
}

#[test]
fn a_job_that_was_cut_while_it_ended_can_only_be_ended() {
    let fleet = start(3);
    let all = refs(&fleet);
    let (two, three) = (list(&all[..2]), list(&all));
    fill(&all[..2], 200);
    let wanted = whole(&all[..2]);
    ok(&["--nodes", &two, "reshard", "--to", &three, "--untagged"]);
    // As one that was killed in the middle of `--finish` leaves it.
    fleet.iter().for_each(|server| drop(server.ask(&["HSET", "rediscluster:job", "phase", "finishing"])));
    let recover = |words: &[&str]| run(&[&["--nodes", &three, "recover"], words].concat());
    let told = recover(&[]).out();
    assert!(told.contains("it can no longer be taken back") && !told.contains("--resume"), "{told}");
    for wrong in ["--undo", "--resume"] {
        let ran = recover(&[wrong]);
        assert!(ran.status == 1 && ran.err().contains("is being finished"), "{wrong}: {}", ran.err());
    }
    let ran = recover(&["--finish"]);
    assert!(ran.status == 0 && ran.out().contains("nothing of the job is left"), "{}{}", ran.out(), ran.err());
    placed(&all, &wanted, "ended");
}

#[test]
fn a_big_key_that_changes_in_between_is_not_taken_for_whole() {
    let (from, to) = (start(1), start(1));
    let (source, target) = (from[0].address(), to[0].address());
    let items: Vec<String> = (0..40_000).map(|number| format!("item {number}")).collect();
    from[0].ask(&[vec!["RPUSH", "list"], items.iter().map(String::as_str).collect()].concat());
    let words = ["clone", "--from", &source, "--to", &target, "--big", "1"];
    from[0].ask(&["SET", "small", "old"]);
    // As long as before, all the time.
    let ends = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut talk = talk(&from[0]);
            for number in 0_u64.. {
                say(&mut talk, &["LSET", "list", "0", &number.to_string()]);
                if ends.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        });
        let told = run(&words);
        ends.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(told.status == 1 && told.err().contains("it changed while it was copied in pieces"), "{}", told.err());
    });
    assert_eq!(to[0].ask(&["EXISTS", "list"]).int(), 0);
    // What this job has brought is in nobody's way.
    from[0].ask(&["SET", "small", "new"]);
    ok(&[&words[..], &["--finish"]].concat());
    placed(&refs(&to), &whole(&refs(&from)), "at rest");
}

#[test]
fn a_twin_that_comes_between_two_runs_in_place_is_refused() {
    let fleet = start(2);
    let all = refs(&fleet);
    let (two, one) = (list(&all), fleet[0].address());
    let home = |node: usize| move |name: &String| Crc32Modulo.node_index(name.as_bytes(), 2) == node;
    let mut leaving = (0..).map(|number: u32| format!("k{number}")).filter(home(1));
    let (changed, twin) = (leaving.next().unwrap(), leaving.next().unwrap());
    fleet[1].ask(&["SET", &changed, "old"]);
    let words = ["--nodes", &two, "reshard", "--to", &one];
    ok(&words);
    // `twin{tag}` may live on either node.
    all.iter().zip(["one", "two"]).for_each(|(server, value)| drop(server.ask(&["SET", &twin, value])));
    let told = refused(&words);
    assert!(
        told.contains("1 key: node_1 (") && told.contains(&twin) && told.contains("both would become one"),
        "{told}"
    );
    assert_eq!(fleet[0].ask(&["GET", &twin]), Reply::bulk("one"));
    fleet[0].ask(&["DEL", &twin]);
    // What has changed at its old place only, too, as long as nobody says that there are no tags.
    fleet[1].ask(&["SET", &changed, "new"]);
    assert!(refused(&words).contains("it may not be the one that was copied"));
    ok(&[&words[..], &["--clean"]].concat());
    fleet[0].ask(&["DEL", &changed]);
    let words = [&words[..], &["--untagged"]].concat();
    ok(&words);
    fleet[1].ask(&["SET", &changed, "newest"]);
    ok(&words);
    ok(&[&words[..], &["--finish"]].concat());
    assert_eq!((fleet[0].ask(&["GET", &changed]), fleet[1].ask(&["DBSIZE"]).int()), (Reply::bulk("newest"), 0));
}

#[test]
fn a_fleet_that_a_clone_reads_is_not_resharded() {
    let (from, to) = (start(2), start(3));
    let all = refs(&from);
    let (source, new) = (list(&all), list(&[all[0], all[1], &to[2]]));
    fill(&all, 600);
    let clone =
        |to: &Server| spawn(&["clone", "--from", &source, "--to", &to.address(), "--untagged", "--rate", "200"]);
    let mut clones = [clone(&to[0]), clone(&to[1])];
    // Two of them do not mind each other.
    wait_until("both copy", || to[..2].iter().all(|server| server.ask(&["DBSIZE"]).int() > 30));
    let told = refused(&["--nodes", &source, "reshard", "--to", &new, "--untagged"]);
    assert!(told.contains("is reading from here"), "{told}");
    assert!(all.iter().all(|server| server.ask(&["KEYS", "rediscluster:*"]) == Reply::Array(vec![])));
    for clone in &mut clones {
        let _ = clone.kill();
        let _ = clone.wait();
    }
    wait_until("their connections are gone", || {
        all.iter().all(|server| !server.ask(&["CLIENT", "LIST"]).text().contains("rediscluster-reads"))
    });
    // And the other way round.
    let mut reshard = spawn(&["--nodes", &source, "reshard", "--to", &new, "--untagged", "--rate", "200"]);
    wait_until("it is at work", || to[2].ask(&["DBSIZE"]).int() > 5);
    assert!(refused(&["clone", "--from", &source, "--to", &to[0].address(), "--untagged"]).contains("is at work here"));
    let _ = reshard.kill();
    let _ = reshard.wait();
}
