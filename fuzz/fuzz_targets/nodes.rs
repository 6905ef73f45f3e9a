//! Addresses, URLs and lists of nodes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rediscluster::{Address, Cluster};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(address) = Address::parse(text) {
        let again = Address::parse(&address.to_string()).expect("what is shown can be read");
        assert_eq!(address, again);
    }
    // The same text where a secret would be: no message and no debug output may repeat it.
    let builder = Cluster::builder().nodes(text);
    let _ = format!("{builder:?}");
    if let Ok(cluster) = builder.build() {
        assert!(!cluster.topology().shards().is_empty());
        let _ = cluster.node_for("foo");
    }
    let secret = "s3cr3t-of-nobody";
    if !text.contains(secret) && !text.contains(['@', ',']) {
        let url = format!("redis://user:{secret}@{text}");
        let builder = Cluster::builder().node("node_1", url);
        let mut told = format!("{builder:?}");
        told.push_str(&match builder.build() {
            Ok(cluster) => format!("{cluster:?}"),
            Err(error) => format!("{error} {error:?}"),
        });
        assert!(!told.contains(secret), "{told}");
    }
});
