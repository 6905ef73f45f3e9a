//! Scripts on several nodes: every command has its reply in its place, whatever becomes of it.

mod program;

use program::{answered, failed, pair, rediscluster, rediscluster_with, with};
use rediscluster_testing::dead_address;

#[test]
fn scripts_on_nodes() {
    let (_servers, nodes) = pair();
    let script = b"set foo 'two words'\n\nget foo\n3 incr n\nget \"\nnosuch\nnode-for foo\nincr foo\nget foo";
    let ran = rediscluster_with(&with(&nodes, &[]), &[], script);
    let lines: Vec<String> = ran.out().lines().map(str::to_owned).collect();
    assert_eq!(lines[..6], ["OK", "two words", "1", "2", "3", "Invalid argument(s)"]);
    assert_eq!(lines[6..8], ["ERR unknown command 'nosuch', with args beginning with: ", ""]);
    assert!(lines[8].starts_with("foo\tnode_2\t127.0.0.1:"), "{lines:?}");
    assert_eq!(lines[9..], ["ERR value is not an integer or out of range", "", "two words"]);
    assert!(ran.err().starts_with("rediscluster: NOSUCH: "), "{}", ran.err());
    assert_eq!(ran.status, 0, "as redis-cli");
    let ran = rediscluster_with(&with(&nodes, &[]), &[], b"0 incr n\n");
    answered(&ran, "Invalid redis-cli repeat command option value.\n");
    let ran = rediscluster_with(&with(&nodes, &["--no-raw"]), &[], b"blpop nosuch 0.6\n");
    let out = ran.out();
    assert!(out.starts_with("(nil)\n(0.") && out.ends_with("s)\n"), "a slow command's time is told: {out}");
}

#[test]
fn the_status_of_a_script() {
    let (_servers, nodes) = pair();
    let down = ["--nodes".to_owned(), format!("a={}", dead_address())];
    for (options, script, status) in [
        (&nodes, "set a 1\nget a\n", 0),
        (&nodes, "set a x\nincr a\nget a\n", 1),
        (&nodes, "nosuch\nget a\n", 1),
        (&nodes, "get \"\nget a\n", 1),
        (&nodes, "select 1\nget a\n", 1),
        (&nodes, "node-for\nget a\n", 1),
        (&down, "get a\n", 1),
        (&down, "nodes\n", 1),
    ] {
        let [plain, strict] =
            [&[][..], &["-e"]].map(|with_e| rediscluster_with(&with(options, with_e), &[], script.as_bytes()));
        assert_eq!((plain.status, strict.status), (0, status), "{script}");
        assert_eq!(plain.out, strict.out, "all lines run");
    }
}

/// Whoever reads a script's output counts replies.
#[test]
fn every_command_of_a_script_is_answered_in_its_place() {
    let (servers, nodes) = pair();
    servers[1].ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let script = [
        "mset a 1 b 2 c 3 d 4 foo 5 bar 6",
        "nosuch",
        "select 1",
        "multi",
        "subscribe x",
        "scan 0",
        "object help me",
        "eval 'return 1' 2 d foo",
        "rename nosuch",
        "node-for",
        "explain",
        "recover --nosuch",
        "help nosuch",
        "commands --nosuch",
        "set foo 1",
        "get nosuch",
    ];
    for mode in ["--no-raw", "--json", "--csv"] {
        let ran = rediscluster_with(&with(&nodes, &[mode]), &[], script.join("\n").as_bytes());
        let out = ran.out();
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), script.len(), "{out}");
        let error = ["(error) ", "error:\"", "ERROR,\""]
            [["--no-raw", "--json", "--csv"].iter().position(|one| *one == mode).unwrap()];
        for (command, line) in script.iter().zip(&lines).take(script.len() - 1) {
            let code = line.strip_prefix(error).unwrap_or_else(|| panic!("{command}: {line}"));
            assert!(code.starts_with("ERR ") || code.starts_with("OOM "), "{command}: {line}");
        }
        assert!(["(nil)", "null", "NULL"].contains(&lines[lines.len() - 1]), "{out}");
    }
}

#[test]
fn hints_lead_somewhere() {
    let (servers, nodes) = pair();
    let direct = ["--direct".to_owned(), servers[0].address()];
    for stream in [&["client", "reply", "off"][..], &["unsubscribe"]] {
        for target in [&nodes, &direct] {
            let message = failed(&rediscluster(&with(target, stream)));
            assert!(!message.contains("--direct") && !message.contains("Cluster::"), "{message}");
        }
    }
    assert!(failed(&rediscluster(&with(&nodes, &["hello", "3"]))).contains("-3"));
}

#[test]
fn help_in_a_session() {
    let (_servers, nodes) = pair();
    let ran = rediscluster_with(&with(&nodes, &[]), &[], b"help mget\ncommands --json\nnodes --help\nhelp recover\n");
    let out = ran.out();
    assert!(
        out.starts_with("MGET\n") && out.contains("\n[{") && out.contains("rediscluster [OPTIONS] nodes "),
        "{out}"
    );
    assert!(out.contains("--older-than <SECONDS>") && ran.err().is_empty(), "{out}");
    let many_options = ["nodes", "recover", "verify", "top", "clone", "reshard", "compare"];
    for own in ["node-for", "explain", "commands", "help"].into_iter().chain(many_options) {
        let [of_help, of_option] = [["help", own], [own, "--help"]].map(|line| rediscluster(&line));
        let begins =
            if many_options.contains(&own) { format!("rediscluster [OPTIONS] {own} ") } else { own.to_owned() };
        assert!(of_help.out().contains(&begins) && of_help.status == 0, "{of_help:?}");
        assert!(of_help.out().lines().all(|line| line.chars().count() <= 140), "{}", of_help.out());
        assert_eq!(of_help, of_option, "no nodes are needed");
    }
}
