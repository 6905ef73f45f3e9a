//! twemproxy (nutcracker) before servers, which places keys as rediscluster does.

use super::{program, redis_rs};
use redis::{Client, Connection, ConnectionInfo, IntoConnectionInfo};
use rediscluster_testing::{free_port, wait_until, Server};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// As it is told, asked by redis-rs.
pub const NAME: &str = "redis-rs by twemproxy";

/// Starts the proxy, tells its process id and ends it when standard input is closed: also when this process is killed.
const SCRIPT: &str = r#""$0" "$@" >/dev/null 2>&1 & echo $!; read -r _; kill $!; wait"#;

pub fn path() -> Option<PathBuf> {
    program("NUTCRACKER", "nutcracker")
}

/// A running proxy. Its files lie in the directory of the first server.
pub struct Proxy {
    shell: Child,
    process: u32,
    port: u16,
}

impl Proxy {
    /// Before these servers; `None` where there is no nutcracker.
    pub fn before(servers: &[Server]) -> Option<Proxy> {
        let (path, port, dir) = (path()?, free_port(), servers[0].dir());
        let mut text =
            format!("bench:\n  listen: 127.0.0.1:{port}\n  redis: true\n  hash: crc32a\n  distribution: modula\n");
        text.push_str("  auto_eject_hosts: false\n  timeout: 60000\n  servers:\n");
        for (number, server) in servers.iter().enumerate() {
            text.push_str(&format!("   - {}:1 node_{}\n", server.address(), number + 1));
        }
        let config = dir.join("nutcracker.yml");
        std::fs::write(&config, text).expect("a file in the server's directory");
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT]).arg(path).arg("-c").arg(&config).arg("-p").arg(dir.join("nutcracker.pid"));
        command.args(["-s", &free_port().to_string(), "-a", "127.0.0.1", "-i", "3600000"]);
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let process = line.trim().parse().expect("a process id");
        wait_until("twemproxy listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Proxy { shell, process, port })
    }

    /// All processes that a call keeps busy.
    pub fn processes(&self, servers: &[u32]) -> Vec<u32> {
        [servers, &[self.process]].concat()
    }

    /// A connection of redis-rs to the proxy, which does not know the command by which clients tell their name.
    pub fn connection(&self) -> Connection {
        let info: ConnectionInfo = format!("redis://127.0.0.1:{}", self.port).into_connection_info().expect("a URL");
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = Client::open(info.set_redis_settings(settings)).expect("an address");
        redis_rs::patient(client.get_connection().expect("the proxy listens"))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
