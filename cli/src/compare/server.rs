//! One server, asked many things at once.

use rediscluster::prelude::*;
use rediscluster::spec::{self, Access, Spec};
use rediscluster::{Builder, Cluster, Cmd, Error, HashTags, Protocol, Value};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a server is called inside of a cluster of one.
const ALONE: &str = "node_1";
/// In the table `TIME` is a question to every node. Here there is one, and it may stand between other commands.
static TIME: Spec = Spec::new("TIME", 1, Access::Read, &[]);

/// How often a clock is looked at.
const CLOCK_LOOKS: usize = 3;

/// One server of a fleet. It can be asked from several threads.
pub struct Server {
    name: String,
    address: String,
    cluster: Cluster,
    /// What it is and in which version, such as `redis 7.0.15`.
    version: String,
    run_id: String,
    has: Has,
    clock: Clock,
    /// To within how many milliseconds it told when keys expire.
    expiry_known_to: AtomicI64,
}

/// A server's clock beside ours, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    /// By how much it is ahead.
    ahead: i64,
    /// How far off that may be.
    off_by: i64,
}

/// What a server can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Has {
    /// `PEXPIRETIME`
    pub expiry_time: bool,
    /// Fields of hashes that expire.
    pub field_expiry: bool,
}

/// A server that gave no answer, in words.
pub type Failed = String;

/// What came of one command.
pub type Answer = rediscluster::Result<Value>;

impl Server {
    /// Connects to the server at an address, as `settings` say; `name` is what its fleet calls it.
    ///
    /// # Errors
    /// Why it gave no answer, with its name.
    pub fn open(settings: Builder, name: &str, address: &str) -> Result<Server, Failed> {
        // What is compared is the same in either protocol, and every server speaks this one.
        let builder = settings.protocol(Protocol::Resp2).masters_only(true).hash_tags(HashTags::Off);
        let builder = builder.node(ALONE, address).spec(&TIME);
        let failed = |error: &Error| format!("{name}: {}", error.message());
        let cluster = builder.connect().map_err(|error| failed(&error))?;
        let master = cluster.topology().servers().next().map(|(_, node)| node.address().to_string());
        let mut server = Server {
            name: name.to_owned(),
            address: master.unwrap_or_default(),
            cluster,
            version: String::new(),
            run_id: String::new(),
            has: Has { expiry_time: false, field_expiry: false },
            clock: Clock::default(),
            expiry_known_to: AtomicI64::new(0),
        };
        server.introduce().map_err(|error| failed(&error))?;
        Ok(server)
    }

    /// Asks who it is and what its clock says.
    fn introduce(&mut self) -> rediscluster::Result<()> {
        let alone = self.cluster.on(ALONE)?;
        let info: Vec<u8> = alone.execute(cmd("INFO").arg("server").reply())?;
        let info = String::from_utf8_lossy(&info).into_owned();
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let (product, version) = match field("valkey_version") {
            Some(version) => ("valkey", version),
            None => ("redis", field("redis_version").unwrap_or_default()),
        };
        self.has = Has::of(product, version);
        self.version = format!("{product} {version}");
        self.run_id = field("run_id").unwrap_or_default().to_owned();
        for look in 0..CLOCK_LOOKS {
            let (before, asked) = (ours(), Instant::now());
            let time: Vec<i64> = alone.execute(cmd("TIME").reply())?;
            let half = i64::try_from(asked.elapsed().as_millis() / 2).unwrap_or(i64::MAX);
            let theirs = milliseconds(&time).unwrap_or(before);
            // One answer may have been late by chance.
            if look == 0 || half < self.clock.off_by {
                self.clock = Clock { ahead: theirs - before - half, off_by: half };
            }
        }
        Ok(())
    }

    /// Which of these names it has in a database.
    ///
    /// # Errors
    /// Why it gave no answer.
    pub fn exist<'n>(&self, database: u32, names: impl Iterator<Item = &'n [u8]>) -> Result<Vec<bool>, Failed> {
        let commands: Vec<Cmd> = names.map(|name| Cmd::new(&spec::EXISTS).arg(name)).collect();
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let exists = |answer: Answer| Ok(answer? == Value::Integer(1));
        let answers = self.ask_all(database, commands).and_then(|all| all.into_iter().map(exists).collect());
        answers.map_err(|error| self.told(&error))
    }

    /// What it is called and where it is, for people.
    pub fn place(&self) -> String {
        format!("{} ({})", self.name, self.address)
    }

    /// What its fleet calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Tells one process from another, whatever the address.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// What it is and in which version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What it can be asked.
    pub fn has(&self) -> Has {
        self.has
    }

    /// By how many milliseconds its clock is ahead of ours.
    pub fn ahead(&self) -> i64 {
        self.clock.ahead
    }

    /// What its clock says at most about now, in milliseconds since 1970.
    pub fn now(&self) -> i64 {
        // Two clocks were cut off to whole milliseconds.
        ours() + self.clock.ahead + self.clock.off_by + 2
    }

    /// It told when keys expire to within so many milliseconds.
    pub fn tells_expiry_to(&self, milliseconds: i64) {
        self.expiry_known_to.fetch_max(milliseconds, Ordering::Relaxed);
    }

    /// To within how many milliseconds it told when keys expire; 0 for exactly.
    pub fn expiry_known_to(&self) -> i64 {
        self.expiry_known_to.load(Ordering::Relaxed)
    }

    /// One command by itself.
    ///
    /// # Errors
    /// What kept it from being answered, or the error that it was answered with.
    pub fn ask(&self, database: u32, command: Cmd) -> Answer {
        self.cluster.database(database).on(ALONE)?.execute(command)
    }

    /// Many commands, none of which waits for the reply to another one.
    ///
    /// # Errors
    /// What kept the server from answering. An error reply to one command is its answer.
    pub fn ask_all(&self, database: u32, commands: Vec<Cmd>) -> rediscluster::Result<Vec<Answer>> {
        let cluster = self.cluster.database(database);
        let mut pipeline = cluster.pipeline();
        for command in commands {
            (&mut pipeline).execute(command);
        }
        let replies = pipeline.run_each();
        let answers: Vec<Answer> = replies.values().collect();
        // Whoever is not there, or lets nobody in, answers nothing.
        match answers.iter().position(|answer| answer.as_ref().is_err_and(|error| !is_answer(error))) {
            Some(at) => answers.into_iter().nth(at).unwrap_or(Ok(Value::Nil)).map(|_| Vec::new()),
            None => Ok(answers),
        }
    }

    /// An error in words, with the name and the address of the server.
    pub fn told(&self, error: &Error) -> String {
        let command = error.command().map_or(String::new(), |command| format!("{command}: "));
        format!("{}: {command}{}", self.place(), error.message())
    }
}

/// Whether the server said it of the command and not on the way to it.
fn is_answer(error: &Error) -> bool {
    let on_the_way = error.command().is_some_and(|name| ["AUTH", "HELLO", "SELECT"].contains(&name));
    error.is_server() && !on_the_way && !["NOAUTH", "LOADING", "MASTERDOWN"].contains(&error.code().unwrap_or_default())
}

impl Has {
    fn of(product: &str, version: &str) -> Has {
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let is_valkey = product == "valkey";
        Has { expiry_time: version >= (7, 0), field_expiry: version >= if is_valkey { (9, 0) } else { (7, 4) } }
    }
}

/// The seconds and microseconds that `TIME` answers with, in milliseconds.
pub fn milliseconds(time: &[i64]) -> Option<i64> {
    let (seconds, microseconds) = (time.first()?, time.get(1)?);
    seconds.checked_mul(1000)?.checked_add(microseconds / 1000)
}

fn ours() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_can_be_asked() {
        let has = |expiry_time, field_expiry| Has { expiry_time, field_expiry };
        assert_eq!(Has::of("redis", "6.2.5"), has(false, false));
        assert_eq!(Has::of("redis", "7.0.15"), has(true, false));
        assert_eq!(Has::of("redis", "7.4.0"), has(true, true));
        assert_eq!(Has::of("redis", "10.0.0"), has(true, true));
        assert_eq!(Has::of("valkey", "8.1.0"), has(true, false));
        assert_eq!(Has::of("valkey", "9.1.2"), has(true, true));
    }
}
