//! Connecting to Unix sockets.

use crate::threads::{lock, spawn};
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Those who want to be connected to one socket, and the one thread that does it for all of them.
///
/// The system lets nobody say how long connecting may take: it waits while the server's queue is full. So a thread does
/// that, which may come too late. One thread for a socket is enough: where it is held up, another one would be, too. It is
/// the file that counts, and not the path alone: a server that is started in place of one that hangs makes a new one.
#[derive(Default)]
struct Line {
    queue: Mutex<Queue>,
    made: Condvar,
}

#[derive(Default)]
struct Queue {
    /// How many want a connection, and the connections that are there for them.
    wanted: usize,
    made: Vec<io::Result<UnixStream>>,
    is_running: bool,
}

/// Where a socket is, and which file is there now: its device and its number, where there is one. And the process that wants
/// to be connected: no thread goes over to a child that was forked, so it begins lines of its own.
#[derive(PartialEq)]
struct Place(OsString, Option<(u64, u64)>, u32);

impl Place {
    fn of(path: &Path) -> Place {
        let file = fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        Place(path.as_os_str().to_owned(), file, process::id())
    }
}

static LINES: Mutex<Vec<(Place, Arc<Line>)>> = Mutex::new(Vec::new());

impl Line {
    /// The line to a socket, in which the caller stands from now on.
    fn to(path: &Path) -> Arc<Line> {
        let place = Place::of(path);
        let mut lines = lock(&LINES);
        // Those in which nobody stands and nothing runs are gone.
        lines.retain(|(_, line)| Arc::strong_count(line) > 1);
        let line = match lines.iter().find(|(known, _)| *known == place) {
            Some((_, line)) => Arc::clone(line),
            None => {
                let line = Arc::<Line>::default();
                lines.push((place, Arc::clone(&line)));
                line
            }
        };
        lock(&line.queue).wanted += 1;
        line
    }

    /// Connects as long as anybody wants that.
    fn run(&self, path: &Path) {
        loop {
            let made = UnixStream::connect(path);
            let mut queue = lock(&self.queue);
            // Where nobody waits any more, the socket is closed.
            if queue.made.len() < queue.wanted {
                queue.made.push(made);
                self.made.notify_one();
            }
            if queue.made.len() >= queue.wanted {
                queue.is_running = false;
                return;
            }
        }
    }
}

/// Connects within `timeout`; without one, for as long as the server lets it wait.
pub(super) fn connect_unix(path: &Path, timeout: Option<Duration>) -> io::Result<UnixStream> {
    let end = match timeout {
        None => return UnixStream::connect(path),
        Some(timeout) => Instant::now().checked_add(timeout),
    };
    let line = Line::to(path);
    let mut queue = lock(&line.queue);
    let came = loop {
        if let Some(made) = queue.made.pop() {
            break made;
        }
        if !queue.is_running {
            let (of_thread, path) = (Arc::clone(&line), path.to_owned());
            match spawn("rediscluster-unix", Box::new(move || of_thread.run(&path))) {
                Ok(_) => queue.is_running = true,
                Err(error) => break Err(error),
            }
        }
        let left = end.map_or(Duration::from_secs(3600), |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            break Err(ErrorKind::TimedOut.into());
        }
        queue = line.made.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
    };
    queue.wanted -= 1;
    // What was made for one who has given up meanwhile.
    let (made, wanted) = (queue.made.len(), queue.wanted);
    let unwanted = queue.made.split_off(wanted.min(made));
    drop(queue);
    drop(unwanted);
    came
}
