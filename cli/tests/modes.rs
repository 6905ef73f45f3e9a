//! The modes: on one node beside redis-cli, where that has them, and over three nodes for what they add up to.

mod program;

use program::{answered, failed, redis_cli, rediscluster, rediscluster_with, run, with, Ran};
use rediscluster_testing::{dead_address, wait_until, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{channel, Receiver};
use std::time::Duration;

fn three() -> ([Server; 3], [String; 2]) {
    let servers = [Server::start(), Server::start(), Server::start()];
    let list: Vec<String> =
        servers.iter().enumerate().map(|(at, server)| format!("node_{}={}", at + 1, server.address())).collect();
    (servers, ["--nodes".into(), list.join(",")])
}

/// Options that name one server, for ours and for redis-cli alike.
fn one(server: &Server) -> [String; 2] {
    ["-p".into(), server.port().to_string()]
}

/// Ours and redis-cli with the same words and the same input.
fn both(test: &str, server: &Server, words: &[&str], input: &[u8]) -> Option<[Ran; 2]> {
    let theirs = redis_cli(test)?;
    let options = one(server);
    let words = with(&options, words);
    let ours = Path::new(env!("CARGO_BIN_EXE_rediscluster"));
    Some([ours, theirs].map(|program| run(program, &words, &[], input)))
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// Keys of all types, each type's largest key by itself.
const KEYS: &str = "set s1 a\nset s2 abcdef\nset 'a b\\n' x\nrpush l1 1\nrpush l2 1 2 3\nhset h1 f v\nhset h2 f v g w\n\
                    sadd m1 1\nsadd m2 1 2\nzadd z1 1 a\nzadd z2 1 a 2 b 3 c\nxadd x1 1-1 f v\nxadd x2 1-1 f v\nxadd x2 1-2 f v\n";

/// Our program while it runs.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Running {
    fn start(words: &[&str]) -> Running {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rediscluster"))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("our program");
        let (sender, lines) = channel();
        // Both outputs in one, each line whole.
        let (stdout, stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        let outputs: [Box<dyn Read + Send>; 2] = [Box::new(stdout), Box::new(stderr)];
        for output in outputs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines() {
                    let _ = sender.send(line.expect("text"));
                }
            });
        }
        let stdin = child.stdin.take();
        Running { child, stdin, lines }
    }

    /// Reads lines up to one that holds this text, and gives that.
    #[track_caller]
    fn until(&self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(Duration::from_secs(20)) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(_) => panic!("no line with {text:?} came"),
            }
        }
    }

    /// Ctrl-C; what it prints from then on, and its status.
    fn interrupt(mut self) -> (String, i32) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
        let status = self.child.wait().expect("its end").code().unwrap_or(-1);
        (self.lines.iter().map(|line| line + "\n").collect(), status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn on_one_node_as_redis_cli() {
    let server = Server::start();
    answered(&rediscluster_with(&with(&one(&server), &["--pipe"]), &[], KEYS.as_bytes()), &piped(14));
    let test = "on_one_node_as_redis_cli";
    for words in [
        &["--scan"][..],
        &["--scan", "--no-raw"],
        &["--scan", "--pattern", "s*"],
        &["--scan", "--quoted-pattern", "\"a b\\x5c\\x5cn\""],
    ] {
        let Some([ours, theirs]) = both(test, &server, words, b"") else { return };
        assert_eq!((sorted(&ours.out()), ours.status), (sorted(&theirs.out()), theirs.status), "{words:?}");
    }
    for words in [
        &["--bigkeys"][..],
        &["--memkeys"],
        &["--memkeys", "--memkeys-samples", "1"],
        &["--bigkeys", "--pattern", "*1"],
    ] {
        let [ours, theirs] = both(test, &server, words, b"").expect("it was there before");
        let summary = |ran: &Ran| {
            let out = ran.out();
            let (_, summary) = out.split_once("-------- summary -------").expect("a summary");
            sorted(summary).join("\n")
        };
        assert_eq!((summary(&ours), ours.status), (summary(&theirs), theirs.status), "{words:?}");
    }
    let hotkeys = both(test, &server, &["--hotkeys"], b"").expect("it was there before");
    assert_eq!(hotkeys.map(|ran| ran.status), [1, 1], "the policy counts nothing");
    server.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"]);
    let [ours, theirs] = both(test, &server, &["--hotkeys"], b"").expect("it was there before");
    for ran in [&ours, &theirs] {
        assert!(ran.out().contains("Sampled 13 keys in the keyspace!") && ran.status == 0, "{ran:?}");
    }
    for (words, input) in [
        (
            &["--pipe"][..],
            &b"SET s1 1\r\nINCR l1\r\n*3\r\n$3\r\nSET\r\n$2\r\na\n\r\n$1\r\nb\r\nGET x y\nSET last 1"[..],
        ),
        (&["--pipe"], b""),
        (&["--pipe"], b"multi\nset a 1\nincr a\nexec\nselect 1\nset other 1\n"),
        (&["-X", "TAG", "set", "tagged", "TAG"], b"a value\n"),
        (&["-X", "TAG", "set", "TAG", "TAG"], b"v"),
        (&["-X", "TAG", "get", "tagged"], b"v"),
        (&["-X", "TAG", "-x", "get", "tagged"], b"v"),
        (&["--latency", "--bogus"], b""),
    ] {
        let [ours, theirs] = both(test, &server, words, input).expect("it was there before");
        assert_eq!((ours.out(), ours.status), (theirs.out(), theirs.status), "{words:?}: {}", ours.err());
    }
    assert_eq!(server.ask(&["GET", "v"]).text(), "TAG", "the first one is the one");
    assert_eq!(server.ask_in(1, &["GET", "other"]).text(), "1", "SELECT holds for what follows");
}

/// What `--pipe` prints of so many commands that all went well.
fn piped(replies: usize) -> String {
    format!("All data transferred. Waiting for the last reply...\nLast reply received from server.\nerrors: 0, replies: {replies}\n")
}

#[test]
fn scripts_from_files_as_redis_cli() {
    let (servers, nodes) = three();
    let file = servers[0].dir().join("script.lua");
    std::fs::write(&file, "return {KEYS[1], KEYS[2], ARGV[1], #KEYS, #ARGV}").unwrap();
    let bad = servers[0].dir().join("bad.lua");
    std::fs::write(&bad, "no script").unwrap();
    let (file, bad) = (file.to_str().expect("a path"), bad.to_str().expect("a path"));
    for words in [
        &["--eval", file, "k{t}", "l{t}", ",", "a1", "a2"][..],
        &["--eval", file, "k", ","],
        &["--eval", file, "k", ",a"],
        &["--no-raw", "--eval", file],
        &["--eval", bad],
        &["-e", "--eval", bad],
        &["--eval", "/nonexistent.lua"],
    ] {
        let Some([ours, theirs]) = both("scripts_from_files_as_redis_cli", &servers[0], words, b"") else { return };
        assert_eq!((ours.out(), ours.status), (theirs.out(), theirs.status), "{words:?}: {}", ours.err());
    }
    let routed = rediscluster(&with(&nodes, &["--eval", file, "foo", ",", "x"]));
    answered(&routed, "foo\n");
}

#[test]
fn keys_of_three_nodes() {
    let (servers, nodes) = three();
    let many: String = (0..500).map(|nth| format!("set key:{nth} {nth}\n")).collect();
    answered(&rediscluster_with(&with(&nodes, &["--pipe"]), &[], (many + KEYS).as_bytes()), &piped(514));
    let sizes: Vec<i64> = servers.iter().map(|server| server.ask(&["DBSIZE"]).int()).collect();
    assert!(sizes.iter().all(|size| *size > 100), "{sizes:?}");

    let ran = rediscluster(&with(
        &nodes,
        &["--scan", "--with-node", "--count", "7", "--type", "string", "--pattern", "key:*"],
    ));
    let out = ran.out();
    let found: BTreeSet<(&str, &str)> = out.lines().filter_map(|line| line.split_once('\t')).collect();
    assert_eq!((found.len(), ran.status), (500, 0), "{}", ran.err());
    let mut of_node: BTreeMap<&str, usize> = BTreeMap::new();
    for (node, key) in &found {
        *of_node.entry(node).or_default() += 1;
        let at: usize = node["node_".len()..].parse().expect("a number");
        assert_eq!(servers[at - 1].ask(&["EXISTS", key]).int(), 1, "{key} is on {node}");
    }
    let json = rediscluster(&with(&nodes, &["--scan", "--with-node", "--json", "--pattern", "a b*"]));
    assert!(
        json.out().starts_with("{\"node\":\"node_") && json.out().ends_with("\"key\":\"a b\\\\n\"}\n"),
        "{}",
        json.out()
    );
    let only = rediscluster(&with(&nodes, &["--scan", "--on", "node_2"]));
    assert_eq!(only.out().lines().count() as i64, sizes[1]);

    let running = Running::start(&with(&nodes, &["--scan", "--count", "1", "-i", "0.2"]));
    running.until("");
    let (told, status) = running.interrupt();
    assert!(told.contains("rediscluster: stopped; so far ") && status == 130, "{told}");

    let ran = rediscluster(&with(&nodes, &["--bigkeys"]));
    let out = ran.out();
    for line in
        ["Sampled 513 keys in the keyspace!", "503 strings with ", "2 lists with 4 items", "2 streams with 3 entries"]
    {
        assert!(out.contains(line), "{line}: {out}");
    }
    for (at, size) in sizes.iter().enumerate() {
        let line = out.lines().find(|line| line.starts_with(&format!("node_{} ", at + 1))).expect("its line");
        assert_eq!(line.split_whitespace().nth(1), Some(size.to_string().as_str()), "{line}");
        assert!(line.ends_with("done"), "{line}");
    }
    let ran = rediscluster(&with(&nodes, &["--memkeys"]));
    assert!(ran.out().contains("Sampled 513 keys") && ran.status == 0, "{}", ran.err());

    servers[1].ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"]);
    let ran = rediscluster(&with(&nodes, &["--hotkeys"]));
    assert_eq!(ran.status, 1, "two of three cannot tell");
    let policy = "its maxmemory-policy is none of *lfu, so it counts no uses";
    assert_eq!(ran.err(), format!("rediscluster: node_1: {policy}\nrediscluster: node_3: {policy}\n"));
    assert!(ran.out().contains(&format!("Sampled {} keys", sizes[1])), "{}", ran.out());
}

#[test]
fn what_is_missing_of_a_walk_is_told() {
    let (mut servers, nodes) = three();
    servers[0].ask(&["SET", "here", "1"]);
    servers[2].kill();
    for mode in ["--scan", "--bigkeys", "--memkeys"] {
        let ran = rediscluster(&with(&nodes, &[mode]));
        assert_eq!(ran.status, 1);
        assert!(ran.err().starts_with("rediscluster: node_3: ") && ran.err().lines().count() == 1, "{}", ran.err());
        assert!(ran.out().contains("here"), "the others are shown: {}", ran.out());
    }
    // Two names for one server.
    let twice = format!("a={},b={}", servers[0].address(), servers[0].address());
    let ran = rediscluster(&["--nodes", &twice, "--scan"]);
    assert_eq!((ran.out().as_str(), ran.status), ("here\n", 0));
    assert_eq!(ran.err(), "rediscluster: b is the same server as a and counts once\n");
}

#[test]
fn errors_of_a_pipe_have_their_lines() {
    let (mut servers, nodes) = three();
    let mut input: Vec<u8> = (0..30_000).flat_map(|nth| format!("SET key:{nth} {nth}\r\n").into_bytes()).collect();
    input.extend_from_slice(b"*3\r\n$5\r\nlpush\r\n$5\r\nkey:1\r\n$1\r\nx\r\nget\r\nset a 1");
    let ran = rediscluster_with(&with(&nodes, &["--pipe"]), &[], &input);
    assert_eq!(ran.status, 1);
    assert!(ran.out().ends_with("errors: 2, replies: 30003\n"), "{}", ran.out());
    let wrong = "line 30001: WRONGTYPE Operation against a key holding the wrong kind of value\n";
    assert_eq!(ran.err(), format!("{wrong}line 30008: ERR wrong number of arguments for 'get' command\n"));
    let size: i64 = servers.iter().map(|server| server.ask(&["DBSIZE"]).int()).sum();
    assert_eq!(size, 30_001);

    // What cannot be understood ends it, and what came before is run.
    for target in [nodes.to_vec(), one(&servers[0]).to_vec()] {
        let ran = rediscluster_with(&with(&target, &["--pipe"]), &[], b"set before 1\n\nset \"open\nset behind 1\n");
        assert_eq!((ran.out().as_str(), ran.status), ("errors: 0, replies: 1\n", 1), "{}", ran.err());
        assert_eq!(ran.err(), "line 3: unbalanced quotes in request\n");
        let ran = rediscluster_with(&with(&target, &["--pipe"]), &[], b"*2\r\n$3\r\nGET\r\n");
        assert_eq!((ran.err().as_str(), ran.status), ("line 1: the input ends within a command\n", 1));
    }

    // A node that is down fails the commands for its own keys.
    servers[1].kill();
    let input: String = (0..60).map(|nth| format!("set key:{nth} new\n")).collect();
    let ran = rediscluster_with(&with(&nodes, &["--pipe"]), &[], input.as_bytes());
    let last = ran.out().lines().last().expect("totals").to_owned();
    let figures: Vec<u64> =
        last.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    assert!(figures.len() == 3 && figures[0] == figures[2] && figures[0] + figures[1] == 60, "{last}");
    assert_eq!(ran.status, 1);
    assert!(
        ran.err().lines().next().is_some_and(|line| line.starts_with("line ") && line.contains("node_2")),
        "{}",
        ran.err()
    );
    assert_eq!(ran.err().lines().count(), 11, "ten, and that there are more: {}", ran.err());
    servers[0].kill();
    let ran = rediscluster_with(&with(&one(&servers[0]), &["--pipe"]), &[], input.as_bytes());
    assert!(failed(&ran).contains("refused"), "{}", ran.err());
}

#[test]
fn a_pipe_runs_what_has_come_and_stops_at_ctrl_c() {
    let (servers, nodes) = three();
    for target in [nodes.to_vec(), one(&servers[0]).to_vec()] {
        servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
        let mut running = Running::start(&with(&target, &["--pipe"]));
        let stdin = running.stdin.as_mut().expect("a pipe");
        stdin.write_all(b"set a 1\nset b 1\nset c 1\nget ").unwrap();
        let size = || servers.iter().map(|server| server.ask(&["DBSIZE"]).int()).sum::<i64>();
        wait_until("what has come is run, though more is to come", || size() == 3);
        let (told, status) = running.interrupt();
        assert_eq!(status, 130, "{told}");
        assert!(told.contains("Stopped; what was sent has its replies.\nerrors: 0, replies: 3\n"), "{told}");
    }
}

#[test]
fn figures_of_all_nodes() {
    let (mut servers, nodes) = three();
    let head = "------- data ------ --------------------- load -------------------- - child -\n\
                keys       mem      clients blocked requests            connections          \n";
    let ran = rediscluster(&with(&one(&servers[0]), &["--stat", "-r", "1"]));
    assert!(ran.out().starts_with(head) && ran.out().lines().count() == 3, "{}", ran.out());
    servers[1].ask(&["SET", "a", "1"]);
    servers[2].ask_in(3, &["SET", "b", "1"]);
    let ran = rediscluster(&with(&nodes, &["--stat", "-r", "2", "-i", "0.05"]));
    let out = ran.out();
    let keys: Vec<(&str, &str)> = out
        .lines()
        .skip(2)
        .filter_map(|line| Some((line.split_whitespace().next()?, line.split_whitespace().nth(1)?)))
        .collect();
    let look = [("node_1", "0"), ("node_2", "1"), ("node_3", "1"), ("total", "2")];
    assert_eq!(keys, [look, look].concat(), "{out}");

    let ran = rediscluster(&with(&one(&servers[0]), &["--latency", "-i", "0.1"]));
    assert_eq!(
        (ran.out().split_whitespace().count(), ran.out().lines().count(), ran.status),
        (4, 1, 0),
        "{}",
        ran.out()
    );
    let ran = rediscluster(&with(&nodes, &["--latency", "--csv", "-i", "0.1"]));
    let first: Vec<String> = ran.out().lines().map(|line| line.split(',').next().unwrap_or("").to_owned()).collect();
    assert_eq!(first, ["node_1", "node_2", "node_3", "all"], "{}", ran.out());

    servers[1].kill();
    let ran = rediscluster(&with(&nodes, &["--stat", "-r", "1"]));
    assert!(ran.out().contains("\nnode_2  no answer: ") && ran.status == 1, "{}", ran.out());
    let ran = rediscluster(&with(&nodes, &["--latency", "-i", "0.1"]));
    assert!(ran.out().contains("no answer: ") && ran.status == 1, "{}", ran.out());

    let running = Running::start(&with(&nodes, &["--latency-history", "-i", "0.1", "--no-raw"]));
    running.until("seconds range");
    let (_, status) = running.interrupt();
    assert_eq!(status, 1, "one node does not answer");
    let running = Running::start(&with(&one(&servers[0]), &["--stat", "-i", "0.05"]));
    running.until("(+1)");
    let (told, status) = running.interrupt();
    assert!(told.contains(" requests in ") && status == 0, "{told}");
}

#[test]
fn messages_of_all_nodes_with_their_node() {
    let (mut servers, nodes) = three();
    let channels: Vec<String> = (0..20).map(|nth| format!("channel:{nth}")).collect();
    let home = |channel: &str| {
        let ran = rediscluster(&with(&nodes, &["node-for", channel]));
        ran.out().split('\t').nth(1).expect("a node").to_owned()
    };
    let names: Vec<&str> = channels.iter().map(String::as_str).collect();
    let subscribe = Running::start(&with(&nodes, &with(&["subscribe".to_owned()], &names)));
    let psubscribe = Running::start(&with(&nodes, &["--json", "psubscribe", "chan*"]));
    let monitor = Running::start(&with(&nodes, &["monitor"]));
    for _ in 0..3 {
        monitor.until(" OK");
    }
    let counted = |what: &[&str]| servers.iter().map(|server| server.ask(what).int()).collect::<Vec<_>>();
    wait_until("each node has the pattern", || counted(&["PUBSUB", "NUMPAT"]) == [1, 1, 1]);
    let channels_of =
        |server: &Server| server.field("stats", "pubsub_channels").and_then(|count| count.parse::<u32>().ok());
    let subscribed = || servers.iter().filter_map(channels_of).sum::<u32>();
    wait_until("all channels are listened to", || subscribed() == 20);
    for channel in &channels {
        answered(&rediscluster(&with(&nodes, &["publish", channel, "hello"])), "2\n");
        let node = home(channel);
        assert_eq!(subscribe.until(channel), format!("{node}\tmessage\t{channel}\thello"));
        let wanted = format!("{{\"node\":\"{node}\",\"type\":\"pmessage\",\"pattern\":\"chan*\",\"channel\":\"{channel}\",\"message\":\"hello\"}}");
        assert_eq!(psubscribe.until(channel), wanted);
        assert!(monitor.until(channel).starts_with(&format!("{node} ")));
    }
    // A node that is lost is told, and is listened to again when it is back.
    servers[1].kill();
    for running in [&subscribe, &psubscribe, &monitor] {
        assert!(running.until("node_2").contains("lost"));
    }
    servers[1].restart();
    for running in [&subscribe, &psubscribe, &monitor] {
        assert!(running.until("node_2").contains("back"));
    }
    let channel = channels.iter().find(|channel| home(channel) == "node_2").expect("one of 20");
    answered(&rediscluster(&with(&nodes, &["publish", channel, "again"])), "2\n");
    assert!(subscribe.until("again").starts_with("node_2\t"));
    let (told, status) = subscribe.interrupt();
    assert!(told.contains("21 messages: node_1 ") && status == 0, "{told}");
    let (told, status) = monitor.interrupt();
    assert!(told.contains(" commands: node_1 ") && status == 0, "{told}");
    let (_, status) = psubscribe.interrupt();
    assert_eq!(status, 0);
}

#[test]
fn messages_of_one_server_as_redis_cli() {
    let server = Server::start();
    let options = one(&server);
    for (mode, wanted) in [
        ("--raw", "subscribe\nnews\n1\nmessage\nnews\nhello\n"),
        ("--json", "Reading messages... (press Ctrl-C to quit)\n[\"subscribe\",\"news\",1]\n[\"message\",\"news\",\"hello\"]\n"),
    ] {
        let running = Running::start(&with(&options, &[mode, "subscribe", "news"]));
        wait_until("it is subscribed", || server.ask(&["PUBLISH", "news", "hello"]).int() == 1);
        let mut out = String::new();
        while !out.contains("hello") {
            out += &running.lines.recv_timeout(Duration::from_secs(20)).expect("a line");
            out.push('\n');
        }
        assert_eq!(out, wanted);
        assert_eq!(running.interrupt().1, 0);
    }
    let running = Running::start(&with(&options, &["monitor"]));
    assert_eq!(running.until("OK"), "OK");
    server.ask(&["GET", "a b"]);
    assert!(running.until("GET").ends_with("] \"GET\" \"a b\""));
    server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    assert!(running.until("rediscluster: ").contains("connection"), "a server that is lost ends it");
    assert_eq!(running.interrupt().1, 1);
}

#[test]
fn pushes_as_redis_cli() {
    let server = Server::start();
    let script = b"client tracking on\nget a\nget b\nset a 1\nping\nmset a 2 b 3\nping\nflushall\nping\n";
    for words in [
        &["-3", "--no-raw", "--show-pushes", "yes"][..],
        &["-3", "--show-pushes", "y"],
        &["-3", "--csv", "--show-pushes", "yes"],
        &["-3", "--no-raw", "--show-pushes", "no"],
        &["-3", "--no-raw"],
    ] {
        let Some([ours, theirs]) = both("pushes_as_redis_cli", &server, words, script) else { return };
        assert_eq!(
            (sorted(&ours.out()), ours.status),
            (sorted(&theirs.out()), theirs.status),
            "{words:?}: {}",
            ours.err()
        );
        assert_eq!(ours.out().contains("invalidate"), words.contains(&"--show-pushes") && !words.contains(&"no"));
    }
}

#[test]
fn named_servers() {
    let (mut servers, nodes) = three();
    servers[1].ask(&["SET", "stray", "1"]);
    let port = |at: usize| servers[at].port().to_string();
    answered(&rediscluster(&with(&nodes, &["--on", "node_2", "get", "stray"])), "1\n");
    answered(
        &rediscluster(&with(&nodes, &["--on", "node_2", "config", "get", "port"])),
        &format!("port\n{}\n", port(1)),
    );
    answered(
        &rediscluster(&with(&nodes, &["--direct", "node_3", "config", "get", "port"])),
        &format!("port\n{}\n", port(2)),
    );
    answered(&rediscluster_with(&with(&nodes, &["--on", "node_2"]), &[], b"get stray\ndbsize\n"), "1\n1\n");
    let each = rediscluster(&with(&nodes, &["--on-each", "--json", "dbsize"]));
    answered(&each, "{\"node_1\":0,\"node_2\":1,\"node_3\":0}\n");
    assert!(failed(&rediscluster(&with(&nodes, &["--on", "node_9", "ping"]))).contains("no server of the name node_9"));
    assert!(failed(&rediscluster(&with(&nodes, &["--on", "node_1", "nodes"]))).contains("for Redis commands"));
    assert!(failed(&rediscluster(&with(&nodes, &["--on-each", "multi"]))).contains("--direct"));
    assert!(failed(&rediscluster(&with(&one(&servers[0]), &["--on", "node_1", "ping"])))
        .contains("--on is about all nodes"));
    let replica = Server::replica_of(&servers[0], &[]);
    let name = format!("node_1/{}", replica.address());
    let role = rediscluster(&with(&nodes, &["--on", &name, "config", "get", "port"]));
    answered(&role, &format!("port\n{}\n", replica.port()));

    servers[2].kill();
    let ran = rediscluster(&with(&nodes, &["--on-each", "--json", "dbsize"]));
    assert!(ran.out().starts_with("{\"node_1\":0,\"node_2\":1,\"node_3\":error:\"ERR ") && ran.status == 1, "{ran:?}");
}

#[test]
fn one_server_by_its_socket_or_uri() {
    let directory = Server::start();
    let socket = directory.dir().join("redis sock");
    let socket = socket.to_str().expect("a path");
    let server = Server::builder().args(&["--unixsocket", socket]).password("s3cret").start();
    let port = format!("port\n{}\n", server.port());
    let get = ["config", "get", "port"];
    answered(
        &rediscluster_with(&with(&["-s".into(), socket.into()], &get), &[("REDISCLI_AUTH", "s3cret")], b""),
        &port,
    );
    let over = ["-s".to_owned(), socket.to_owned(), "-p".to_owned(), "1".to_owned()];
    answered(&rediscluster_with(&with(&over, &get), &[("REDISCLI_AUTH", "s3cret")], b""), &port);
    let uri = format!("redis://default:s3cret@{}/2", server.address());
    answered(&rediscluster(&["-u", &uri, "set", "in", "two"]), "OK\n");
    assert_eq!(server.ask_in(2, &["GET", "in"]).text(), "two");
    let message = failed(&rediscluster(&["-u", &uri, "-h", "x", "ping"]));
    assert_eq!(message, "-u names a server, and so do -h and -p: give one of them");
    let asked = ["--askpass".into(), "-p".into(), server.port().to_string()];
    let asked = with(&asked, &["ping"]);
    let ran = rediscluster_with(&asked, &[("REDISCLI_AUTH", "wrong")], b"s3cret\n");
    assert_eq!((ran.out().as_str(), ran.err().as_str(), ran.status), ("PONG\n", "Please input password: \n", 0));
    let ran = rediscluster_with(&asked, &[("REDISCLI_AUTH", "s3cret")], b"wrong\n");
    assert!(ran.status == 1 && ran.err().contains("WRONGPASS"), "{ran:?}");
}

#[test]
fn what_is_not_here_says_what_is_instead() {
    let nodes = ["--nodes".to_owned(), format!("node_1={}", dead_address())];
    for (line, instead) in [
        (&["--cluster", "info"][..], "recover"),
        (&["--rdb", "file"], "redis-cli -h HOST"),
        (&["--functions-rdb=file"], "redis-cli -h HOST"),
        (&["--replica"], "monitor"),
        (&["--lru-test", "100"], "redis-cli -h HOST"),
        (&["--latency-dist"], "--latency-history"),
        (&["-c", "get", "x"], "keys"),
        (&["--scan", "--bigkeys"], "one at a time"),
        (&["--pattern", "x", "get", "a"], "a mode that was not asked for"),
        (&["--stat", "--pattern", "x"], "--pattern"),
        (&["--scan", "get", "a"], "takes no command"),
        (&["--scan", "--on", "node_7"], "no node of the name node_7"),
        (&["--stat", "--on-each"], "--on-each"),
    ] {
        let ran = rediscluster(&with(&nodes, line));
        assert!(ran.status == 1 && ran.err().contains(instead), "{line:?}: {}", ran.err());
    }
}
