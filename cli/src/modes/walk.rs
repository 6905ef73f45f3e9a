//! All keys of all servers, page by page, all servers at the same time.

use super::fleet::Fleet;
use super::stop::Stop;
use super::wire::{said, Wire};
use super::Ending;
use crate::reply::Reply;
use std::io;
use std::sync::mpsc::{sync_channel, SyncSender};
use std::time::Duration;

/// So many pages of a server may wait to be shown.
const AHEAD: usize = 4;

/// Which keys, and how fast.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    pub pattern: Option<Vec<u8>>,
    pub key_type: Option<String>,
    /// As text, which is how it is sent.
    pub count: Option<String>,
    /// A pause after so many pages.
    pub pause: Option<(u64, Duration)>,
}

/// What a walk tells of one server.
pub enum News<T> {
    /// What was made of one page.
    Page(T),
    /// Nothing more comes of it.
    Ended(End),
}

/// How the walk over one server ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Done,
    /// It was asked to end before that.
    Stopped,
    /// Why the rest of its keys is missing.
    Failed(String),
}

impl End {
    /// In a few words.
    pub fn told(&self) -> String {
        match self {
            End::Done => "done".to_owned(),
            End::Stopped => "stopped".to_owned(),
            End::Failed(why) => format!("incomplete: {why}"),
        }
    }
}

/// Tells what is missing, and of a walk that was stopped what there is so far.
pub fn ending(fleet: &Fleet<'_>, ends: &[End], so_far: Option<&str>) -> Ending {
    for (server, end) in fleet.servers.iter().zip(ends) {
        if let End::Failed(why) = end {
            eprintln!("rediscluster: {}: {why}", server.name);
        }
    }
    let is_stopped = ends.contains(&End::Stopped);
    if let (true, Some(so_far)) = (is_stopped, so_far) {
        eprintln!("rediscluster: stopped; so far {so_far}");
    }
    match ends.iter().any(|end| matches!(end, End::Failed(_))) {
        _ if is_stopped => Ending::Interrupted,
        true => Ending::Failed,
        false => Ending::Done,
    }
}

/// Makes something of each page by `work`, in a thread for each server, and gives that to `each` in this one.
///
/// # Errors
/// Those of `each`, which end the walk.
pub fn walk<T: Send>(
    fleet: &Fleet<'_>,
    scan: &Scan,
    stop: &Stop,
    work: impl Fn(&mut Wire, Vec<Vec<u8>>) -> Result<T, String> + Sync,
    mut each: impl FnMut(usize, News<T>) -> io::Result<()>,
) -> io::Result<()> {
    std::thread::scope(|scope| {
        let (sender, news) = sync_channel(AHEAD * fleet.servers.len());
        for server in 0..fleet.servers.len() {
            let (sender, work) = (sender.clone(), &work);
            scope.spawn(move || {
                let end = match one_server(fleet, server, scan, stop, work, &sender) {
                    Ok(end) => end,
                    Err(_) if stop.is_asked() => End::Stopped,
                    Err(why) => End::Failed(why),
                };
                // Nobody listens any more where the output cannot be written.
                let _ = sender.send((server, News::Ended(end)));
            });
        }
        drop(sender);
        // When this fails the receiver goes, and with it the threads.
        news.into_iter().try_for_each(|(server, news)| each(server, news))
    })
}

fn one_server<T>(
    fleet: &Fleet<'_>,
    server: usize,
    scan: &Scan,
    stop: &Stop,
    work: &impl Fn(&mut Wire, Vec<Vec<u8>>) -> Result<T, String>,
    sender: &SyncSender<(usize, News<T>)>,
) -> Result<End, String> {
    let mut wire = fleet.open(server)?;
    let mut is_heard = true;
    let mut cursor = b"0".to_vec();
    for page in 1.. {
        if stop.is_asked() || !is_heard {
            break;
        }
        let (next, keys) = page_of(wire.ask(&scan.words(&cursor))?)?;
        let made = work(&mut wire, keys)?;
        is_heard = sender.send((server, News::Page(made))).is_ok();
        if next == b"0" {
            return Ok(End::Done);
        }
        cursor = next;
        if let Some((_, time)) = scan.pause.filter(|(pages, _)| page % pages == 0) {
            stop.within(time);
        }
    }
    Ok(End::Stopped)
}

impl Scan {
    fn words<'w>(&'w self, cursor: &'w [u8]) -> Vec<&'w [u8]> {
        let mut words: Vec<&[u8]> = vec![b"SCAN", cursor];
        if let Some(pattern) = &self.pattern {
            words.extend([&b"MATCH"[..], pattern]);
        }
        if let Some(count) = &self.count {
            words.extend([&b"COUNT"[..], count.as_bytes()]);
        }
        if let Some(key_type) = &self.key_type {
            words.extend([&b"TYPE"[..], key_type.as_bytes()]);
        }
        words
    }
}

/// The next cursor, and the keys.
fn page_of(reply: Reply) -> Result<(Vec<u8>, Vec<Vec<u8>>), String> {
    let text = |reply: Reply| match reply {
        Reply::Text(text) => Some(text),
        _ => None,
    };
    match reply {
        Reply::Error(text) => Err(said(&text)),
        Reply::Array(mut parts) if parts.len() == 2 => {
            let keys = match parts.pop() {
                Some(Reply::Array(keys)) => keys.into_iter().filter_map(text).collect(),
                _ => Vec::new(),
            };
            let cursor = parts.pop().and_then(text);
            cursor.map(|cursor| (cursor, keys)).ok_or_else(|| "a page of SCAN without a cursor".to_owned())
        }
        _ => Err("SCAN was answered with something else than a page".to_owned()),
    }
}
