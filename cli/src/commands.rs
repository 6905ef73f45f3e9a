//! `commands` and `help`: what the command table says, without any server.

use crate::own::{list, OWN};
use crate::table::aligned;
use rediscluster::spec::{self, Across, KeySpec, RequestPolicy, Row, WaitArgument, ALL};
use serde_json::{json, Value};

/// The columns of the table.
const COLUMNS: [&str; 9] = ["NAME", "GROUP", "ARITY", "ACCESS", "KEYS", "REQUEST", "RESPONSE", "ACROSS", "SINCE"];

/// The whole table, for people, as JSON, or in columns between tabs.
///
/// # Errors
/// A word that is none of the options, in words.
pub fn commands(words: &[Vec<u8>], json: bool) -> Result<String, String> {
    match words.iter().map(Vec::as_slice).collect::<Vec<_>>()[..] {
        [] if json => Ok(as_json()),
        [] => Ok(aligned(&lines(), &[2])),
        [b"--json"] => Ok(as_json()),
        [b"--tsv"] => Ok(lines().iter().map(|line| line.join("\t") + "\n").collect()),
        _ => Err("commands takes --json or --tsv and nothing else".into()),
    }
}

fn lines() -> Vec<[String; 9]> {
    let line = |row: &&Row| {
        [
            row.name.to_owned(),
            row.group.to_string(),
            row.arity.to_string(),
            row.access.to_string(),
            row.keys_in_words(),
            row.request.to_string(),
            row.response.to_string(),
            row.across.to_string(),
            row.since.to_owned(),
        ]
    };
    std::iter::once(COLUMNS.map(str::to_owned)).chain(sorted().iter().map(line)).collect()
}

fn as_json() -> String {
    let row = |row: &&Row| {
        json!({
            "name": row.name,
            "group": row.group.name(),
            "arity": row.arity,
            "access": row.access.name(),
            "keys": row.keys.iter().map(key_spec).collect::<Vec<_>>(),
            "request_policy": row.request.name(),
            "response_policy": row.response.name(),
            "across_nodes": row.across.name(),
            "round_trips_across_nodes": row.round_trips(),
            "since": row.since,
        })
    };
    format!("{}\n", Value::from_iter(sorted().iter().map(row)))
}

fn key_spec(keys: &KeySpec) -> Value {
    match *keys {
        KeySpec::Range(first, last, step) => json!({ "first": first, "last": last, "step": step }),
        KeySpec::Numkeys(at, step) => json!({ "numkeys": at, "step": step }),
        KeySpec::HalfAfter(word, from) => json!({ "half_after": word, "from": from }),
        KeySpec::Channel(at) => json!({ "channel": at }),
        KeySpec::Options(from, words) => {
            let option = |(word, count, value): &(&str, usize, spec::OptionValue)| json!({ "word": word, "values": count, "of": format!("{value:?}").to_lowercase() });
            json!({ "options": words.iter().map(option).collect::<Vec<_>>(), "from": from })
        }
        ref other => json!(format!("{other:?}").to_lowercase()),
    }
}

fn sorted() -> Vec<&'static Row> {
    let mut rows = ALL.to_vec();
    rows.sort_unstable_by_key(|row| row.name);
    rows
}

/// What there is to know of a command; of a container such as `CONFIG`, its subcommands.
///
/// # Errors
/// That the table does not have it, with names that begin alike.
pub fn help(words: &[Vec<u8>]) -> Result<String, String> {
    if words.is_empty() {
        let this = "help COMMAND tells what is known of a Redis command; the option --help tells of this program.";
        return Ok(format!("{this}\nCommands of its own:\n{}", list()));
    }
    let asked: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    if let Some(own) = OWN.iter().find(|own| asked[..] == [own.name.as_bytes()]) {
        return Ok(own.help());
    }
    if let Some(row) = spec::find(&asked) {
        return Ok(told(row));
    }
    let name = String::from_utf8_lossy(asked[0]).to_uppercase();
    let begins: Vec<_> = sorted().into_iter().filter(|row| row.name.starts_with(&name)).collect();
    if begins.iter().any(|row| row.name.split(' ').next() == Some(&name) && row.name.contains(' ')) {
        let names: String = begins.iter().map(|row| format!("  {}\n", row.name)).collect();
        return Ok(format!("{name} has subcommands:\n{names}"));
    }
    let hint: Vec<_> = begins.iter().take(8).map(|row| row.name).collect();
    let hint = if hint.is_empty() { String::new() } else { format!("; did you mean {}?", hint.join(", ")) };
    Err(format!("the command table does not have {}{hint}", name.escape_debug()))
}

fn told(row: &Row) -> String {
    let own = row.name.split(' ').count();
    let count = usize::from(row.arity.unsigned_abs()).saturating_sub(own);
    let arguments = match (row.arity < 0, count) {
        (false, 0) => "none".to_owned(),
        (false, count) => count.to_string(),
        (true, count) => format!("{count} or more"),
    };
    let keys = match row.keys_in_words() {
        words if words.is_empty() => "none".to_owned(),
        words => words,
    };
    let mut lines = vec![
        ("topic", row.group.to_string()),
        ("since", row.since.to_owned()),
        ("arguments", arguments),
        ("access", row.access.to_string()),
        ("keys", keys),
    ];
    match (row.across.name(), row.request) {
        ("never" | "split", RequestPolicy::MultiShard | RequestPolicy::AllShards | RequestPolicy::AllNodes)
        | ("split", RequestPolicy::OneMaster) => {
            lines.push(("goes to", row.goes_to().to_owned()));
            lines.push(("reply", row.response.in_words().to_owned()));
        }
        ("never", _) => lines.push(("goes to", row.request.in_words().to_owned())),
        _ => {}
    }
    if row.across != Across::NEVER {
        lines.push(("across nodes", row.across.in_words().to_owned()));
        if row.across != Across::REFUSE {
            lines.push(("", format!("not atomic there; round trips: {}", row.round_trips())));
        }
        lines.push((
            "on one node",
            "the command as it is; a common tag, as in a{tag} b{tag}, keeps keys together".to_owned(),
        ));
    }
    let wait = match row.wait {
        WaitArgument::FirstSeconds => Some("for data, as many seconds as argument 1 says; 0 is for ever"),
        WaitArgument::LastSeconds => Some("for data, as many seconds as the last argument says; 0 is for ever"),
        WaitArgument::BlockMillis => {
            Some("for data, as many milliseconds as the number after BLOCK says; 0 is for ever")
        }
        _ => None,
    };
    lines.extend(wait.map(|words| ("waits", words.to_owned())));
    let line = |(what, words): &(&str, String)| format!("  {what:<14}{words}\n");
    format!("{}\n{}", row.name, lines.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn every_row_is_in_every_form() {
        let table = commands(&[], false).unwrap();
        let tsv = commands(&words("--tsv"), false).unwrap();
        assert_eq!(table.lines().count(), ALL.len() + 1);
        assert!(tsv.lines().all(|line| line.split('\t').count() == COLUMNS.len()));
        let json: Value = serde_json::from_str(&commands(&words("--json"), false).unwrap()).unwrap();
        assert_eq!(json.as_array().unwrap().len(), ALL.len());
        assert_eq!(commands(&[], true).unwrap(), commands(&words("--json"), false).unwrap());
        assert!(commands(&words("--yaml"), false).is_err());
    }

    #[test]
    fn help_for_people() {
        for row in ALL {
            let text = help(&words(row.name)).unwrap();
            assert!(text.starts_with(&format!("{}\n", row.name)), "{text}");
        }
        let text = help(&words("mget")).unwrap();
        assert!(text.contains("across nodes  one command a node, all at once"), "{text}");
        assert!(help(&words("config")).unwrap().contains("  CONFIG RESETSTAT\n"));
        assert!(help(&words("geo")).unwrap_err().contains("did you mean GEOADD"));
        assert_eq!(help(&words("nosuch")).unwrap_err(), "the command table does not have NOSUCH");
    }
}
