//! One tool at a time: a lock with a lease on every server that a job writes to.
//!
//! To servers that a job only reads nothing is written. It has a connection there whose name says so, as long as it is at work,
//! and looks for a lock only when it has that; who takes a lock looks for such connections afterwards. So of two that begin at
//! once at least one sees the other, and nothing is left of one that dies.

use super::link::Link;
use rediscluster::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Where it lies, in database 0.
pub const LOCK: &str = "rediscluster:job:lock";
/// The names of all connections begin with this.
pub const OWN_NAME: &str = "rediscluster-";
/// The names of those that show that a server is being read.
pub const READER: &str = "rediscluster-reads-";
/// For how long a tool that died keeps others away.
const LEASE: Duration = Duration::from_secs(30);
/// Nothing is written by a tool that has not renewed its lock for so long: another one may begin soon.
const STALE: Duration = Duration::from_secs(20);
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// The lock while it is held.
pub struct Lock {
    shared: Arc<Shared>,
    renewing: Option<JoinHandle<()>>,
    token: String,
}

struct Shared {
    renewed: Mutex<Instant>,
    /// Why it is no longer held.
    lost: Mutex<Option<String>>,
    ends: AtomicBool,
}

impl Lock {
    /// Takes it on all servers, or on none. Connections that show what is read are kept as long as the lock.
    ///
    /// # Errors
    /// That another tool has it, or that a server does not answer.
    pub fn take(mut links: Vec<Link>, mut readers: Vec<Link>, what: &str) -> Result<Lock, String> {
        let token = format!("{what} {}", super::own_name());
        let begun = Instant::now();
        for at in 0..links.len() {
            if let Err(why) = take(&mut links[at], &token) {
                for link in &mut links[..at] {
                    let _ = give_back(link, &token);
                }
                return Err(why);
            }
        }
        let shared =
            Arc::new(Shared { renewed: Mutex::new(begun), lost: Mutex::new(None), ends: AtomicBool::new(false) });
        let (renewed, name) = (Arc::clone(&shared), token.clone());
        let renewing = std::thread::spawn(move || renew(&mut links, &mut readers, &name, &renewed));
        Ok(Lock { shared, renewing: Some(renewing), token })
    }

    /// Whether anything may still be written.
    ///
    /// # Errors
    /// Why not.
    pub fn is_held(&self) -> Result<(), String> {
        if let Some(why) = &*self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(why.clone());
        }
        match self.shared.renewed.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < STALE {
            true => Ok(()),
            false => {
                Err("this tool has not run for a while, so that another one may be at work: start it again".into())
            }
        }
    }

    /// The command that takes it again behind one that emptied the database.
    pub fn again(&self) -> Vec<Vec<u8>> {
        words(&["SET", LOCK, &self.token, "PX", &LEASE.as_millis().to_string()])
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        if let Some(renewing) = self.renewing.take() {
            renewing.thread().unpark();
            let _ = renewing.join();
        }
    }
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn take(link: &mut Link, token: &str) -> Result<(), String> {
    let lease = LEASE.as_millis().to_string();
    let mut set = || link.ask_text(&["SET", LOCK, token, "NX", "PX", &lease]);
    if set()? != Value::Nil {
        return Ok(());
    }
    let Some((dead, _)) = holder(link)?.filter(|(holder, _)| is_gone(link, holder)) else { return Err(held(link)) };
    let instead = words(&["SET", LOCK, token, "PX", &lease]);
    match if_held(link, &dead, instead)? {
        true => Ok(()),
        false => Err(held(link)),
    }
}

/// Whether the tool that holds the lock has no connection to the server any more. Its name is the last word of the token, and
/// all of its connections bear it. Where the clients may not be listed nobody knows, and the lease decides.
fn is_gone(link: &mut Link, holder: &str) -> bool {
    let name = holder.rsplit(' ').next().unwrap_or_default();
    match link.ask_text(&["CLIENT", "LIST"]) {
        Ok(Value::Bulk(list)) => {
            let field = format!("name={name}");
            !String::from_utf8_lossy(&list).split_whitespace().any(|word| word == field)
        }
        _ => false,
    }
}

/// That no other tool reads from these servers, whose keys are about to move.
///
/// # Errors
/// Which of them is read, or that it does not answer.
pub fn nobody_reads(links: &mut [Link]) -> Result<(), String> {
    let begin = format!("name={READER}");
    for link in links {
        // Where the clients may not be listed nobody knows.
        let clients = link.each(&[&["CLIENT", "LIST"]])?.pop();
        let Some(Value::Bulk(list)) = clients else { continue };
        let list = String::from_utf8_lossy(&list).into_owned();
        let reader = list.lines().find(|line| line.split(' ').any(|field| field.starts_with(&begin)));
        if let Some(reader) = reader {
            let from = reader.split(' ').find_map(|field| field.strip_prefix("addr=")).unwrap_or("somewhere");
            return Err(format!(
                "{}: a clone that runs at {from} is reading from here, and would miss keys that move: wait for its end",
                link.place()
            ));
        }
    }
    Ok(())
}

/// Who has it.
///
/// # Errors
/// That the server does not answer.
pub fn holder(link: &mut Link) -> Result<Option<(String, u64)>, String> {
    let left = match link.ask_text(&["PTTL", LOCK])? {
        Value::Integer(left) if left > 0 => left as u64,
        _ => return Ok(None),
    };
    Ok(match link.ask_text(&["GET", LOCK])? {
        Value::Bulk(token) => Some((String::from_utf8_lossy(&token).into_owned(), left)),
        _ => None,
    })
}

fn held(link: &mut Link) -> String {
    let who = holder(link).ok().flatten();
    let (who, left) = who.unwrap_or_else(|| ("another tool".into(), 0));
    let seconds = left.div_ceil(1000);
    format!("{}: {who} is at work here; one that died is forgotten after {seconds} s", link.place())
}

/// Runs a command only when the lock still bears this token.
fn if_held(link: &mut Link, token: &str, command: Vec<Vec<u8>>) -> Result<bool, String> {
    link.ask_text(&["WATCH", LOCK])?;
    if link.ask_text(&["GET", LOCK])? != Value::Bulk(token.as_bytes().to_vec()) {
        link.ask_text(&["UNWATCH"])?;
        return Ok(false);
    }
    Ok(link.transaction(&[command])?.is_some())
}

fn give_back(link: &mut Link, token: &str) -> Result<bool, String> {
    if_held(link, token, words(&["DEL", LOCK]))
}

fn renew(links: &mut [Link], readers: &mut [Link], token: &str, shared: &Shared) {
    let mut next = Instant::now() + RENEW_EVERY;
    while !shared.ends.load(Ordering::Relaxed) {
        std::thread::park_timeout(next.saturating_duration_since(Instant::now()));
        if Instant::now() < next || shared.ends.load(Ordering::Relaxed) {
            continue;
        }
        let begun = Instant::now();
        for link in readers.iter_mut() {
            // Servers may end connections that say nothing. One that is dead is told by who reads from it.
            let _ = link.ask_text(&["PING"]);
        }
        for link in links.iter_mut() {
            let lease = words(&["PEXPIRE", LOCK, &LEASE.as_millis().to_string()]);
            let lost = match if_held(link, token, lease) {
                Ok(true) => continue,
                Ok(false) => {
                    format!("{}: the lock of this job is gone: another tool took it, or the data is gone", link.place())
                }
                Err(error) => error,
            };
            *shared.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(lost);
            return;
        }
        *shared.renewed.lock().unwrap_or_else(PoisonError::into_inner) = begun;
        next = begun + RENEW_EVERY;
    }
    for link in links {
        // One that cannot be reached forgets it by itself.
        let _ = give_back(link, token);
    }
}
