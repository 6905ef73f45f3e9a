//! The words behind `nodes`.

use crate::check::Kind;
use crate::options::seconds;
use clap::Parser;
use std::time::Duration;

/// What comes behind the options in the help.
const MORE_HELP: &str = "\
The status is 1 when a server does not answer, and with --check when anything is wrong.";

/// Shows every server: role, replicas and their state, keys, memory.
#[derive(Debug, PartialEq, Parser)]
#[command(no_binary_name = true, disable_version_flag = true, args_override_self = true, after_help = MORE_HELP)]
#[command(name = "rediscluster nodes", override_usage = "rediscluster [OPTIONS] nodes [OPTIONS]")]
pub struct Wish {
    /// Show what is wrong instead, a line for each problem
    #[arg(long, help_heading = "For monitoring")]
    pub check: bool,

    /// How long a replica may take to have what its master had
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    #[arg(requires = "check", help_heading = "For monitoring")]
    pub max_lag: Duration,

    /// By how many per cent of the mean the keys of a node may differ from it
    #[arg(long, value_name = "PERCENT", default_value = "20", value_parser = percent)]
    #[arg(requires = "check", help_heading = "For monitoring")]
    pub balance: u64,

    /// Say nothing of such problems: down, role, replica, version, policy, eviction, balance
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = Kind::named)]
    #[arg(requires = "check", help_heading = "For monitoring")]
    pub ignore: Vec<Kind>,

    /// Show what is configured, and ask no server: toml, json, py, php or twemproxy
    #[arg(long = "as", value_name = "FORM", conflicts_with = "check", help_heading = "The configuration")]
    pub form: Option<String>,

    /// With the passwords that are configured
    #[arg(long, requires = "form", help_heading = "The configuration")]
    pub with_passwords: bool,

    /// Tell it as JSON
    #[arg(long, conflicts_with = "form")]
    pub json: bool,
}

fn percent(text: &str) -> Result<u64, String> {
    text.trim_end_matches('%').parse().map_err(|_| "not a whole number of per cent".to_owned())
}
