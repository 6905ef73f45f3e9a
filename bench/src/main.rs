//! The codec of rediscluster beside other clients: same bytes, same run, taking turns.
//!
//! `cargo run --release --manifest-path bench/Cargo.toml [-- WORD]` measures everything, or the cases whose name
//! has WORD in it. `--features hiredis` adds hiredis, when the system has its library.
//!
//! Numbers of different machines, or of different runs, say nothing about each other. The ratios do.

mod cases;
#[cfg(feature = "hiredis")]
mod hiredis;
mod race;
mod servers;

fn main() {
    let word = std::env::args().nth(1).unwrap_or_default();
    let chosen: Vec<_> = cases::all().into_iter().chain(servers::all()).filter(|case| case.name.contains(&word)).collect();
    if chosen.is_empty() {
        eprintln!("no case has {word:?} in its name");
        std::process::exit(2);
    }
    race::print(chosen);
}
