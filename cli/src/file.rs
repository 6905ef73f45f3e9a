//! Configuration files, TOML and JSON. No message repeats a value: it may be a password.

use crate::tls::Wanted;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a configuration file says; `None` and empty lists where it says nothing.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct File {
    /// Names and addresses, in the order of the file.
    pub nodes: Vec<(String, String)>,
    /// Masters and their replicas, by name.
    pub master_of: Vec<(String, String)>,
    pub database: Option<u32>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub masters_only: Option<bool>,
    pub deadline: Option<Duration>,
    pub tls: Wanted,
}

impl File {
    /// Reads a file whose name ends in `.toml` or `.json`.
    pub fn read(path: &Path) -> Result<File, String> {
        let shown = path.display();
        let parse = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => from_toml,
            Some("json") => from_json,
            _ => return Err(format!("{shown}: a configuration file is named .toml or .json")),
        };
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        // The mark that some editors put in front of UTF-8.
        parse(text.strip_prefix('\u{feff}').unwrap_or(&text))
            .and_then(File::from_table)
            .map_err(|error| format!("{shown}: {error}"))
    }

    fn from_table(table: Map<String, Value>) -> Result<File, String> {
        let mut file = File::default();
        for (key, value) in table {
            match key.as_str() {
                "nodes" => file.nodes = nodes(value)?,
                "master_of" => file.master_of = master_of(value)?,
                "database" => {
                    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
                    file.database = Some(number.ok_or("database is not the number of a database")?);
                }
                "username" => file.username = Some(text(value).ok_or("username is not a string")?),
                "password" => file.password = Some(text(value).ok_or("password is not a string")?),
                "masters_only" => {
                    file.masters_only = Some(value.as_bool().ok_or("masters_only is neither true nor false")?)
                }
                "deadline" => {
                    let time = value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                    file.deadline = Some(time.ok_or("deadline is not a number of seconds")?);
                }
                "tls" => file.tls.tls = value.as_bool().ok_or("tls is neither true nor false")?,
                "cacert" => file.tls.cacert = Some(path(value).ok_or("cacert is not a string")?),
                "cert" => file.tls.cert = Some(path(value).ok_or("cert is not a string")?),
                "key" => file.tls.key = Some(path(value).ok_or("key is not a string")?),
                "sni" => file.tls.sni = Some(text(value).ok_or("sni is not a string")?),
                other => return Err(format!("{:?} is not a setting", shown(other))),
            }
        }
        Ok(file)
    }
}

fn from_toml(source: &str) -> Result<Map<String, Value>, String> {
    toml::from_str(source).map_err(|error| {
        // The error's own display shows the line, and so perhaps a password.
        let before = error.span().map_or("", |span| source.get(..span.start).unwrap_or_default());
        format!("line {}: {}", before.matches('\n').count() + 1, without_quotes(error.message()))
    })
}

/// What a parser says, without what it quotes of the file, which may be a password. Signs that it expects are no secret.
fn without_quotes(message: &str) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some(open) = rest.find(['`', '"']) {
        let (before, from) = rest.split_at(open);
        out.push_str(before);
        let quote = &from[..1];
        // A value may hold the quote itself; what is hidden then ends with the last one.
        let Some((quoted, after)) = from[1..].split_once(quote) else {
            return out + "(hidden)";
        };
        if quoted.chars().count() > 1 && quoted.chars().any(char::is_alphanumeric) {
            let after = from[1..].rsplit_once(quote).map_or("", |(_, after)| after);
            return out + "(hidden)" + after;
        }
        out.extend([quote, quoted, quote]);
        rest = after;
    }
    out + rest
}

fn from_json(source: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(source).map_err(|error| error.to_string())? {
        Value::Object(table) => Ok(table),
        _ => Err("not an object with settings".into()),
    }
}

/// What stands where a name belongs. An address may stand there by mistake, with a password in it.
fn shown(name: &str) -> &str {
    if name.contains([':', '/', '@', '=', '[']) {
        return "(hidden)";
    }
    name
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn path(value: Value) -> Option<PathBuf> {
    text(value).map(PathBuf::from)
}

/// A table from names to addresses; or an array, with entries `NAME=ADDRESS` or tables with a name and an address.
fn nodes(value: Value) -> Result<Vec<(String, String)>, String> {
    let entry = |(at, value): (usize, Value)| {
        let pair = match value {
            Value::String(text) => crate::config::pair(&text),
            Value::Object(mut table) => {
                let mut take = |key| table.remove(key).and_then(text);
                let pair = take("name").zip(take("address"));
                pair.filter(|_| table.is_empty())
            }
            _ => None,
        };
        pair.ok_or_else(|| {
            format!("entry {} of nodes is neither \"NAME=HOST:PORT\" nor a table of name and address", at + 1)
        })
    };
    match value {
        Value::Object(table) => table
            .into_iter()
            .map(|(name, address)| match address {
                Value::String(address) => Ok((name, address)),
                _ => Err(format!("the address of node {:?} is not a string", shown(&name))),
            })
            .collect(),
        Value::Array(entries) => entries.into_iter().enumerate().map(entry).collect(),
        _ => Err("nodes is neither a table nor an array".into()),
    }
}

/// A table from the names of masters to the name of a replica, or to several.
fn master_of(value: Value) -> Result<Vec<(String, String)>, String> {
    let Value::Object(table) = value else { return Err("master_of is not a table from masters to replicas".into()) };
    let mut pairs = Vec::new();
    for (master, replicas) in table {
        let replicas = match replicas {
            Value::Array(replicas) => replicas,
            one => vec![one],
        };
        for replica in replicas {
            let replica = text(replica)
                .ok_or_else(|| format!("master_of gives {:?} a replica that is not a name", shown(&master)))?;
            pairs.push((master.clone(), replica));
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toml(source: &str) -> Result<File, String> {
        from_toml(source).and_then(File::from_table)
    }

    fn json(source: &str) -> Result<File, String> {
        from_json(source).and_then(File::from_table)
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(one, other)| (one.to_string(), other.to_string())).collect()
    }

    #[test]
    fn everything_in_toml_and_json() {
        let from_toml = toml(
            "database = 2\nusername = \"app\"\npassword = \"pw\"\nmasters_only = true\ndeadline = 1.5\n\
             tls = true\ncacert = 'ca.pem'\ncert = 'own.pem'\nkey = 'own.key'\nsni = 'h'\n\
             [nodes]\nzeta = \"h:1\"\nalpha = \"redis://u:p@h:2\"\nm = 'h:3'\n[master_of]\nzeta = \"m\"",
        );
        let from_json = json(
            r#"{"database": 2, "username": "app", "password": "pw", "masters_only": true, "deadline": 1.5,
                "tls": true, "cacert": "ca.pem", "cert": "own.pem", "key": "own.key", "sni": "h",
                "nodes": {"zeta": "h:1", "alpha": "redis://u:p@h:2", "m": "h:3"}, "master_of": {"zeta": ["m"]}}"#,
        );
        let wanted = File {
            nodes: pairs(&[("zeta", "h:1"), ("alpha", "redis://u:p@h:2"), ("m", "h:3")]),
            master_of: pairs(&[("zeta", "m")]),
            database: Some(2),
            username: Some("app".into()),
            password: Some("pw".into()),
            masters_only: Some(true),
            deadline: Some(Duration::from_millis(1500)),
            tls: Wanted {
                tls: true,
                insecure: false,
                cacert: Some("ca.pem".into()),
                cert: Some("own.pem".into()),
                key: Some("own.key".into()),
                sni: Some("h".into()),
            },
        };
        assert_eq!(from_toml.unwrap(), wanted);
        assert_eq!(from_json.unwrap(), wanted);
        assert_eq!(toml("").unwrap(), File::default());
        assert_eq!(json("{}").unwrap(), File::default());
    }

    #[test]
    fn nodes_as_an_array() {
        let wanted = pairs(&[("b", "h:1"), ("a", "h:2")]);
        assert_eq!(toml(r#"nodes = ["b=h:1", "a = h:2"]"#).unwrap().nodes, wanted);
        assert_eq!(
            toml("[[nodes]]\nname = 'b'\naddress = 'h:1'\n[[nodes]]\naddress = 'h:2'\nname = 'a'").unwrap().nodes,
            wanted
        );
        assert_eq!(json(r#"{"nodes": ["b=h:1", {"name": "a", "address": "h:2"}]}"#).unwrap().nodes, wanted);
    }

    #[test]
    fn mistakes_are_told_without_their_values() {
        for source in [
            "password = s3cret",
            "password = 's3cret' s3cret",
            "password = ['s3cret']",
            "password = 's3cret",
            "username = {s3cret = 's3cret'}",
            "nodes = ['redis://:s3cret@h:1 ', 's3cret']",
            "nodes = 's3cret'",
            "database = 's3cret'",
            "deadline = 's3cret'",
            "masters_only = 's3cret'",
            "[nodes]\na = ['s3cret']",
            "[[nodes]]\nname = 'a'\naddress = 'redis://:s3cret@h:1'\nport = 's3cret'",
            "master_of = 's3cret'",
            "[nodes]\na = 'redis://:s3cret@h:1'\na = 's3cret'",
            "'redis://:s3cret@h' = 1\n'redis://:s3cret@h' = 1",
            "'redis://:s3cret@h' = 1",
            "[nodes]\n'redis://:s3cret@h' = 1",
            "[master_of]\n'redis://:s3cret@h' = 1",
        ] {
            let error = toml(source).unwrap_err();
            assert!(!error.contains("s3cret") && !error.is_empty(), "{source}: {error}");
        }
        for source in
            [r#"{"password": s3cret}"#, r#"{"password": "s3cret"#, r#"{"password": 's3cret'}"#, r#"["s3cret"]"#]
        {
            let error = json(source).unwrap_err();
            assert!(!error.contains("s3cret") && !error.is_empty(), "{source}: {error}");
        }
        assert_eq!(toml("a = 1").unwrap_err(), "\"a\" is not a setting");
        assert!(toml("database = 1\n\npassword = x").unwrap_err().starts_with("line 3: "));
        // Signs that are expected are told: nothing is cut off in the middle.
        assert_eq!(toml("password").unwrap_err(), "line 1: key with no value, expected `=`");
        assert_eq!(toml("[nodes").unwrap_err(), "line 1: unclosed table, expected `]`");
        assert_eq!(without_quotes("duplicate key `a.s3cret`, b"), "duplicate key (hidden), b");
        assert_eq!(without_quotes("a `s3\"cr`et` b `=`"), "a (hidden)");
        assert_eq!(without_quotes("a `s3cret"), "a (hidden)");
    }

    #[test]
    fn only_known_kinds_of_files() {
        let error = File::read(Path::new("cluster.yaml")).unwrap_err();
        assert_eq!(error, "cluster.yaml: a configuration file is named .toml or .json");
    }
}
