//! The words behind `verify`.

use crate::asked;
use crate::moving::wish::database;
use crate::tags::TagOptions;
use clap::Parser;
use rediscluster::HashTags;
use std::path::PathBuf;

/// What comes behind the options in the help.
const MORE_HELP: &str = "\
A key name{tag} is stored as name on the node of tag, so the stored name does not tell where its key belongs. What is not said
of tags is not known: such keys are told as uncertain, and --fix leaves them. --fix wants to be told something of tags.

The status is 0 when every key is where it belongs, as far as that is known, and 1 when one is not.";

/// Walks through all keys of all nodes and shows which are not where they belong.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(no_binary_name = true, disable_version_flag = true, args_override_self = true, after_help = MORE_HELP)]
#[command(name = "rediscluster verify", override_usage = "rediscluster [OPTIONS] verify [OPTIONS]")]
pub struct Wish {
    /// Move keys where they belong, when that is certain; nothing that is at its place is replaced
    #[arg(long)]
    pub fix: bool,

    /// With --fix and --tags: move those as well that only rediscluster-py finds where they are
    #[arg(long)]
    pub rename_looser: bool,

    /// Keep in this file how far the walk is, and go on there
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,

    /// No line for each key
    #[arg(long)]
    pub summary: bool,

    /// Tell what is found as JSON
    #[arg(long)]
    pub json: bool,

    /// In these databases: 0,2 [default: the one of -n]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = database, help_heading = "Which keys")]
    pub databases: Vec<u32>,

    /// Only keys whose stored names fit this pattern, as that of SCAN
    #[arg(long = "match", value_name = "GLOB", help_heading = "Which keys")]
    pub pattern: Option<String>,

    /// Stop after about so many keys
    #[arg(long, value_name = "KEYS", help_heading = "Which keys")]
    pub limit: Option<u64>,

    #[command(flatten)]
    pub tags: TagOptions,
}

impl Wish {
    /// Reads the options; `hash_tags` is what counts without the option of that name.
    ///
    /// # Errors
    /// What is wrong with the options, in words.
    pub fn read(words: &[Vec<u8>], hash_tags: HashTags) -> Result<Wish, String> {
        let mut wish: Wish = asked::read(words)?;
        wish.tags.hash_tags.get_or_insert(hash_tags);
        wish.check()?;
        Ok(wish)
    }

    /// How programs treat tags.
    pub fn hash_tags(&self) -> HashTags {
        self.tags.hash_tags.unwrap_or(HashTags::Strip)
    }

    fn check(&self) -> Result<(), String> {
        let told = self.tags.are_given();
        if self.hash_tags() != HashTags::Strip && told {
            return Err(
                "verify: --tags, --tag-rule and --untagged are about tags that are stripped from names, and with this \
                        --hash-tags nothing is stripped"
                    .into(),
            );
        }
        if self.rename_looser && (!self.fix || self.tags.tags.is_empty()) {
            return Err("verify: --rename-looser goes with --fix and with --tags FILE, which has the full names".into());
        }
        if self.fix && self.hash_tags() == HashTags::Strip && !told {
            return Err("verify: --fix has to know about hash tags: a key `name{tag}` is stored as `name`, so a name on its own \
                        does not tell where its key belongs. Give --tags FILE with the full names, --tag-rule REGEX=TEMPLATE, or \
                        --untagged when no program uses tags; or --hash-tags keep or off when the programs use those"
                .into());
        }
        Ok(())
    }

    /// What must be the same for a walk to go on.
    pub fn fingerprint(&self, tags: u64, databases: &[u32]) -> String {
        format!(
            "{:?} {} {} {tags:016x} {databases:?} {:?}",
            self.hash_tags(),
            self.tags.untagged,
            self.tags.tag_rule.join("\n"),
            self.pattern
        )
    }
}

#[cfg(test)]
impl Wish {
    /// Of a fleet whose programs treat tags like this.
    pub fn of(hash_tags: HashTags) -> Wish {
        Wish::read(&[], hash_tags).unwrap()
    }

    /// The same, and no key has a tag.
    pub fn untagged(mut self) -> Wish {
        self.tags.untagged = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &[&str]) -> Result<Wish, String> {
        Wish::read(&line.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>(), HashTags::Strip)
    }

    #[test]
    fn options() {
        let line = ["--limit=10", "--databases", "0, 2", "--match", "a=*", "--tag-rule", "a:(.*)=$0{$1}"];
        let wish = read(&[&line[..], &["--tags", "one", "--tags", "two"]].concat()).unwrap();
        assert_eq!((wish.limit, wish.databases), (Some(10), vec![0, 2]));
        assert_eq!(wish.pattern.as_deref(), Some("a=*"));
        assert_eq!(wish.tags.tag_rule, ["a:(.*)=$0{$1}"]);
        assert_eq!(wish.tags.tags, ["one", "two"].map(PathBuf::from));
        for line in [
            &["--limit"][..],
            &["--limit", "x"],
            &["--fixx"],
            &["--fix=1"],
            &["--databases", "0,x"],
            &["--hash-tags", "x"],
        ] {
            assert!(read(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn what_fix_has_to_know() {
        assert!(read(&["--fix"]).unwrap_err().contains("--untagged"));
        for line in [
            &["--untagged"][..],
            &["--tags", "f"],
            &["--tag-rule", "a=b"],
            &["--hash-tags", "keep"],
            &["--hash-tags=off"],
        ] {
            assert!(read(&[&["--fix"], line].concat()).is_ok(), "{line:?}");
        }
        assert!(read(&["--hash-tags", "keep", "--untagged"]).is_err());
        assert!(read(&["--fix", "--untagged", "--rename-looser"]).is_err());
    }
}
