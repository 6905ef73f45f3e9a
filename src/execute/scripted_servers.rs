//! Two servers in memory that answer by rote and fail when they are told to: for tests of what a strategy does when any
//! of its steps fails.

use super::{Answer, Call, Context, RowRef, Servers, View};
use crate::command::{Args, Wait};
use crate::config::{Builder, Share};
use crate::error::{ErrorKind, Result};
use crate::net::{Deadline, Pool};
use crate::plan::{CrossNode, Planner};
use crate::resp::{Frame, ValueRef};
use crate::retry::{Budget, Retries};
use crate::threads::lock;
use crate::topology::{Address, HashTags, Node, Partitioner, Placement, ReadFrom, Role, ShardDescription, Topology};
use crate::transport::{Connect, Socket, Transport};
use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the first server, or the second, replies to a command that succeeds.
fn by_rote(name: &str, server: usize) -> &'static str {
    match (name, server) {
        // Where both are asked one after the other, only one of them has something.
        ("DBSIZE", 1) => ":0\r\n",
        ("BLPOP", 0) => "*-1\r\n",
        ("BLPOP", _) => "*2\r\n$1\r\nb\r\n$1\r\nx\r\n",
        ("XREAD", 0) => "*1\r\n*2\r\n$1\r\na\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*0\r\n",
        ("XREAD", _) => "*-1\r\n",
        _ => by_rote_of_both(name),
    }
}

fn by_rote_of_both(name: &str) -> &'static str {
    match name {
        "DUMP" => "$2\r\n\0x\r\n",
        "PTTL" => ":-1\r\n",
        "EXISTS" | "XPENDING" => ":0\r\n",
        "GET" | "HGET" | "LMOVE" | "BLMOVE" | "LPOP" | "RANDOMKEY" => "$1\r\nx\r\n",
        "SUNION" | "SORT" => "*1\r\n$1\r\nx\r\n",
        "MGET" => "*1\r\n$1\r\n7\r\n",
        "TYPE" => "+list\r\n",
        "XINFO" => "*2\r\n$17\r\nlast-generated-id\r\n$3\r\n1-0\r\n",
        "LMPOP" | "XREADGROUP" => "*-1\r\n",
        "HELLO" | "SELECT" | "SET" | "WATCH" | "UNWATCH" | "RENAME" | "RESTORE" => "+OK\r\n",
        _ => ":1\r\n",
    }
}

/// How a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fails {
    /// The server refuses it.
    Refused,
    /// The connection ends before the reply, and whoever connects again is served.
    Breaks,
    /// The same, and from then on that server serves nobody.
    Dies,
}

pub(crate) const FAILURES: [Fails; 3] = [Fails::Refused, Fails::Breaks, Fails::Dies];

/// Keys that begin with `b` live on the second server.
struct ByFirstLetter;

impl Partitioner for ByFirstLetter {
    fn node_index(&self, hashed: &[u8], _: usize) -> usize {
        usize::from(hashed.starts_with(b"b"))
    }
}

struct World {
    /// Which request fails, counted from 1, and how.
    failure: Option<(usize, Fails)>,
    /// Every request so far: the server and the command.
    asked: Vec<String>,
    /// By server: the time to live that was given last.
    expires: [Option<String>; 2],
    /// By server: it is dead.
    dead: [bool; 2],
}

/// Makes connections to the two servers.
struct Scripted(Arc<Mutex<World>>);

/// One connection.
struct Connected {
    world: Arc<Mutex<World>>,
    server: usize,
    state: Mutex<Connection>,
}

#[derive(Default)]
struct Connection {
    received: Vec<u8>,
    replies: Vec<u8>,
    /// What was queued since `MULTI`, and whether any of it was refused.
    queued: Option<(Vec<String>, bool)>,
    is_closed: bool,
}

impl Connect for Scripted {
    fn connect(&self, address: &Address, _: Option<Duration>) -> io::Result<Socket> {
        let server = usize::from(address.port() == 2);
        match lock(&self.0).dead[server] {
            true => Err(io::ErrorKind::ConnectionRefused.into()),
            false => Ok(Socket::new(Connected { world: Arc::clone(&self.0), server, state: Mutex::default() })),
        }
    }
}

/// The first request in some bytes, and how long it is.
fn request_in(bytes: &[u8]) -> Option<(Vec<String>, usize)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let line = |from: usize| {
        let length = bytes.get(from..)?.windows(2).position(|two| two == b"\r\n")?;
        Some((text(&bytes[from + 1..from + length]).parse::<usize>().ok()?, from + length + 2))
    };
    let (count, mut at) = line(0)?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, begin) = line(at)?;
        words.push(text(bytes.get(begin..begin + length)?));
        at = begin + length + 2;
    }
    (at <= bytes.len()).then_some((words, at))
}

impl Connected {
    fn answer(&self, words: &[String], connection: &mut Connection) {
        let mut world = lock(&self.world);
        let mut say = |text: &str| connection.replies.extend_from_slice(text.as_bytes());
        // What a connection begins with is no step.
        if words[0] == "INFO" {
            let info = "role:master\r\n";
            return say(&format!("${}\r\n{info}\r\n", info.len()));
        }
        world.asked.push(format!("{}:{}", ["a", "b"][self.server], words[0]));
        let number = world.asked.len();
        let fails = world.failure.filter(|(nth, _)| *nth == number).map(|(_, fails)| fails);
        match (fails, words[0].as_str()) {
            (Some(Fails::Refused), name) => {
                if let (Some((_, is_refused)), true) = (&mut connection.queued, name != "EXEC") {
                    *is_refused = true;
                }
                if name == "EXEC" {
                    connection.queued = None;
                }
                say("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
            }
            (Some(fails), _) => {
                connection.is_closed = true;
                world.dead[self.server] = fails == Fails::Dies;
            }
            (None, "MULTI") => {
                connection.queued = Some((Vec::new(), false));
                say("+OK\r\n");
            }
            (None, "EXEC") => match connection.queued.take() {
                Some((replies, false)) => say(&format!("*{}\r\n{}", replies.len(), replies.concat())),
                _ => say("-EXECABORT Transaction discarded because of previous errors.\r\n"),
            },
            (None, "DISCARD") => {
                connection.queued = None;
                say("+OK\r\n");
            }
            (None, _) => {
                if let ("PEXPIRE", Some(millis)) = (words[0].as_str(), words.get(2)) {
                    world.expires[self.server] = Some(format!(":{millis}\r\n"));
                }
                let left = world.expires[self.server].clone().filter(|_| words[0] == "PTTL");
                let reply = left.unwrap_or_else(|| by_rote(&words[0], self.server).to_owned());
                match &mut connection.queued {
                    Some((replies, _)) => {
                        replies.push(reply);
                        say("+QUEUED\r\n");
                    }
                    None => say(&reply),
                }
            }
        }
    }
}

impl Transport for Connected {
    fn read(&self, buffer: &mut [u8], wait: Option<Duration>) -> io::Result<usize> {
        let mut state = lock(&self.state);
        if state.replies.is_empty() {
            // Nobody answers later than at once.
            return match state.is_closed {
                true => Ok(0),
                false if wait == Some(Duration::ZERO) => Err(io::ErrorKind::WouldBlock.into()),
                false => Err(io::Error::other("a reply is waited for that does not come")),
            };
        }
        let count = buffer.len().min(state.replies.len());
        buffer[..count].copy_from_slice(&state.replies[..count]);
        state.replies.drain(..count);
        Ok(count)
    }

    fn write(&self, bytes: &[u8], _: Option<Duration>) -> io::Result<usize> {
        let mut state = lock(&self.state);
        if state.is_closed || lock(&self.world).dead[self.server] {
            state.is_closed = true;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        state.received.extend_from_slice(bytes);
        while let Some((words, length)) = request_in(&state.received) {
            state.received.drain(..length);
            if !state.is_closed {
                self.answer(&words, &mut state);
            }
        }
        Ok(bytes.len())
    }

    fn close(&self) {
        lock(&self.state).is_closed = true;
    }
}

/// A handle that asks masters, each of them once.
pub(crate) fn view(deadline: Duration) -> View {
    View {
        read_from: ReadFrom::Master,
        cross_node: CrossNode::Emulate,
        deadline,
        stand_in_after: deadline,
        database: 0,
        cancel: None,
        own_writes: None,
        retries: Retries::none(),
        share: Share::None,
    }
}

/// A context in which a call to these servers may run.
pub(crate) fn with_context<T>(
    servers: &Servers,
    placement: &Placement,
    view: &View,
    deadline: Deadline,
    wait: Wait,
    go: impl FnOnce(Context<'_>) -> T,
) -> T {
    let (budget, turn) = (Budget::new(), AtomicUsize::new(0));
    go(Context {
        servers,
        planner: Planner {
            topology: &servers.topology,
            placement,
            read_from: view.read_from,
            cross_node: view.cross_node,
        },
        deadline,
        wait,
        view,
        is_step: false,
        turn: &turn,
        budget: &budget,
        traffic: None,
        to_new_master: None,
    })
}

/// Runs a command over the two servers, and gives what came of it and what they were asked for.
pub(crate) fn run(row: RowRef, args: &Args, failure: Option<(usize, Fails)>) -> (Result<String>, Vec<String>) {
    let world = Arc::new(Mutex::new(World { failure, asked: Vec::new(), expires: [None, None], dead: [false; 2] }));
    let builder = || Builder::default().connector(Scripted(Arc::clone(&world)));
    let node = |port: u16| Node::new(["a", "b"][usize::from(port - 1)], Address::new("h", port).unwrap());
    let pool = |port: u16| {
        let (endpoint, settings) = builder().single(&format!("h:{port}")).unwrap();
        Arc::new(Pool::new(Role::Master, node(port), endpoint, Arc::new(settings)))
    };
    let shard = |port: u16| ShardDescription::new(node(port).name(), node(port).address());
    let servers = Servers {
        topology: Arc::new(Topology::new([shard(1), shard(2)])),
        pools: vec![pool(1), pool(2)],
        marks: Arc::default(),
    };
    let placement = Placement { hash_tags: HashTags::Off, partitioner: Box::new(ByFirstLetter) };
    let view = view(Duration::from_secs(5));
    let deadline = Deadline::after(view.deadline);
    let done = with_context(&servers, &placement, &view, deadline, row.wait(args), |context| {
        let call = Call { args, spec: row.spec, code: row.code, whole_script: None, context };
        call.execute().map(|answer: Answer| shown(answer.frame()))
    });
    let asked = std::mem::take(&mut lock(&world).asked);
    (done, asked)
}

fn shown(frame: Frame<'_>) -> String {
    match frame.value() {
        ValueRef::Integer(number) => number.to_string(),
        value => {
            value.as_bytes().map_or_else(|| format!("{value:?}"), |text| String::from_utf8_lossy(text).into_owned())
        }
    }
}

/// Lets every step of a command fail in every way, or only these, counted from 1. The first line has the steps, and each further one a step, how it fails,
/// what becomes of the command with the stashes that the error names, and what the servers are asked for afterwards. Each error
/// has to be of the kind that the failure is, and to name its server.
fn failures(row: RowRef, args: &Args, only: &[usize]) -> Vec<String> {
    let (done, steps) = run(row, args, None);
    let mut lines = vec![format!("{} = {}", steps.join(" "), done.unwrap())];
    for (nth, step) in (1..).zip(&steps).filter(|(nth, _)| only.is_empty() || only.contains(nth)) {
        let mut same: Vec<(String, String)> = Vec::new();
        for fails in FAILURES {
            let (done, asked) = run(row, args, Some((nth, fails)));
            let came = match done {
                Ok(reply) => reply,
                Err(error) => {
                    let text = error.to_string();
                    // Whatever was done afterwards, it says what failed, and where.
                    let kinds: &[ErrorKind] = match fails {
                        Fails::Refused => &[ErrorKind::OutOfMemory],
                        Fails::Breaks => &[ErrorKind::Io],
                        Fails::Dies => &[ErrorKind::Io, ErrorKind::Connect],
                    };
                    let at = error.node().and_then(|node| node.chars().next());
                    assert!(kinds.contains(&error.kind()) && at == step.chars().next(), "{step} {fails:?}: {error:?}");
                    let is_named =
                        |role: &&&str| text.contains("rediscluster:stash:") && text.contains(&format!(":{role}:"));
                    let named: String =
                        ["from", "to", "copy"].iter().filter(is_named).map(|role| format!(" +{role}")).collect();
                    format!("{:?}{named}", error.outcome())
                }
            };
            let line = format!("{came}; {}", asked[nth..].join(" "));
            match same.last_mut() {
                Some((all, last)) if *last == line => all.push_str(&format!(", {fails:?}")),
                _ => same.push((format!("{fails:?}"), line)),
            }
        }
        lines.extend(
            same.iter()
                .map(|(fails, line)| format!("{step} {fails}: {line}").trim_end().trim_end_matches(';').to_owned()),
        );
    }
    lines
}

/// Holds what is done at failures of a command, at each step or at `only` these, against what is expected.
pub(crate) fn assert_failures(row: RowRef, args: &Args, only: &[usize], expected: &str) {
    let found = failures(row, args, only).join("\n");
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert!(found == expected.join("\n"), "this is what is done:\n{found}");
}
