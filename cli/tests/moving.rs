//! `clone` and `reshard`: after every way there and back, and after every death on the way, each key is there once, in the
//! right place, with what it held and the moment at which it expires.

mod program;

use program::{rediscluster, Ran};
use rediscluster::{Crc32Modulo, Partitioner};
use rediscluster_testing::{named_programs, wait_until, Reply, Server, Talk};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);
/// A moment far away, in milliseconds since 1970.
const LATER: u64 = 4_000_000_000_123;

/// What keys hold and when they expire, by their names; and on which servers they lie.
type Contents = BTreeMap<Vec<u8>, (String, Option<i64>)>;

fn talk(server: &Server) -> Talk {
    server.talk(PATIENCE).expect("a server that answers")
}

fn say<A: AsRef<[u8]>>(talk: &mut Talk, words: &[A]) -> Reply {
    talk.call(words).expect("an answer")
}

fn start(count: usize) -> Vec<Server> {
    (0..count).map(|_| Server::start()).collect()
}

fn list(servers: &[&Server]) -> String {
    let node = |(at, server): (usize, &&Server)| format!("node_{}={}", at + 1, server.address());
    servers.iter().enumerate().map(node).collect::<Vec<_>>().join(",")
}

fn refs(servers: &[Server]) -> Vec<&Server> {
    servers.iter().collect()
}

/// Keys of every type on the servers where they belong, `count` of them.
fn fill(servers: &[&Server], count: usize) {
    let mut talks: Vec<Talk> = servers.iter().map(|server| talk(server)).collect();
    let knows_field_expiry = servers[0].is_since("7.4 or valkey 9.0", "fields that expire");
    for number in 0..count {
        let name = name(number);
        let to = &mut talks[Crc32Modulo.node_index(&name, servers.len())];
        let text = number.to_string();
        let name = name.as_slice();
        let words: Vec<&[u8]> = match number % 9 {
            0 => vec![b"SET", name, text.as_bytes()],
            1 => vec![b"RPUSH", name, b"a", b"", text.as_bytes(), b"a"],
            2 => vec![b"SADD", name, b"a", b"\xff\r\n", text.as_bytes()],
            3 => vec![b"ZADD", name, b"1.5", b"a", b"-inf", b"b", text.as_bytes(), b"c"],
            4 => vec![b"HSET", name, b"f", b"1", b"", text.as_bytes()],
            5 => vec![b"XADD", name, b"5-1", b"f", text.as_bytes()],
            6 => vec![b"SETRANGE", name, b"20000", text.as_bytes()],
            7 => vec![b"SETBIT", name, b"77", b"1"],
            _ => vec![b"SET", name, b""],
        };
        assert!(!matches!(say(to, &words), Reply::Error(_)), "{number}");
        if number % 9 == 4 && knows_field_expiry {
            say(to, &[&b"HPEXPIREAT"[..], name, LATER.to_string().as_bytes(), b"FIELDS", b"1", b"f"]);
        }
        if number % 9 == 5 {
            say(to, &[&b"XADD"[..], name, b"6-1", b"g", b"h"]);
            say(to, &[&b"XGROUP"[..], b"CREATE", name, b"workers", b"0"]);
            say(to, &[&b"XGROUP"[..], b"CREATECONSUMER", name, b"workers", b"idle"]);
            say(to, &[&b"XREADGROUP"[..], b"GROUP", b"workers", b"busy", b"COUNT", b"1", b"STREAMS", name, b">"]);
            say(to, &[&b"XDEL"[..], name, b"6-1"]);
        }
        if number % 4 == 0 {
            let at = (LATER + number as u64).to_string();
            say(to, &[&b"PEXPIREAT"[..], name, at.as_bytes()]);
        }
    }
}

fn name(number: usize) -> Vec<u8> {
    match number % 50 {
        7 if number == 7 => Vec::new(),
        11 => [b"\xff\0\r\n ", number.to_string().as_bytes()].concat(),
        _ => format!("key:{number}").into_bytes(),
    }
}

/// All that lies on a server; nothing of the tool's own counts.
fn contents(server: &Server, database: u32) -> Contents {
    let mut talk = talk(server);
    talk.expect_ok(&["SELECT", &database.to_string()]).unwrap();
    let has_moment = server.field("server", "redis_version").unwrap() >= "7".to_owned();
    let has_field_expiry = server.is_since("7.4 or valkey 9.0", "fields that expire");
    let Reply::Array(names) = say(&mut talk, &["KEYS", "*"]) else { panic!("no names") };
    let mut contents = Contents::new();
    for name in names {
        let Reply::Bulk(name) = name else { continue };
        if name.starts_with(b"rediscluster:job") {
            continue;
        }
        let n = name.as_slice();
        let kind = say(&mut talk, &[b"TYPE", n]).text();
        let value = match kind.as_str() {
            "string" => say(&mut talk, &[b"GET", n]),
            "list" => say(&mut talk, &[&b"LRANGE"[..], n, b"0", b"-1"]),
            "set" => say(&mut talk, &[&b"SMEMBERS"[..], n]).sorted(),
            "zset" => say(&mut talk, &[&b"ZRANGE"[..], n, b"0", b"-1", b"WITHSCORES"]),
            "hash" => {
                let fields = say(&mut talk, &[&b"HKEYS"[..], n]).sorted();
                let Reply::Array(fields) = fields else { panic!("no fields") };
                let one = |field: Reply, talk: &mut Talk| {
                    let Reply::Bulk(field) = field else { panic!("no field") };
                    let value = say(talk, &[&b"HGET"[..], n, &field]);
                    let ask = [&b"HPEXPIRETIME"[..], n, b"FIELDS", b"1", &field];
                    let expires = if has_field_expiry { say(talk, &ask) } else { Reply::Nil };
                    Reply::Array(vec![Reply::Bulk(field), value, expires])
                };
                Reply::Array(fields.into_iter().map(|field| one(field, &mut talk)).collect())
            }
            "stream" => {
                let mut parts = vec![say(&mut talk, &[&b"XRANGE"[..], n, b"-", b"+"])];
                let Reply::Array(info) = say(&mut talk, &[&b"XINFO"[..], b"STREAM", n]) else { panic!("no stream") };
                let last = info.iter().position(|field| *field == Reply::bulk("last-generated-id")).unwrap();
                parts.push(info[last + 1].clone());
                parts.push(say(&mut talk, &[&b"XPENDING"[..], n, b"workers"]));
                let Reply::Array(groups) = say(&mut talk, &[&b"XINFO"[..], b"GROUPS", n]) else { panic!("no groups") };
                parts.extend(groups);
                Reply::Array(parts)
            }
            "none" => continue,
            other => panic!("a {other}"),
        };
        let expires = if has_moment {
            say(&mut talk, &[b"PEXPIRETIME", n]).int()
        } else {
            let left = say(&mut talk, &[b"PTTL", n]).int();
            if left < 0 {
                left
            } else {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
                now.as_millis() as i64 + left
            }
        };
        contents.insert(name, (format!("{kind} {value:?}"), (expires >= 0).then_some(expires)));
    }
    contents
}

/// Everything on all servers is what it was, each key once and where it belongs, and nothing of the tool is left.
#[track_caller]
fn placed(servers: &[&Server], wanted: &Contents, story: &str) {
    let mut all = Contents::new();
    for (at, server) in servers.iter().enumerate() {
        let own = server.ask(&["KEYS", "rediscluster:*"]);
        assert_eq!(own, Reply::Array(vec![]), "{story}");
        for (name, value) in contents(server, 0) {
            assert_eq!(Crc32Modulo.node_index(&name, servers.len()), at, "{story}: {}", name.escape_ascii());
            assert!(all.insert(name, value).is_none(), "{story}: twice");
        }
    }
    same(&all, wanted, story);
}

#[track_caller]
fn same(all: &Contents, wanted: &Contents, story: &str) {
    for (name, (value, expires)) in wanted {
        let shown = name.escape_ascii();
        let Some((is, at)) = all.get(name) else { panic!("{story}: {shown} is missing") };
        assert_eq!(is, value, "{story}: {shown}");
        // Servers before 7.0 do not tell the moment: it is reckoned here and there.
        let off = at.unwrap_or(0).abs_diff(expires.unwrap_or(0));
        assert!(off <= 50, "{story}: {shown} expires at {at:?} and not at {expires:?}");
    }
    assert_eq!(all.len(), wanted.len(), "{story}");
}

fn run(words: &[&str]) -> Ran {
    rediscluster(words)
}

#[track_caller]
fn ok(words: &[&str]) -> String {
    let ran = run(words);
    assert_eq!(ran.status, 0, "{words:?}\n{}{}", ran.out(), ran.err());
    ran.out()
}

/// What is said of a refusal.
#[track_caller]
fn refused(words: &[&str]) -> String {
    let ran = run(words);
    assert_eq!(ran.status, 1, "{words:?}\n{}", ran.out());
    ran.err()
}

fn whole(servers: &[&Server]) -> Contents {
    servers.iter().flat_map(|server| contents(server, 0)).collect()
}

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
    assert!(told.contains("its name leads to another node") && told.contains("nothing was written"), "{told}");
    assert_eq!(fleet[3].ask(&["DBSIZE"]).int(), 0);
    let file = fleet[0].dir().join("tags.txt");
    std::fs::write(&file, tags).unwrap();
    ok(&["--nodes", &three, "reshard", "--to", &four, "--tags", file.to_str().unwrap(), "--finish"]);
    for number in 0..60 {
        let key = format!("basket:{number}{{user{number}}}");
        assert_eq!(ok(&["--nodes", &four, "get", &key]), format!("{number}\n"));
    }
    // The same by a rule, back again; a stray stays on the node of its number.
    let stray = (0..).map(|n: u32| format!("stray{n}")).find(|n| Crc32Modulo.node_index(n.as_bytes(), 4) != 1).unwrap();
    fleet[1].ask(&["SET", &stray, "here"]);
    let rule = ["--tag-rule", "^(basket:([0-9]+))$=${1}{user$2}"];
    let words = [&["--nodes", &four, "reshard", "--to", &three][..], &rule].concat();
    assert!(refused(&words).contains("its name leads to another node"));
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

/// Our program, running beside the test.
fn spawn(words: &[&str]) -> Child {
    let program = Path::new(env!("CARGO_BIN_EXE_rediscluster"));
    Command::new(program).args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("our program")
}

/// What it said, when it has ended by itself.
fn ended(child: Child) -> (i32, String) {
    let output = child.wait_with_output().expect("its end");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

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
    fill(&all[..3], 1500);
    let wanted = whole(&all[..3]);
    let (three, four) = (list(&all[..3]), list(&all));
    for (from, to, count) in [(&three, &four, 4), (&four, &three, 3)] {
        // Slow enough to be killed on the way, both while it copies and while it deletes.
        let copy = ["--nodes", from, "reshard", "--to", to, "--untagged", "--rate", "4000", "--big", "15kb"];
        for words in [copy.to_vec(), [&copy[..], &["--finish"]].concat()] {
            for moment in moments(5) {
                let mut child = spawn(&words);
                let begun = Instant::now();
                wait_until("it ends or its moment comes", || {
                    begun.elapsed() > moment || child.try_wait().expect("its state").is_some()
                });
                let _ = child.kill();
                let (_, said) = ended(child);
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
        told.contains("clone ") && told.contains("copying") && told.contains("to go on: rediscluster clone"),
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
    assert_eq!(fleet[0].ask(&[&b"LLEN"[..], &written]).int(), 5);
    // Copied once more, all is equal, and it comes to its end.
    ok(&words);
    ok(&[&words[..], &["--finish"]].concat());
    placed(&all, &whole(&all), "after a second copy");
    assert_eq!(whole(&all).len(), 300);
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
