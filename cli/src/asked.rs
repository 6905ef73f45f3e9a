//! The words behind commands of this program, read by clap.

use clap::error::ErrorKind;
use clap::Parser;
use std::ffi::OsString;

/// Reads the words behind a command.
///
/// # Errors
/// What is wrong with them, in words.
pub fn read<W: Parser>(words: &[Vec<u8>]) -> Result<W, String> {
    let words = words.iter().map(|word| OsString::from(String::from_utf8_lossy(word).into_owned()));
    W::try_parse_from(words).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp => "--help stands alone".to_owned(),
        _ => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            format!("{}: {}", name::<W>(), text.trim_end())
        }
    })
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
