//! `top`, on a terminal and for scripts, and the bar of `verify`.

use super::*;
use pty_process::blocking::{Command, Pty};
use std::io::{Read, Write};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// How long the screen may take to show something.
const PATIENCE: Duration = Duration::from_secs(30);

/// Our program on a terminal, and what is seen there.
struct Screen {
    pty: Arc<Pty>,
    child: Child,
    seen: Arc<Mutex<vt100::Parser>>,
}

impl Screen {
    fn start(args: &[&str]) -> Screen {
        let pty = Arc::new(Pty::new().expect("a terminal"));
        pty.resize(pty_process::Size::new(30, 120)).expect("its size");
        let mut command = Command::new(env!("CARGO_BIN_EXE_rediscluster"));
        command.env("TERM", "xterm-256color").env_remove("REDISCLUSTER_NODES");
        let child = command.args(args).spawn(&pty.pts().expect("its other side")).expect("our program");
        let seen = Arc::new(Mutex::new(vt100::Parser::new(30, 120, 0)));
        let (reader, screen) = (Arc::clone(&pty), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = (&*reader).read(&mut bytes) {
                screen.lock().expect("nobody panicked").process(&bytes[..count]);
            }
        });
        Screen { pty, child, seen }
    }

    fn seen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.seen.lock().expect("nobody panicked").screen())
    }

    #[track_caller]
    fn becomes(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !self.seen(&is_so) {
            assert!(Instant::now() < end, "{what} never came:\n{}", self.seen(vt100::Screen::contents));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        self.becomes(text, |screen| screen.contents().contains(text));
    }

    fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("a key");
    }

    /// That it ends by itself and gives the terminal back: the first screen, and a cursor.
    #[track_caller]
    fn ends(mut self) {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("its state") {
                Some(status) => break status,
                None => assert!(Instant::now() < end, "it does not end"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}");
        self.becomes("the terminal as it was", |screen| !screen.alternate_screen() && !screen.hide_cursor());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn keys_change_the_screen_and_end_it() {
    let servers = [Server::start(), Server::start()];
    let list = nodes(&servers);
    servers[1].ask(&["CONFIG", "SET", "maxmemory", "100mb"]);
    servers[1].ask(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    servers[1].ask(&["SET", "a\x1b[31mkey", "x"]);
    servers[1].ask(&["CONFIG", "SET", "slowlog-log-slower-than", "-1"]);
    for end in ["q", "\x1b", "\x03"] {
        let screen = Screen::start(&[&list, "top", "--interval", "0.2"]);
        screen.becomes("a screen of its own", vt100::Screen::alternate_screen);
        for text in [
            "2 nodes",
            "every 0.2 s",
            "OPS/S",
            "node_1",
            "node_2",
            "of 100.00M",
            "total",
            "Slow commands",
            "SET a\\u{1b}[31mkey",
        ] {
            screen.shows(text);
        }
        screen.press("s");
        screen.shows("by ops");
        screen.press("p");
        screen.shows("PAUSED");
        screen.press("+");
        screen.shows("every 0.25 s");
        screen.press(end);
        screen.ends();
    }
}

#[test]
fn a_node_that_is_down_or_silent_holds_up_nothing() {
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let screen = Screen::start(&[&nodes(&servers), "top", "--interval", "0.2"]);
    screen.shows("total");
    servers[1].freeze();
    screen.shows("no answer for ");
    servers[2].kill();
    screen.shows("down: ");
    // The others go on, and so do the keys.
    for number in 0..1000 {
        servers[0].ask(&["SET", &number.to_string(), "x"]);
    }
    screen.shows("1000");
    servers[1].thaw();
    screen.press("q");
    screen.ends();
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let server = Server::start();
    for signal in ["-TERM", "-INT", "-HUP"] {
        let screen = Screen::start(&[&nodes([&server]), "top"]);
        screen.shows("total");
        let sent = std::process::Command::new("kill").args([signal, &screen.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
        screen.ends();
    }
}

#[test]
fn once_is_for_scripts() {
    let servers = [Server::start(), Server::start()];
    let replica = Server::replica_of(&servers[0], &[]);
    servers[0].ask(&["SET", "bar", "x"]);
    servers[0].ask(&["GET", "bar"]);
    let list = format!("{},node_3={}", nodes(&servers), dead_address());
    let ran = run(&list, &["top", "--once", "--json", "--interval", "0.2", "--sort", "keys"]);
    assert_eq!((ran.err().as_str(), ran.status), ("", 1), "one is down");
    let report = json(&ran);
    let row = |name: &str| {
        let rows = report["servers"].as_array().expect("rows");
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}: {report}")).clone()
    };
    let first = row("node_1");
    assert_eq!((&first["state"], &first["role"], &first["keys"]), (&json!("up"), &json!("master"), &json!(1)));
    assert!(first["ops_per_second"].as_f64().expect("a number") > 0.0, "this program asks as well: {first}");
    assert_eq!(first["replicas"][0]["address"], json!(replica.address()));
    assert_eq!(row(&format!("node_1/{}", replica.address()))["role"], json!("replica"));
    assert_eq!((&row("node_3")["state"], &row("node_3")["keys"]), (&json!("down"), &Value::Null));
    assert_eq!((&report["total"]["keys"], report["servers"][0]["name"].as_str()), (&json!(1), Some("node_1")));
    let ran = run(&nodes(&servers), &["top", "--once", "--interval", "0.1"]);
    assert_eq!(ran.status, 0, "{}", ran.err());
    let lines: Vec<String> = ran.out().lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("NODE") && lines.last().is_some_and(|line| line.starts_with("total")), "{lines:#?}");
    assert!(failed(&run(&nodes(&servers), &["top"])).contains("--once"), "there is no terminal");
}

#[test]
fn verify_has_a_bar_on_a_terminal() {
    let servers = [Server::start(), Server::start()];
    servers[0].ask(&["SET", "foo", "x"]);
    let mut screen = Screen::start(&[&nodes(&servers), "verify", "--untagged"]);
    screen.shows("foo on node_1, belongs on node_2");
    screen.shows("1 key looked at");
    assert!(!screen.child.wait().expect("its end").success());
}
