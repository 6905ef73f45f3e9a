//! Errors in words: those of one server where it would have answered with one, and else our own with the way out.

use rediscluster::spec::{self, ALL};
use rediscluster::{Error, ErrorKind, Outcome, Protocol};

/// The most bytes of a word, and of all arguments, that a server repeats.
const REPEATED: usize = 128;

/// What one server would have answered with: its error, or those of several servers in one. `None` where there was no
/// answer, or not to this command, such as to a password on the way to it.
pub fn is_answer(error: &Error, words: &[Vec<u8>]) -> Option<Vec<u8>> {
    let asked = |name: &str| words.first().is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    let handshake = error.command().is_some_and(|name| ["AUTH", "HELLO", "SELECT"].contains(&name) && !asked(name));
    let arity = error.kind() == ErrorKind::Argument && error.message().starts_with("ERR ");
    if !(error.is_server() && !handshake || arity) {
        return None;
    }
    let agreed = error.parts().iter().all(|part| part.error.as_deref() == Some(error.message()));
    // A script may have written by the time of its error.
    let script = error.command().is_some_and(|name| ["EVAL", "FCALL"].iter().any(|runs| name.starts_with(runs)));
    let certain = error.outcome() == Outcome::NotApplied || script && error.outcome() == Outcome::Unknown;
    if certain && agreed {
        return Some(error.message().as_bytes().to_vec());
    }
    // Programs look at the first word.
    Some(format!("{} {}", error.code().unwrap_or("ERR"), on_one_line(&error.to_string())).into_bytes())
}

/// A message as the text of an error reply.
pub fn as_reply(message: &str) -> Vec<u8> {
    format!("ERR {}", on_one_line(message)).into_bytes()
}

fn on_one_line(message: &str) -> String {
    message.replace("\n  ", "; ").replace(['\r', '\n'], " ")
}

/// What a server says of a command that it does not have.
pub fn unknown_command(words: &[Vec<u8>]) -> Vec<u8> {
    let name = repeated(&words[0], REPEATED);
    let prefix = [String::from_utf8_lossy(&words[0]).to_uppercase(), " ".to_owned()].concat();
    let mut text = Vec::new();
    match words.get(1) {
        Some(subcommand) if ALL.iter().any(|row| row.name.starts_with(&prefix)) => {
            text.extend_from_slice(b"ERR unknown subcommand '");
            text.extend_from_slice(repeated(subcommand, REPEATED));
            text.extend_from_slice(format!("'. Try {prefix}HELP.").as_bytes());
        }
        _ => {
            text.extend_from_slice(b"ERR unknown command '");
            text.extend_from_slice(name);
            text.extend_from_slice(b"', with args beginning with: ");
            let start = text.len();
            for word in &words[1..] {
                let left = REPEATED.saturating_sub(text.len() - start);
                if left == 0 {
                    break;
                }
                text.push(b'\'');
                text.extend_from_slice(repeated(word, left));
                text.extend_from_slice(b"' ");
            }
        }
    }
    text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }).collect()
}

/// The part of a word that a server repeats: as C has it, it ends at a zero.
fn repeated(word: &[u8], most: usize) -> &[u8] {
    let end = word.iter().position(|&byte| byte == 0).unwrap_or(word.len());
    &word[..end.min(most)]
}

/// The error in words for somebody at a terminal, with the option that helps, or in a session the command.
pub fn told(error: &Error, in_session: bool) -> String {
    let one_server = if in_session { "connect NODE" } else { "--direct HOST:PORT" };
    match (error.kind(), error.command()) {
        (ErrorKind::Cancelled, Some(command)) if in_session => {
            format!("{command}: not waited any longer; nothing was taken")
        }
        (ErrorKind::Refused, Some("SELECT")) => "SELECT: the option -n chooses the database".into(),
        (ErrorKind::Refused, Some("AUTH")) => "AUTH: the options --user and -a say who you are".into(),
        (ErrorKind::Refused, Some("HELLO")) => "HELLO: the options -2 and -3 choose the protocol".into(),
        (ErrorKind::Refused, Some(command)) if error.message().starts_with("makes sense on one server") => {
            format!("{command} makes sense on one server, and there are several: use {one_server}")
        }
        (ErrorKind::Refused, Some(command)) => {
            format!("{command} needs a connection of its own, and those to the nodes are shared: use {one_server}")
        }
        _ => error.to_string(),
    }
}

/// Refuses what this program cannot do, on one server or on several.
pub fn refuse(words: &[Vec<u8>], protocol: Protocol) -> Result<(), String> {
    let is = |at: usize, text: &str| words.get(at).is_some_and(|word| word.eq_ignore_ascii_case(text.as_bytes()));
    let known = spec::find(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
    if let Some(spec) = known.filter(|spec| spec.is_answered_by_a_stream()) {
        let name = spec.name;
        return Err(match name {
            "CLIENT REPLY" => "CLIENT REPLY: this program shows one reply for each command".into(),
            "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "MONITOR" => {
                let name = name.to_lowercase();
                format!("{name} is answered by a stream of messages: run it by itself, as in `rediscluster {name}`")
            }
            _ => {
                format!("{name} is answered by a stream of messages, which this program does not show; redis-cli does")
            }
        });
    }
    if protocol == Protocol::Resp2 && is(0, "hello") && is(1, "3") {
        return Err("HELLO 3 would change the protocol of the connection: use the option -3".into());
    }
    Ok(())
}
