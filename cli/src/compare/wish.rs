//! The words behind `compare`.

use clap::{ArgGroup, CommandFactory, FromArgMatches, Parser};
use rediscluster::HashTags;
use std::ffi::OsString;
use std::path::PathBuf;

/// What comes behind the options in the help.
const MORE_HELP: &str = "\
LIST is what --nodes takes; one HOST:PORT or URL is a fleet of one, and @FILE is a file as for --config.
Options for both sides, such as -a and --tls, come before the word compare.

The status is 0 when all keys are the same, 1 when any differs, 2 when not everything could be compared.";

/// What is asked for.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_version_flag = true, args_override_self = true, after_help = MORE_HELP)]
#[command(
    name = "rediscluster compare",
    override_usage = "rediscluster [OPTIONS] compare --from LIST --to LIST [OPTIONS]"
)]
#[command(about = "Compares every key of one fleet with those of another one: type, value and expiry")]
#[command(group = ArgGroup::new("whether").args(["tags", "tag_rule", "untagged"]))]
pub struct Wish {
    /// The fleet that is right
    #[arg(long, value_name = "LIST")]
    pub from: String,

    /// The fleet that should hold the same
    #[arg(long, value_name = "LIST")]
    pub to: String,

    /// Only these databases: 0,2 [default: all that have keys]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub databases: Vec<u32>,

    /// Only keys whose stored names fit this pattern, as that of SCAN
    #[arg(long = "match", value_name = "GLOB")]
    pub pattern: Option<String>,

    /// Only keys of this type, as TYPE tells it
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,

    /// Look at about so many keys of either fleet and stop
    #[arg(long, value_name = "KEYS", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,

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

    /// How both fleets treat hash tags: strip, keep or off
    #[arg(long, value_name = "RULE", default_value = "strip", value_parser = hash_tags)]
    pub hash_tags: HashTags,

    /// Tell differences, progress and the end as lines of JSON
    #[arg(long)]
    pub json: bool,
}

impl Wish {
    /// Reads the words behind the command.
    ///
    /// # Errors
    /// What clap says of a mistake, or the help.
    pub fn read(words: &[OsString]) -> Result<Wish, clap::Error> {
        Wish::from_arg_matches(&Wish::command().try_get_matches_from(words)?)
    }
}

fn hash_tags(name: &str) -> Result<HashTags, String> {
    match name {
        "strip" => Ok(HashTags::Strip),
        "keep" => Ok(HashTags::Keep),
        "off" => Ok(HashTags::Off),
        _ => Err("none of strip, keep and off".to_owned()),
    }
}
