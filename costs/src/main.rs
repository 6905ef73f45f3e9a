//! What rediscluster costs a program that uses it, beside redis-rs, in one run.
//!
//! ```sh
//! cargo run --release --manifest-path costs/Cargo.toml -- size           # bytes, and processor time of a clean build
//! cargo run --release --manifest-path costs/Cargo.toml -- instructions   # of common calls, counted by callgrind
//! ```
//!
//! With `--write` the figures of what is held are kept in a file; with `--check` it fails when that costs more than the file
//! says. Figures of another toolchain say nothing: then a check only tells.

mod binary;
mod build;
mod callgrind;
mod figures;
mod instructions;
mod programs;
mod readme;
mod size;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["size"] => size::all().map(|_| ()),
        ["size", "--write"] => size::write(),
        ["size", "--check"] => size::check(),
        ["instructions"] => instructions::all(),
        ["instructions", "--write"] => instructions::write(),
        ["instructions", "--check"] => instructions::check(),
        _ => Err("usage: costs size|instructions [--write|--check]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("costs: {error}");
            ExitCode::FAILURE
        }
    }
}
