//! What `verify` is asked for.

use rediscluster::HashTags;

/// The options, each in words.
pub const OPTIONS: &str =
    "--fix, --rename-looser, --tags FILE, --tag-rule REGEX=TEMPLATE, --untagged, --hash-tags strip|keep|off, \
                           --state FILE, --limit KEYS, --match PATTERN, --databases LIST, --summary and --json";

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// Keys go where they belong.
    pub fix: bool,
    /// So do those that only rediscluster-py finds where they are, under the name that this library stores.
    pub rename_looser: bool,
    pub hash_tags: HashTags,
    /// Files of full names.
    pub tags: Vec<String>,
    /// `REGEX=TEMPLATE`
    pub tag_rules: Vec<String>,
    /// No other key has a tag.
    pub untagged: bool,
    /// Where it is kept how far the walk is.
    pub state: Option<String>,
    /// After how many keys it stops.
    pub limit: Option<u64>,
    pub pattern: Option<String>,
    /// Those that are named; else the one of the option `-n`.
    pub databases: Option<Vec<u32>>,
    /// No line for each key.
    pub summary: bool,
    pub json: bool,
}

impl Wish {
    /// Of a fleet whose programs treat tags like this.
    pub fn of(hash_tags: HashTags) -> Wish {
        Wish {
            fix: false,
            rename_looser: false,
            hash_tags,
            tags: Vec::new(),
            tag_rules: Vec::new(),
            untagged: false,
            state: None,
            limit: None,
            pattern: None,
            databases: None,
            summary: false,
            json: false,
        }
    }
}

impl Wish {
    /// Reads the options; `hash_tags` is what counts without the option of that name.
    ///
    /// # Errors
    /// What is wrong with the options, in words.
    pub fn read(words: &[Vec<u8>], hash_tags: HashTags) -> Result<Wish, String> {
        let mut wish = Wish::of(hash_tags);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let word = text(word)?;
            let (name, given) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word, None),
            };
            let mut value = |what: &str| match &given {
                Some(value) => Ok(value.clone()),
                None => words
                    .next()
                    .map_or_else(|| Err(format!("verify: {name} takes {what}")), |word| text(word).map(str::to_owned)),
            };
            match (name, &given) {
                ("--fix", None) => wish.fix = true,
                ("--rename-looser", None) => wish.rename_looser = true,
                ("--untagged", None) => wish.untagged = true,
                ("--summary", None) => wish.summary = true,
                ("--json", None) => wish.json = true,
                ("--hash-tags", _) => wish.hash_tags = rule(&value("strip, keep or off")?)?,
                ("--tags", _) => wish.tags.push(value("a file")?),
                ("--tag-rule", _) => wish.tag_rules.push(value("REGEX=TEMPLATE")?),
                ("--state", _) => wish.state = Some(value("a file")?),
                ("--limit", _) => wish.limit = Some(number(&value("a number of keys")?, name)?),
                ("--match", _) => wish.pattern = Some(value("a pattern")?),
                ("--databases", _) => {
                    let list = value("numbers, as in 0,2")?;
                    let numbers: Result<Vec<u32>, String> =
                        list.split(',').map(|one| number(one.trim(), name)).collect();
                    wish.databases = Some(numbers?);
                }
                _ => return Err(format!("verify: {word} is none of {OPTIONS}")),
            }
        }
        wish.check()?;
        Ok(wish)
    }

    fn check(&self) -> Result<(), String> {
        let told = self.untagged || !self.tags.is_empty() || !self.tag_rules.is_empty();
        if self.hash_tags != HashTags::Strip && told {
            return Err(
                "verify: --tags, --tag-rule and --untagged are about tags that are stripped from names, and with this \
                        --hash-tags nothing is stripped"
                    .into(),
            );
        }
        if self.rename_looser && (!self.fix || self.tags.is_empty()) {
            return Err("verify: --rename-looser goes with --fix and with --tags FILE, which has the full names".into());
        }
        if self.fix && self.hash_tags == HashTags::Strip && !told {
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
            self.hash_tags,
            self.untagged,
            self.tag_rules.join("\n"),
            self.pattern
        )
    }
}

fn text(word: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(word).map_err(|_| "verify: options are UTF-8".to_owned())
}

fn number<N: std::str::FromStr>(text: &str, name: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("verify: {name} takes whole numbers"))
}

fn rule(text: &str) -> Result<HashTags, String> {
    match text {
        "strip" => Ok(HashTags::Strip),
        "keep" => Ok(HashTags::Keep),
        "off" => Ok(HashTags::Off),
        _ => Err("verify: --hash-tags takes strip, keep or off".into()),
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
        let wish =
            read(&["--limit=10", "--databases", "0, 2", "--match", "a=*", "--tag-rule", "a:(.*)=$0{$1}"]).unwrap();
        assert_eq!((wish.limit, wish.databases), (Some(10), Some(vec![0, 2])));
        assert_eq!(wish.pattern.as_deref(), Some("a=*"));
        assert_eq!(wish.tag_rules, ["a:(.*)=$0{$1}"]);
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
