//! A program that forks: what the child drops of its parent's connections goes on for the parent.
#![cfg(unix)]

mod support;

use fork::{fork, waitpid, Fork};
use rediscluster::prelude::*;
use rediscluster_tls::rustls::pki_types::CertificateDer;
use rediscluster_tls::rustls::RootCertStore;
use rediscluster_tls::Tls;
use std::panic::{catch_unwind, AssertUnwindSafe};
use support::Authority;

#[test]
fn a_child_says_no_goodbye_for_its_parent() {
    let authority = Authority::new();
    let Some(server) = authority.start("fork", &[]) else { return };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.der())).unwrap();
    let address = format!("rediss://{}", server.address());
    let cluster = Cluster::builder().node("node_1", address).connector(Tls::trusting(roots)).refresh_every(None);
    let cluster = cluster.connect().unwrap();
    cluster.set("by", "parent").unwrap();
    let opened = cluster.pools()[0].opened;
    match fork().unwrap() {
        Fork::Child => {
            let done = catch_unwind(AssertUnwindSafe(move || {
                cluster.set("by", "child").unwrap();
                drop(cluster);
            }));
            std::process::exit(i32::from(done.is_err()));
        }
        Fork::Parent(pid) => waitpid(pid).unwrap(),
    }
    assert_eq!(cluster.get::<_, String>("by").unwrap(), "child");
    assert_eq!(cluster.pools()[0].opened, opened, "the parent goes on with its connection");
}
