//! The words behind `clone` and `reshard`, and behind the names that the originals had.

use clap::{ArgGroup, Parser};
use rediscluster::HashTags;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Copies the keys of one fleet to another one. See docs/moving-a-fleet.md.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_version_flag = true, args_override_self = true)]
#[command(group = ArgGroup::new("whether").args(["tags", "tag_rule", "untagged"]))]
pub struct Wish {
    /// The fleet to copy from: NAME=HOST:PORT,NAME=HOST:PORT as for --nodes, or one HOST:PORT
    #[arg(long, value_name = "LIST", aliases = ["source", "sources"])]
    pub from: Option<String>,

    /// The fleet to copy to
    #[arg(long, value_name = "LIST", aliases = ["target", "targets"])]
    pub to: Option<String>,

    /// Only these databases: 0,2 [default: all that have keys]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub databases: Vec<u32>,

    /// Only keys whose stored names fit this pattern, as that of SCAN
    #[arg(long = "match", value_name = "GLOB")]
    pub pattern: Option<String>,

    /// Only keys of this type, as TYPE tells it
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,

    /// Copy about so many keys and stop; the next run goes on
    #[arg(long, value_name = "KEYS", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,

    /// No more keys a second than this
    #[arg(long, value_name = "KEYS", value_parser = clap::value_parser!(u64).range(1..))]
    pub rate: Option<u64>,

    /// Say what would be copied, and write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Replace keys that are at the targets already
    #[arg(long, conflicts_with = "skip_existing")]
    pub replace: bool,

    /// Leave keys that are at the targets already as they are
    #[arg(long)]
    pub skip_existing: bool,

    /// Empty the databases at the targets first
    #[arg(long)]
    pub flush: bool,

    /// Do not ask whether to empty them
    #[arg(long)]
    pub yes: bool,

    /// A file with the full names of tagged keys, name{tag}, one a line
    #[arg(long, value_name = "FILE")]
    pub tags: Option<PathBuf>,

    /// How a stored name becomes a full one, such as '^(user:([0-9]+):.*)$=${1}{$2}'; may be repeated, the first that fits
    /// counts
    #[arg(long, value_name = "REGEX=TEMPLATE")]
    pub tag_rule: Vec<String>,

    /// No key has a tag
    #[arg(long)]
    pub untagged: bool,

    /// How both fleets treat hash tags: strip, keep or off [default: as the configuration says, else strip]
    #[arg(long, value_name = "RULE", value_parser = hash_tags)]
    pub hash_tags: Option<HashTags>,

    /// What becomes of keys that do not lie where their names lead: refuse to begin, or keep them on the node of the same
    /// number
    #[arg(long, value_name = "WHAT", default_value = "refuse", value_parser = ["refuse", "keep"])]
    pub strays: String,

    /// Copy libraries of functions, too
    #[arg(long)]
    pub functions: bool,

    /// Copy users and their rights, too
    #[arg(long)]
    pub acl: bool,

    /// End the job: nothing of it stays on any server, and keys that have left a server are deleted there
    #[arg(long, conflicts_with_all = ["dry_run", "clean"])]
    pub finish: bool,

    /// Take the job back: delete at the targets what it brought and is still equal at its old place
    #[arg(long, conflicts_with_all = ["dry_run", "finish", "clean"])]
    pub undo: bool,

    /// Forget the job and change nothing else
    #[arg(long, conflicts_with = "dry_run")]
    pub clean: bool,

    /// Keys larger than this go in pieces [default: 64mb]
    #[arg(long, value_name = "SIZE", default_value = "64mb", value_parser = size, hide_default_value = true)]
    pub big: u64,

    /// Read from so many servers at once [default: from all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub workers: Option<u64>,

    /// Read keys from each source itself, or from a replica of it that has everything; what is deleted is compared with the
    /// source itself
    #[arg(long, value_name = "WHAT", default_value = "master", value_parser = ["master", "replica"])]
    pub read_from: String,

    /// Tell progress and the end as lines of JSON
    #[arg(long)]
    pub json: bool,
}

impl Wish {
    /// Reads the words behind the command.
    ///
    /// # Errors
    /// What clap says of a mistake, or the help.
    pub fn read(name: &'static str, words: &[OsString]) -> Result<Wish, clap::Error> {
        let lists = if name == "reshard" { "--to LIST" } else { "--from LIST --to LIST" };
        let usage = format!("rediscluster [OPTIONS] {name} {lists} [OPTIONS]");
        let command = <Wish as clap::CommandFactory>::command().override_usage(usage);
        let matches = command.try_get_matches_from(words)?;
        <Wish as clap::FromArgMatches>::from_arg_matches(&matches)
    }

    /// What has to be the same in every run of one job, in words that a shell takes.
    pub fn constant(&self, hash_tags: HashTags) -> String {
        let valued = |option: &str, value: &str| format!("{option} {}", quoted(value));
        let mut words = Vec::new();
        if !self.databases.is_empty() {
            let numbers: Vec<String> = self.databases.iter().map(u32::to_string).collect();
            words.push(format!("--databases {}", numbers.join(",")));
        }
        words.extend(self.pattern.iter().map(|pattern| valued("--match", pattern)));
        words.extend(self.kind.iter().map(|kind| valued("--type", kind)));
        words.extend(self.replace.then(|| "--replace".to_owned()));
        words.extend(self.skip_existing.then(|| "--skip-existing".to_owned()));
        words.extend(self.tags.iter().map(|file| valued("--tags", &whole_path(file))));
        words.extend(self.tag_rule.iter().map(|rule| valued("--tag-rule", rule)));
        words.extend(self.untagged.then(|| "--untagged".to_owned()));
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

/// What is done with hash tags, by its name in the configuration.
pub fn hash_tags(name: &str) -> Result<HashTags, String> {
    match name {
        "strip" => Ok(HashTags::Strip),
        "keep" => Ok(HashTags::Keep),
        "off" => Ok(HashTags::Off),
        _ => Err("none of strip, keep and off".to_owned()),
    }
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
        assert_eq!((wish.databases.as_slice(), wish.limit, wish.big), (&[2, 5][..], Some(10), 64 << 20));
    }
}
