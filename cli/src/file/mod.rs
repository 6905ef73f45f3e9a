//! Configuration files: of this program, in TOML and JSON; of rediscluster-py and -php; and of twemproxy.

pub mod document;
mod foreign;
mod literal;
mod nodes;
mod print;
pub mod settings;
mod syntax;
mod twemproxy;

pub use print::print;

use crate::tls::Wanted;
use document::{Entry, Mistake};
use nodes::{Given, Table};
use settings::Settings;
use std::path::Path;

/// A Sentinel's view of a node: the name of the node, the name that Sentinels have for its master, and their addresses.
#[derive(Clone)]
pub struct Sentinels {
    pub node: String,
    pub master: String,
    /// URLs may hold passwords.
    pub addresses: Vec<String>,
}

/// What a configuration file says. It may hold passwords, so it has no `Debug`.
#[derive(Default, Clone)]
pub struct File {
    pub table: Table,
    pub sentinels: Vec<Sentinels>,
    pub settings: Settings,
    pub tls: Wanted,
}

impl File {
    /// Reads a file; the end of its name tells what it holds. `pool` is one of those in a file of twemproxy.
    ///
    /// # Errors
    /// What is wrong, with the file, the line and the name of the setting, and never with its value.
    pub fn read(path: &Path, pool: Option<&str>) -> Result<File, String> {
        let shown = path.display();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !matches!(extension, "toml" | "json" | "yml" | "yaml" | "py" | "php") {
            return Err(format!(
                "{shown}: a configuration file is named .toml or .json, .yml or .yaml (twemproxy), .py or .php (rediscluster-py, rediscluster-php)"
            ));
        }
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        // The mark that some editors put in front of UTF-8.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let is_twemproxy = matches!(extension, "yml" | "yaml");
        if pool.is_some() && !is_twemproxy {
            return Err(format!("{shown}: --pool is for files of twemproxy, which are named .yml or .yaml"));
        }
        let document = match extension {
            "toml" => syntax::toml(text),
            "json" => syntax::json(text),
            "py" => literal::read(text, literal::Language::Python),
            "php" => literal::read(text, literal::Language::Php),
            _ => syntax::yaml(text),
        };
        let file = document.and_then(|document| match is_twemproxy {
            true => {
                let (table, settings) = twemproxy::read(&document, pool)?;
                Ok(File { table, settings, ..File::default() })
            }
            false => File::of(&document),
        });
        file.map_err(|mistake| format!("{shown}: {mistake}"))
    }

    fn of(document: &Entry) -> Result<File, Mistake> {
        let mut file = File::default();
        let mut given = Given::default();
        let mut sentinels = None;
        for (name, entry) in document.table().map_err(|_| document.wrong("not a table of settings"))? {
            let of_nodes = match name.as_str() {
                "nodes" => Some(&mut given.nodes),
                "master_of" => Some(&mut given.master_of),
                "default_node" => Some(&mut given.default_node),
                "sentinels" => Some(&mut sentinels),
                _ => None,
            };
            if let Some(of_nodes) = of_nodes {
                // They make sense together only.
                *of_nodes = Some(entry.clone());
                continue;
            }
            let taken = match name.as_str() {
                "tls" => entry.truth().map(|tls| file.tls.tls = tls),
                "cacert" => entry.text().map(|path| file.tls.cacert = Some(path.into())),
                "cert" => entry.text().map(|path| file.tls.cert = Some(path.into())),
                "key" => entry.text().map(|path| file.tls.key = Some(path.into())),
                "sni" => entry.text().map(|name| file.tls.sni = Some(name.into())),
                _ => {
                    file.settings.set(name, entry.clone())?;
                    Ok(())
                }
            };
            taken.map_err(|mistake: Mistake| mistake.inside(name))?;
        }
        file.table = given.table()?;
        if let Some(entry) = &sentinels {
            file.sentinels = read_sentinels(entry, &file.table).map_err(|mistake| mistake.inside("sentinels"))?;
        }
        Ok(file)
    }
}

/// Settings that are not of the builder, and tables.
const OTHERS: [&str; 9] = ["nodes", "master_of", "default_node", "sentinels", "tls", "cacert", "cert", "key", "sni"];

fn is_setting(name: &str) -> bool {
    OTHERS.contains(&name) || settings::SETTINGS.iter().any(|(known, _)| *known == name)
}

/// A table from the names of nodes to what their Sentinels are asked.
fn read_sentinels(entry: &Entry, table: &Table) -> Result<Vec<Sentinels>, Mistake> {
    let mut all = Vec::new();
    for (node, entry) in entry.table()? {
        all.push(sentinels_of(node, entry, table).map_err(|mistake| mistake.inside(node))?);
    }
    Ok(all)
}

fn sentinels_of(node: &str, entry: &Entry, table: &Table) -> Result<Sentinels, Mistake> {
    if !table.nodes.iter().any(|(name, _)| name == node) {
        return Err(
            entry.wrong("not the name of a node: this program has to know where it was, until Sentinels answer")
        );
    }
    let mut sentinels = Sentinels { node: node.to_owned(), master: String::new(), addresses: Vec::new() };
    for (name, entry) in entry.table()? {
        let taken = match name.as_str() {
            "master" => entry.text().map(|master| master.clone_into(&mut sentinels.master)),
            "addresses" => entry.list().and_then(|list| {
                for (at, address) in list.iter().enumerate() {
                    let text = address.text().map_err(|mistake| mistake.in_element(at + 1))?;
                    sentinels.addresses.push(text.to_owned());
                }
                Ok(())
            }),
            _ => Err(entry.wrong("not a setting")),
        };
        taken.map_err(|mistake| mistake.inside(name))?;
    }
    if sentinels.master.is_empty() || sentinels.addresses.is_empty() {
        return Err(entry.wrong("both are needed: the `master` that Sentinels are asked for, and their `addresses`"));
    }
    Ok(sentinels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rediscluster::Cluster;

    const EXAMPLE: &str = include_str!("../../../docs/rediscluster.example.toml");

    /// The example with everything that is commented out: each line that would be a setting or the head of a table.
    fn uncommented() -> String {
        let is_setting = |line: &str| {
            let name = line.split_once(" = ").map(|(name, _)| name.trim_matches('"'));
            line.starts_with('[') || name.is_some_and(|name| !name.contains(' '))
        };
        let line = |line: &str| line.strip_prefix("# ").filter(|line| is_setting(line)).unwrap_or(line).to_owned();
        EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    fn file(source: &str) -> Result<File, String> {
        syntax::toml(source).and_then(|document| File::of(&document)).map_err(|mistake| mistake.to_string())
    }

    #[test]
    fn the_example_has_every_setting() {
        assert!(file(EXAMPLE).is_ok());
        let source = uncommented();
        let read = file(&source).unwrap();
        let names: Vec<_> = read.settings.all().map(|(name, _)| name).collect();
        for (name, _) in settings::SETTINGS {
            assert!(names.contains(&name), "{name} is in the example");
        }
        for other in OTHERS.iter().filter(|name| **name != "default_node") {
            let is_there = |line: &str| {
                line.starts_with(&format!("{other} = "))
                    || line.starts_with(&format!("[{other}]"))
                    || line.starts_with(&format!("[{other}."))
            };
            assert!(source.lines().any(is_there), "{other} is in the example");
        }
        assert_eq!((read.table.nodes.len(), read.table.master_of.len(), read.sentinels.len()), (3, 1, 1));
        let path = |path: &str| Some(path.into());
        let tls = Wanted {
            tls: true,
            insecure: false,
            cacert: path("ca.pem"),
            cert: path("client.pem"),
            key: path("client.key"),
            sni: Some("redis.example".into()),
        };
        assert_eq!(read.tls, tls);
        // In JSON, too.
        let json = serde_json::to_string(&toml::from_str::<toml::Value>(&source).unwrap()).unwrap();
        let json = syntax::json(&json).and_then(|document| File::of(&document)).map_err(|mistake| mistake.to_string());
        let told = |file: &File| format!("{:?}", file.settings.apply(Cluster::builder()));
        assert_eq!(told(&json.unwrap()), told(&read));
    }

    #[test]
    fn what_the_example_shows_as_defaults_are_defaults() {
        let plain = format!("{:?}", Cluster::builder());
        // These have none, or another one in the library.
        let examples =
            ["username", "password", "client_name", "max_replica_lag", "map_addresses", "commands", "deadline"];
        let read = file(&uncommented()).unwrap();
        for (name, entry) in read.settings.all().filter(|(name, _)| !examples.contains(name)) {
            let mut alone = Settings::default();
            alone.set(name, entry.clone()).unwrap();
            let told = format!("{:?}", alone.apply(Cluster::builder()));
            let told = if name == "database" { told.replace("database: Some(0)", "database: None") } else { told };
            assert_eq!(told, plain, "{name}");
        }
        assert_eq!(read.settings.deadline(), Some(crate::config::DEADLINE));
        assert!(["delimiter", "reply_delimiter"].iter().all(|name| read.settings.text(name) == Some("\n")));
    }

    #[test]
    fn the_page_about_the_configuration_shows_the_example() {
        let page = include_str!("../../../docs/configuration.md");
        assert!(
            page.contains(&format!("```toml\n{EXAMPLE}```")),
            "docs/configuration.md shows docs/rediscluster.example.toml"
        );
    }

    #[test]
    fn sentinels_are_of_nodes_and_have_everything() {
        let nodes = "[nodes]\na = 'h'\n";
        let source = |sentinels: &str| format!("{nodes}[sentinels]\n{sentinels}");
        assert_eq!(file(&source("a = { master = 'm', addresses = ['s:1'] }")).unwrap().sentinels[0].addresses, ["s:1"]);
        for (sentinels, message) in [
            ("b = { master = 'm', addresses = ['s:1'] }", "line 4: sentinels.b: not the name of a node: this program has to know where it was, until Sentinels answer"),
            ("a = { master = 'm' }", "line 4: sentinels.a: both are needed: the `master` that Sentinels are asked for, and their `addresses`"),
            ("a = { master = 'm', addresses = ['s:1', 5] }", "line 4: sentinels.a.addresses[2]: not a string"),
            ("a = { master = 'm', quorum = 2 }", "line 4: sentinels.a.quorum: not a setting"),
        ] {
            assert_eq!(file(&source(sentinels)).err().as_deref(), Some(message));
        }
    }

    #[test]
    fn only_known_kinds_of_files() {
        let error = |path: &str, pool| File::read(Path::new(path), pool).err().unwrap();
        assert!(error("cluster.ini", None).starts_with("cluster.ini: a configuration file is named .toml or .json, "));
        assert_eq!(error("a.toml", Some("alpha")), "a.toml: No such file or directory (os error 2)");
    }
}
