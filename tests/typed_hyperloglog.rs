//! The typed methods that count different elements, on real servers.

use rediscluster::prelude::*;
use rediscluster::ErrorKind;
use rediscluster_testing::{fails_with, home_of, in_both_protocols};

#[test]
fn counting_different_elements() {
    in_both_protocols(|cluster, servers| {
        assert!(cluster.pfadd("h", ["a", "b", "a"]).unwrap());
        assert!(!cluster.pfadd("h", "a").unwrap());
        assert!(cluster.pfadd("h", &b"\xff\0"[..]).unwrap());
        assert_eq!(cluster.pfcount("h").unwrap(), 3);
        assert_eq!(home_of(cluster, servers, "h").ask(&["PFCOUNT", "h"]).int(), 3);
        let many: Vec<u32> = (0..10_000).collect();
        assert!(cluster.pfadd("many", many).unwrap());
        let estimate = cluster.pfcount("many").unwrap();
        assert!((9_500..=10_500).contains(&estimate), "{estimate}");
    });
}

#[test]
fn several_keys() {
    in_both_protocols(|cluster, servers| {
        cluster.pfadd("a{t}", ["x", "y"]).unwrap();
        cluster.pfadd("b{t}", ["y", "z"]).unwrap();
        assert_eq!(cluster.pfcount(["a{t}", "b{t}", "none{t}"]).unwrap(), 3);
        cluster.pfmerge("sum{t}", ["a{t}", "b{t}", "none{t}"]).unwrap();
        assert_eq!(cluster.pfcount("sum{t}").unwrap(), 3);
        assert_eq!(home_of(cluster, servers, "t").ask(&["PFCOUNT", "sum"]).int(), 3);
        cluster.pfadd("c{t}", "w").unwrap();
        cluster.pfmerge("sum{t}", "c{t}").unwrap();
        assert_eq!(cluster.pfcount("sum{t}").unwrap(), 4);

        let other = (0..).map(|n| format!("h{n}")).find(|key| cluster.node_for(key) != cluster.node_for("t")).unwrap();
        let seen = cluster.pfcount("a{t}").unwrap();
        assert_eq!(cluster.pfcount(["a{t}", &other]).unwrap(), seen);
        cluster.pfadd(&other, "only here").unwrap();
        assert_eq!(cluster.pfcount(["a{t}", &other]).unwrap(), seen + 1);
        cluster.pfmerge(&other, "a{t}").unwrap();
        assert_eq!(cluster.pfcount(&other).unwrap(), seen + 1);
    });
}

#[test]
fn missing_keys() {
    in_both_protocols(|cluster, _| {
        assert_eq!(cluster.pfcount("h").unwrap(), 0);
        assert_eq!(cluster.pfcount(["h", "i{h}"]).unwrap(), 0);
        assert_eq!(cluster.exists("h").unwrap(), 0);
        assert!(cluster.pfadd("h", ()).unwrap(), "the key is made");
        assert!(!cluster.pfadd("h", ()).unwrap());
        assert_eq!(cluster.pfcount("h").unwrap(), 0);
        cluster.pfmerge("d", "none{d}").unwrap();
        assert_eq!(cluster.exists("d").unwrap(), 1);
        fails_with(ErrorKind::Argument, cluster.pfcount(()));
    });
}

#[test]
fn keys_of_another_type() {
    in_both_protocols(|cluster, _| {
        cluster.set("text", "no estimate").unwrap();
        cluster.rpush("list", "x").unwrap();
        for key in ["text", "list"] {
            fails_with(ErrorKind::WrongType, cluster.pfadd(key, "a"));
            fails_with(ErrorKind::WrongType, cluster.pfcount(key));
            fails_with(ErrorKind::WrongType, cluster.pfmerge(format!("d{{{key}}}"), key));
            fails_with(ErrorKind::WrongType, cluster.pfmerge(key, format!("s{{{key}}}")));
        }
    });
}
