//! What everybody can name and call of the packages is what is committed in this folder, so that no change to it goes unseen.
//! `make api` writes it anew.
//!
//! The compiler expands all macros first, for which a stable one needs `RUSTC_BOOTSTRAP`; its text is Rust, and does not depend on its
//! version as what rustdoc writes for programs does. Names are resolved, so a type that changes behind the same name is seen, too.
//! Not seen are traits that nobody implements by hand (`Send`, `Sync`), and values of constants.

mod crate_items;
mod listing;

use crate_items::Crate;
use rediscluster_testing::repository;
use std::collections::BTreeSet;
use std::process::Command;

/// The library with everything expanded.
fn expanded() -> String {
    let folder = repository().join("target/public-api");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("expanded-{}.rs", std::process::id()));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(repository()).env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTFLAGS");
    cargo.args(["rustc", "--quiet", "--locked", "--package", "rediscluster", "--lib", "--target-dir"]).arg(&folder);
    // By a name of its own, or cargo would find that there is nothing to do.
    cargo.args(["--", "-Zunpretty=expanded", "-o"]).arg(&file);
    let ran = cargo.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    text
}

#[track_caller]
fn compare(package: &str, lines: &BTreeSet<String>) {
    let path = repository().join("tests/public_api").join(format!("{package}.txt"));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    if std::env::var_os("UPDATE_API").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let known: BTreeSet<String> = committed.lines().map(str::to_owned).collect();
    let gone: String = known.difference(lines).map(|line| format!("- {line}\n")).collect();
    let new: String = lines.difference(&known).map(|line| format!("+ {line}\n")).collect();
    assert!(
        committed == text,
        "the public API of {package} is another one:\n{gone}{new}\
         What is gone breaks programs, and so may what is new in a trait. `make api` writes the list anew."
    );
}

#[test]
fn the_library_is_what_its_list_says() {
    compare("rediscluster", &listing::list("rediscluster", &Crate::expanded(&expanded())));
}

#[test]
fn the_package_for_tls_is_what_its_list_says() {
    let root = repository().join("tls/src/lib.rs");
    compare("rediscluster-tls", &listing::list("rediscluster_tls", &Crate::without_macros(&root)));
}
