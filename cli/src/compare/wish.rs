//! The words behind `compare`.

use crate::moving::wish::KeyOptions;
use crate::tags::TagOptions;
use clap::{CommandFactory, FromArgMatches, Parser};
use std::ffi::OsString;

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
pub struct Wish {
    /// The fleet that is right
    #[arg(long, value_name = "LIST")]
    pub from: String,

    /// The fleet that should hold the same
    #[arg(long, value_name = "LIST")]
    pub to: String,

    /// Tell differences, progress and the end as lines of JSON
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub keys: KeyOptions,

    /// Look at about so many keys of either fleet and stop
    #[arg(help_heading = "Which keys", long, value_name = "KEYS", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,

    #[command(flatten)]
    pub tags: TagOptions,
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
