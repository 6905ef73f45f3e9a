//! Real servers.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{free_port, random, skipped, wait_until, wait_until_closed, Reply, Talk, PATIENCE};

/// How long one question to a server may take.
const ANSWER: Duration = Duration::from_secs(10);

/// A running server. Dropping it kills the server and removes its directory.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
    dir: PathBuf,
    password: Option<String>,
    builder: ServerBuilder,
}

/// How to start a [`Server`].
#[derive(Debug, Clone, Default)]
pub struct ServerBuilder {
    binary: Option<PathBuf>,
    args: Vec<String>,
    master: Option<(u16, Option<String>)>,
}

impl ServerBuilder {
    /// Starts this program instead of the server that the other tests run on.
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Self {
        self.binary = Some(path.into());
        self
    }

    /// Adds arguments as on the server's command line.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Asks clients for a password. A replica of this server is given it without being told.
    pub fn password(self, password: &str) -> Self {
        self.args(&["--requirepass", password])
    }

    /// Makes the server a replica; [`start`](Self::start) then waits until the master counts it as
    /// online and the replica says that its link is up.
    pub fn replica_of(mut self, master: &Server) -> Self {
        self.master = Some((master.port, master.password.clone()));
        self
    }

    /// Starts the server and waits until it answers.
    pub fn start(self) -> Server {
        let server = self.spawn();
        if let Some((port, password)) = &self.master {
            let line = format!("port={},", server.port);
            wait_until("the replica is online", || {
                let online = info_of(*port, password.as_deref(), "replication")
                    .lines()
                    .any(|at| at.contains(&line) && at.contains("state=online"));
                online && server.field("replication", "master_link_status").as_deref() == Some("up")
            });
        }
        server
    }

    /// Starts the process, on another port when somebody was faster to take the first one.
    fn spawn(&self) -> Server {
        for _ in 0..20 {
            let (port, dir) = (free_port(), new_dir());
            let child = self.launch(port, &dir);
            let mut server = Server { child, port, dir, password: self.password_argument(), builder: self.clone() };
            server.watch();
            if server.ready() {
                return server;
            }
            let log = server.log();
            assert!(
                log.contains("Address already in use") || log.contains("Failed listening"),
                "the server stopped at its start; the end of its log:\n{log}",
            );
        }
        panic!("20 free ports, and each was taken before the server could have it");
    }

    fn launch(&self, port: u16, dir: &Path) -> Child {
        let program = self.binary.as_deref().unwrap_or_else(|| binary());
        let log = File::create(dir.join("log")).expect("a log file in the server's directory");
        let mut command = Command::new(program);
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--protected-mode", "no"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .args(["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"])
            .args(["--loglevel", "warning", "--dir"])
            .arg(dir);
        if let Some((master, password)) = &self.master {
            command.args(["--replicaof", "127.0.0.1", &master.to_string()]);
            if let Some(password) = password {
                command.args(["--masterauth", password]);
            }
        }
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle for the log file"))
            .stderr(log);
        command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()))
    }

    fn password_argument(&self) -> Option<String> {
        let at = self.args.iter().rposition(|arg| arg == "--requirepass")?;
        self.args.get(at + 1).filter(|password| !password.is_empty()).cloned()
    }
}

impl Server {
    /// A server for which something has to be said before it starts.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// A server on a free port, without a password.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A server with more arguments, such as `&["--requirepass", "x"]`.
    pub fn start_with(args: &[&str]) -> Self {
        Self::builder().args(args).start()
    }

    /// A replica of `master`, online when this returns. The master's password is passed on;
    /// `args` may ask for one of the replica's own.
    pub fn replica_of(master: &Server, args: &[&str]) -> Self {
        Self::builder().replica_of(master).args(args).start()
    }

    /// The port it listens on, always below 32768: a client that dials a dead port above it may be
    /// given that port as its own and end up talking to itself.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory it runs in, removed at drop.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Sends one command on a connection of its own and gives the reply.
    pub fn ask<A: AsRef<[u8]>>(&self, args: &[A]) -> Reply {
        self.try_ask(args, ANSWER).unwrap_or_else(|error| self.no_answer(&error))
    }

    /// As [`ask`](Self::ask), in another database than 0.
    pub fn ask_in<A: AsRef<[u8]>>(&self, database: u32, args: &[A]) -> Reply {
        let asked = self.talk(ANSWER).and_then(|mut talk| {
            talk.expect_ok(&["SELECT", &database.to_string()])?;
            talk.call(args)
        });
        asked.unwrap_or_else(|error| self.no_answer(&error))
    }

    /// As [`ask`](Self::ask), for servers that may not answer; `patience` bounds every step.
    pub fn try_ask<A: AsRef<[u8]>>(&self, args: &[A], patience: Duration) -> io::Result<Reply> {
        self.talk(patience)?.call(args)
    }

    /// A section of `INFO`, or of all of it when `section` is empty.
    pub fn info(&self, section: &str) -> String {
        info_of(self.port, self.password.as_deref(), section)
    }

    /// One field of `INFO section`.
    pub fn field(&self, section: &str, name: &str) -> Option<String> {
        self.info(section).lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            (field == name).then(|| value.to_owned())
        })
    }

    /// Whether the server has what Redis brought with a version such as `7.0`. Valkey counts by the version of Redis
    /// that it says it is, unless one of its own is named as well, as in `7.4 or valkey 9.0`; `valkey 9.1` is what
    /// Redis does not have. Where it is not there, [`skipped`] tells `what`, so that a test never
    /// passes by silence.
    pub fn is_since(&self, version: &str, what: &str) -> bool {
        let parts = |text: &str| text.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
        let valkey = self.field("server", "valkey_version");
        let own = |version: &str| version.strip_prefix("valkey ").map(str::to_owned);
        let of_valkey = version.split(" or ").find_map(own);
        let of_redis = version.split(" or ").find(|version| own(version).is_none());
        let (is, wanted) = match (valkey, of_valkey) {
            (Some(is), Some(wanted)) => (is, Some(wanted)),
            _ => (self.field("server", "redis_version").expect("a version"), of_redis.map(str::to_owned)),
        };
        let since = wanted.is_some_and(|wanted| parts(&is) >= parts(&wanted));
        if !since {
            skipped(&format!("{what}: since {version}, and this server is {is}"));
        }
        since
    }

    /// How often the server has run a command, by its own count. A replica counts the writes that
    /// its master sends it, too.
    pub fn calls(&self, command: &str) -> u64 {
        let name = format!("cmdstat_{}", command.to_lowercase());
        self.field("commandstats", &name)
            .and_then(|value| value.strip_prefix("calls=")?.split(',').next()?.parse().ok())
            .unwrap_or(0)
    }

    /// Waits until `replica` has everything that this server had when the wait began.
    pub fn wait_for_replica(&self, replica: &Server) {
        let offset = |server: &Server, name| -> Option<u64> { server.field("replication", name)?.parse().ok() };
        let written = offset(self, "master_repl_offset").expect("the master's offset");
        wait_until("the replica has caught up", || {
            offset(replica, "slave_repl_offset").is_some_and(|read| read >= written)
        });
    }

    /// Makes it a master.
    pub fn promote(&self) {
        assert_eq!(self.ask(&["REPLICAOF", "NO", "ONE"]), Reply::ok());
    }

    /// Makes it a replica of a server, and waits until it has what that one has.
    pub fn follow(&self, master: &Server) {
        assert_eq!(self.ask(&["REPLICAOF", "127.0.0.1", &master.port().to_string()]), Reply::ok());
        wait_until("the replica follows", || self.field("replication", "master_link_status").as_deref() == Some("up"));
    }

    /// Kills the server at once. Connections to its port are refused from then on.
    pub fn kill(&mut self) {
        // The file goes first: without it nobody else takes this process for a living server, so a
        // new process with the same number is safe.
        let _ = fs::remove_file(self.dir.join("pid"));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts a killed server again on its port and in its directory, and waits until it answers. It has what it kept on
    /// disk, so it needs arguments such as `--appendonly yes`.
    pub fn restart(&mut self) {
        self.kill();
        wait_until_closed((Ipv4Addr::LOCALHOST, self.port).into());
        self.child = self.builder.launch(self.port, &self.dir);
        self.watch();
        assert!(self.ready(), "the server stopped at its restart; the end of its log:\n{}", self.log());
        wait_until("the server has read its disk", || self.field("persistence", "loading").as_deref() == Some("0"));
    }

    /// Stops the process where it is: the kernel still accepts connections and data for it, and
    /// nothing answers. The other name of this is SIGSTOP.
    pub fn freeze(&self) {
        signal("STOP", self.pid());
        // The signal may reach the process a little later than the command returns.
        let stat = format!("/proc/{}/stat", self.pid());
        if Path::new(&stat).exists() {
            wait_until("the server is frozen", || {
                let stat = fs::read_to_string(&stat).unwrap_or_default();
                stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
            });
        }
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        signal("CONT", self.pid());
    }

    /// The last lines of what the server has printed.
    pub fn log(&self) -> String {
        let log = fs::read(self.dir.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// A conversation on one connection, for what one question cannot ask (`MULTI`, `WATCH`…).
    pub fn talk(&self, patience: Duration) -> io::Result<Talk> {
        Talk::with(self.port, self.password.as_deref(), patience)
    }

    fn no_answer(&self, error: &io::Error) -> ! {
        panic!("{} does not answer: {error}; the end of its log:\n{}", self.address(), self.log())
    }

    /// Waits until this very process answers; false when it has ended instead.
    fn ready(&mut self) -> bool {
        let pid = self.pid().to_string();
        let end = Instant::now() + PATIENCE;
        loop {
            if self.child.try_wait().expect("the state of the server's process").is_some() {
                return false;
            }
            // By its number, because another server may have taken the port. That one may refuse to say who it is.
            let said = match self.try_ask(&["INFO", "server"], ANSWER) {
                Ok(Reply::Bulk(info)) if field_of(&info, "process_id").as_deref() == Some(&pid) => return true,
                Ok(Reply::Error(error)) => error,
                _ => String::new(),
            };
            assert!(Instant::now() < end, "the server does not say who it is: {said}; its log:\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Tells the process that outlives this one about the server: see [`Watch`].
    fn watch(&self) {
        fs::write(self.dir.join("pid"), self.pid().to_string()).expect("a pid file in the server's directory");
        Watch::over(&self.dir);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill(); // SIGKILL ends a frozen process, too
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A shell that waits for the end of this test process and then kills the servers still alive:
/// those of a `static`, which is never dropped, and those of a test run that was itself killed.
/// It notices the end because its standard input is closed then, however the process has ended.
pub(crate) struct Watch {
    shell: Child,
}

impl Watch {
    const SCRIPT: &'static str = r#"
        trap '' HUP INT TERM
        directories=
        while read -r dir; do
            directories="$directories$dir
"
        done
        printf %s "$directories" | while read -r dir; do
            [ ! -f "$dir/pid" ] || kill -9 "$(cat "$dir/pid")"
            rm -rf "$dir"
        done
    "#;

    pub(crate) fn over(dir: &Path) {
        static WATCH: Mutex<Option<Watch>> = Mutex::new(None);
        let mut watch = WATCH.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = watch.get_or_insert_with(|| {
            let shell = Command::new("sh")
                .args(["-c", Self::SCRIPT])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("a shell");
            Watch { shell }
        });
        let mut input = watch.shell.stdin.as_ref().expect("the shell's standard input");
        writeln!(input, "{}", dir.display()).expect("the shell reads");
    }
}

pub(crate) fn new_dir() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("rediscluster-test-{}-{number}-{:08x}", std::process::id(), random() as u32);
    let dir = std::env::temp_dir().join(name);
    fs::create_dir(&dir).unwrap_or_else(|error| panic!("no directory {}: {error}", dir.display()));
    dir
}

/// The server to test with.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("REDIS_SERVER").filter(|path| !path.is_empty()) {
            let path = PathBuf::from(path);
            assert!(path.is_file(), "REDIS_SERVER={} is no file", path.display());
            return path;
        }
        let names = ["redis-server", "valkey-server"];
        let path = std::env::var_os("PATH").unwrap_or_default();
        names
            .iter()
            .flat_map(|name| std::env::split_paths(&path).map(move |dir| dir.join(name)))
            .find(|file| file.is_file())
            .or_else(|| {
                // Where `scripts/server.sh` puts what it fetches.
                let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
                let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
                find(&root.join(target).join("servers"), &["valkey-server"])
            })
            .expect("no Redis or Valkey server here: run `make test`, which gets one")
    })
}

/// The first file below `dir` with one of these names.
fn find(dir: &Path, names: &[&str]) -> Option<PathBuf> {
    fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path()).find_map(|path| {
        if path.is_dir() {
            find(&path, names)
        } else {
            names.iter().any(|name| path.file_name() == Some(OsStr::new(name))).then_some(path)
        }
    })
}

/// By the shell, whose own `kill` is everywhere; a program of that name is not.
fn signal(name: &str, pid: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().expect("a shell");
    assert!(status.success(), "kill -{name} {pid}: {status}");
}

fn info_of(port: u16, password: Option<&str>, section: &str) -> String {
    let mut args = vec!["INFO"];
    args.extend(Some(section).filter(|section| !section.is_empty()));
    let reply = Talk::with(port, password, ANSWER).and_then(|mut talk| talk.call(&args));
    match reply {
        Ok(Reply::Bulk(info)) => String::from_utf8_lossy(&info).replace("\r\n", "\n"),
        other => panic!("127.0.0.1:{port} gives no INFO {section}: {other:?}"),
    }
}

fn field_of(info: &[u8], name: &str) -> Option<String> {
    String::from_utf8_lossy(info).lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        (field == name).then(|| value.to_owned())
    })
}
