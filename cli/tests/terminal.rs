//! The session, driven in a terminal as a person does.

#![cfg(unix)]

mod program;
mod pty;

use program::pair;
use pty::{Terminal, CTRL_A, CTRL_C, CTRL_D, CTRL_U, ENTER, LEFT, UP};
use rediscluster::Cluster;
use rediscluster_testing::{wait_until, Server};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A home where nobody has been, which goes when the test ends.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Home {
        let path = std::env::temp_dir().join(format!("rediscluster-session-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Home(path)
    }

    fn history(&self) -> PathBuf {
        self.0.join(".rediscluster_history")
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Two nodes and a session on them that keeps nothing.
fn session() -> ([Server; 2], Terminal) {
    let (servers, nodes) = pair();
    let mut terminal = Terminal::start(&[&nodes[0], &nodes[1], "--no-history"], &[]);
    terminal.shows("2 nodes> ");
    (servers, terminal)
}

#[track_caller]
fn ends_well(mut terminal: Terminal) {
    // With a space in front it is not kept.
    terminal.answers(" echo finis", "\n\"finis\"\n");
    terminal.shows("> ");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.end().1, Some(0));
}

fn blocked(server: &Server) -> bool {
    server.field("clients", "blocked_clients").as_deref() == Some("1")
}

#[test]
fn lines_are_edited_brought_back_and_dropped() {
    let (servers, mut terminal) = session();
    // `et foo br`, mended at its begin and before its end.
    terminal.keys("et foo br");
    terminal.keys(LEFT);
    terminal.keys("a");
    terminal.keys(CTRL_A);
    terminal.keys("s");
    terminal.keys(ENTER);
    terminal.shows("\nOK\n");
    assert_eq!(servers[1].ask(&["GET", "foo"]).text(), "bar");
    terminal.answers("get foo", "\n\"bar\"\n");
    terminal.keys(UP);
    terminal.keys(UP);
    terminal.shows("set foo bar");
    terminal.keys("2");
    terminal.answers("", "\nOK\n");
    assert_eq!(servers[1].ask(&["GET", "foo"]).text(), "bar2");
    // Ctrl-C drops a line and not the session.
    terminal.shows("2 nodes> ");
    terminal.keys("flushall");
    terminal.shows("flushall");
    terminal.keys(CTRL_C);
    terminal.shows("\n2 nodes> ");
    terminal.answers("get foo", "\n\"bar2\"\n");
    terminal.answers("get \"foo", "Invalid argument(s)\n");
    ends_well(terminal);
}

#[test]
fn tab_completes() {
    let (servers, mut terminal) = session();
    for key in ["foo", "two words", "two more"] {
        servers[home_of(key)].ask(&["SET", key, "1"]);
    }
    for (keys, completed) in [
        ("hgeta\t", "hgetall "),
        ("HGETA\t", "HGETALL "),
        ("config rese\t", "config resetstat "),
        ("help bitf\t", "help bitfield"),
        ("connect node_\t2", "connect node_2"),
        ("get fo\t", "get foo "),
        ("get two\t", "get \"two "),
        ("mget foo \"two w\t", "mget foo \"two words\" "),
        ("sort foo lim\t", "sort foo limit "),
    ] {
        terminal.keys(keys);
        terminal.shows(completed);
        terminal.keys(CTRL_U);
    }
    // A name that does not lead to where it was found is none: what it leads to has no key of that name.
    servers[home_of("stray")].ask(&["SET", "stray", "1"]);
    servers[1 - home_of("strange")].ask(&["SET", "strange", "1"]);
    terminal.keys("get stra\t");
    terminal.shows("get stray ");
    terminal.keys(CTRL_U);
    ends_well(terminal);
}

/// Which of two servers a key lives on.
fn home_of(key: &str) -> usize {
    let cluster = Cluster::builder().nodes("node_1=localhost:1,node_2=localhost:2").build().expect("two nodes");
    usize::from(cluster.node_for(key).name() == "node_2")
}

#[test]
fn hints_and_help() {
    let (servers, mut terminal) = session();
    // What the command table knows comes at once.
    terminal.keys("getrange ");
    terminal.shows("key ");
    terminal.keys(CTRL_U);
    terminal.keys("config ");
    terminal.shows("GET|HELP|RESETSTAT|REWRITE|SET");
    terminal.keys(CTRL_U);
    if servers[0].is_since("7.0.0", "COMMAND DOCS") {
        terminal.keys("zadd k ");
        terminal.shows_sooner_or_later("x\x7f", "[NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]");
        terminal.keys("ch nx ");
        terminal.shows("ch nx [GT|LT] [INCR] score member");
        terminal.keys("inc\t");
        terminal.shows("zadd k ch nx incr ");
        terminal.keys("1 ");
        terminal.shows("incr 1 member");
        terminal.keys(CTRL_U);
        let help = terminal.answers("help mget", "with which servers\n");
        assert!(help.contains("MGET key [key ...]\n  "), "{help}");
        assert!(help.contains("takes         O(N)"), "{help}");
    }
    let help = terminal.answers("help MGET", "with which servers\n");
    assert!(help.contains("across nodes  one command a node, all at once"), "{help}");
    terminal.answers("help connect", "connect [NODE|HOST:PORT]\n");
    terminal.answers("help", "Ctrl-D the session.\n");
    terminal.answers("help gte", "did you mean GET?\n");
    ends_well(terminal);
}

#[test]
fn did_you_mean() {
    let (_servers, mut terminal) = session();
    let shown = terminal.answers("gte foo", "Did you mean GET?\n");
    assert!(shown.contains("(error) ERR unknown command 'gte'"), "{shown}");
    terminal.answers("config gte maxmemory", "Did you mean CONFIG GET?\n");
    terminal.answers("connect node_2", "\nOK\n");
    terminal.answers("gte foo", "Did you mean GET?\n");
    terminal.answers("banana", "unknown command");
    let shown = terminal.shows("> ");
    assert!(!shown.contains("Did you mean"), "{shown}");
    ends_well(terminal);
}

#[test]
fn ctrl_c_ends_a_wait_and_not_the_session() {
    let (servers, mut terminal) = session();
    // `q` lives on one node, and so the wait is there.
    let home = &servers[home_of("q")];
    terminal.line("blpop q 0");
    wait_until("the session waits", || blocked(home));
    terminal.keys(CTRL_C);
    terminal.shows("BLPOP: not waited any longer; nothing was taken\n");
    // It takes nothing any more.
    home.ask(&["RPUSH", "q", "a"]);
    assert_eq!(home.ask(&["LLEN", "q"]).int(), 1);
    terminal.answers("lpop q", "\n\"a\"\n");
    // The same on one server, without routing, and in another database.
    terminal.answers("connect node_1", "\nOK\n");
    terminal.answers("select 3", "\nOK\n");
    terminal.line("blpop q 0");
    wait_until("the session waits", || blocked(&servers[0]));
    terminal.keys(CTRL_C);
    terminal.shows("(nil)\n");
    terminal.shows("[3]> ");
    servers[0].ask_in(3, &["RPUSH", "q", "b"]);
    terminal.answers("lpop q", "\n\"b\"\n");
    // A server that says nothing at all: the answer is given up, and nothing is said of the command that is not known.
    servers[0].freeze();
    terminal.shows("[3]> ");
    terminal.answers("set a 1", "\n");
    // It hears Ctrl-C as soon as the command is under way.
    terminal.shows_sooner_or_later(CTRL_C, "set: the answer is not waited for; whether it is applied is not known\n");
    servers[0].thaw();
    terminal.answers("get nosuch", "(nil)\n");
    // What is repeated ends, too.
    terminal.line("1000000 ping");
    terminal.shows("PONG\nPONG\n");
    terminal.keys(CTRL_C);
    terminal.shows("^C");
    terminal.answers("echo over", "\n\"over\"\n");
    ends_well(terminal);
}

#[test]
fn messages_are_shown_until_ctrl_c() {
    let (servers, mut terminal) = session();
    terminal.answers("subscribe news other", "press Ctrl-C to quit)\n");
    let home = &servers[home_of("news")];
    home.ask(&["PUBLISH", "news", "hello"]);
    terminal.shows("1) \"message\"\n2) \"news\"\n3) \"hello\"\n");
    terminal.keys(CTRL_C);
    terminal.answers("set foo bar", "\nOK\n");
    wait_until("nobody listens", || home.ask(&["PUBLISH", "news", "nobody"]).int() == 0);
    terminal.answers("connect node_1", "\nOK\n");
    terminal.answers("psubscribe n*", "press Ctrl-C to quit)\n");
    servers[0].ask(&["PUBLISH", "news", "again"]);
    terminal.shows("1) \"pmessage\"\n2) \"n*\"\n3) \"news\"\n4) \"again\"\n");
    terminal.keys(CTRL_C);
    terminal.answers("get nosuch", "(nil)\n");
    ends_well(terminal);
}

#[test]
fn databases_servers_and_users() {
    let (servers, mut terminal) = session();
    terminal.answers("select 3", "\n2 nodes[3]> ");
    terminal.answers("set foo third", "\nOK\n");
    assert_eq!(servers[1].ask_in(3, &["GET", "foo"]).text(), "third");
    let table = terminal.answers("nodes", " up\n") + &terminal.shows(" up\n");
    assert!(table.contains("master     1 "), "the keys of this database are counted: {table}");
    // A database that there is not changes nothing.
    terminal.answers("select 99", "(error) ERR DB index is out of range\n2 nodes[3]> ");
    terminal.answers("get foo", "\n\"third\"\n");
    let prompt = format!("\n{}> ", servers[1].address());
    terminal.answers("verify", "verify is not for sessions: run it by itself, as `rediscluster verify`\n");
    terminal.answers("connect node_2", &prompt);
    terminal.answers("get foo", "(nil)\n");
    terminal.answers("connect 127.0.0.1:1", "Connection refused");
    terminal.answers("connect node_3", "there is no node node_3; there are node_1, node_2\n");
    terminal.answers("select 3", "[3]> ");
    terminal.answers("nodes", "nodes is about all nodes: connect, without a server, leads to them\n");
    terminal.answers("connect", "\n2 nodes[3]> ");
    terminal.answers("select 0", "\n2 nodes> ");
    for server in &servers {
        server.ask(&["ACL", "SETUSER", "bob", "on", ">s3cret", "~*", "+@all", "-flushall"]);
    }
    terminal.answers("auth bob wrong", "(error) WRONGPASS");
    terminal.answers("acl whoami", "default");
    terminal.answers("auth bob s3cret", "\nOK\n");
    terminal.answers("acl whoami", "bob");
    terminal.answers("flushall", "(error) NOPERM");
    ends_well(terminal);
}

#[test]
fn transactions() {
    let (servers, mut terminal) = session();
    terminal.answers("multi", "\n2 nodes(TX)> ");
    terminal.answers("set foo 1", "QUEUED\n");
    terminal.answers("incr foo", "QUEUED\n");
    assert_eq!(servers[1].ask(&["EXISTS", "foo"]).int(), 0);
    terminal.answers("exec", "1) OK\n2) (integer) 2\n");
    terminal.shows("2 nodes> ");
    // Another node's key is refused, and then all is.
    terminal.answers("multi", "\n2 nodes(TX)> ");
    terminal.answers("set foo 7", "QUEUED\n");
    terminal.answers("set bar 7", "this one is on node_2, and the key lives on node_1\n");
    terminal.answers("exec", "(error) EXECABORT Transaction discarded because of previous errors.\n2 nodes> ");
    assert_eq!(servers[1].ask(&["GET", "foo"]).text(), "2");
    terminal.answers("exec", "(error) ERR EXEC without MULTI\n");
    terminal.answers("watch foo", "connect node_2 leads to where foo lives\n");
    // On one server all is as the server has it.
    terminal.answers("connect node_2", "\nOK\n");
    terminal.answers("watch foo", "\nOK\n");
    terminal.answers("multi", "(TX)> ");
    terminal.answers("incr foo", "QUEUED\n");
    servers[1].ask(&["SET", "foo", "other"]);
    terminal.answers("exec", "(nil)\n");
    // A lost connection takes its transaction with it, and the prompt says so.
    terminal.answers("multi", "(TX)> ");
    servers[1].ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    terminal.answers("set foo 3", "MULTI is lost with the connection");
    terminal.answers("get foo", "\n\"other\"\n");
    ends_well(terminal);
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).expect("the file").permissions().mode() & 0o777
}

#[test]
fn lines_are_kept_and_secrets_are_not() {
    let (_servers, nodes) = pair();
    let home = Home::new("history");
    let start = |environment: &[(&str, &str)]| {
        let environment = [&[("HOME", home.path())], environment].concat();
        let mut terminal = Terminal::start(&[&nodes[0], &nodes[1]], &environment);
        terminal.shows("2 nodes> ");
        terminal
    };
    fs::write(home.history(), "#V2\nget old\n").expect("a file");
    fs::set_permissions(home.history(), fs::Permissions::from_mode(0o644)).expect("rights");
    let mut terminal = start(&[]);
    terminal.answers("set kept 1", "\nOK\n");
    terminal.answers("auth s3cret", "(error) ERR AUTH");
    terminal.answers("acl setuser bob on >s3cret", "OK");
    terminal.answers("config set masterauth s3cret", "OK");
    terminal.answers("atuh s3cret", "Did you mean AUTH?");
    // Nor in this session.
    terminal.keys(UP);
    terminal.shows("set kept 1");
    terminal.keys(CTRL_U);
    ends_well(terminal);
    let kept = fs::read_to_string(home.history()).expect("the file");
    assert_eq!(kept, "#V2\nget old\nset kept 1\n");
    assert_eq!(mode(&home.history()), 0o600);
    // The next session has it, and another place is as well kept.
    let mut terminal = start(&[]);
    terminal.keys(UP);
    terminal.shows("set kept 1");
    terminal.keys(CTRL_U);
    ends_well(terminal);
    let elsewhere = home.0.join("state/rediscluster/history");
    let mut terminal = start(&[("XDG_STATE_HOME", home.0.join("state").to_str().expect("text"))]);
    terminal.answers("set kept 2", "\nOK\n");
    ends_well(terminal);
    assert_eq!(
        (fs::read_to_string(&elsewhere).expect("the file").as_str(), mode(&elsewhere)),
        ("#V2\nset kept 2\n", 0o600)
    );
    // Where nothing is to be kept, nothing is.
    let mut terminal = start(&[("REDISCLUSTER_HISTFILE", "")]);
    terminal.answers("set kept 3", "\nOK\n");
    ends_well(terminal);
    assert_eq!(fs::read_to_string(home.history()).expect("the file"), kept);
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let (servers, mut terminal) = session();
    for server in &servers {
        server.ask(&["ACL", "SETUSER", "default", ">s3cret"]);
    }
    terminal.answers("auth", "\nPassword: ");
    let shown = terminal.answers("s3cret", "\nOK\n");
    assert!(shown.contains("******") && !shown.contains("s3c"), "{shown}");
    // Nobody is asked for one in vain.
    terminal.answers("auth", "\nPassword: ");
    terminal.keys(CTRL_C);
    terminal.shows("\n2 nodes> ");
    terminal.answers("set foo bar", "\nOK\n");
    ends_well(terminal);
}

/// The page about the session shows what the program shows. `TRANSCRIPT=write` writes it anew.
#[test]
fn the_page_shows_a_session() {
    let (servers, mut terminal) = session();
    let version = servers[0].field("server", "redis_version").unwrap_or_default();
    if !version.starts_with("7.0.") {
        println!("skipped: the page shows a session on Redis 7.0, and this is {version}");
        return;
    }
    terminal.keys("set k v ex ");
    terminal.shows_sooner_or_later("x\x7f", "ex seconds [NX|XX] [GET]");
    terminal.keys(CTRL_U);
    terminal.keys("echo begin\r");
    terminal.shows("\n\"begin\"\n2 nodes> ");
    let (fleet, third, first) = ("2 nodes> ", "2 nodes[3]> ", format!("{}> ", servers[0].address()));
    let mut page = fleet.to_owned();
    for (line, prompt) in [
        ("mset foo 1 bar 2", fleet),
        ("mget foo bar", fleet),
        ("explain mget foo bar", fleet),
        ("gte foo", fleet),
        ("help mget", fleet),
        ("blpop queue 0", fleet),
        ("select 3", third),
        ("multi", "2 nodes[3](TX)> "),
        ("set foo 1", "2 nodes[3](TX)> "),
        ("incr foo", "2 nodes[3](TX)> "),
        ("exec", third),
        ("watch bar", third),
        ("connect node_1", &first),
        ("config get maxmemory-policy", &first),
        ("connect", third),
    ] {
        terminal.line(line);
        // What is shown while the line is typed ends with it.
        terminal.shows("\n");
        if line.starts_with("blpop") {
            wait_until("the session waits", || servers.iter().any(blocked));
            terminal.keys(CTRL_C);
        }
        page.push_str(&format!("{line}\n{}", terminal.shows(&format!("\n{prompt}"))));
    }
    ends_well(terminal);
    for (server, address) in servers.iter().zip(["10.0.0.1:6379", "10.0.0.2:6379"]) {
        page = page.replace(&server.address(), address);
    }
    // How long something took on a machine that had much to do.
    let is_time = |line: &&str| line.starts_with("(0.") && line.ends_with("s)");
    let page = page.lines().filter(|line| !is_time(line)).collect::<Vec<_>>().join("\n");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/session.md");
    let written = fs::read_to_string(&file).expect("the page");
    let (begin, end) = ("<!-- A session, as the program shows it -->\n```text\n", "\n```\n");
    let (before, rest) = written.split_once(begin).expect("where it begins");
    let (shown, behind) = rest.split_once(end).expect("where it ends");
    if std::env::var("TRANSCRIPT").is_ok_and(|value| value == "write") {
        fs::write(&file, [before, begin, page.trim_end(), end, behind].concat()).expect("the page");
    } else {
        assert_eq!(shown, page.trim_end(), "TRANSCRIPT=write writes the page anew");
    }
}
