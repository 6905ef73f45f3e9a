//! Real Sentinels.

use super::server::{binary, new_dir, Watch};
use super::{free_port, wait_until, Server, Talk};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running Sentinel, which watches over masters and promotes a replica of one that is gone for a second and a half.
/// Dropping it kills it.
#[derive(Debug)]
pub struct Sentinel {
    child: Child,
    port: u16,
    dir: PathBuf,
}

impl Sentinel {
    /// Starts a Sentinel that watches these masters, each by its name, and that promotes when so many Sentinels agree.
    /// When this returns it knows their replicas.
    pub fn watching(masters: &[(&str, &Server)], quorum: usize, password: Option<&str>) -> Sentinel {
        let (port, dir) = (free_port(), new_dir());
        let mut config = format!("port {port}\nbind 127.0.0.1\nprotected-mode no\ndir {}\n", dir.display());
        for (name, master) in masters {
            config.push_str(&format!(
                "sentinel monitor {name} 127.0.0.1 {} {quorum}\nsentinel down-after-milliseconds {name} 1500\n\
                 sentinel failover-timeout {name} 3000\n",
                master.port()
            ));
        }
        config.extend(password.map(|password| format!("requirepass {password}\n")));
        let file = dir.join("sentinel.conf");
        fs::write(&file, config).expect("a configuration in its directory");
        let log = File::create(dir.join("log")).expect("a log file in its directory");
        let mut command = Command::new(binary());
        command.arg(&file).arg("--sentinel").stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle for the log file")).stderr(log);
        let child = command.spawn().expect("a Sentinel starts");
        fs::write(dir.join("pid"), child.id().to_string()).expect("a pid file in its directory");
        Watch::over(&dir);
        let sentinel = Sentinel { child, port, dir };
        for (name, _) in masters {
            wait_until("the Sentinel knows the replicas", || {
                let ask = |mut talk: Talk| talk.call(&["SENTINEL", "REPLICAS", name]);
                let said = Talk::with(port, password, Duration::from_secs(5)).and_then(ask);
                said.is_ok_and(|reply| matches!(reply, super::Reply::Array(items) if !items.is_empty()))
            });
        }
        sentinel
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        let _ = fs::remove_file(self.dir.join("pid"));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
