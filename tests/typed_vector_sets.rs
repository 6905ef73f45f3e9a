//! The typed methods for vector sets, on real servers.

use rediscluster::prelude::*;
use rediscluster::{Build, Cmd, ErrorKind, ScoredMember, VAddOptions, VFound, VQuantization, VQuery, VSimOptions};
use rediscluster_testing::{fails_with, home_of, in_both_protocols, Server};

const RED: [f32; 3] = [1.0, 0.0, 0.0];
const CRIMSON: [f32; 3] = [0.9, 0.1, 0.0];
const BLUE: [f32; 3] = [0.0, 0.0, 1.0];

/// Runs a test in both protocols where servers have vector sets.
fn with_vector_sets(test: impl Fn(&Cluster, &[Server])) {
    in_both_protocols(|cluster, servers| {
        if servers[0].is_since("8.0", "vector sets") {
            test(cluster, servers);
        }
    });
}

fn colors(cluster: &Cluster, key: &str) {
    let exact = || VAddOptions::new().quantization(VQuantization::None);
    assert!(cluster.vadd_with(key, RED, "red", exact().attributes(r#"{"warm":1}"#)).unwrap());
    assert!(cluster.vadd_with(key, CRIMSON, "crimson", exact()).unwrap());
    assert!(cluster.vadd_with(key, BLUE, "blue", exact().attributes(r#"{"warm":0}"#)).unwrap());
}

#[test]
fn adding_elements() {
    with_vector_sets(|cluster, servers| {
        assert!(cluster.vadd("v", RED, "red").unwrap());
        assert!(!cluster.vadd("v", vec![0.9, 0.0, 0.0], "red").unwrap());
        assert!(cluster.vadd("v", &BLUE[..], b"\xff\0").unwrap());
        assert_eq!(home_of(cluster, servers, "v").ask(&["VCARD", "v"]).int(), 2);
        fails_with(ErrorKind::Server, cluster.vadd("v", [1.0, 2.0], "flat"));
        fails_with(ErrorKind::Server, cluster.vadd("v", [], "none"));
        let other = VAddOptions::new().quantization(VQuantization::Bits);
        fails_with(ErrorKind::Server, cluster.vadd_with("v", RED, "red", other));

        let many = VAddOptions::new().reduce(2).in_background().effort(50).links(8).quantization(VQuantization::Bytes);
        assert!(cluster.vadd_with("reduced", [0.5; 8], "a", many).unwrap());
        assert_eq!(cluster.vdim("reduced").unwrap(), 2);
        let info = cluster.vinfo("reduced").unwrap().unwrap();
        assert_eq!((info.dimensions, info.reduced_from, info.links), (2, Some(8), 8));
        assert_eq!((&info.quantization[..], info.size, info.with_attributes), ("int8", 1, 0));
        let bits = VAddOptions::new().quantization(VQuantization::Bits);
        assert!(cluster.vadd_with("bits", [1.0, -1.0, 1.0], "a", bits).unwrap());
        assert_eq!(cluster.vinfo("bits").unwrap().unwrap().quantization, "bin");
        assert_eq!(cluster.vinfo("bits").unwrap().unwrap().reduced_from, None);
    });
}

#[test]
fn looking_at_elements() {
    with_vector_sets(|cluster, servers| {
        colors(cluster, "v");
        assert_eq!((cluster.vcard("v").unwrap(), cluster.vdim("v").unwrap()), (3, 3));
        assert_eq!(cluster.vemb("v", "red").unwrap(), Some(RED.to_vec()));
        assert_eq!(cluster.vemb("v", "none").unwrap(), None);
        let raw = cluster.vemb_raw("v", "blue").unwrap().unwrap();
        assert_eq!((&raw.quantization[..], raw.norm, raw.range), ("f32", 1.0, None));
        assert_eq!(raw.bytes, BLUE.map(f32::to_le_bytes).concat());
        assert_eq!(cluster.vemb_raw("v", "none").unwrap(), None);
        cluster.vadd("bytes", [3.0, 4.0], "a").unwrap();
        let raw = cluster.vemb_raw("bytes", "a").unwrap().unwrap();
        assert_eq!((&raw.quantization[..], raw.norm, raw.bytes.len()), ("int8", 5.0, 2));
        assert!((raw.range.unwrap() - 0.8).abs() < 0.0001);

        assert_eq!(cluster.vgetattr::<_, _, String>("v", "red").unwrap(), r#"{"warm":1}"#);
        assert_eq!(cluster.vgetattr::<_, _, Option<String>>("v", "crimson").unwrap(), None);
        assert!(cluster.vsetattr("v", "crimson", "{}").unwrap());
        assert_eq!(cluster.vinfo("v").unwrap().unwrap().with_attributes, 3);
        assert!(cluster.vsetattr("v", "crimson", "").unwrap());
        assert_eq!(cluster.vgetattr::<_, _, Option<String>>("v", "crimson").unwrap(), None);
        assert!(!cluster.vsetattr("v", "none", "{}").unwrap());

        let layers: Vec<Vec<String>> = cluster.vlinks("v", "red").unwrap().unwrap();
        let mut linked = layers.last().unwrap().clone();
        linked.sort();
        assert_eq!(linked, ["blue", "crimson"]);
        let layers: Vec<Vec<ScoredMember<String>>> = cluster.vlinks_with_scores("v", "red").unwrap().unwrap();
        let best = layers.last().unwrap().iter().find(|link| link.member == "crimson").unwrap();
        assert!(best.score > 0.99 && best.score < 1.0, "{best:?}");
        assert_eq!(cluster.vlinks::<_, _, String>("v", "none").unwrap(), None);

        let one: String = cluster.vrandmember("v").unwrap();
        assert!(["red", "crimson", "blue"].contains(&&one[..]));
        assert_eq!(cluster.vrandmember_count::<_, String>("v", 9).unwrap().len(), 3);
        assert_eq!(cluster.vrandmember_count::<_, String>("v", -9).unwrap().len(), 9);
        if servers[0].is_since("8.2", "VISMEMBER") {
            assert!(cluster.vismember("v", "red").unwrap());
            assert!(!cluster.vismember("v", "none").unwrap());
        }
        assert!(cluster.vrem("v", "red").unwrap());
        assert!(!cluster.vrem("v", "red").unwrap());
        assert!(cluster.vrem("v", "blue").unwrap() && cluster.vrem("v", "crimson").unwrap());
        assert_eq!(home_of(cluster, servers, "v").ask(&["EXISTS", "v"]).int(), 0);
    });
}

#[test]
fn searching() {
    with_vector_sets(|cluster, servers| {
        colors(cluster, "v");
        let new = VSimOptions::new;
        let found = |options| cluster.vsim_with::<_, _, String>("v", RED, options).unwrap();
        assert_eq!(cluster.vsim::<_, _, String>("v", RED).unwrap(), ["red", "crimson", "blue"]);
        assert_eq!(cluster.vsim::<_, _, String>("v", BLUE.to_vec()).unwrap()[0], "blue");
        assert_eq!(cluster.vsim::<_, _, String>("v", &BLUE[..]).unwrap()[0], "blue");
        assert_eq!(cluster.vsim::<_, _, String>("v", VQuery::element("crimson")).unwrap(), ["crimson", "red", "blue"]);
        assert_eq!(found(new().count(1)), ["red"]);
        assert_eq!(found(new().filter(".warm == 1")), ["red"]);
        assert_eq!(found(new().filter(".warm < 5").filter_effort(100)), ["red", "blue"]);
        assert_eq!(found(new().exact().on_main_thread().effort(20)), ["red", "crimson", "blue"]);
        fails_with(ErrorKind::Server, cluster.vsim_with::<_, _, String>("v", RED, new().filter("((")));
        fails_with(ErrorKind::Server, cluster.vsim::<_, _, String>("v", VQuery::element("none")));
        fails_with(ErrorKind::Server, cluster.vsim::<_, _, String>("v", [1.0]));

        let scored: Vec<ScoredMember<String>> = cluster.vsim_with_scores("v", RED, new()).unwrap();
        assert_eq!(scored.iter().map(|found| &found.member[..]).collect::<Vec<_>>(), ["red", "crimson", "blue"]);
        assert!((scored[0].score - 1.0).abs() < 0.001 && (scored[2].score - 0.5).abs() < 0.001, "{scored:?}");
        if servers[0].is_since("8.2", "VSIM … WITHATTRIBS") {
            let all: Vec<VFound<String>> = cluster.vsim_found("v", RED, new().count(2)).unwrap();
            assert_eq!((&all[0].element[..], all[0].attributes.as_deref()), ("red", Some(r#"{"warm":1}"#)));
            assert_eq!((&all[1].element[..], all[1].attributes.as_deref()), ("crimson", None));
            assert_eq!(all[1].score, scored[1].score);
            assert_eq!(found(new().within(0.1)), ["red", "crimson"]);
            let one: Vec<VFound<String>> = cluster.vsim_found("v", RED, new().count(1)).unwrap();
            assert_eq!(one, all[..1]);
        }
    });
}

#[test]
fn missing_keys() {
    with_vector_sets(|cluster, servers| {
        assert_eq!(cluster.vcard("v").unwrap(), 0);
        fails_with(ErrorKind::Server, cluster.vdim("v"));
        assert_eq!(cluster.vemb("v", "a").unwrap(), None);
        assert_eq!(cluster.vemb_raw("v", "a").unwrap(), None);
        assert_eq!(cluster.vgetattr::<_, _, Option<String>>("v", "a").unwrap(), None);
        assert_eq!(cluster.vinfo("v").unwrap(), None);
        assert_eq!(cluster.vlinks::<_, _, String>("v", "a").unwrap(), None);
        assert_eq!(cluster.vlinks_with_scores::<_, _, String>("v", "a").unwrap(), None);
        assert_eq!(cluster.vrandmember::<_, Option<String>>("v").unwrap(), None);
        assert!(cluster.vrandmember_count::<_, String>("v", 3).unwrap().is_empty());
        assert!(!cluster.vrem("v", "a").unwrap());
        assert!(!cluster.vsetattr("v", "a", "{}").unwrap());
        assert!(cluster.vsim::<_, _, String>("v", RED).unwrap().is_empty());
        assert!(cluster.vsim::<_, _, String>("v", VQuery::element("a")).unwrap().is_empty());
        assert!(cluster.vsim_with_scores::<_, _, String>("v", RED, VSimOptions::new()).unwrap().is_empty());
        if servers[0].is_since("8.2", "VISMEMBER") {
            assert!(!cluster.vismember("v", "a").unwrap());
            assert!(cluster.vsim_found::<_, _, String>("v", RED, VSimOptions::new()).unwrap().is_empty());
        }
        assert!(servers.iter().all(|server| server.ask(&["DBSIZE"]).int() == 0), "nothing was made");
    });
}

#[test]
fn keys_of_another_type() {
    with_vector_sets(|cluster, servers| {
        cluster.set("t", "text").unwrap();
        let wrong = ErrorKind::WrongType;
        fails_with(wrong, cluster.vadd("t", RED, "a"));
        fails_with(wrong, cluster.vadd_with("t", RED, "a", VAddOptions::new()));
        fails_with(wrong, cluster.vcard("t"));
        fails_with(wrong, cluster.vdim("t"));
        fails_with(wrong, cluster.vemb("t", "a"));
        fails_with(wrong, cluster.vemb_raw("t", "a"));
        fails_with(wrong, cluster.vgetattr::<_, _, Option<String>>("t", "a"));
        fails_with(wrong, cluster.vinfo("t"));
        fails_with(wrong, cluster.vlinks::<_, _, String>("t", "a"));
        fails_with(wrong, cluster.vlinks_with_scores::<_, _, String>("t", "a"));
        fails_with(wrong, cluster.vrandmember::<_, Option<String>>("t"));
        fails_with(wrong, cluster.vrandmember_count::<_, String>("t", 3));
        fails_with(wrong, cluster.vrem("t", "a"));
        fails_with(wrong, cluster.vsetattr("t", "a", "{}"));
        fails_with(wrong, cluster.vsim::<_, _, String>("t", RED));
        fails_with(wrong, cluster.vsim_with::<_, _, String>("t", RED, VSimOptions::new()));
        fails_with(wrong, cluster.vsim_with_scores::<_, _, String>("t", RED, VSimOptions::new()));
        if servers[0].is_since("8.2", "VISMEMBER") {
            fails_with(wrong, cluster.vismember("t", "a"));
            fails_with(wrong, cluster.vsim_found::<_, _, String>("t", RED, VSimOptions::new()));
        }
    });
}

#[test]
fn what_is_sent() {
    fn words<T>(cmd: Cmd<T>) -> String {
        cmd.args().iter().map(|arg| arg.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
    }
    let options = VAddOptions::new().reduce(1).in_background().quantization(VQuantization::Bytes).effort(9).links(4);
    let sent = r"VADD v REDUCE 1 FP32 \x00\x00\x80?\x00\x00\x00\xc0 a CAS Q8 EF 9 SETATTR {} M 4";
    assert_eq!(words(Build.vadd_with("v", [1.0, -2.0], "a", options.attributes("{}"))), sent);
    let options = VSimOptions::new().count(3).within(0.25).effort(9).filter(".a").filter_effort(7).exact();
    let sent = "VSIM v ELE a WITHSCORES WITHATTRIBS COUNT 3 EPSILON 0.25 EF 9 FILTER .a FILTER-EF 7 TRUTH NOTHREAD";
    assert_eq!(words(Build.vsim_found::<_, _, ()>("v", VQuery::element('a'), options.on_main_thread())), sent);
    assert_eq!(words(Build.vsim::<_, _, ()>("v", &[1.0; 1])), r"VSIM v FP32 \x00\x00\x80?");
}
