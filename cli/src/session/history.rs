//! The lines of earlier sessions, in a file that nobody else can read, and what never gets there.

use crate::quote::split;
use crate::session::spelling::suggestion;
use std::env::VarError;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Names the file; empty or `/dev/null` for none.
const VARIABLE: &str = "REDISCLUSTER_HISTFILE";

/// Where the lines are kept: what the variable names, else `rediscluster/history` in the directory that the desktop's
/// rules name for such files, else `.rediscluster_history` at home. `None` when they are to be forgotten.
pub fn file() -> Option<PathBuf> {
    let directory = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    match std::env::var(VARIABLE) {
        Ok(named) if named.is_empty() || named == "/dev/null" => None,
        Ok(named) => Some(named.into()),
        Err(VarError::NotUnicode(named)) => Some(named.into()),
        Err(VarError::NotPresent) => directory("XDG_STATE_HOME")
            .map(|state| state.join("rediscluster/history"))
            .or_else(|| directory("HOME").map(|home| home.join(".rediscluster_history"))),
    }
}

/// Makes the file, for its owner alone, where there is none, and takes the rights of others where there is one.
///
/// # Errors
/// When the file or its directory cannot be made.
pub fn make_private(file: &Path) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(file)?;
    #[cfg(unix)]
    if opened.metadata()?.is_file() {
        opened.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    }
    Ok(())
}

/// Whether a line may hold a password, so that it is not kept. It is better to forget a line too many.
pub fn has_secret(line: &str) -> bool {
    let words = split(line.as_bytes()).unwrap_or_else(|| {
        // A quote is not closed; what stands in the line stands there all the same.
        let bare = |word: &str| word.trim_matches(|sign| sign == '"' || sign == '\'').as_bytes().to_vec();
        line.split_whitespace().map(bare).collect()
    });
    let words: Vec<String> = words.iter().map(|word| String::from_utf8_lossy(word).to_ascii_uppercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // A number in front says how often.
    let counted = words.len() > 1 && words[0].bytes().all(|byte| byte.is_ascii_digit());
    let words = &words[usize::from(counted)..];
    // `explain` and `help` take commands.
    let words = if matches!(words.first(), Some(&("EXPLAIN" | "HELP"))) { &words[1..] } else { words };
    if words.iter().any(|word| holds_credentials(word)) {
        return true;
    }
    let Some((first, rest)) = words.split_first() else { return false };
    // What is mistyped has its password all the same.
    let meant = suggestion(&[first.as_bytes()]).unwrap_or_else(|| (*first).to_owned());
    let both = rest.first().map(|second| [meant.as_bytes(), second.as_bytes()]);
    let subcommand = both
        .and_then(|both| suggestion(&both))
        .unwrap_or_else(|| [&meant, rest.first().copied().unwrap_or_default()].join(" "));
    let has_auth = || rest.iter().any(|word| strsim::damerau_levenshtein(word.trim_end_matches('2'), "AUTH") <= 1);
    match meant.as_str() {
        "AUTH" => !rest.is_empty(),
        "HELLO" | "MIGRATE" => has_auth(),
        _ if subcommand == "ACL SETUSER" => true,
        "CONFIG" | "SENTINEL" => rest.iter().any(|word| names_password(word)) && !subcommand.ends_with(" GET"),
        _ => false,
    }
}

/// An address with a user in it, or a script that sets a password.
fn holds_credentials(word: &str) -> bool {
    word.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
        || ["REQUIREPASS", "MASTERAUTH"].iter().any(|name| word.contains(name))
}

fn names_password(word: &str) -> bool {
    word.ends_with("PASS") || word.ends_with("AUTH")
}

#[cfg(test)]
mod tests {
    use super::has_secret;

    #[test]
    fn what_holds_a_password_is_not_kept() {
        for line in [
            "auth s3cret",
            "AUTH bob s3cret",
            "  auth \"s3cret",
            "atuh s3cret",
            "3 auth s3cret",
            "hello 3 auth bob s3cret",
            "helo 3 atuh bob s3cret",
            "acl setusr bob on >s3cret",
            "alc setuser bob on >s3cret",
            "config st tls-key-file-pass s3cret",
            "acl setuser bob on >s3cret",
            "config set requirepass s3cret",
            "CONFIG SET maxmemory 1 masterauth s3cret",
            "config set tls-key-file-pass s3cret",
            "migrate h 1 k 0 100 copy auth2 bob s3cret",
            "sentinel set mine auth-pass s3cret",
            "connect redis://bob:s3cret@h:1",
            "explain acl setuser bob >s3cret",
            "eval \"redis.call('config','set','requirepass','s3cret')\" 0",
        ] {
            assert!(has_secret(line), "{line}");
        }
    }

    #[test]
    fn all_else_is_kept() {
        for line in [
            "",
            "get auth",
            "set auth token",
            "hello 3",
            "acl getuser bob",
            "config get *",
            "auth",
            "mget a@b c",
            "get \"a",
        ] {
            assert!(!has_secret(line), "{line}");
        }
    }
}
