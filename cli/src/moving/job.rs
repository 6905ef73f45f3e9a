//! What is remembered of a job, at the servers that it copies to: what it is, and how far each source has been read.

use super::link::{string, strings, Link};
use rediscluster::Value;

/// What a job is: a hash in database 0 of every target.
pub const JOB: &str = "rediscluster:job";
/// How far each source has been read: a hash in every database that is copied to.
pub const PROGRESS: &str = "rediscluster:job:progress";
/// Keys that come in pieces wait under this and their name.
pub const PIECES: &[u8] = b"rediscluster:job:pieces:";
/// Streams that leave wait under this and their name while it is seen whether they were read from meanwhile.
pub const LEAVING: &[u8] = b"rediscluster:job:leaving:";

/// What begins with one of these is no user's key.
const OWN: [&[u8]; 2] = [b"rediscluster:job:", STASH];
/// Keys wait under this that are on their way between two nodes.
pub const STASH: &[u8] = b"rediscluster:stash:";
/// Where a fleet's placement is recorded.
const PLACEMENT: &[u8] = b"rediscluster:placement";

/// Whether a key belongs to this program.
pub fn is_own(name: &[u8]) -> bool {
    name.starts_with(b"rediscluster:")
        && (name == PLACEMENT || name == JOB.as_bytes() || OWN.iter().any(|own| name.starts_with(own)))
}

/// What a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: String,
    /// `clone` or `reshard`.
    pub kind: String,
    pub from: String,
    pub to: String,
    /// The options that have to be the same in every run.
    pub options: String,
    /// The checksum of the full names in the files of `--tags`.
    pub tags: String,
    pub phase: Phase,
    /// When it began, in seconds since 1970.
    pub begun: u64,
    /// Keys that the runs of this pass have named and not copied.
    pub troubles: u64,
}

/// How far a job is, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Copying,
    /// Everything has been copied once.
    Copied,
    /// What has left is being deleted, and the state removed.
    Finishing,
}

impl Phase {
    pub fn word(self) -> &'static str {
        match self {
            Phase::Copying => "copying",
            Phase::Copied => "copied",
            Phase::Finishing => "finishing",
        }
    }

    fn of(word: &str) -> Option<Phase> {
        [Phase::Copying, Phase::Copied, Phase::Finishing].into_iter().find(|phase| phase.word() == word)
    }
}

impl Job {
    /// What lies at a server; `None` when nothing does.
    ///
    /// # Errors
    /// That it cannot be read.
    pub fn read(link: &mut Link) -> Result<Option<Job>, String> {
        link.select(0)?;
        let fields = strings(link.ask_text(&["HGETALL", JOB])?);
        if fields.is_empty() {
            return Ok(None);
        }
        let field = |name: &str| {
            let pair = fields.chunks_exact(2).find(|pair| pair[0] == name.as_bytes());
            pair.map(|pair| String::from_utf8_lossy(&pair[1]).into_owned())
                .ok_or_else(|| format!("{}: {JOB} has no field {name}: this program did not write it", link.place()))
        };
        let phase = field("phase")?;
        Ok(Some(Job {
            id: field("id")?,
            kind: field("kind")?,
            from: field("from")?,
            to: field("to")?,
            options: field("options")?,
            tags: field("tags")?,
            phase: Phase::of(&phase).ok_or_else(|| format!("{JOB}: a newer version wrote the phase {phase:?}"))?,
            begun: field("begun")?.parse().unwrap_or(0),
            troubles: field("troubles")?.parse().unwrap_or(0),
        }))
    }

    /// The command that writes it.
    pub fn written(&self) -> Vec<Vec<u8>> {
        let (begun, troubles) = (self.begun.to_string(), self.troubles.to_string());
        let fields = [
            ("id", self.id.as_str()),
            ("kind", &self.kind),
            ("from", &self.from),
            ("to", &self.to),
            ("options", &self.options),
            ("tags", &self.tags),
            ("phase", self.phase.word()),
            ("begun", &begun),
            ("troubles", &troubles),
        ];
        let mut words = vec![b"HSET".to_vec(), JOB.into()];
        for (name, value) in fields {
            words.extend([name.as_bytes().to_vec(), value.as_bytes().to_vec()]);
        }
        words
    }

    /// Why a job that lies at the targets is not the one that is asked for; `None` when it is.
    pub fn differs(&self, other: &Job) -> Option<String> {
        let now = |what: &str, was: &str, is: &str| {
            Some(format!(
                "the {} {} at the targets was begun with {what} {was}, and not with {is}: go on with the same, end it with \
                 --finish, or forget it with --clean",
                self.kind, self.id
            ))
        };
        if self.from != other.from {
            return now("the source", &self.from, &other.from);
        }
        if self.to != other.to {
            return now("the target", &self.to, &other.to);
        }
        if self.options != other.options {
            return now("the options", &self.options, &other.options);
        }
        // Keys may have gone to places where nobody would look for them now.
        (self.tags != other.tags).then(|| {
            format!(
                "the full names in the file of --tags are not those with which the {} {} was begun: go on with the same file, or \
                 forget the job with --clean and begin anew",
                self.kind, self.id
            )
        })
    }
}

/// How far one source has been read in one database, as one target knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Which time it is read.
    pub pass: u64,
    /// How many pages were read in this pass.
    pub page: u64,
    /// Where the next page begins; `None` when there is none.
    pub cursor: Option<u64>,
    /// The source's run id: cursors mean nothing to a server that was started anew.
    pub run_id: String,
    /// How many keys of this source are copied.
    pub keys: u64,
    /// Nothing of the next page has been written.
    pub is_at_rest: bool,
    /// How many keys of pages before this one were named in this pass and not copied, those of other sources included.
    pub troubles: u64,
}

impl Mark {
    /// As it is written.
    pub fn text(&self) -> String {
        let cursor = self.cursor.map_or_else(|| "end".to_owned(), |cursor| cursor.to_string());
        let state = if self.is_at_rest { "at-rest" } else { "under-way" };
        format!("{} {} {cursor} {} {} {state} {}", self.pass, self.page, self.run_id, self.keys, self.troubles)
    }

    fn parse(text: &[u8]) -> Option<Mark> {
        let mut words = std::str::from_utf8(text).ok()?.split(' ');
        let (pass, page) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let cursor = match words.next()? {
            "end" => None,
            cursor => Some(cursor.parse().ok()?),
        };
        let (run_id, keys) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        let is_at_rest = words.next()? == "at-rest";
        let troubles = words.next().map_or(Some(0), |troubles| troubles.parse().ok())?;
        Some(Mark { pass, page, cursor, run_id, keys, is_at_rest, troubles })
    }

    /// What a target knows of a source; it is in the database that is asked about.
    ///
    /// # Errors
    /// That it does not answer.
    pub fn read(link: &mut Link, source: &str) -> Result<Option<Mark>, String> {
        let value = link.ask_text(&["HGET", PROGRESS, source])?;
        Ok(match value {
            Value::Nil => None,
            value => string(value).and_then(|text| Mark::parse(&text)),
        })
    }
}

/// Where a source is read on.
#[derive(Debug, PartialEq, Eq)]
pub struct Start {
    pub pass: u64,
    pub page: u64,
    /// `None` when everything was read.
    pub cursor: Option<u64>,
    /// Before this page, keys that are there may be those of this job.
    pub again_until: u64,
    /// How many keys were copied before.
    pub keys: u64,
    /// How many were named before and not copied.
    pub troubles: u64,
}

impl Start {
    /// From what the targets know of one source in one database. Each target's mark is as old as the keys that it has, because
    /// both are written together: so the oldest one counts.
    pub fn of(marks: &[Option<Mark>], run_id: &str) -> Start {
        let anew = |pass| {
            let again_until = if pass > 1 { u64::MAX } else { 0 };
            Start { pass, page: 0, cursor: Some(0), again_until, keys: 0, troubles: 0 }
        };
        let known: Vec<&Mark> = marks.iter().flatten().collect();
        let Some(oldest) = known.iter().min_by_key(|mark| (mark.pass, mark.cursor.is_none(), mark.page)) else {
            return anew(1);
        };
        let newest = known.iter().map(|mark| mark.pass).max().unwrap_or(1);
        if known.len() < marks.len() || newest != oldest.pass || (oldest.cursor.is_some() && oldest.run_id != run_id) {
            return anew(newest + 1);
        }
        // Of the page that a mark names, some keys may be there, unless the program had time to say that it stopped.
        let begun = known.iter().map(|mark| mark.page + u64::from(!mark.is_at_rest)).max().unwrap_or(0);
        let again_until = if oldest.pass > 1 { u64::MAX } else { begun };
        let troubles = known.iter().map(|mark| mark.troubles).max().unwrap_or(0);
        Start { pass: oldest.pass, page: oldest.page, cursor: oldest.cursor, again_until, keys: oldest.keys, troubles }
    }

    /// The beginning of the next pass.
    pub fn next_pass(&self) -> Start {
        Start { pass: self.pass + 1, page: 0, cursor: Some(0), again_until: u64::MAX, keys: 0, troubles: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(pass: u64, page: u64, cursor: Option<u64>) -> Option<Mark> {
        Some(Mark { pass, page, cursor, run_id: "r".into(), keys: 10 * page, is_at_rest: false, troubles: page / 2 })
    }

    #[test]
    fn marks_are_read_as_they_are_written() {
        for mark in [mark(1, 7, Some(1 << 60)), mark(3, 0, None)].into_iter().flatten() {
            assert_eq!(Mark::parse(mark.text().as_bytes()), Some(mark));
        }
        assert_eq!(Mark::parse(b"1 2 x"), None);
    }

    #[test]
    fn the_oldest_target_says_where_to_go_on() {
        let start = Start::of(&[mark(1, 8, Some(80)), mark(1, 7, Some(70))], "r");
        assert_eq!(start, Start { pass: 1, page: 7, cursor: Some(70), again_until: 9, keys: 70, troubles: 4 });
        // One was told the end, the other one not.
        let start = Start::of(&[mark(1, 9, None), mark(1, 8, Some(80))], "r");
        assert_eq!((start.cursor, start.page, start.again_until), (Some(80), 8, 10));
        let at_rest = Some(Mark { is_at_rest: true, ..mark(1, 8, Some(80)).unwrap() });
        assert_eq!(Start::of(&[at_rest.clone(), at_rest], "r").again_until, 8);
        let done = Start::of(&[mark(2, 9, None), mark(2, 9, None)], "other");
        assert_eq!((done.cursor, done.pass), (None, 2));
        assert_eq!(done.next_pass().pass, 3);
    }

    #[test]
    fn without_a_mark_or_after_a_restart_it_is_read_anew() {
        let fresh = Start { pass: 1, page: 0, cursor: Some(0), again_until: 0, keys: 0, troubles: 0 };
        assert_eq!(Start::of(&[None, None], "r"), fresh);
        let again = Start { pass: 2, again_until: u64::MAX, ..fresh };
        assert_eq!(Start::of(&[mark(1, 8, Some(80)), None], "r"), again);
        assert_eq!(Start::of(&[mark(1, 8, Some(80)), mark(1, 8, Some(80))], "another"), again);
    }

    #[test]
    fn what_is_no_users_key() {
        for own in [JOB.as_bytes(), PROGRESS.as_bytes(), PIECES, LEAVING, PLACEMENT, b"rediscluster:stash:x"] {
            assert!(is_own(own));
        }
        assert!(!is_own(b"rediscluster:mine") && !is_own(b"rediscluster:jobs") && !is_own(b"foo"));
    }
}
