//! Who else does the same jobs.

#[cfg(feature = "hiredis")]
mod hiredis;
pub mod redis_benchmark;
pub mod redis_rs;
pub mod twemproxy;

use crate::measure::Contender;
use rediscluster_testing::Server;
use std::path::PathBuf;

/// A command as the programs in other languages take it.
pub type Words = Vec<Vec<u8>>;

/// The words of a command.
pub fn words<W: AsRef<[u8]>>(words: &[W]) -> Words {
    words.iter().map(|word| word.as_ref().to_vec()).collect()
}

/// hiredis, where it is: has these commands run together, in one call. `gives` is what the same call of others gives.
pub fn hiredis(server: &Server, commands: Vec<Words>, gives: u64) -> Option<Contender> {
    #[cfg(feature = "hiredis")]
    return Some(hiredis::contender(server, commands, gives));
    #[cfg(not(feature = "hiredis"))]
    return none((server, commands, gives));
}

/// hiredis, where it is: reads so many replies.
pub fn hiredis_reads(bytes: &[u8], replies: usize, gives: u64) -> Option<Contender> {
    #[cfg(feature = "hiredis")]
    return Some(hiredis::reads(bytes, replies, gives));
    #[cfg(not(feature = "hiredis"))]
    return none((bytes, replies, gives));
}

/// hiredis, where it is: writes a command.
pub fn hiredis_writes(command: Words) -> Option<Contender> {
    #[cfg(feature = "hiredis")]
    return Some(hiredis::writes(command));
    #[cfg(not(feature = "hiredis"))]
    return none(command);
}

/// It is not here.
#[cfg(not(feature = "hiredis"))]
fn none<T>(_job: T) -> Option<Contender> {
    None
}

/// A program by the variable that names it, on the PATH, or where daemons lie.
fn program(variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}
