//! The words behind commands of this program, read by clap.

use clap::error::ErrorKind;
use clap::Parser;
use std::ffi::OsString;

/// Reads the words behind a command.
///
/// # Errors
/// What is wrong with them, in words.
pub fn read<W: Parser>(words: &[Vec<u8>]) -> Result<W, String> {
    let told: Vec<OsString> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned().into()).collect();
    W::try_parse_from(&told).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp => "--help stands alone".to_owned(),
        _ => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            format!("{}: {}", name::<W>(), without_secrets(text.trim_end(), &told))
        }
    })
}

/// What is said of wrong words, without those that may be URLs with passwords: these may stand in a wrong place.
pub fn without_secrets(text: &str, words: &[OsString]) -> String {
    let secrets = words.iter().filter_map(|word| word.to_str()).filter(|word| word.contains('@'));
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "(hidden)"))
}

/// What `--help` shows.
pub fn help<W: Parser>() -> String {
    W::command().render_help().to_string()
}

/// The command that the words stand behind.
fn name<W: Parser>() -> String {
    let whole = W::command().get_name().to_owned();
    whole.rsplit(' ').next().unwrap_or_default().to_owned()
}
