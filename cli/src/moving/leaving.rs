//! Keys that have left: they are deleted at their old place, or at their new one when a job is undone, and in the end what
//! is remembered of the job.

use super::fleet;
use super::job::{Job, JOB, LEAVING, PIECES, PROGRESS};
use super::link::{integer, string, strings, Link};
use super::lock::Lock;
use super::report::{shown, Report};
use super::route::{Destination, Route};
use super::same::{Is, Same};
use super::scan::Scan;
use super::Stop;
use rediscluster::Value;
use std::time::{Duration, Instant};

/// So many keys are watched, compared and deleted together.
const TOGETHER: usize = 200;
/// So long replicas of the targets may take to have what their master has.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often that is tried before they are taken one by one.
const TRIES: usize = 3;

/// That every target's replicas have what it has: before anything is deleted at its old place, the new one has to survive that its
/// master fails. The job is written once more: a replica that has that has everything before it.
///
/// # Errors
/// Which target has a replica that does not say so.
pub fn are_on_replicas(route: &Route, job: &Job) -> Result<(), String> {
    for target in &mut route.to.open_all()? {
        target.ask_owned(&job.written())?;
        let Value::Bulk(info) = target.ask_text(&["INFO", "replication"])? else {
            return Err(format!("{}: INFO gave no text", target.place()));
        };
        let replicas = fleet::replicas(&info);
        let until = Instant::now() + PATIENCE;
        let mut have = 0;
        while have < replicas {
            if Instant::now() > until {
                return Err(format!(
                    "{}: {have} of {replicas} replicas say within {} s that they have what was copied, and nothing is deleted at \
                     its old place before all do: wait until they are in step, or take away the one that is not, and then the \
                     same command goes on",
                    target.place(),
                    PATIENCE.as_secs()
                ));
            }
            let reply = target.ask_text(&["WAIT", &replicas.to_string(), "500"])?;
            have = integer(&reply).and_then(|have| u64::try_from(have).ok()).unwrap_or(0);
        }
    }
    Ok(())
}

/// Where a key is deleted that is at both places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Old,
    New,
}

/// Deletes keys that are at both places at one of them.
pub struct Leaving<'l> {
    pub side: Side,
    pub route: &'l Route,
    pub lock: &'l Lock,
    pub stop: &'l Stop,
    pub report: &'l Report,
    pub scan: &'l Scan,
}

impl Leaving<'_> {
    /// Goes through one database of one source.
    ///
    /// # Errors
    /// That a server does not answer, or that the lock is lost.
    pub fn delete(&self, source: usize, database: u32) -> Result<(), String> {
        let mut link = self.route.from.open(&self.route.from.servers[source])?;
        link.select(database)?;
        let same = Same::new(self.route, source, database)?;
        let mut deleting = match self.side {
            Side::Old => vec![self.route.from.open(&self.route.from.servers[source])?],
            Side::New => self.route.to.open_all()?,
        };
        for link in &mut deleting {
            link.select(database)?;
            bring_back(link, self.report)?;
        }
        let mut cursor = Some(0);
        while let Some(at) = cursor {
            let page = self.scan.page(&mut link, at)?;
            let mut leaving: Vec<Vec<(Vec<u8>, Vec<u8>)>> = vec![Vec::new(); self.route.to.servers.len()];
            for name in page.names {
                match self.route.of(source, &name) {
                    Destination::Stays => {}
                    Destination::Server(server, stored) => leaving[server].push((name, stored)),
                    Destination::Stray(why) => self.report.trouble(&format!("not moved: {why}"), &name, link.place()),
                }
            }
            for (server, keys) in leaving.iter().enumerate() {
                for keys in keys.chunks(TOGETHER) {
                    if self.stop.ends() {
                        return Ok(());
                    }
                    self.lock.is_held()?;
                    let at = if self.side == Side::Old { 0 } else { server };
                    self.group(&mut deleting[at], &same, server, keys)?;
                }
            }
            cursor = page.next;
        }
        Ok(())
    }

    /// What a key is called where it is deleted.
    fn here<'k>(&self, (name, stored): &'k (Vec<u8>, Vec<u8>)) -> &'k Vec<u8> {
        match self.side {
            Side::Old => name,
            Side::New => stored,
        }
    }

    /// A key that stays where it would be deleted.
    fn kept(&self, is: Is, name: &[u8], place: &str) {
        let why = match is {
            Is::Other(why) => why,
            Is::Missing if self.side == Side::Old => "it is not at its new place".into(),
            _ => return,
        };
        let place_is = if self.side == Side::Old { "old" } else { "new" };
        self.report.trouble(&format!("kept at its {place_is} place: {why}"), name, place);
    }

    fn group(&self, link: &mut Link, same: &Same, server: usize, keys: &[(Vec<u8>, Vec<u8>)]) -> Result<(), String> {
        let types: Vec<[&[u8]; 2]> = keys.iter().map(|key| [&b"TYPE"[..], self.here(key)]).collect();
        let words: Vec<&[&[u8]]> = types.iter().map(|words| &words[..]).collect();
        let types = link.each(&words)?;
        let is_stream = |kind: &Value| *kind == Value::Simple(b"stream".to_vec());
        let (streams, others): (Vec<_>, Vec<_>) = keys.iter().zip(&types).partition(|(_, kind)| is_stream(kind));
        let others: Vec<&(Vec<u8>, Vec<u8>)> = others.into_iter().map(|(key, _)| key).collect();
        if !self.watched(link, same, server, &others)? {
            for key in others {
                if !self.watched(link, same, server, &[key])? {
                    self.kept(Is::Other("it is being written to".into()), self.here(key), link.place());
                }
            }
        }
        for (key, _) in streams {
            self.stream(link, same, server, key)?;
        }
        Ok(())
    }

    /// Deletes those of the keys that are equal at their new place; `false` when one of them kept changing.
    fn watched(
        &self,
        link: &mut Link,
        same: &Same,
        server: usize,
        keys: &[&(Vec<u8>, Vec<u8>)],
    ) -> Result<bool, String> {
        if keys.is_empty() {
            return Ok(true);
        }
        for _ in 0..TRIES {
            let mut watch = vec![b"WATCH".to_vec()];
            watch.extend(keys.iter().map(|key| self.here(key).clone()));
            link.ask_owned(&watch)?;
            let names: Vec<(&[u8], &[u8])> = keys.iter().map(|(name, stored)| (&name[..], &stored[..])).collect();
            let looks = same.look(server, &names)?;
            let mut unlink = vec![b"UNLINK".to_vec()];
            unlink.extend(
                keys.iter().zip(&looks).filter(|(_, is)| **is == Is::Same).map(|(key, _)| self.here(key).clone()),
            );
            if unlink.len() == 1 {
                link.ask_text(&["UNWATCH"])?;
            } else {
                match link.transaction(&[unlink])? {
                    None => continue,
                    Some(replies) => {
                        let deleted = replies.first().and_then(integer).unwrap_or(0);
                        Report::add(&self.report.deleted, u64::try_from(deleted).unwrap_or(0));
                    }
                }
            }
            for (key, is) in keys.iter().zip(looks) {
                self.kept(is, self.here(key), link.place());
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// A stream: `WATCH` does not see that its entries are acknowledged or claimed. So it gets another name, and what it held
    /// in that moment is compared with what it held before it was compared with its copy.
    fn stream(&self, link: &mut Link, same: &Same, server: usize, key: &(Vec<u8>, Vec<u8>)) -> Result<(), String> {
        let name = self.here(key);
        let stash = [LEAVING, name].concat();
        link.ask(&[b"WATCH", name.as_slice()])?;
        let before = string(link.ask(&[b"DUMP", name.as_slice()])?);
        match same.look(server, &[(&key.0, &key.1)])?.pop() {
            Some(Is::Same) => {}
            other => {
                link.ask_text(&["UNWATCH"])?;
                self.kept(other.unwrap_or(Is::Gone), name, link.place());
                return Ok(());
            }
        }
        let rename = vec![b"RENAME".to_vec(), name.clone(), stash.clone()];
        let replies = link.transaction(&[rename, vec![b"DUMP".to_vec(), stash.clone()]])?;
        let after = replies.and_then(|mut replies| replies.pop()).and_then(string);
        if after.is_some() && after == before {
            link.ask(&[b"UNLINK", stash.as_slice()])?;
            Report::add(&self.report.deleted, 1);
            return Ok(());
        }
        if after.is_some() {
            link.ask(&[b"RENAMENX", stash.as_slice(), name])?;
        }
        self.kept(Is::Other("it is being written to".into()), name, link.place());
        Ok(())
    }
}

/// Streams that waited to be deleted when the program ended get their names again.
///
/// # Errors
/// That the server does not answer.
pub fn bring_back(link: &mut Link, report: &Report) -> Result<(), String> {
    for stash in names_with(link, LEAVING)? {
        let name = &stash[LEAVING.len()..];
        if link.ask(&[b"RENAMENX", stash.as_slice(), name])? == Value::Integer(0) {
            let what = format!("it was written anew while it left; its old value is {}", shown(&stash));
            report.trouble(&what, name, link.place());
        }
    }
    Ok(())
}

/// All names that begin with this, in the database that the connection is in.
pub fn names_with(link: &mut Link, begin: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let pattern = [begin, b"*"].concat();
    let (mut names, mut cursor) = (Vec::new(), b"0".to_vec());
    loop {
        let reply = link.ask(&[b"SCAN", cursor.as_slice(), b"MATCH", &pattern, b"COUNT", b"1000"])?;
        let Value::Array(parts) = reply else { return Err(format!("{}: SCAN gave no page", link.place())) };
        let mut parts = parts.into_iter();
        cursor = parts.next().and_then(string).unwrap_or_default();
        names.extend(parts.next().map(strings).unwrap_or_default());
        if cursor == b"0" || cursor.is_empty() {
            return Ok(names);
        }
    }
}

/// Removes what the job remembers at the targets, what it is last.
///
/// # Errors
/// That one of them does not answer.
pub fn forget(route: &Route, databases: &[u32]) -> Result<(), String> {
    let mut targets = route.to.open_all()?;
    for &database in databases {
        for target in &mut targets {
            target.select(database)?;
            target.ask_text(&["UNLINK", PROGRESS])?;
            for name in names_with(target, PIECES)? {
                target.ask(&[b"UNLINK", name.as_slice()])?;
            }
        }
    }
    for target in &mut targets {
        target.select(0)?;
        target.ask_text(&["UNLINK", JOB])?;
    }
    Ok(())
}

/// How many keys are left on servers that are no longer of the fleet: server and number.
///
/// # Errors
/// That one of them does not answer.
pub fn left_behind(route: &Route, databases: &[u32]) -> Result<Vec<(String, u64)>, String> {
    let mut left = Vec::new();
    for (at, server) in route.from.servers.iter().enumerate() {
        if route.same(at).is_some() {
            continue;
        }
        let mut link = route.from.open(server)?;
        let mut keys = 0;
        for &database in databases {
            link.select(database)?;
            let size = integer(&link.ask_text(&["DBSIZE"])?).unwrap_or(0);
            // The lock is still there, in database 0.
            keys += u64::try_from(size).unwrap_or(0) - u64::from(database == 0 && size > 0);
        }
        if keys > 0 {
            left.push((server.place(), keys));
        }
    }
    Ok(left)
}
