//! Doing what has to be done with a stash.

use super::find::Server;
use rediscluster::{Stash, StashContent, StashRole, Value};

/// How often a transaction is tried whose keys others write to.
const TRIES: usize = 100;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// It was done.
    Done,
    /// It was already gone or otherwise: somebody else is at work.
    Changed,
    /// The name that it was to get was taken, so that what it holds went back where it came from.
    WentBack,
}

/// A stash and the server that it lies on.
pub type Lies<'s> = (&'s Stash, usize);

/// What a stash holds goes into its key.
///
/// # Errors
/// Why it cannot.
pub fn deliver(servers: &mut [Server], (stash, at): Lies<'_>, pair: Option<Lies<'_>>) -> Result<Did, String> {
    match (stash.role(), stash.content()) {
        (StashRole::To, StashContent::Value) => name_value(servers, (stash, at), pair),
        (StashRole::To, _) => go_on(&mut servers[at], stash),
        _ => give_back(&mut servers[at], stash),
    }
}

/// A stash is deleted, since what it holds is elsewhere.
///
/// # Errors
/// Why it cannot be deleted.
pub fn forget(server: &mut Server, stash: &Stash) -> Result<(), String> {
    server.ask(&[b"UNLINK", &stash.name()]).map(drop)
}

/// A stash goes by itself, an hour from now.
///
/// # Errors
/// Why the server does not take it.
pub fn expire(server: &mut Server, stash: &Stash) -> Result<Did, String> {
    match server.ask(&[b"EXPIRE", &stash.name(), b"3600"])? {
        Value::Integer(1) => Ok(Did::Done),
        _ => Ok(Did::Changed),
    }
}

/// What was taken out goes back, and the stash is sealed: one transaction, watched so that nobody else can act as well.
/// The seal stays, because what was sent to the other stash may still come.
fn give_back(server: &mut Server, stash: &Stash) -> Result<Did, String> {
    let (name, key) = (stash.name(), stash.key());
    // Of a sorted set nothing moves over by itself, so its key must stay as it is. That may take a while.
    let watch: [&[u8]; 3] = [b"WATCH", &name, key];
    let watched = if stash.content() == StashContent::SortedSet { &watch[..] } else { &watch[..2] };
    for _ in 0..TRIES {
        server.ask(watched)?;
        let commands = match back(server, stash) {
            Ok(Some(commands)) => commands,
            nothing => {
                server.ask(&[b"UNWATCH"])?;
                return nothing.map(|_| Did::Changed);
            }
        };
        if transaction(server, &commands)? {
            return Ok(Did::Done);
        }
    }
    Err(format!("{} kept changing", key.escape_ascii()))
}

/// Runs commands in one transaction; `false` when what is watched has changed.
fn transaction(server: &mut Server, commands: &[Vec<Vec<u8>>]) -> Result<bool, String> {
    server.ask(&[b"MULTI"])?;
    // One that is refused makes EXEC refuse all of them.
    let mut refused = Ok(());
    for command in commands {
        let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        refused = refused.and(server.ask(&words).map(drop));
    }
    match (server.ask(&[b"EXEC"]), refused) {
        (Ok(Value::Nil), _) => Ok(false),
        (Ok(Value::Array(replies)), Ok(())) => match replies.iter().find(|reply| matches!(reply, Value::Error(_))) {
            Some(Value::Error(text)) => Err(String::from_utf8_lossy(text).into_owned()),
            _ => Ok(true),
        },
        (Ok(_), Ok(())) => Err("EXEC gave no replies".into()),
        (_, Err(error)) | (Err(error), _) => Err(error),
    }
}

/// The commands that put back what a stash holds; `None` when it holds nothing of its kind any more.
fn back(server: &mut Server, stash: &Stash) -> Result<Option<Vec<Vec<Vec<u8>>>>, String> {
    let (name, key) = (stash.name(), stash.key());
    let kind: &[u8] = match stash.content() {
        StashContent::ListLeft | StashContent::ListRight => b"list",
        StashContent::Set => b"set",
        _ => b"zset",
    };
    if server.ask(&[b"TYPE", &name])? != Value::Simple(kind.to_vec()) {
        return Ok(None);
    }
    // The transaction would be refused in other words.
    match server.ask(&[b"TYPE", key])? {
        Value::Simple(holds) if holds == kind || holds == b"none" => {}
        Value::Simple(holds) => {
            let (key, holds) = (key.escape_ascii(), String::from_utf8_lossy(&holds).into_owned());
            return Err(format!("{key} on {} holds a {holds} now", server.place()));
        }
        _ => return Err("TYPE gave no type".into()),
    }
    let words = |words: &[&[u8]]| words.iter().map(|word| word.to_vec()).collect::<Vec<_>>();
    let mut commands: Vec<Vec<Vec<u8>>> = match stash.content() {
        StashContent::ListLeft | StashContent::ListRight => {
            // The one that belongs to the very end goes last.
            let (from, to): (&[u8], &[u8]) = match stash.content() {
                StashContent::ListLeft => (b"RIGHT", b"LEFT"),
                _ => (b"LEFT", b"RIGHT"),
            };
            let items = held(server, &[b"LRANGE", &name, b"0", b"-1"])?;
            items.iter().map(|_| words(&[b"LMOVE", &name, key, from, to])).collect()
        }
        StashContent::Set => {
            let members = held(server, &[b"SMEMBERS", &name])?;
            members.iter().map(|member| words(&[b"SMOVE", &name, key, member])).collect()
        }
        _ => {
            let pairs = held(server, &[b"ZRANGE", &name, b"0", b"-1", b"WITHSCORES"])?;
            // One that was added again meanwhile keeps its new score.
            pairs.chunks_exact(2).map(|pair| words(&[b"ZADD", key, b"NX", &pair[1], &pair[0]])).collect()
        }
    };
    if commands.is_empty() {
        return Ok(None);
    }
    let mut seal = stash.seal().to_vec();
    if stash.content() != StashContent::SortedSet {
        // Where something did not move over, the stash still has it.
        seal.push(b"NX".to_vec());
    }
    commands.push(seal);
    Ok(Some(commands))
}

/// What a stash holds; nothing when it was sealed a moment ago.
fn held(server: &mut Server, question: &[&[u8]]) -> Result<Vec<Vec<u8>>, String> {
    match server.ask(question) {
        Ok(Value::Array(items)) => Ok(items
            .into_iter()
            .filter_map(|item| match item {
                Value::Bulk(item) => Some(item),
                _ => None,
            })
            .collect()),
        Err(error) if error.contains("WRONGTYPE") => Ok(Vec::new()),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// What is committed goes on to its destination, natively and so atomically.
fn go_on(server: &mut Server, stash: &Stash) -> Result<Did, String> {
    let (name, key) = (stash.name(), stash.key());
    let mut did = Did::Changed;
    match stash.content() {
        StashContent::Set => {
            for member in held(server, &[b"SMEMBERS", &name])? {
                if server.ask(&[b"SMOVE", &name, key, &member])? == Value::Integer(1) {
                    did = Did::Done;
                }
            }
        }
        content => {
            let end: &[u8] = if content == StashContent::ListLeft { b"LEFT" } else { b"RIGHT" };
            if server.ask(&[b"LMOVE", &name, key, b"LEFT", end])? != Value::Nil {
                did = Did::Done;
            }
        }
    }
    Ok(did)
}

/// A value whose rename is committed gets its name, with the time to live that the source has kept. The stash at the
/// source is the value: what lies at the destination is a copy that may be older, and is replaced first.
fn name_value(servers: &mut [Server], (stash, at): Lies<'_>, pair: Option<Lies<'_>>) -> Result<Did, String> {
    let Some((source, from)) = pair else { return Ok(Did::Changed) };
    let (name, kept) = (stash.name(), source.name());
    let (Value::Bulk(value), left) = (servers[from].ask(&[b"DUMP", &kept])?, servers[from].ask(&[b"PTTL", &kept])?)
    else {
        return Ok(Did::Changed);
    };
    let left = match left {
        Value::Integer(-1) => 0,
        // To RESTORE, 0 means no expiry.
        Value::Integer(left @ 0..) => left.max(1),
        _ => return Ok(Did::Changed),
    };
    let server = &mut servers[at];
    // Where the copy has got its name meanwhile, a new one must not get it once more.
    server.ask(&[b"WATCH", &name])?;
    if server.ask(&[b"EXISTS", &name])? != Value::Integer(1) {
        server.ask(&[b"UNWATCH"])?;
        return Ok(Did::Changed);
    }
    let restore = vec![b"RESTORE".to_vec(), name.clone(), left.to_string().into_bytes(), value, b"REPLACE".to_vec()];
    if !transaction(server, &[restore])? {
        return Ok(Did::Changed);
    }
    let renamed = match server.ask(&[stash.command().as_bytes(), &name, stash.key()]) {
        Err(error) if error.contains("ERR no such key") => return Ok(Did::Changed),
        renamed => renamed?,
    };
    if renamed != Value::Integer(0) {
        return Ok(Did::Done);
    }
    match servers[from].ask(&[b"RENAMENX", &kept, source.key()]) {
        Ok(Value::Integer(0)) => {
            let (old, new) = (source.key().escape_ascii(), stash.key().escape_ascii());
            Err(format!("both {old} on {} and {new} on {} are taken", servers[from].place(), servers[at].place()))
        }
        Ok(_) => Ok(Did::WentBack),
        Err(error) if error.contains("ERR no such key") => Ok(Did::Changed),
        Err(error) => Err(error),
    }
}
