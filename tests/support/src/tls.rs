//! Which server speaks TLS: not every one is built with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A server that was built with TLS: the one that the other tests run on, or another one on the PATH or where systems
/// put theirs. When there is none, `test` says so on standard error, and there is nothing to test.
pub fn server_with_tls(test: &str) -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = std::env::split_paths(&path).chain(["/usr/bin", "/usr/local/bin"].map(PathBuf::from));
        let others = places.flat_map(|place| ["redis-server", "valkey-server"].map(|name| place.join(name)));
        let mut all = std::iter::once(super::server::binary().to_owned()).chain(others);
        all.find(|program| program.is_file() && has_tls(program))
    });
    if found.is_none() {
        crate::skipped(&format!("no server here was built with TLS: {test}"));
    }
    found.as_deref()
}

/// With TLS, a server complains that it has no certificate, and otherwise that it has no TLS. Either way it stops.
fn has_tls(program: &Path) -> bool {
    let arguments = ["--port", "0", "--tls-port", "1", "--tls-cert-file", "/nowhere", "--save", ""];
    let ran = Command::new(program).args(arguments).stdin(Stdio::null()).current_dir(std::env::temp_dir()).output();
    ran.is_ok_and(|ran| String::from_utf8_lossy(&ran.stdout).contains("Failed to configure TLS"))
}
