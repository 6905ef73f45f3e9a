//! Committed figures, and what they say of those of now.

use crate::build::home;
use std::path::{Path, PathBuf};

/// Figures, and where they are true.
pub struct Figures {
    file: &'static str,
    /// What they depend on, other than the library: the compiler at least.
    environment: String,
    /// What was measured, and how much it was.
    rows: Vec<(String, u64)>,
}

impl Figures {
    /// Those of now, which a file is to hold.
    pub fn new(file: &'static str, environment: String) -> Figures {
        Figures { file, environment, rows: Vec::new() }
    }

    /// Adds one.
    pub fn add(&mut self, name: impl Into<String>, figure: u64) {
        self.rows.push((name.into(), figure));
    }

    fn path(file: &str) -> PathBuf {
        home().join(file)
    }

    fn read(file: &'static str) -> Result<Figures, String> {
        let path = Figures::path(file);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut lines = text.lines();
        let environment = lines.next().unwrap_or_default().to_owned();
        let row = |line: &str| {
            let (name, figure) = line.split_once('\t')?;
            Some((name.to_owned(), figure.parse().ok()?))
        };
        let rows = lines.map(|line| row(line).ok_or_else(|| format!("{}: not a row: {line}", path.display())));
        Ok(Figures { file, environment, rows: rows.collect::<Result<_, _>>()? })
    }

    /// The text of the file that holds them.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.environment);
        self.rows.iter().for_each(|(name, figure)| text.push_str(&format!("{name}\t{figure}\n")));
        text
    }

    /// Commits them to their file.
    pub fn write(&self) -> Result<(), String> {
        let path = Figures::path(self.file);
        std::fs::write(&path, self.text()).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Fails when one is more than so many percent over what the file says; in another environment it only tells.
    pub fn check(&self, percent: u64) -> Result<(), String> {
        let before = Figures::read(self.file)?;
        let is_same = before.environment == self.environment;
        if !is_same {
            println!("############ {} is only told, nothing fails ############", self.file);
            println!("it is of {}\nthis is  {}", before.environment, self.environment);
        }
        let mut grown = Vec::new();
        for (name, now) in &self.rows {
            let row = before.rows.iter().find(|(known, _)| known == name);
            let (_, was) = row.ok_or_else(|| format!("{} has no row {name}", self.file))?;
            println!("{name}: {now}, was {was}");
            if now * 100 > was * (100 + percent) {
                grown.push(format!("{name} is {now}, more than {percent} % over {was}"));
            } else if now * (100 + percent) < was * 100 {
                println!("  that is less: --write holds it");
            }
        }
        match is_same && !grown.is_empty() {
            true => Err(format!("{}; --write commits new figures, where that is meant", grown.join("; "))),
            false => Ok(()),
        }
    }
}

/// Writes the README anew by a function of its text and of costs/Cargo.lock, which has the exact versions of the peers.
pub fn write_readme(with_table: impl Fn(&str, &str) -> Result<String, String>) -> Result<(), String> {
    let (path, lock) = (home().join("../README.md"), home().join("Cargo.lock"));
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let text = with_table(&read(&path)?, &read(&lock)?).map_err(|error| format!("{}: {error}", path.display()))?;
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}
