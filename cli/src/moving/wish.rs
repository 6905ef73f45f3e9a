//! The words behind `clone` and `reshard`, and behind the names that the originals had.

use crate::tags::TagOptions;
use clap::{Args, Parser};
use rediscluster::HashTags;
use std::ffi::OsString;
use std::path::Path;

/// Which keys are meant.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Which keys")]
pub struct KeyOptions {
    /// Only these databases: 0,2 [default: all that have keys]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = database)]
    pub databases: Vec<u32>,

    /// Only keys whose stored names fit this pattern, as that of SCAN
    #[arg(long = "match", value_name = "GLOB")]
    pub pattern: Option<String>,

    /// Only keys of this type, as TYPE tells it
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
}

/// What comes behind the options in the help.
const MORE_HELP: &str = "\
LIST is what --nodes takes; one HOST:PORT or URL is a fleet of one, and @FILE is a file as for --config. Options for both
sides, such as -a and --tls, come before the command.

The same command goes on with a job that was interrupted, and copies what has changed when everything was copied. Until
--finish the state of the job stays at the targets; `recover` shows it. See docs/moving-a-fleet.md.

The status is 1 when anything failed or a key could not go, and 130 after Ctrl-C.";

/// The heads under which options stand in the help.
const TARGETS: &str = "What is at the targets";
const COPYING: &str = "How it is copied";
const JOB: &str = "The job";

/// What is asked for.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_version_flag = true, args_override_self = true, after_help = MORE_HELP)]
pub struct Wish {
    /// The fleet to copy from
    #[arg(long, value_name = "LIST", aliases = ["source", "sources"])]
    pub from: Option<String>,

    /// The fleet to copy to
    #[arg(long, value_name = "LIST", aliases = ["target", "targets"])]
    pub to: Option<String>,

    /// Tell progress and the end as lines of JSON
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub keys: KeyOptions,

    #[command(flatten)]
    pub tags: TagOptions,

    /// Keys not where their names lead: refuse to begin, or keep on the node of their number [default: refuse]
    #[arg(long, value_name = "WHAT", default_value = "refuse", value_parser = ["refuse", "keep"])]
    #[arg(hide_default_value = true, hide_possible_values = true, help_heading = "Hash tags")]
    pub strays: String,

    /// Replace keys that are at the targets already
    #[arg(long, conflicts_with = "skip_existing", help_heading = TARGETS)]
    pub replace: bool,

    /// Leave keys that are at the targets already as they are
    #[arg(long, help_heading = TARGETS)]
    pub skip_existing: bool,

    /// Empty the databases at the targets first
    #[arg(long, help_heading = TARGETS)]
    pub flush: bool,

    /// Do not ask whether to empty them
    #[arg(long, help_heading = TARGETS)]
    pub yes: bool,

    /// Copy about so many keys and stop; the next run goes on
    #[arg(long, value_name = "KEYS", value_parser = clap::value_parser!(u64).range(1..), help_heading = COPYING)]
    pub limit: Option<u64>,

    /// No more keys a second than this
    #[arg(long, value_name = "KEYS", value_parser = clap::value_parser!(u64).range(1..), help_heading = COPYING)]
    pub rate: Option<u64>,

    /// Keys larger than this go in pieces, and appear at once all the same
    #[arg(long, value_name = "SIZE", default_value = "64mb", value_parser = size, help_heading = COPYING)]
    pub big: u64,

    /// Read from so many servers at once [default: from all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = COPYING)]
    pub workers: Option<u64>,

    /// Read each source itself, or a replica of it that has everything: master or replica [default: master]
    #[arg(long, value_name = "WHAT", default_value = "master", value_parser = ["master", "replica"])]
    #[arg(hide_default_value = true, hide_possible_values = true, help_heading = COPYING)]
    pub read_from: String,

    /// Copy libraries of functions, too
    #[arg(long, help_heading = COPYING)]
    pub functions: bool,

    /// Copy users with their passwords and rights, too
    #[arg(long, help_heading = COPYING)]
    pub acl: bool,

    /// Say what would be copied, and write nothing
    #[arg(long, help_heading = JOB)]
    pub dry_run: bool,

    /// End the job: in place what has left is deleted at its old place, and nothing of the job stays anywhere
    #[arg(long, conflicts_with_all = ["dry_run", "clean"], help_heading = JOB)]
    pub finish: bool,

    /// Take the job back: delete at the targets what it brought and is still equal at its old place
    #[arg(long, conflicts_with_all = ["dry_run", "finish", "clean"], help_heading = JOB)]
    pub undo: bool,

    /// Forget the job and change nothing else
    #[arg(long, conflicts_with = "dry_run", help_heading = JOB)]
    pub clean: bool,
}

/// The definition of `clone`, `reshard`, or one of the names that the originals had.
fn definition(name: &'static str) -> clap::Command {
    let (lists, about) = match name {
        "reshard" => (
            "--to LIST",
            "Makes the configured fleet larger or smaller: its nodes become those of --to, of which servers may be nodes already",
        ),
        _ => ("--from LIST --to LIST", "Copies the keys of one fleet to another one, of any number of nodes"),
    };
    let usage = format!("rediscluster [OPTIONS] {name} {lists} [OPTIONS]");
    let command = <Wish as clap::CommandFactory>::command().name(name).override_usage(usage).about(about);
    match name {
        "reshard" => command.mut_arg("from", |from| from.help("The fleet as it is [default: the configured nodes]")),
        _ => command,
    }
}

/// What `--help` shows.
pub fn help(name: &'static str) -> String {
    definition(name).render_help().to_string()
}

impl Wish {
    /// Reads the words behind the command.
    ///
    /// # Errors
    /// What clap says of a mistake, or the help.
    pub fn read(name: &'static str, words: &[OsString]) -> Result<Wish, clap::Error> {
        let matches = definition(name).try_get_matches_from(words)?;
        <Wish as clap::FromArgMatches>::from_arg_matches(&matches)
    }

    /// What has to be the same in every run of one job, in words that a shell takes.
    pub fn constant(&self, hash_tags: HashTags) -> String {
        let valued = |option: &str, value: &str| format!("{option} {}", quoted(value));
        let mut words = Vec::new();
        if !self.keys.databases.is_empty() {
            let numbers: Vec<String> = self.keys.databases.iter().map(u32::to_string).collect();
            words.push(format!("--databases {}", numbers.join(",")));
        }
        words.extend(self.keys.pattern.iter().map(|pattern| valued("--match", pattern)));
        words.extend(self.keys.kind.iter().map(|kind| valued("--type", kind)));
        words.extend(self.replace.then(|| "--replace".to_owned()));
        words.extend(self.skip_existing.then(|| "--skip-existing".to_owned()));
        words.extend(self.tags.tags.iter().map(|file| valued("--tags", &whole_path(file))));
        words.extend(self.tags.tag_rule.iter().map(|rule| valued("--tag-rule", rule)));
        words.extend(self.tags.untagged.then(|| "--untagged".to_owned()));
        // Where it came from a file, a later run may not have that file.
        words.push(format!("--hash-tags {}", format!("{hash_tags:?}").to_ascii_lowercase()));
        words.extend((self.strays == "keep").then(|| "--strays keep".to_owned()));
        words.join(" ")
    }
}

/// A path that means the same from every directory.
fn whole_path(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "-_./:@".contains(sign);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A list of nodes as `--nodes` takes it, from that and from what the originals took.
pub fn list(text: &str) -> String {
    let is_url = ["redis://", "rediss://", "unix://"].iter().any(|scheme| text.starts_with(scheme));
    if !text.contains(',') && (is_url || !text.contains(['=', '#'])) {
        return format!("node_1={text}");
    }
    // `node_1#host:port` of redis-sharding; a `#` in a URL comes behind a `=`.
    let entry = |entry: &str| match entry.find(['=', '#']) {
        Some(at) if entry[at..].starts_with('#') => format!("{}={}", &entry[..at], &entry[at + 1..]),
        _ => entry.to_owned(),
    };
    text.split(',').map(entry).collect::<Vec<_>>().join(",")
}

/// The number of a database in a list.
pub fn database(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| "not the number of a database".to_owned())
}

/// A number of bytes, such as `64mb`.
fn size(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(lower.len());
    let unit: u64 = match &lower[digits..] {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err("not a size such as 64mb".into()),
    };
    let number: u64 = lower[..digits].parse().map_err(|_| "not a size such as 64mb".to_owned())?;
    number.checked_mul(unit).filter(|&size| size > 0).ok_or_else(|| "not a size such as 64mb".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_in_every_spelling() {
        for (text, wanted) in [
            ("h:1", "node_1=h:1"),
            ("redis://u:p=w@h:1", "node_1=redis://u:p=w@h:1"),
            ("a=h:1,b=h:2", "a=h:1,b=h:2"),
            ("node_1#h:1,node_2#h:2", "node_1=h:1,node_2=h:2"),
            ("a=redis://:p#w@h:1,b=h:2", "a=redis://:p#w@h:1,b=h:2"),
        ] {
            assert_eq!(list(text), wanted);
        }
    }

    #[test]
    fn sizes() {
        assert_eq!((size("64mb"), size("1k"), size("7"), size("2GiB")), (Ok(64 << 20), Ok(1024), Ok(7), Ok(2 << 30)));
        assert!(size("0").is_err() && size("x").is_err() && size("1t").is_err() && size("99999999999g").is_err());
    }

    #[test]
    fn the_originals_spellings() {
        let words = ["--sources", "h:1", "--targets", "node_1#h:2", "--databases", "2,5", "--limit", "10"];
        let wish = Wish::read("redis-sharding", &words.map(OsString::from)).unwrap();
        assert_eq!((wish.from.as_deref(), wish.to.as_deref()), (Some("h:1"), Some("node_1#h:2")));
        assert_eq!((wish.keys.databases.as_slice(), wish.limit, wish.big), (&[2, 5][..], Some(10), 64 << 20));
    }
}
