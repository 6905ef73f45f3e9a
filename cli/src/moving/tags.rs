//! From stored names to full ones: what was said of tags.

use crate::verify::full_name;
use rediscluster::HashTags;
use regex::bytes::{Regex, RegexBuilder};
use std::collections::HashMap;
use std::path::Path;

/// How stored names become full ones.
pub enum Tags {
    /// They are the same.
    None,
    /// The full names by the stored ones.
    Known(HashMap<Vec<u8>, Vec<Vec<u8>>>),
    /// The first rule that fits.
    Rules(Vec<(Regex, Vec<u8>)>),
}

impl Tags {
    /// From a file of full names, or from rules.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(file: Option<&Path>, rules: &[String]) -> Result<Tags, String> {
        if let Some(path) = file {
            let text = std::fs::read(path).map_err(|error| format!("--tags {}: {error}", path.display()))?;
            let mut known: HashMap<Vec<u8>, Vec<Vec<u8>>> = HashMap::new();
            for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if !line.is_empty() {
                    let full = full_name(line)
                        .ok_or_else(|| format!("--tags {}, line {}: a quote is not closed", path.display(), at + 1))?;
                    let (_, stored) = HashTags::Strip.split(&full);
                    known.entry(stored.to_vec()).or_default().push(full.clone());
                }
            }
            return Ok(Tags::Known(known));
        }
        if rules.is_empty() {
            return Ok(Tags::None);
        }
        Ok(Tags::Rules(rules.iter().map(|text| rule(text)).collect::<Result<_, _>>()?))
    }

    /// Whether no key has one.
    pub fn are_none(&self) -> bool {
        matches!(self, Tags::None)
    }

    /// The names by which programs may know a key.
    pub fn full(&self, stored: &[u8]) -> Vec<Vec<u8>> {
        match self {
            Tags::None => vec![stored.to_vec()],
            Tags::Known(known) => known.get(stored).cloned().unwrap_or_else(|| vec![stored.to_vec()]),
            Tags::Rules(rules) => {
                let full = rules.iter().find_map(|(regex, template)| {
                    let captures = regex.captures(stored)?;
                    let mut full = Vec::new();
                    captures.expand(template, &mut full);
                    Some(full)
                });
                vec![full.unwrap_or_else(|| stored.to_vec())]
            }
        }
    }
}

/// `REGEX=TEMPLATE`, divided at the last `=`: of whole names, because a full name that is made of a part of a stored one would
/// be another key's.
fn rule(text: &str) -> Result<(Regex, Vec<u8>), String> {
    let (regex, template) = text.rsplit_once('=').ok_or("--tag-rule is not REGEX=TEMPLATE")?;
    let regex = RegexBuilder::new(&format!("^(?:{regex})$")).unicode(false).build();
    Ok((regex.map_err(|error| format!("--tag-rule: {error}"))?, template.as_bytes().to_vec()))
}
