//! `MONITOR`: what servers run, as they run it.

use super::fleet::Fleet;
use super::stop::{Stop, GLANCE};
use super::subscribe::total;
use super::wire::said;
use super::Ending;
use crate::reply::Reply;
use crate::run::put;
use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{sync_channel, SyncSender};
use std::time::Duration;

/// Between two attempts to reach a server that was lost.
const AGAIN: Duration = Duration::from_secs(1);
/// So many lines may wait to be written. What comes faster waits at the server.
const AHEAD: usize = 10_000;

enum News {
    /// It is listened to for the first time.
    Begun,
    Line(Vec<u8>),
    Lost(String),
    Back,
}

/// Shows what all servers run, each line behind the name of its node, until it is asked to end. One that is lost is told of
/// and connected to again.
///
/// # Errors
/// When the output cannot be written.
pub fn monitor(fleet: &Fleet<'_>, stop: &Stop) -> io::Result<Ending> {
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    let mut has_ended = false;
    std::thread::scope(|scope| -> io::Result<()> {
        let (sender, news) = sync_channel(AHEAD);
        for server in 0..fleet.servers.len() {
            let sender = sender.clone();
            scope.spawn(move || listen(fleet, server, stop, &sender));
        }
        drop(sender);
        let shown = news.into_iter().try_for_each(|(server, news)| {
            let name = &fleet.servers[server].name;
            let margin = if fleet.is_one_server { String::new() } else { format!("{name} ") };
            match news {
                News::Begun => put(format!("{margin}OK\n").as_bytes())?,
                News::Line(line) => {
                    put(&[margin.as_bytes(), &line, b"\n"].concat())?;
                    *lines.entry(name.clone()).or_default() += 1;
                }
                News::Lost(why) if fleet.is_one_server => {
                    eprintln!("rediscluster: {why}");
                    has_ended = true;
                }
                News::Lost(why) => eprintln!("rediscluster: {name} is lost: {why}; it is tried again every second"),
                News::Back => eprintln!("rediscluster: {name} is back"),
            }
            Ok(())
        });
        // A server that has nothing to say does not notice that nobody takes it.
        stop.ask();
        shown
    })?;
    if has_ended {
        return Ok(Ending::Failed);
    }
    if !fleet.is_one_server {
        eprintln!("\n{}", total(&lines, "commands"));
    }
    Ok(Ending::Done)
}

/// Listens to one server until it is asked to end, or nobody takes what it says.
fn listen(fleet: &Fleet<'_>, server: usize, stop: &Stop, sender: &SyncSender<(usize, News)>) {
    let mut is_lost = false;
    while !stop.is_asked() {
        let told = |news| sender.send((server, news)).is_ok();
        let why = match listen_once(fleet, server, stop, is_lost, &told) {
            Ok(()) => return,
            Err((why, was_connected)) => {
                if was_connected {
                    is_lost = false;
                }
                why
            }
        };
        // One server that is lost is the end, as with redis-cli.
        if stop.is_asked() || (!is_lost && !told(News::Lost(why))) || fleet.is_one_server {
            return;
        }
        is_lost = true;
        stop.within(AGAIN);
    }
}

/// One connection from its beginning to its end; why it ended, and whether it was listened to.
fn listen_once(
    fleet: &Fleet<'_>,
    server: usize,
    stop: &Stop,
    was_lost: bool,
    told: &dyn Fn(News) -> bool,
) -> Result<(), (String, bool)> {
    let not_connected = |why: String| (why, false);
    let mut wire = fleet.open(server).map_err(not_connected)?;
    if let Reply::Error(text) = wire.ask(&[b"MONITOR"]).map_err(not_connected)? {
        return Err((said(&text), false));
    }
    if !told(if was_lost { News::Back } else { News::Begun }) {
        return Ok(());
    }
    while !stop.is_asked() {
        match wire.next(GLANCE) {
            Ok(Some(Reply::Status(line))) => {
                if !told(News::Line(line)) {
                    return Ok(());
                }
            }
            Ok(_) => {}
            Err(why) => return Err((why, true)),
        }
    }
    Ok(())
}
