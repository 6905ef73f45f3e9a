//! `--pipe`: the commands of standard input, as fast as the servers take them.

mod commands;
mod direct;
mod routed;
mod tally;

pub use direct::to_one_server;
pub use routed::routed;

use crate::modes::stop::{Stop, GLANCE};
use commands::{Commands, Mistake, Numbered};
use std::io::{self, Read};
use std::sync::mpsc::{sync_channel, Receiver, RecvTimeoutError};
use std::time::Duration;

/// How long a reply may take, unless told.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is run together: no more commands than this, nor more bytes, but for one command alone.
const MOST_COMMANDS: usize = 10_000;
const MOST_BYTES: usize = 1 << 20;
/// What is read at once.
const CHUNK: usize = 256 << 10;

/// What was read together, or why nothing more is.
enum Input {
    Batch(Vec<Numbered>),
    Mistake(Mistake),
    Unreadable(io::Error),
}

/// How long a reply may take; 0 is for as long as it takes.
fn patience(seconds: Option<u64>) -> Duration {
    match seconds {
        None => PATIENCE,
        // A year.
        Some(0) => Duration::from_secs(365 * 86_400),
        Some(seconds) => Duration::from_secs(seconds),
    }
}

/// Reads standard input in a thread of its own, which waits when nobody takes what it has read. What has come is given at
/// once, also when it is little.
fn read_input() -> Receiver<Input> {
    let (sender, receiver) = sync_channel(2);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut commands = Commands::default();
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = match input.read(&mut chunk) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return drop(sender.send(Input::Unreadable(error))),
            };
            if count > 0 {
                commands.feed(&chunk[..count]);
            } else {
                commands.end();
            }
            loop {
                let (batch, mistake) = batch(&mut commands);
                // Nobody listens any more when the run has ended.
                if !batch.is_empty() && sender.send(Input::Batch(batch)).is_err() {
                    return;
                }
                match mistake {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(mistake) => return drop(sender.send(Input::Mistake(mistake))),
                }
            }
            if count == 0 {
                if !commands.is_empty() {
                    let mistake = Mistake { line: commands.line(), why: "the input ends within a command".to_owned() };
                    let _ = sender.send(Input::Mistake(mistake));
                }
                return;
            }
        }
    });
    receiver
}

/// As much as is run together of what has come, and whether there may be more.
fn batch(commands: &mut Commands) -> (Vec<Numbered>, Result<bool, Mistake>) {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < MOST_COMMANDS && bytes < MOST_BYTES {
        match commands.next() {
            Ok(Some(command)) => {
                bytes += command.words.iter().map(Vec::len).sum::<usize>();
                batch.push(command);
            }
            Ok(None) => return (batch, Ok(false)),
            Err(mistake) => return (batch, Err(mistake)),
        }
    }
    (batch, Ok(true))
}

/// What comes next; `None` at the end of the input and when it is to end.
fn next(input: &Receiver<Input>, stop: &Stop) -> Option<Input> {
    while !stop.is_asked() {
        match input.recv_timeout(GLANCE) {
            Ok(next) => return Some(next),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}
