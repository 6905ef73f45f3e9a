//! For the same command the output and the exit status are those of redis-cli.

mod program;

use program::{argument, redis_cli, rediscluster_with, run, words};
use rediscluster::spec::{self, Access, WaitArgument};
use rediscluster_testing::{ScriptedPeer, Server};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// How replies are shown, and the protocol that brings them.
const WAYS: [&[&str]; 8] = [
    &["--raw"],
    &["--no-raw"],
    &["--json"],
    &["-3", "--raw"],
    &["-3", "--no-raw"],
    &["-2", "--json"],
    &["--quoted-json"],
    &["--csv"],
];

/// Commands that do not change the data of [`fill`], one a line, quoted as in a shell.
const READS: &str = include_str!("commands/reads.txt");

/// Commands that change data; the data are made anew before each.
const WRITES: &str = include_str!("commands/writes.txt");

/// Replies that are hard to get from a real server, as they come over the wire, with `\r`, `\n`, `\t` and `\\`. In
/// front of each the protocols that have it.
const SHAPES: &str = include_str!("commands/shapes.txt");

/// The same data every time.
fn fill(server: &Server) {
    let mut talk = server.talk(Duration::from_secs(10)).expect("a connection");
    let mut send = |words: &[&[u8]]| talk.call(words).expect("a reply");
    send(&[b"FLUSHALL"]);
    for line in include_str!("commands/data.txt").lines() {
        let words = words(line);
        send(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    let all: Vec<u8> = (0..=255).collect();
    send(&[b"SET", b"binary", &all]);
    send(&[b"HSET", b"binaryhash", &all, b"\0\r\n"]);
    send(&[b"SET", b"long", "0123456789".repeat(20_000).as_bytes()]);
    let numbers: Vec<String> = (0..120).map(|number| number.to_string()).collect();
    let push = [&b"RPUSH"[..], b"manyitems"].into_iter().chain(numbers.iter().map(String::as_bytes));
    send(&push.collect::<Vec<_>>());
}

/// Where our program is pointed at the one server: as `--direct`, and as a cluster of one node.
fn targets(server: &Server) -> [Vec<OsString>; 2] {
    let address = server.address();
    [vec!["--direct".into(), address.clone().into()], vec!["--node".into(), format!("only={address}").into()]]
}

/// What the command table says that a cluster runs. The reply to some is about the connection itself.
fn runs_on_a_cluster(words: &[Vec<u8>]) -> bool {
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    spec::find(&words).is_some_and(|spec| spec.access != Access::Connection)
}

struct Comparison<'s> {
    cli: &'s Path,
    server: &'s Server,
    /// Brings the server into the same state before each run.
    before: fn(&Server),
}

impl Comparison<'_> {
    /// Runs the words through both programs with the same options and the same input.
    fn check(&self, options: &[&str], words: &[Vec<u8>], input: &[u8]) {
        let mut rest: Vec<OsString> = options.iter().map(OsString::from).collect();
        rest.extend(words.iter().map(|word| argument(word)));
        let port = self.server.port().to_string();
        let line = [&["-p".into(), port.into()], rest.as_slice()].concat();
        (self.before)(self.server);
        let theirs = run(self.cli, &line, &[], input);
        for (at, target) in targets(self.server).into_iter().enumerate() {
            // A script goes to one connection only when there is no routing.
            if at == 1 && !runs_on_a_cluster(words) {
                continue;
            }
            let line = [target, rest.clone()].concat();
            (self.before)(self.server);
            let ours = rediscluster_with(&line, &[], input);
            // With -e the status of redis-cli says nothing of a script.
            let status = if words.is_empty() && options.contains(&"-e") { ours.status } else { theirs.status };
            let input = String::from_utf8_lossy(input);
            assert_eq!(
                (shown(&ours.out), ours.status),
                (shown(&with_valid_numbers(&theirs.out, options)), status),
                "ours (left) differs from redis-cli (right) for {line:?}, input {input:?}; our errors: {}",
                ours.err()
            );
        }
    }
}

/// The output of redis-cli, where `inf` and `nan`, which are no numbers in JSON, are in quotes as they are in ours.
fn with_valid_numbers(theirs: &[u8], options: &[&str]) -> Vec<u8> {
    if !options.iter().any(|option| option.ends_with("json")) {
        return theirs.to_vec();
    }
    let mut out = Vec::new();
    let mut rest = theirs;
    while let Some(&first) = rest.first() {
        let length = if first == b'"' {
            let mut bytes = rest.iter().enumerate().skip(1);
            let mut end = rest.len();
            while let Some((at, byte)) = bytes.next() {
                match byte {
                    b'\\' => drop(bytes.next()),
                    b'"' => {
                        end = at + 1;
                        break;
                    }
                    _ => {}
                }
            }
            end
        } else {
            rest.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'-').count().max(1)
        };
        let (token, after) = rest.split_at(length);
        match token {
            b"inf" | b"-inf" | b"nan" | b"-nan" => out.extend([b"\"", token, b"\""].concat()),
            other => out.extend_from_slice(other),
        }
        rest = after;
    }
    out
}

/// The output as text in which every byte can be seen, without how long a command took that was not at once, as both say of
/// what took half a second on a terminal: that is up to the machine.
fn shown(out: &[u8]) -> String {
    let took = |line: &[u8]| {
        let seconds = line.strip_prefix(b"(").and_then(|line| line.strip_suffix(b"s)\n"));
        seconds
            .is_some_and(|seconds| seconds.contains(&b'.') && seconds.iter().all(|c| c.is_ascii_digit() || *c == b'.'))
    };
    let lines = out.split_inclusive(|&byte| byte == b'\n').filter(|line| !took(line));
    lines.map(|line| line.escape_ascii().to_string()).collect()
}

#[test]
fn reads() {
    let Some(cli) = redis_cli("reads") else { return };
    let server = Server::start();
    fill(&server);
    let comparison = Comparison { cli, server: &server, before: |_| {} };
    for line in READS.lines() {
        for way in WAYS {
            comparison.check(way, &words(line), b"");
        }
    }
}

#[test]
fn writes() {
    let Some(cli) = redis_cli("writes") else { return };
    let server = Server::start();
    let comparison = Comparison { cli, server: &server, before: fill };
    for line in WRITES.lines() {
        for way in &WAYS[..6] {
            comparison.check(way, &words(line), b"");
        }
    }
}

fn unescaped(text: &str) -> String {
    [("\\r", "\r"), ("\\n", "\n"), ("\\t", "\t")]
        .iter()
        .fold(text.to_owned(), |text, (escape, byte)| text.replace(escape, byte))
        .replace("\\\\", "\\")
}

#[test]
fn shapes() {
    let Some(cli) = redis_cli("shapes") else { return };
    let peer = ScriptedPeer::answering(|command| match command[0].to_ascii_lowercase().as_slice() {
        b"hello" => b"%0\r\n".to_vec(),
        b"shape" => command[1].clone(),
        _ => b"$7\r\na\"\n\\\x01\xc3\xa9\r\n".to_vec(),
    });
    let port = peer.port().to_string();
    let address = peer.address();
    let check = |words: &[&str]| {
        let theirs = run(cli, &[&["-p", &port], words].concat(), &[], b"");
        let ours = rediscluster_with(&[&["--direct", &address], words].concat(), &[], b"");
        let both = [(shown(&ours.out), ours.status), (shown(&with_valid_numbers(&theirs.out, words)), theirs.status)];
        assert_eq!(
            both[0],
            both[1],
            "ours (left) differs from redis-cli (right) for {words:?}; our errors: {}",
            ours.err()
        );
    };
    for line in SHAPES.lines() {
        let (protocols, reply) = line.split_once(' ').expect("two columns");
        let reply = unescaped(reply.trim_start());
        let reply = reply.as_str();
        for mode in ["--raw", "--no-raw", "--json", "--quoted-json", "--csv"] {
            check(&[mode, "-3", "shape", reply]);
            if protocols == "both" {
                check(&[mode, "-2", "shape", reply]);
            }
        }
        check(&["--raw", "-3", "-d", ", ", "-D", "|\\n", "shape", reply]);
        check(&["--raw", "-3", "-d", "", "-D", "", "-r", "2", "shape", reply]);
        check(&["--raw", "-3", "-e", "shape", reply]);
    }
    for command in [
        "info",
        "info x",
        "INFO",
        "lolwut",
        "lolwut version 5",
        "debug htstats",
        "debug htstats 9",
        "debug HTSTATS-KEY k",
        "debug client-eviction",
        "debug object x",
        "debug",
        "memory",
        "memory malloc-stats",
        "memory doctor",
        "memory malloc-stats x",
        "memory stats",
        "cluster nodes",
        "cluster info",
        "cluster nodes x",
        "cluster slots",
        "cluster myid",
        "client list",
        "client list id 1",
        "Client Info",
        "client info x",
        "client id",
        "latency graph",
        "latency graph e",
        "latency graph e x",
        "latency doctor",
        "latency doctor x",
        "latency latest",
        "proxy info",
        "proxy info x",
        "config get x",
        "acl list",
        "dump x",
        "sentinel info-cache",
        "role",
        "get info",
    ] {
        for mode in ["--raw", "--no-raw", "--json", "--csv"] {
            let words: Vec<&str> = [mode, "-D", ";"].into_iter().chain(command.split(' ')).collect();
            check(&words);
        }
    }
}

#[test]
fn options_of_redis_cli() {
    let Some(cli) = redis_cli("options_of_redis_cli") else { return };
    let server = Server::start();
    let comparison = Comparison { cli, server: &server, before: fill };
    let check = |options: &[&str], line: &str, input: &[u8]| comparison.check(options, &words(line), input);
    for mode in ["--raw", "--no-raw", "--json"] {
        check(&[mode, "-e"], "get string", b"");
        check(&[mode, "-e"], "incr string", b"");
        check(&[mode, "-e", "-r", "3"], "incr string", b"");
        check(&[mode, "-e"], "get", b"");
        check(&[mode, "-e"], "eval 'return {1, {err=\"x\"}}' 0", b"");
        check(&[mode, "-r", "3"], "incr number", b"");
        check(&[mode, "-r", "3"], "incr string", b"");
        check(&[mode, "-r", "0"], "incr number", b"");
        check(&[mode, "-r", "2", "-i", "0.01"], "incr number", b"");
        check(&[mode, "-n", "3"], "get string", b"");
        check(&[mode, "-n", "3", "-r", "2"], "incr number", b"");
        check(&[mode, "-x"], "echo", b"a\n\0\xff");
        check(&[mode, "-x"], "get", b"string");
        check(&[mode, "-x"], "get", b"");
        check(&[mode, "-x", "-r", "2"], "rpush list", b"x\n");
    }
    for (options, line) in [
        (&["--raw", "--json"][..], "hgetall hash"),
        (&["--json", "--raw", "--no-raw"], "hgetall hash"),
        (&["-2", "--json"], "hgetall hash"),
        (&[], "lrange list 0 -1"),
        (&["-d", ","], "lrange list 0 -1"),
        (&["-D", "", "-d", ""], "lrange list 0 -1"),
        (&["-D", ";", "-r", "3"], "get string"),
        (&["-D", ";", "-r", "2"], "info replication"),
        (&["--quoted-input", "--no-raw"], r#"echo '"a\x41\x00b"'"#),
        (&["--quoted-input", "--no-raw"], r#"echo '"a'"#),
        (&["--quoted-input", "--no-raw"], r#"echo 'a"b"'"#),
        (&["--quoted-input", "--no-raw"], r#"echo '"a" b'"#),
        (&["--quoted-input", "--no-raw"], "echo ''"),
        (&["--no-raw"], "get string --raw"),
        (&[], "set string -1"),
        (&[], "set string -- get"),
    ] {
        check(options, line, b"");
    }
    // No command at all: standard input is the command, or has the commands.
    check(&["-x"], "", b"ping");
    for options in [&["--bogus"][..], &["-q"], &["-n"], &["-r"], &["--", "ping"]] {
        let theirs = run(cli, options, &[], b"");
        let ours = rediscluster_with(options, &[], b"");
        assert_eq!((ours.out.as_slice(), ours.status), (&[][..], 1), "{options:?}: {}", ours.err());
        assert_eq!(ours.status, theirs.status, "{options:?}");
    }
}

#[test]
fn scripts() {
    let Some(cli) = redis_cli("scripts") else { return };
    let server = Server::start();
    let comparison = Comparison { cli, server: &server, before: fill };
    for script in [
        "",
        "\n\n  \n\t\r\n",
        "ping",
        "ping\nget string\n",
        "get string\r\nget number\r\n",
        "  echo   a   \n",
        "echo a\tb\n",
        "echo \"a\\x41\\n\\r\\t\\b\\a\\q\\\"z\\\\\"\n",
        "echo 'a\\'b\\n\\x41\"'\n",
        "echo \"a\n",
        "echo 'a\n",
        "echo \"a\"b\n",
        "echo 'a'b\n",
        "echo a\"b\"\n",
        "echo a\"b c\"\n",
        "echo a'b c'\n",
        "echo \"\\x4\"\n",
        "echo \"\\xZZ\"\n",
        "echo \"\\",
        "echo \\x41\\n\n",
        "echo '\\x41\\\\'\n",
        "echo \"\"\n",
        "echo ''\n",
        "\"\"\n",
        "\"get\" \"string\"\n",
        "echo \u{e9}\n",
        "echo \"\\xff\\x00\"\n",
        "\u{b}\u{c} echo a\n",
        "echo a\u{b}b\n",
        "echo \"a\" \"b\n",
        "echo 'it''s'\n",
        "get \"\nget string\n",
        "incr string\nget string\n",
        "nosuch\nget string\n",
        "get\nping\n",
        "#comment\nping\n",
        "get nosuch\nkeys nosuch*\nget empty\n",
        "5 incr number\n",
        "05 incr number\n",
        "+2 incr number\n",
        "5   incr   number\n",
        "1.5 incr number\n",
        "2x incr number\n",
        "5\n",
        "2 2 incr number\n",
        "2 \"\"\n",
        "\"2\" incr number\n",
        "2 incr string\nget number\n",
        "quit\nping\n",
        "exit\nping\n",
        "QUIT\nping\n",
        "exit now\nping\n",
        "ping\nquit",
        "multi\nset a 1\nget a\nexec\nget a\n",
        "select 3\nset in3 1\nkeys *\n",
        "multi\nnosuch\nexec\n",
        "watch string\nmulti\nset string 2\nexec\n",
        "set a 'two words'\nget a\n",
        "get long\n",
        "config set\nSET\n",
    ] {
        for options in [&["--raw"][..], &["--no-raw"], &["--json"], &["-3", "--no-raw"], &["-e"], &["-r", "3"]] {
            comparison.check(options, &[], script.as_bytes());
        }
    }
}

/// Not for random scripts: commands whose replies depend on the time, on chance or on the connection, and those of either
/// program itself.
const UNSTEADY: &str =
    "? :set auth bgrewriteaof bgsave clear client command commands config connect debug dump exit explain \
    hello help hrandfield info lastsave latency lolwut memory module monitor node-for nodes pexpiretime pttl quit \
    randomkey recover slowlog spop srandmember time wait xadd zrandmember";

/// What a line runs: a number in front of it is a count.
fn counted(words: &[Vec<u8>]) -> &[Vec<u8>] {
    let is_count = |word: &Vec<u8>| word.iter().all(|byte| b"+-0123456789".contains(byte));
    &words[words.iter().take_while(|word| is_count(word)).count()..]
}

fn is_steady(words: &[Vec<u8>]) -> bool {
    let words = counted(words);
    let name = words.first().map(|word| String::from_utf8_lossy(word).to_lowercase()).unwrap_or_default();
    let parts: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let waits = spec::find(&parts).is_some_and(|row| row.wait != WaitArgument::None);
    // In errors, what is no text is shown as such.
    let is_text = words.iter().flatten().all(|byte| (b' '..=b'~').contains(byte));
    // A key with milliseconds to live is there for one program and gone for the other.
    is_text && !waits && name != "pexpire" && !UNSTEADY.split_whitespace().any(|unsteady| unsteady == name)
}

fn changes_connection(words: &[Vec<u8>]) -> bool {
    let parts: Vec<&[u8]> = counted(words).iter().map(Vec::as_slice).collect();
    spec::find(&parts).is_some_and(|row| row.access == Access::Connection)
}

/// Numbers without a plan, the same ones for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % count as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// A line of a script: a command of the lists above, as it is there or with words that are left out, doubled, of another
/// command or of no sense. `direct` allows what changes its connection.
fn line(dice: &mut Dice, commands: &[Vec<Vec<u8>>], direct: bool) -> (Vec<Vec<u8>>, String) {
    const STRANGE: [&str; 13] =
        ["", "nosuch", "NOSUCH", "-1", "0", "1.5", "99999999999999999999", "a b", "it's", "\"x\"", "\\", "list", "(x"];
    const OF_A_CONNECTION: [&str; 8] =
        ["multi", "exec", "discard", "watch string", "unwatch", "select 1", "select 0", "select nosuch"];
    if direct && dice.below(12) == 0 {
        let line = *dice.one(&OF_A_CONNECTION);
        return (words(line), line.to_owned());
    }
    let mut words = dice.one(commands).clone();
    while dice.below(3) == 0 && !words.is_empty() {
        let at = dice.below(words.len());
        match dice.below(6) {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[at].clone()),
            2 => {
                let other = dice.one(commands);
                words[at] = dice.one(other).clone();
            }
            3 => words[at].make_ascii_uppercase(),
            4 => words.push(dice.one(&STRANGE).as_bytes().to_vec()),
            _ => words[at] = dice.one(&STRANGE).as_bytes().to_vec(),
        }
    }
    let quoted: Vec<String> =
        words.iter().map(|word| format!("\"{}\"", word.escape_ascii().to_string().replace("\\'", "'"))).collect();
    let line = match dice.below(40) {
        0 => format!("{} {}", 1 + dice.below(3), quoted.join(" ")),
        1 => quoted.join(" ") + "\"",
        _ => quoted.join(" "),
    };
    (words, line)
}

/// Long scripts of any commands, wrong ones included: on one node every byte of the output is that of redis-cli. The seed
/// is told when it is not, and `SCRIPT_SEED` starts with it; `SCRIPTS` is how many there are.
#[test]
fn random_scripts() {
    let Some(cli) = redis_cli("random_scripts") else { return };
    let server = Server::start();
    let number = |name: &str, else_: u64| std::env::var(name).map_or(else_, |text| text.parse().expect(name));
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_nanos() as u64;
    let first = number("SCRIPT_SEED", clock) | 1;
    let commands: Vec<_> = READS.lines().chain(WRITES.lines()).map(words).filter(|words| is_steady(words)).collect();
    // What no server is asked is told in the words of those since 7.0.
    let is_old = server.info("server").contains("redis_version:6.");
    for nth in 0..number("SCRIPTS", 2) {
        let seed = first.wrapping_add(2 * nth);
        for (at, target) in targets(&server).into_iter().enumerate().filter(|(at, _)| *at == 0 || !is_old) {
            let mut dice = Dice(seed);
            let mut lines = Vec::new();
            while lines.len() < 400 {
                let (words, line) = line(&mut dice, &commands, at == 0);
                if is_steady(&words) && (at == 0 || !changes_connection(&words)) {
                    lines.push(line);
                }
            }
            let script = lines.join("\n") + "\n";
            for options in [&["--raw"][..], &["--no-raw"], &["--json"], &["-3", "--no-raw"], &["--csv"]] {
                let of = |program: &Path, target: &[OsString]| {
                    fill(&server);
                    let options: Vec<OsString> = options.iter().map(OsString::from).collect();
                    run(program, &[target, &options].concat(), &[], script.as_bytes())
                };
                let theirs = of(cli, &["-p".into(), server.port().to_string().into()]);
                let ours = of(env!("CARGO_BIN_EXE_rediscluster").as_ref(), &target);
                let (mine, yours) = (shown(&ours.out), shown(&with_valid_numbers(&theirs.out, options)));
                if mine == yours {
                    continue;
                }
                let same = mine.bytes().zip(yours.bytes()).take_while(|(one, other)| one == other).count();
                let [mine, yours] =
                    [&mine, &yours].map(|all| all[same.saturating_sub(300)..].chars().take(500).collect::<String>());
                panic!(
                    "SCRIPT_SEED={seed} {options:?} {target:?}\nours:      {mine}\nredis-cli: {yours}\n{}",
                    ours.err()
                );
            }
        }
    }
}

#[test]
fn a_server_that_is_not_there() {
    let Some(cli) = redis_cli("a_server_that_is_not_there") else { return };
    let port = rediscluster_testing::free_port();
    for (options, input) in [
        (&["ping"][..], ""),
        (&["-r", "3", "ping"], ""),
        (&["-e", "ping"], ""),
        (&[], "ping\nping\n"),
        (&["-e"], "ping\n"),
    ] {
        let theirs = run(cli, &[&["-p", &port.to_string()], options].concat(), &[], input.as_bytes());
        for target in
            [["--direct".to_owned(), format!("127.0.0.1:{port}")], ["--node".to_owned(), format!("a=127.0.0.1:{port}")]]
        {
            let line =
                [target.as_slice(), &options.iter().map(|option| option.to_string()).collect::<Vec<_>>()].concat();
            let ours = rediscluster_with(&line, &[], input.as_bytes());
            if input.is_empty() {
                assert_eq!((&ours.out, ours.status), (&theirs.out, theirs.status), "{line:?}");
                assert!(ours.err().contains("Connection refused"), "{}", ours.err());
                continue;
            }
            // redis-cli leaves gaps in the output of a script where there is no answer.
            let replies = ours.out().matches("ERR ").count();
            assert_eq!(replies, input.lines().count(), "{line:?}: {}", ours.out());
            assert!(ours.out().contains("Connection refused"), "{}", ours.out());
            assert_eq!(ours.status, i32::from(options.contains(&"-e")), "{line:?}");
        }
    }
}
