//! Where keys land: the same as with rediscluster-py, rediscluster-php and twemproxy.

use rediscluster::{Crc32Modulo, HashTags, Partitioner};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Key, number of nodes, node (counted from 1), stored name: made with the originals.
#[test]
fn every_vector_holds() {
    let mut rows = 0;
    for line in include_str!("data/placement.tsv").lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [key, nodes, node, stored] = fields[..] else { panic!("{line}") };
        let key = bytes(key);
        let (hashed, name) = HashTags::Strip.split(&key);
        assert_eq!(Crc32Modulo.node_index(hashed, nodes.parse().unwrap()) + 1, node.parse().unwrap(), "{line}");
        assert_eq!(name, bytes(stored), "{line}");
        rows += 1;
    }
    assert_eq!(rows, 1648, "the whole file was read");
}

#[test]
fn a_tag_has_one_form_only() {
    for plain in ["{}", "{a}", "a{}", "{a", "a}", "a{b}c", "a{b}{c}", "a{{b}", "a{b}}", "{a}b{c}", "}a{b}", ""] {
        let key = plain.as_bytes();
        assert_eq!(HashTags::Strip.split(key), (key, key), "{plain:?}");
    }
    assert_eq!(HashTags::Strip.split(b"\xff{\0}"), (&b"\0"[..], &b"\xff"[..]));
}

#[test]
fn keep_follows_redis_cluster_and_off_follows_nothing() {
    for (key, hashed) in [("{a}b{c}", "a"), ("x{a}y", "a"), ("{{a}}", "{a"), ("{}{a}", "{}{a}"), ("a{", "a{")] {
        assert_eq!(HashTags::Keep.split(key.as_bytes()), (hashed.as_bytes(), key.as_bytes()), "{key}");
        assert_eq!(HashTags::Off.split(key.as_bytes()), (key.as_bytes(), key.as_bytes()), "{key}");
    }
}
