//! What servers do to a `clone` or `reshard`: they miss rights, have other clocks, fail over, and die.

mod fleet;
mod program;

use fleet::*;
use rediscluster::{Crc32Modulo, Partitioner};
use rediscluster_testing::{
    command, named_programs, read_command, read_reply, repository, wait_until, Chance, Reply, ScriptedPeer, Server,
};
use std::cell::Cell;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The rights that the documentation names: of a source, for keys of any size, and of a target.
fn documented() -> [Vec<String>; 3] {
    let page = std::fs::read_to_string(repository().join("docs/moving-a-fleet.md")).unwrap();
    let (_, text) = page.split_once("The least rights:").expect("the least rights");
    let mut lists = text.split('`').skip(1).step_by(2);
    [(); 3].map(|()| lists.next().expect("a list").split_whitespace().map(str::to_owned).collect())
}

/// Makes a user with these rights, and gives the URL of who logs in as that.
fn user(server: &Server, name: &str, rights: &[String]) -> String {
    let mut words = ["ACL", "SETUSER", name, "reset", "on", ">s3cret", "~*"].map(str::to_owned).to_vec();
    words.extend_from_slice(rights);
    assert_eq!(server.ask(&words), Reply::ok(), "{words:?}");
    format!("redis://{name}:s3cret@{}", server.address())
}

/// Rights to commands that this server has.
fn known(server: &Server, rights: &[String]) -> Vec<String> {
    let knows = |right: &&String| {
        let name = right.trim_start_matches('+');
        name.starts_with('@')
            || matches!(server.ask(&["COMMAND", "INFO", name.split('|').next().unwrap()]), Reply::Array(rows) if rows.iter().any(|row| matches!(row, Reply::Array(_))))
    };
    rights.iter().filter(knows).cloned().collect()
}

#[test]
fn the_documented_rights_are_enough_and_each_is_needed() {
    let fleet = start(2);
    let (from, to) = (&fleet[0], &fleet[1]);
    if !from.is_since("7.0", "rights to one subcommand") {
        return;
    }
    fill(&[from], 90);
    let [source, pieces, target] = documented().map(|rights| known(from, &rights));
    let all = [source.clone(), pieces.clone()].concat();
    let wanted = whole(&[from]);
    let words = |from: &str, to: &str| ["clone", "--from", from, "--to", to, "--big", "1"].map(str::to_owned).to_vec();
    let run = |words: &[String]| run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let (reader, writer) = (user(from, "reader", &all), user(to, "writer", &target));
    let ran = run(&[&words(&reader, &writer)[..], &["--finish".to_owned()]].concat());
    assert_eq!(ran.status, 0, "{}{}", ran.out(), ran.err());
    placed(&[to], &wanted, "with the least rights");
    to.ask(&["FLUSHALL"]);
    for (server, name, rights) in [(from, "reader", &all), (to, "writer", &target)] {
        for missing in rights {
            let less: Vec<String> = rights.iter().filter(|right| *right != missing).cloned().collect();
            user(server, name, &less);
            let ran = run(&words(&reader, &writer));
            let told = ran.err();
            assert_eq!(ran.status, 1, "without {missing}: {}{told}", ran.out());
            assert!(told.contains("permissions") && !told.contains("s3cret"), "without {missing}: {told}");
            assert_eq!(to.ask(&["KEYS", "*"]), Reply::Array(vec![]), "without {missing}: {told}");
        }
        user(server, name, rights);
    }
}

/// What is done to a server and to its reply when a command has been run.
type Change = dyn Fn(&Server, &[Vec<u8>], &mut Reply) + Send + Sync;

/// Passes everything on to a server; `change` sees each command with its reply, and may change that.
fn through(server: &Server, change: impl Fn(&[Vec<u8>], &mut Reply) + Send + Sync + 'static) -> ScriptedPeer {
    let address = server.address();
    ScriptedPeer::new(move |stream| {
        let upstream = TcpStream::connect(&address).expect("the server");
        let mut replies = BufReader::new(upstream.try_clone().expect("a socket"));
        let (mut upstream, mut commands) = (upstream, BufReader::new(stream));
        while let Ok(Some(words)) = read_command(&mut commands) {
            if upstream.write_all(&command(&words)).is_err() {
                return;
            }
            let Ok(mut reply) = read_reply(&mut replies) else { return };
            change(&words, &mut reply);
            if commands.get_mut().write_all(&encoded(&reply)).is_err() {
                return;
            }
        }
    })
}

/// A server whose clock is seen to be so many milliseconds ahead.
fn with_its_clock_ahead(server: &Server, ahead: u64) -> ScriptedPeer {
    through(server, move |words, reply| {
        if words[0].eq_ignore_ascii_case(b"TIME") {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64 + ahead;
            *reply = Reply::bulks(&[(now / 1000).to_string(), (now % 1000 * 1000).to_string()]);
        }
    })
}

fn is(words: &[Vec<u8>], text: &str) -> bool {
    words.iter().map(Vec::as_slice).eq(text.split(' ').map(str::as_bytes))
}

fn encoded(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Simple(text) => format!("+{text}\r\n").into_bytes(),
        Reply::Error(text) => format!("-{text}\r\n").into_bytes(),
        Reply::Int(number) => format!(":{number}\r\n").into_bytes(),
        Reply::Nil => b"$-1\r\n".to_vec(),
        Reply::Bulk(bytes) => [format!("${}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
        Reply::Array(items) | Reply::Push(items) => {
            [format!("*{}\r\n", items.len()).into_bytes(), items.iter().flat_map(encoded).collect()].concat()
        }
    }
}

#[test]
fn clocks_that_differ_are_told() {
    let fleet = start(2);
    fleet[0].ask(&["SET", "a", "1", "PX", "1000000"]);
    let (source, target) = (fleet[0].address(), fleet[1].address());
    let ahead = with_its_clock_ahead(&fleet[0], 3_500);
    let told = refused(&["clone", "--from", &ahead.address(), "--to", &target]);
    assert!(told.contains("s ahead of that of") && told.contains("set the clocks"), "{told}");
    let ahead = with_its_clock_ahead(&fleet[1], 3_500);
    let told = refused(&["clone", "--from", &source, "--to", &ahead.address()]);
    assert!(told.contains("s ahead of that of"), "{told}");
    assert_eq!(fleet[1].ask(&["KEYS", "*"]), Reply::Array(vec![]));
    let near = with_its_clock_ahead(&fleet[1], 700);
    ok(&["clone", "--from", &source, "--to", &near.address(), "--finish"]);
    placed(&[&fleet[1]], &whole(&[&fleet[0]]), "clocks that are near enough");
}

#[test]
fn what_a_source_does_between_two_questions() {
    let (from, to) = (Arc::new(Server::start()), Server::start());
    let target = to.address();
    let big = Cell::new("64mb");
    let with = |change: Box<Change>| {
        from.ask(&["SET", "a", "1", "PX", "1000000"]);
        to.ask(&["FLUSHALL"]);
        let server = Arc::clone(&from);
        let peer = through(&from, move |words, reply| change(&server, words, reply));
        run(&["clone", "--from", &peer.address(), "--to", &target, "--big", big.get()])
    };
    // The only key that expires is gone when it is asked whether there is one.
    let ran = with(Box::new(|server, words, _| {
        if is(words, "DUMP a") {
            server.ask(&["DEL", "a"]);
        }
    }));
    assert_eq!((ran.status, to.ask(&["EXISTS", "a"]).int()), (0, 0), "{}{}", ran.out(), ran.err());
    // Nobody tells when it expires.
    let asks = if from.is_since("7.0", "PEXPIRETIME") { "PEXPIRETIME" } else { "PTTL" };
    for key in ["a", "rediscluster:job"] {
        let question = format!("{asks} {key}");
        let ran = with(Box::new(move |_, words, reply| {
            if is(words, &question) {
                *reply = Reply::Error(format!("ERR unknown command '{asks}'"));
            }
        }));
        assert_eq!((ran.status, to.ask(&["EXISTS", "a"]).int()), (1, 0), "{}{}", ran.out(), ran.err());
        assert!(ran.err().contains("unknown command"), "{}", ran.err());
        assert_eq!(key == "a", to.ask(&["EXISTS", "rediscluster:job"]).int() == 1, "{}", ran.err());
    }
    // In pieces: what is asked first may change before the rest is read.
    big.set("1");
    for change in [["DEL", "a", ""], ["PEXPIREAT", "a", "4000000000000"]] {
        let ran = with(Box::new(move |server, words, _| {
            if is(words, "TYPE a") {
                server.ask(change.split(|word| word.is_empty()).next().unwrap());
            }
        }));
        let story = format!("{change:?}: {}{}", ran.out(), ran.err());
        assert_eq!(to.ask(&["EXISTS", "a"]).int(), 0, "{story}");
        assert_eq!(change[0] == "DEL", ran.status == 0, "{story}");
        assert_eq!(change[0] == "DEL", !ran.err().contains("it changed while it was copied in pieces"), "{story}");
    }
    // It becomes a replica before the first of its keys is read.
    let begun = AtomicBool::new(false);
    let ran = with(Box::new(move |_, words, reply| {
        begun.fetch_or(is(words, "CLIENT NO-TOUCH ON"), Ordering::Relaxed);
        if begun.load(Ordering::Relaxed) && is(words, "INFO replication") {
            *reply = Reply::bulk("role:slave\r\n");
        }
    }));
    assert!(ran.status == 1 && ran.err().contains("is no master any more"), "{}{}", ran.out(), ran.err());
}

#[test]
fn what_was_in_the_way_and_is_gone_hides_no_key() {
    let (from, to) = (Server::start(), Arc::new(Server::start()));
    from.ask(&["SET", "a", "1", "PX", "1000000"]);
    let (server, is_first) = (Arc::clone(&to), AtomicBool::new(true));
    let peer = through(&to, move |words, reply| {
        if words.starts_with(&[b"RESTORE".to_vec(), b"a".to_vec()]) && is_first.swap(false, Ordering::Relaxed) {
            server.ask(&["DEL", "a"]);
            *reply = Reply::Error("BUSYKEY Target key name already exists.".into());
        }
    });
    ok(&["clone", "--from", &from.address(), "--to", &peer.address(), "--finish"]);
    placed(&[&to], &whole(&[&from]), "restored once more");
}

#[test]
fn a_field_that_expires_between_two_questions_does_not_stay() {
    for (_, program) in named_programs() {
        let (from, to) = (Server::builder().binary(&program).start(), Server::builder().binary(&program).start());
        if !from.is_since("7.4 or valkey 9.0", "fields that expire") {
            continue;
        }
        from.ask(&["HSET", "h", "f", "1", "g", "2"]);
        let peer = through(&from, |words, reply| {
            if words[0] == b"HPEXPIRETIME" && words[1] == b"h" {
                let Reply::Array(times) = reply else { panic!("{reply:?}") };
                times[0] = Reply::Int(-2);
            }
            if is(words, "HLEN h") {
                *reply = Reply::Int(1);
            }
        });
        let ran = run(&["clone", "--from", &peer.address(), "--to", &to.address(), "--big", "1"]);
        assert_eq!(ran.status, 0, "{}{}", ran.out(), ran.err());
        assert_eq!(to.ask(&["HLEN", "h"]).int(), 1);
    }
}

#[test]
fn a_master_that_is_demoted_stops_it() {
    let source = Server::start();
    fill(&[&source], 900);
    let target = Server::start();
    let (second, other) = (Server::replica_of(&source, &[]), Server::replica_of(&target, &[]));
    let wanted = whole(&[&source]);
    let (from, to) = (source.address(), target.address());
    let words = ["clone", "--from", &from, "--to", &to];
    for (demoted, promoted, why) in [(&source, &second, "is no master any more"), (&target, &other, "READONLY")] {
        let progress = || target.ask(&["HGETALL", "rediscluster:job:progress"]);
        let before = progress();
        let child = spawn(&[&words[..], &["--rate", "400"]].concat());
        wait_until("keys arrive", || progress() != before);
        promoted.promote();
        demoted.follow(promoted);
        let (status, said) = ended(child);
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(why) && said.contains("go on where it stopped"), "{said}");
    }
    // The same command finds the new masters.
    ok(&words);
    ok(&[&words[..], &["--finish"]].concat());
    placed(&[&other], &wanted, "after two failovers");
    wait_until("its replica has the same", || whole(&[&target]).len() == wanted.len());
}

/// A number from the environment, for runs that take long.
fn told(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect(name))
}

/// Many small keys in database 1, each with its number.
fn fill_small(server: &Server, count: u64) {
    for from in (0..count).step_by(1000) {
        let mut words = vec!["MSET".to_owned()];
        (from..count.min(from + 1000)).for_each(|number| words.extend([format!("small:{number}"), number.to_string()]));
        assert_eq!(server.ask_in(1, &words), Reply::ok());
    }
}

/// Each of the small keys is there once, where it belongs and with its number, and nothing else.
#[track_caller]
fn small_are_placed(servers: &[&Server], count: u64, story: &str) {
    let mut seen = vec![false; count as usize];
    for (at, server) in servers.iter().enumerate() {
        let Reply::Array(names) = server.ask_in(1, &["KEYS", "*"]) else { panic!("no names") };
        for names in names.chunks(1000) {
            let mut words = vec!["MGET".to_owned()];
            words.extend(names.iter().map(Reply::text));
            let Reply::Array(values) = server.ask_in(1, &words) else { panic!("no values") };
            for (name, value) in words[1..].iter().zip(values) {
                let number = name.strip_prefix("small:").and_then(|number| number.parse::<usize>().ok());
                let number = number.unwrap_or_else(|| panic!("{story}: {name} is left"));
                assert_eq!(Crc32Modulo.node_index(name.as_bytes(), servers.len()), at, "{story}: {name}");
                assert_eq!(value.text(), number.to_string(), "{story}");
                assert!(!std::mem::replace(&mut seen[number], true), "{story}: {name} is there twice");
            }
        }
    }
    assert_eq!(seen.iter().filter(|seen| !**seen).count(), 0, "{story}: some are missing");
}

/// Short, or as long as `MOVING_KEYS` (small keys), `MOVING_KILLS` (in each phase) and `MOVING_SEED` say.
#[test]
fn whoever_dies_each_key_is_there_once() {
    let (keys, kills) = (told("MOVING_KEYS", 1500), told("MOVING_KILLS", 1));
    let mut chance = Chance::new(told("MOVING_SEED", 1));
    let durable = || Server::start_with(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let mut servers: Vec<Server> = (0..7).map(|_| durable()).collect();
    fill(&[&servers[6]], 90);
    // Of a stream a server does not write everything to its disk.
    (0..90).filter(|number| number % 9 == 5).for_each(|number| drop(servers[6].ask(&[&b"DEL"[..], &name(number)])));
    fill_small(&servers[6], keys);
    let wanted = whole(&[&servers[6]]);
    let mut deaths = [0; 2];
    for (kind, from, to) in [
        ("clone", &[6][..], &[0, 1, 2][..]),
        ("reshard", &[0, 1, 2], &[0, 1, 2, 3]),
        ("reshard", &[0, 1, 2, 3], &[0, 1, 2]),
        ("reshard", &[0, 1, 2], &[0, 1, 2, 3, 4, 5]),
    ] {
        let list_of = |which: &[usize]| list(&which.iter().map(|&at| &servers[at]).collect::<Vec<_>>());
        let (source, target) = (list_of(from), list_of(to));
        let words = match kind {
            "clone" => vec![kind, "--from", &source, "--to", &target, "--untagged"],
            _ => vec!["--nodes", &source, kind, "--to", &target, "--untagged"],
        };
        let story = format!("{kind} {from:?} to {to:?}");
        for phase in [&["--rate", "4000"][..], &["--rate", "4000", "--finish"]] {
            for _ in 0..kills {
                let mut child = spawn(&[&words[..], phase].concat());
                let moment = Duration::from_millis(30 + chance.below(400) as u64);
                let begun = Instant::now();
                wait_until("its moment comes", || begun.elapsed() > moment || child.try_wait().unwrap().is_some());
                let victim = chance.below(from.len() + to.len() + 1);
                let victim = from.iter().chain(to).nth(victim).copied();
                deaths[usize::from(victim.is_some())] += usize::from(child.try_wait().unwrap().is_none());
                match victim {
                    Some(server) => servers[server].kill(),
                    None => child.kill().expect("our program"),
                }
                let (_, said) = ended(child);
                assert!(!said.contains("not copied") && !said.contains("kept"), "{story}: {said}");
                if let Some(server) = victim {
                    servers[server].restart();
                }
            }
        }
        // One that was killed may have come to its end before, and its connections may be seen for a moment.
        wait_until("it comes to its end", || {
            let ran = run(&[&words[..], &["--finish"]].concat());
            assert!(ran.status == 0 || ran.err().contains("is at work here"), "{story}: {}{}", ran.out(), ran.err());
            ran.status == 0
        });
        let at: Vec<&Server> = to.iter().map(|&at| &servers[at]).collect();
        small_are_placed(&at, keys, &story);
        placed(&at, &wanted, &story);
    }
    eprintln!("{} died on the way, and {} servers", deaths[0], deaths[1]);
}
