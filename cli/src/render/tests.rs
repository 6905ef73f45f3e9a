//! Replies of every shape in every mode; the integration tests compare the same with redis-cli itself.

use super::*;

fn text(bytes: &str) -> Reply {
    Reply::Text(bytes.as_bytes().to_vec())
}

fn shown(mode: Mode, reply: &Reply) -> String {
    let style = Style { mode, between: b"\n".to_vec(), behind: b"\n".to_vec() };
    let mut out = Vec::new();
    style.render(reply, false, &mut out);
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn check(reply: &Reply, standard: &str, raw: &str, json: &str, csv: &str) {
    assert_eq!(shown(Mode::Standard, reply), standard);
    assert_eq!(shown(Mode::Raw, reply), raw);
    assert_eq!(shown(Mode::Json, reply), json);
    assert_eq!(shown(Mode::Csv, reply), csv);
}

#[test]
fn single_values() {
    use Reply::*;
    check(&Nil, "(nil)\n", "\n", "null\n", "NULL\n");
    check(&Status(b"OK".to_vec()), "OK\n", "OK\n", "\"OK\"\n", "\"OK\"\n");
    check(
        &Error(b"ERR a\"b".to_vec()),
        "(error) ERR a\"b\n",
        "ERR a\"b\n\n",
        "error:\"ERR a\\\"b\"\n",
        "ERROR,\"ERR a\\\"b\"\n",
    );
    check(&Integer(-5), "(integer) -5\n", "-5\n", "-5\n", "-5\n");
    check(&Boolean(true), "(true)\n", "(true)\n", "true\n", "true\n");
    check(&Boolean(false), "(false)\n", "(false)\n", "false\n", "false\n");
    check(&Double(b"1.50".to_vec()), "(double) 1.50\n", "1.50\n", "1.50\n", "1.50\n");
    check(&Double(b"-inf".to_vec()), "(double) -inf\n", "-inf\n", "\"-inf\"\n", "-inf\n");
    check(&Double(b"nan".to_vec()), "(double) nan\n", "nan\n", "\"nan\"\n", "nan\n");
    check(&Double(b"1e-7".to_vec()), "(double) 1e-7\n", "1e-7\n", "1e-7\n", "1e-7\n");
    check(&BigNumber(b"12".to_vec()), "(big number) 12\n", "12\n", "12\n", "12\n");
    check(&Verbatim(b"a\nb".to_vec()), "a\nb\n", "a\nb\n", "\"a\\nb\"\n", "\"a\\nb\"\n");
    check(
        &text("a\"b\n\u{1}\u{e9}"),
        "\"a\\\"b\\n\\x01\\xc3\\xa9\"\n",
        "a\"b\n\u{1}\u{e9}\n",
        "\"a\\\"b\\n\\u0001\u{e9}\"\n",
        "\"a\\\"b\\n\\x01\\xc3\\xa9\"\n",
    );
    assert_eq!(shown(Mode::QuotedJson, &text("a\"\n\u{e9}")), "\"a\\\\\"\\\\n\\\\xc3\\\\xa9\"\n");
}

#[test]
fn empty_aggregates() {
    check(&Reply::Array(vec![]), "(empty array)\n", "\n", "[]\n", "\n");
    check(&Reply::Set(vec![]), "(empty set)\n", "\n", "[]\n", "\n");
    check(&Reply::Push(vec![]), "(empty push)\n", "\n", "[]\n", "\n");
    check(&Reply::Map(vec![]), "(empty hash)\n", "\n", "{}\n", "\n");
}

#[test]
fn nested_lists() {
    let error = Reply::Error(b"ERR x".to_vec());
    let inner = Reply::Set(vec![Reply::Integer(2), Reply::Array(vec![Reply::Integer(3), text("a")])]);
    check(
        &Reply::Array(vec![Reply::Integer(1), inner, error, Reply::Nil]),
        "1) (integer) 1\n2) 1~ (integer) 2\n   2~ 1) (integer) 3\n      2) \"a\"\n3) (error) ERR x\n4) (nil)\n",
        "1\n2\n3\na\nERR x\n\n\n",
        "[1,[2,[3,\"a\"]],error:\"ERR x\",null]\n",
        "1,2,3,\"a\",ERROR,\"ERR x\",NULL\n",
    );
    let ten = Reply::Array((0..10).map(|_| Reply::Array(vec![Reply::Integer(1), Reply::Integer(2)])).collect());
    assert!(shown(Mode::Standard, &ten).starts_with(" 1) 1) (integer) 1\n    2) (integer) 2\n 2) 1)"));
}

#[test]
fn keys_of_json_that_are_no_numbers() {
    let map = Reply::Map(vec![(Reply::Double(b"inf".to_vec()), Reply::Double(b"nan".to_vec()))]);
    assert_eq!(shown(Mode::Json, &map), "{\"inf\":\"nan\"}\n");
}

#[test]
fn maps() {
    let two = || Reply::Array(vec![Reply::Integer(1), Reply::Integer(2)]);
    check(
        &Reply::Map(vec![(text("a"), two()), (Reply::Double(b"1.5".to_vec()), Reply::Array(vec![Reply::Integer(7)]))]),
        "1# \"a\" => \n   1) (integer) 1\n   2) (integer) 2\n2# (double) 1.5 => 1) (integer) 7\n",
        "a 1\n2\n1.5 7\n",
        "{\"a\":[1,2],\"1.5\":[7]}\n",
        "\"a\",1,2,1.5,7\n",
    );
    // A map of one pair goes on in the line, and so does what its one value holds, however deep.
    let nested =
        Reply::Map(vec![(text("a"), Reply::Map(vec![(text("b"), Reply::Map(vec![(text("c"), Reply::Nil)]))]))]);
    assert_eq!(shown(Mode::Standard, &nested), "1# \"a\" => 1# \"b\" => 1# \"c\" => (nil)\n");
    let deep = Reply::Map(vec![(text("a"), Reply::Map(vec![(text("b"), two())]))]);
    assert_eq!(
        shown(Mode::Standard, &deep),
        "1# \"a\" => \n   1# \"b\" => \n      1) (integer) 1\n      2) (integer) 2\n"
    );
    assert_eq!(
        shown(Mode::Standard, &Reply::Map(vec![(two(), Reply::Nil)])),
        "1# 1) (integer) 1\n   2) (integer) 2 => (nil)\n"
    );
    assert_eq!(shown(Mode::Json, &Reply::Map(vec![(two(), Reply::Nil)])), "{\"[1,2]\":null}\n");
}

#[test]
fn delimiters_stand_between_and_behind() {
    let style = Style { mode: Mode::Raw, between: b", ".to_vec(), behind: b";".to_vec() };
    let reply = Reply::Array(vec![text("a"), Reply::Map(vec![(text("k"), text("v")), (Reply::Nil, text("w"))])]);
    let mut out = Vec::new();
    style.render(&reply, false, &mut out);
    assert_eq!(out, b"a, k v,  w;");
    out.clear();
    style.render(&text("as it is"), true, &mut out);
    assert_eq!(out, b"as it is");
}

#[test]
fn replies_that_are_always_shown_as_they_are() {
    let verbatim = |line: &str| is_verbatim(&crate::quote::split(line.as_bytes()).unwrap());
    for line in [
        "info",
        "INFO server",
        "lolwut version 5",
        "debug htstats 9",
        "DEBUG HTSTATS-KEY k",
        "debug client-eviction",
        "memory doctor",
        "memory malloc-stats x",
        "cluster nodes",
        "Cluster Info",
        "client list id 1",
        "client info",
        "latency graph e",
        "latency doctor",
        "proxy info x",
    ] {
        assert!(verbatim(line), "{line}");
    }
    for line in [
        "",
        "debug object x",
        "memory stats",
        "cluster nodes x",
        "cluster slots",
        "client id",
        "latency graph",
        "latency graph e x",
        "latency doctor x",
        "config get x",
        "memory",
        "infos",
    ] {
        assert!(!verbatim(line), "{line}");
    }
}
