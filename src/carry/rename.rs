//! `RENAME`, `RENAMENX` and `COPY` from one node to another.

use super::copy::CopyOptions;
use super::{integer, nothing_written, stash_name, transaction};
use crate::error::{escape, Error, ErrorKind, Outcome, Result};
use crate::net::Lease;
use crate::plan::{command, Placed};
use crate::resp::{Value, ValueRef};
use crate::run::Run;

impl Run<'_> {
    /// Carries a value over by `DUMP` and `RESTORE`, with its expiry.
    ///
    /// The copy first lies in a stash on the destination's node. Only when the source is gone, watched so that no
    /// write to it in between is lost, does the copy get its name: nobody ever sees both.
    pub(super) fn rename(&self, source: &Placed<'_>, destination: &Placed<'_>) -> Result<Vec<u8>> {
        let only_new = self.spec.name == "RENAMENX";
        let stash = stash_name("rename", destination.stored);
        let stash_note = || {
            let node = self.topology().node(destination.master);
            format!("the value is kept as {} on {node}", escape(&stash, 256))
        };
        let (mut from, mut to) = self.pair(source.master, destination.master)?;
        let mut stashed = false;
        let (payload, ttl) = loop {
            from.set_stateful(true);
            let Some((payload, ttl)) = self.packed(&mut from, source.stored, true).map_err(nothing_written)? else {
                self.unwatch(&mut from)?;
                let error = Error::server(b"ERR no such key");
                return if stashed { self.drop_stash(&mut to, &stash, error) } else { Err(error) };
            };
            if only_new {
                let exists = to
                    .ask(&[b"EXISTS", destination.stored], self.deadline)
                    .map(|frame| frame.value() != ValueRef::Integer(0));
                if exists.map_err(nothing_written)? {
                    if stashed {
                        to.ask(&[b"DEL", &stash], self.deadline).map_err(nothing_written)?;
                    }
                    return self.unwatch(&mut from).map(|()| b":0\r\n".to_vec());
                }
            }
            let restore: [&[u8]; 5] = [b"RESTORE", &stash, ttl.as_bytes(), &payload, b"REPLACE"];
            if let Err(error) = to.ask(&restore, self.deadline) {
                let unknown = error.outcome() == Outcome::Unknown;
                let error = nothing_written(error);
                return match (unknown, stashed) {
                    (true, _) => Err(error.with_note(&format!("a copy may be left: {}", stash_note()))),
                    (false, true) => self.drop_stash(&mut to, &stash, error),
                    (false, false) => Err(error),
                };
            }
            stashed = true;
            match transaction(&mut from, &[vec![b"DEL", source.stored]], self.deadline) {
                Ok(Some(_)) => {
                    from.set_stateful(false);
                    break (payload, ttl);
                }
                Ok(None) => {
                    // The source was written to: what was copied is old, so it is copied again.
                    from.set_stateful(false);
                    self.deadline
                        .left()
                        .map_err(|error| {
                            nothing_written(Error::io(error, Outcome::NotApplied, "the source kept changing"))
                        })
                        .or_else(|error| self.drop_stash(&mut to, &stash, error))?;
                }
                Err(error) if error.outcome() == Outcome::NotApplied => return self.drop_stash(&mut to, &stash, error),
                Err(error) => return Err(error.with_note(&stash_note())),
            }
        };
        drop(from);
        let name: &[u8] = if only_new { b"RENAMENX" } else { b"RENAME" };
        let step: [&[u8]; 3] = [name, &stash, destination.stored];
        let first = to.ask(&step, self.deadline).map(|frame| Value::from(frame.value()));
        drop(to);
        let named = match first {
            // A repetition that finds no stash means that the first one was applied.
            Err(error) if !error.is_server() => match self.step(destination.master, &step) {
                Err(again) if again.message().starts_with("ERR no such key") => Ok(Value::Integer(1)),
                result => result,
            },
            result => result,
        };
        match named {
            Ok(Value::Integer(0)) => {
                self.put_source_back(source, destination, &stash, &payload, &ttl).map(|()| b":0\r\n".to_vec())
            }
            Ok(_) if only_new => Ok(b":1\r\n".to_vec()),
            Ok(_) => Ok(b"+OK\r\n".to_vec()),
            Err(error) => {
                Err(error.with_outcome(Outcome::Partial).with_note(&format!("the source is gone and {}", stash_note())))
            }
        }
    }

    /// A value as its server packs it, and its time to live as `RESTORE` takes it; `None` when there is none. With
    /// `watch`, the key is watched from now on.
    pub(super) fn packed(&self, from: &mut Lease, key: &[u8], watch: bool) -> Result<Option<(Vec<u8>, String)>> {
        let steps: [[&[u8]; 2]; 3] = [[b"WATCH", key], [b"DUMP", key], [b"PTTL", key]];
        let steps = if watch { &steps[..] } else { &steps[1..] };
        let bytes: Vec<u8> = steps.iter().flat_map(|args| command(args.iter().copied())).collect();
        from.send(&bytes, steps.len(), self.deadline)?;
        let mut replies = Vec::with_capacity(steps.len());
        for _ in steps {
            replies.push(Value::from(from.receive(self.deadline)?.value()));
        }
        if let Some(Value::Error(text)) = replies.iter().find(|reply| matches!(reply, Value::Error(_))) {
            let node = from.node().to_string();
            return Err(Error::server(text).with_node(|| node));
        }
        let (ttl, payload) = (replies.pop(), replies.pop());
        let ttl = integer(&ttl.unwrap_or(Value::Nil))?;
        match payload {
            Some(Value::Bulk(payload)) if ttl != -2 => {
                // To RESTORE, 0 means no expiry; a key in its last millisecond has one.
                let ttl = if ttl < 0 { 0 } else { ttl.max(1) };
                Ok(Some((payload, ttl.to_string())))
            }
            _ => Ok(None),
        }
    }

    /// `COPY`: the value goes over by `DUMP` and `RESTORE` with its expiry, and the source stays as it is.
    pub(super) fn copy(&self, source: &Placed<'_>, destination: &Placed<'_>) -> Result<Vec<u8>> {
        let options = CopyOptions::of(self.args.iter().skip(3));
        if !options.databases.is_empty() {
            return self.copy_to_database(source, destination, &options);
        }
        if !options.is_whole {
            return Err(Error::server(b"ERR syntax error"));
        }
        let packed = self.lend(source.master).and_then(|mut from| self.packed(&mut from, source.stored, false));
        let Some((payload, ttl)) = packed.map_err(nothing_written)? else { return Ok(b":0\r\n".to_vec()) };
        let mut restore: Vec<&[u8]> = vec![b"RESTORE", destination.stored, ttl.as_bytes(), &payload];
        restore.extend(options.replace.then_some(&b"REPLACE"[..]));
        match self.step(destination.master, &restore) {
            Ok(_) => Ok(b":1\r\n".to_vec()),
            Err(error) if error.kind() == ErrorKind::BusyKey => Ok(b":0\r\n".to_vec()),
            Err(error) => Err(error),
        }
    }

    fn unwatch(&self, from: &mut Lease) -> Result<()> {
        from.ask(&[b"UNWATCH"], self.deadline)?;
        from.set_stateful(false);
        Ok(())
    }

    /// The rename did not happen: its copy goes, and the error is told.
    fn drop_stash<T>(&self, to: &mut Lease, stash: &[u8], error: Error) -> Result<T> {
        match to.ask(&[b"DEL", stash], self.deadline) {
            Ok(_) => Err(error),
            Err(_) => Err(error.with_note(&format!("a copy may be left as {} on {}", escape(stash, 256), to.node()))),
        }
    }

    /// `RENAMENX` lost a race for its destination: the source gets its value back.
    fn put_source_back(
        &self,
        source: &Placed<'_>,
        destination: &Placed<'_>,
        stash: &[u8],
        payload: &[u8],
        ttl: &str,
    ) -> Result<()> {
        let put = self.step(source.master, &[b"RESTORE", source.stored, ttl.as_bytes(), payload]);
        let note = |what: &str| {
            let node = self.topology().node(destination.master);
            format!("{what}; the value is kept as {} on {node}", escape(stash, 256))
        };
        match put {
            Ok(_) => self.step(destination.master, &[b"DEL", stash]).map(|_| ()).map_err(|error| {
                error.with_outcome(Outcome::NotApplied).with_note(&note("nothing was renamed, and a copy may be left"))
            }),
            Err(error) if error.kind() == ErrorKind::BusyKey => {
                Err(error.with_outcome(Outcome::Partial).with_note(&note("both names were taken meanwhile")))
            }
            Err(error) => {
                Err(error.with_outcome(Outcome::Partial).with_note(&note("the source could not be put back")))
            }
        }
    }
}
