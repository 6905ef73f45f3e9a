//! All commands to one server, over one connection: what sets something on it holds for those that follow.

use super::tally::Tally;
use super::{next, patience, read_input, Input};
use crate::modes::fleet::Fleet;
use crate::modes::stop::{Stop, GLANCE};
use crate::modes::wire::said;
use crate::modes::Ending;
use rediscluster::prelude::*;
use rediscluster::resp::ValueRef;
use rediscluster::ConnectionReader;
use std::io;
use std::sync::mpsc::{sync_channel, Receiver};
use std::time::{Duration, Instant};

/// So many batches may be sent before the replies to the first one are in.
const AHEAD: usize = 4;

/// Sends everything and counts the replies meanwhile.
///
/// # Errors
/// When the output cannot be written.
pub fn to_one_server(fleet: &Fleet<'_>, seconds: Option<u64>, stop: &Stop) -> io::Result<Result<Ending, String>> {
    let (mut reader, mut writer) = match fleet.open(0) {
        Ok(wire) => (wire.reader, wire.writer),
        Err(why) => return Ok(Err(why)),
    };
    let patience = patience(seconds);
    let (sender, sent) = sync_channel::<Vec<u64>>(AHEAD);
    let input = read_input();
    let mut mistake = None;
    let mut tally = std::thread::scope(|scope| {
        let counted = scope.spawn(move || count(&mut reader, &sent, patience));
        while let Some(next) = next(&input, stop) {
            let batch = match next {
                Input::Batch(batch) => batch,
                Input::Mistake(found) => {
                    mistake = Some(format!("line {}: {}", found.line, found.why));
                    break;
                }
                Input::Unreadable(error) => {
                    mistake = Some(format!("standard input: {error}"));
                    break;
                }
            };
            let requests = batch.iter().flat_map(|command| cmd("").args_of(&command.words).as_bytes().to_vec());
            let requests: Vec<u8> = requests.collect();
            // The one that counts has ended when the connection is lost, and says so.
            if sender.send(batch.into_iter().map(|command| command.line).collect()).is_err() {
                break;
            }
            if writer.write_all(&requests, patience).is_err() {
                break;
            }
        }
        drop(sender);
        counted.join().unwrap_or_else(|_| Tally::new())
    });
    if let Some(mistake) = mistake {
        tally.broken(&mistake);
    }
    tally.end(stop).map(Ok)
}

/// Reads a reply for each line of what was sent.
fn count(reader: &mut ConnectionReader, sent: &Receiver<Vec<u64>>, patience: Duration) -> Tally {
    let mut tally = Tally::new();
    let mut lost = None;
    for lines in sent {
        for line in lines {
            match lost.is_none().then(|| reply(reader, patience, line, &mut tally)) {
                None => tally.unanswered(line, "the connection was lost before its reply"),
                Some(Ok(())) => {}
                Some(Err(why)) => {
                    tally.unanswered(line, &why);
                    lost = Some(why);
                }
            }
        }
        tally.show();
        if let Some(why) = &lost {
            tally.broken(&format!("{why}; nothing more is sent"));
            return tally;
        }
    }
    tally
}

fn reply(reader: &mut ConnectionReader, patience: Duration, line: u64, tally: &mut Tally) -> Result<(), String> {
    let end = Instant::now() + patience;
    loop {
        match reader.next_timeout(GLANCE) {
            Err(error) => return Err(error.message().to_owned()),
            Ok(Some(frame)) => {
                match frame.value() {
                    ValueRef::Error(text) => tally.error_reply(line, &said(text)),
                    _ => tally.answered(),
                }
                return Ok(());
            }
            Ok(None) if Instant::now() >= end => {
                return Err(format!("no reply for {} seconds", patience.as_secs()));
            }
            Ok(None) => {}
        }
    }
}
