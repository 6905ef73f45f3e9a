//! What a command line says of tags.

use clap::Args;
use rediscluster::HashTags;
use std::path::PathBuf;

/// The options; without one of the first three nothing is known of the tags of keys.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Hash tags")]
pub struct TagOptions {
    /// A file with the full names of tagged keys, name{tag}, one a line
    #[arg(long, value_name = "FILE")]
    pub tags: Vec<PathBuf>,

    /// How whole stored names become full ones, as in '(user:([0-9]+):.*)=${1}{$2}'; the first that fits
    #[arg(long, value_name = "REGEX=TEMPLATE")]
    pub tag_rule: Vec<String>,

    /// No key has a tag, besides those that --tags and --tag-rule name
    #[arg(long)]
    pub untagged: bool,

    /// How programs treat hash tags: strip, keep or off [default: as configured, else strip]
    #[arg(long, value_name = "RULE", value_parser = hash_tags)]
    pub hash_tags: Option<HashTags>,
}

impl TagOptions {
    /// Whether it is said which keys have tags, or that none has.
    pub fn are_given(&self) -> bool {
        self.untagged || self.have_names()
    }

    /// Whether names with their tags are given.
    pub fn have_names(&self) -> bool {
        !self.tags.is_empty() || !self.tag_rule.is_empty()
    }

    /// How two fleets treat hash tags, whose configurations say this.
    ///
    /// # Errors
    /// That they do it in different ways.
    pub fn of_both(&self, from: HashTags, to: HashTags) -> Result<HashTags, String> {
        match self.hash_tags {
            Some(both) => Ok(both),
            None if from == to => Ok(from),
            None => Err(
                "the configurations of the two sides treat hash tags in different ways, so that keys would have other \
                         names: --hash-tags says how both do it"
                    .into(),
            ),
        }
    }
}

/// What is done with hash tags, by its name in the configuration.
fn hash_tags(name: &str) -> Result<HashTags, String> {
    match name {
        "strip" => Ok(HashTags::Strip),
        "keep" => Ok(HashTags::Keep),
        "off" => Ok(HashTags::Off),
        _ => Err("none of strip, keep and off".to_owned()),
    }
}
