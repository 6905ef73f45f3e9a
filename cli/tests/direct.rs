//! One server and one connection, as `--direct` has it: what a script has set on the connection is there again after the
//! connection was lost, or nothing more is sent.

mod program;

use program::{rediscluster_with, Script};
use rediscluster_testing::{Reply, Server};

/// A server with a key in each of its first two databases.
fn server() -> Server {
    let server = Server::start();
    server.ask(&["SET", "precious", "0"]);
    server.ask_in(1, &["SET", "precious", "1"]);
    server
}

fn start(server: &Server) -> Script {
    Script::start(&["--direct", &server.address(), "--no-raw"])
}

/// Ends the script's connection; the next command meets that and is answered with an error.
fn lose(server: &Server, script: &mut Script) {
    cut(server);
    let answer = script.say("ping");
    assert!(answer.starts_with("(error) ERR PING "), "{answer}");
}

fn cut(server: &Server) {
    // Those of questions that were asked before may not have ended yet.
    assert!(server.ask(&["CLIENT", "KILL", "TYPE", "normal"]).int() > 0, "the script has one connection");
}

fn keys(server: &Server) -> [i64; 2] {
    [0, 1].map(|database| server.ask_in(database, &["DBSIZE"]).int())
}

/// It has ended by itself, and said why.
#[track_caller]
fn ended(script: Script, because: &str) {
    let ran = script.end();
    assert_eq!((ran.out().as_str(), ran.status), ("", 1), "{}", ran.err());
    let wanted = format!("rediscluster: the script ends here: the connection was lost, and its {because} with it\n");
    assert_eq!(ran.err(), wanted);
}

#[test]
fn the_database_is_the_same_after_a_reconnect() {
    for select in [&["select 1"][..], &["select 5", "select 1"], &["multi", "select 1", "exec"], &["reset", "select 1"]]
    {
        let server = server();
        let mut script = start(&server);
        for line in select {
            let answer = script.say(line);
            assert!(["OK", "QUEUED", "1) OK", "RESET"].contains(&answer.as_str()), "{answer}");
        }
        lose(&server, &mut script);
        assert_eq!(script.say("flushdb"), "OK");
        assert_eq!(keys(&server), [1, 0], "{select:?}");
        assert_eq!(script.end().status, 0);
    }
}

#[test]
fn what_empties_a_database_never_meets_another_one() {
    let server = server();
    let mut script = start(&server);
    assert_eq!(script.say("select 1"), "OK");
    // FLUSHDB itself meets the connection that is lost.
    cut(&server);
    assert!(script.say("flushdb").starts_with("(error) ERR FLUSHDB "));
    assert_eq!(keys(&server)[0], 1);
    assert_eq!(script.say("flushdb"), "OK");
    assert_eq!(keys(&server), [1, 0]);
    // Nobody knows in which database a script is whose SELECT got no answer.
    cut(&server);
    assert!(script.say("select 2").starts_with("(error) ERR SELECT "));
    assert_eq!(script.say("flushdb"), "");
    ended(script, "SELECT");
    assert_eq!(keys(&server), [1, 0]);
}

#[test]
fn a_server_that_was_away() {
    let mut server = server();
    let mut script = start(&server);
    assert_eq!(script.say("select 1"), "OK");
    server.ask(&["CONFIG", "SET", "appendonly", "no"]);
    server.ask(&["SAVE"]);
    server.kill();
    for _ in 0..3 {
        let answer = script.say("flushdb");
        assert!(answer.starts_with("(error) ERR "), "{answer}");
    }
    server.restart();
    assert_eq!(script.say("flushdb"), "OK");
    assert_eq!(keys(&server), [1, 0]);
    // A command that sets something is answered, or the script ends: also where it could not be sent.
    server.kill();
    assert!(script.say("get x").starts_with("(error) ERR "));
    assert!(script.say("select 0").starts_with("(error) ERR "));
    assert_eq!(script.say("flushdb"), "");
    ended(script, "SELECT");
}

#[test]
fn who_it_is_stays_the_same() {
    let server = server();
    server.ask(&["ACL", "SETUSER", "ada", "on", ">s3cret", "~*", "&*", "+@all"]);
    let mut script = start(&server);
    assert_eq!(script.say("client setname first"), "OK");
    assert_eq!(script.say("select 1"), "OK");
    assert_eq!(script.say("auth ada s3cret"), "OK");
    assert_eq!(script.say("client setname second"), "OK");
    lose(&server, &mut script);
    assert_eq!(script.say("acl whoami"), "\"ada\"");
    assert_eq!(script.say("client getname"), "\"second\"");
    assert_eq!(script.say("get precious"), "\"1\"");
    // A user who is gone cannot be had again, and nothing is sent as another.
    server.ask(&["ACL", "DELUSER", "ada"]);
    assert!(script.say("ping").starts_with("(error) ERR PING "));
    let answer = script.say("flushall");
    assert_eq!(answer, "(error) ERR AUTH: the connection was lost, and what it has set with it");
    assert_eq!(script.say("flushall"), "");
    ended(script, "AUTH");
    assert_eq!(keys(&server), [1, 1]);
}

#[test]
fn what_no_other_connection_can_have_ends_the_script() {
    for (lines, because) in [
        (&["multi", "set precious lost"][..], "MULTI"),
        (&["watch precious"], "WATCH"),
        (&["watch precious", "multi"], "MULTI"),
        (&["select 1", "multi", "select 0"], "MULTI"),
        (&["client tracking on"], "CLIENT TRACKING"),
        (&["hello 2 setname x"], "HELLO"),
    ] {
        let server = server();
        let mut script = Script::start(&["--direct", &server.address(), "--json"]);
        for line in lines {
            let answer = script.say(line);
            assert!(!answer.contains("error"), "{line}: {answer}");
        }
        cut(&server);
        let answer = script.say("set precious 2");
        assert!(answer.starts_with("error:\"ERR SET "), "{answer}");
        assert_eq!(script.say("flushall"), "", "{lines:?}");
        ended(script, because);
        assert_eq!(keys(&server), [1, 1], "{lines:?}");
        assert_eq!(server.ask(&["GET", "precious"]), Reply::bulk("0"));
    }
}

#[test]
fn what_is_over_does_not_end_the_script() {
    for lines in [
        &["multi", "set a 1", "exec"][..],
        &["multi", "set a 1", "discard"],
        &["watch precious", "unwatch"],
        &["watch precious", "multi", "exec"],
        &["multi", "nosuch", "exec"],
        &["client tracking on", "reset"],
        &["client id", "client info", "hello"],
        &["select nosuch", "auth nosuch nosuch", "client setname 'a b'"],
    ] {
        let server = server();
        let mut script = Script::start(&["--direct", &server.address(), "--json"]);
        for line in lines {
            assert_ne!(script.say(line), "");
        }
        cut(&server);
        assert!(script.say("ping").starts_with("error:\"ERR PING "), "{lines:?}");
        assert_eq!(script.say("get precious"), "\"0\"", "{lines:?}");
        assert_eq!(script.end().status, 0);
    }
}

#[test]
fn a_transaction_whose_end_has_no_answer() {
    let server = server();
    let mut script = start(&server);
    for (line, answer) in [("multi", "OK"), ("set precious 5", "QUEUED")] {
        assert_eq!(script.say(line), answer);
    }
    cut(&server);
    assert!(script.say("exec").starts_with("(error) ERR EXEC "));
    assert_eq!(script.say("get precious"), "\"0\"", "there is no transaction any more");
    assert_eq!(script.end().status, 0);
    // Unless it was to set something as well.
    let mut script = start(&server);
    for (line, answer) in [("multi", "OK"), ("select 1", "QUEUED")] {
        assert_eq!(script.say(line), answer);
    }
    cut(&server);
    assert!(script.say("exec").starts_with("(error) ERR EXEC "));
    assert_eq!(script.say("flushdb"), "");
    ended(script, "MULTI");
}

/// WAIT counts what was written over its own connection, and one that has written nothing need not wait.
#[test]
fn nothing_is_said_of_writes_over_a_connection_that_is_lost() {
    let server = server();
    let mut script = start(&server);
    assert_eq!(script.say("set a 1"), "OK");
    assert_eq!(script.say("wait 0 1"), "(integer) 0");
    lose(&server, &mut script);
    assert!(script.say("wait 0 1").starts_with("(error) ERR the connection was lost"));
    assert_eq!(script.say("set a 2"), "OK");
    assert_eq!(script.say("wait 0 1"), "(integer) 0");
    assert_eq!(script.end().status, 0);
}

#[test]
fn a_server_that_shuts_down_has_done_what_it_was_told() {
    // The only node of a cluster is one server, too.
    for target in ["--direct", "--nodes"] {
        let server = server();
        let place = [if target == "--nodes" { "a=" } else { "" }, &server.address()].concat();
        let shutdown = |words: &[&str]| rediscluster_with(&[&[target, &place, "shutdown"], words].concat(), &[], b"");
        let ran = shutdown(&["nosave", "x"]);
        assert_eq!((ran.out().as_str(), ran.status), ("ERR syntax error\n\n", 0));
        let ran = shutdown(&["nosave"]);
        assert_eq!((ran.out(), ran.err(), ran.status), (String::new(), String::new(), 0));
        let ran = shutdown(&["nosave"]);
        assert!(ran.status == 1 && ran.err().contains("refused"), "{ran:?}");
    }
}
