//! Whether two keys are the same, whatever their type, and when they expire.

use super::*;

pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Keys of every type, small ones and ones that take several pages.
fn fill(server: &Server) -> Vec<String> {
    for line in [
        "SET string x",
        "SET number 12345",
        "SETBIT long 20000000 1",
        "SET expires x PX 10000000",
        "RPUSH list a b c",
        "SADD set a b c",
        "SADD numbers 1 2 3",
        "HSET hash a 1 b 2 c 3",
        "ZADD zset 1.1 a 2.2 b inf c -inf d",
        "PFADD log a b c",
        "XADD stream 1-1 a b",
        "XADD groups 1-1 a b",
        "XADD groups 1-2 a b",
        "XADD groups 1-3 a b",
        "XDEL groups 1-3",
        "XGROUP CREATE groups g 0",
        "XGROUP CREATE groups h 0",
        "XREADGROUP GROUP g c COUNT 1 STREAMS groups >",
        "XREADGROUP GROUP g d COUNT 1 STREAMS groups >",
    ] {
        run(server, line);
    }
    many(server, "RPUSH longlist", 0..30_000, |n| vec![format!("element {n}")]);
    many(server, "SADD longset", 0..30_000, |n| vec![format!("member {n}")]);
    many(server, "HSET longhash", 0..30_000, |n| vec![format!("field {n}"), format!("value {n}")]);
    many(server, "ZADD longzset", 0..30_000, |n| vec![format!("{}", n as f64 / 3.0), format!("member {n}")]);
    // Small, and in tables, whose payloads come out in another order elsewhere.
    many(server, "SADD tableset", 0..700, |n| vec![format!("member {n}")]);
    many(server, "HSET tablehash", 0..700, |n| vec![format!("field {n}"), format!("value {n}")]);
    let mut talk = server.talk(Duration::from_secs(30)).unwrap();
    for n in 1..=8_000 {
        talk.call(&["XADD", "longstream", &format!("{n}-1"), "field", &"value".repeat(20)]).unwrap();
    }
    run(server, "XGROUP CREATE longstream g 0");
    run(server, "XREADGROUP GROUP g c COUNT 7000 STREAMS longstream >");
    let mut keys = "string number long expires list set numbers hash zset log stream groups longlist longset longhash \
                    longzset tableset tablehash longstream"
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    if has_field_expiry(server) {
        run(server, "HSET fields a 1 b 2");
        run(server, "HPEXPIRE fields 10000000 FIELDS 1 a");
        keys.push("fields".into());
    }
    if has_vectors(server) {
        (0..300).for_each(|n| drop(run(server, &format!("VADD vectors VALUES 2 {n} 1 'element {n}'"))));
        run(server, "VADD vectors VALUES 2 1 7 seven");
        keys.push("vectors".into());
    }
    keys
}

fn has_field_expiry(server: &Server) -> bool {
    !matches!(server.ask(&["HPEXPIRETIME", "no", "FIELDS", "1", "no"]), Reply::Error(_))
}

fn has_vectors(server: &Server) -> bool {
    !matches!(server.ask(&["VCARD", "no"]), Reply::Error(_))
}

#[test]
fn what_is_the_same_is_so_whatever_its_type_and_each_difference_is_told() {
    let (one, other) = (Server::start(), Server::start());
    let keys = fill(&one);
    keys.iter().for_each(|key| copy(&one, &other, key));
    are_same(&[&one], &[&other], &[], keys.len());
    // What is done to a copy of a key, and what begins the line that tells of it; more than one where versions differ.
    let different = [
        ("string", "SET string y", "value: string: node_1 -> node_1: from byte 0 on"),
        ("string", "APPEND string y", "value: string: node_1 -> node_1: 1 bytes against 2"),
        ("string", "DEL string; LPUSH string y", "type: string: node_1 -> node_1: string against list"),
        ("string", "DEL string", "missing: string: node_1 -> node_1"),
        ("long", "SETBIT long 19999999 1", "value: long: node_1 -> node_1: from byte 2499999 on"),
        ("log", "PFADD log x y z", "value: log: node_1 -> node_1: "),
        ("list", "LSET list 1 x", "value: list: node_1 -> node_1: from index 1 on: b against x"),
        ("list", "RPUSH list x", "value: list: node_1 -> node_1: 3 elements against 4"),
        (
            "longlist",
            "LSET longlist 29999 x",
            "value: longlist: node_1 -> node_1: from index 29999 on: \"element 29999\" ",
        ),
        ("set", "SADD set x", "value: set: node_1 -> node_1: 3 members against 4"),
        ("set", "SREM set b; SADD set x", "value: set: node_1 -> node_1: the member b is missing at the target"),
        (
            "longset",
            "SREM longset 'member 7'; SADD longset x",
            "value: longset: node_1 -> node_1: the member \"member 7\" is missing at the target",
        ),
        ("hash", "HSET hash b x", "value: hash: node_1 -> node_1: the value of the field b"),
        (
            "hash",
            "HDEL hash b",
            "value: hash: node_1 -> node_1: 3 fields against 2|the field b is missing at the target",
        ),
        (
            "hash",
            "HSET hash x y",
            "value: hash: node_1 -> node_1: 3 fields against 4|the field x is only at the target",
        ),
        ("hash", "HDEL hash b; HSET hash x y", "value: hash: node_1 -> node_1: the field b is missing at the target"),
        (
            "longhash",
            "HSET longhash 'field 9' x",
            "value: longhash: node_1 -> node_1: the value of the field \"field 9\"",
        ),
        ("zset", "ZADD zset 1.1000000000000003 a", "value: zset: node_1 -> node_1: from rank 1 on: a 1.1"),
        ("zset", "ZADD zset 7 x", "value: zset: node_1 -> node_1: 4 elements against 5"),
        ("zset", "ZREM zset a; ZADD zset 1.1 x", "value: zset: node_1 -> node_1: from rank 1 on: a 1.1"),
        ("longzset", "ZADD longzset 9998.5 'member 29999'", "value: longzset: node_1 -> node_1: from rank 29996 on: "),
        ("stream", "XADD stream 1-2 a b", "value: stream: node_1 -> node_1: length 1 against 2"),
        (
            "stream",
            "XDEL stream 1-1; XADD stream 1-2 a b",
            "value: stream: node_1 -> node_1: last-generated-id 1-1 against",
        ),
        ("stream", "DEL stream; XADD stream 1-1 a x", "value: stream: node_1 -> node_1: the entry 1-1"),
        ("groups", "XSETID groups 9-9", "value: groups: node_1 -> node_1: last-generated-id 1-3 against 9-9"),
        ("groups", "XGROUP DESTROY groups h", "value: groups: node_1 -> node_1: the group h is missing at the target"),
        ("groups", "XGROUP CREATE groups i 0", "value: groups: node_1 -> node_1: the group i is only at the target"),
        (
            "groups",
            "XGROUP SETID groups h 1-2",
            "value: groups: node_1 -> node_1: group h: last-delivered-id 0-0 against 1-2",
        ),
        ("groups", "XACK groups g 1-1", "value: groups: node_1 -> node_1: group g: pending 2 against 1"),
        (
            "groups",
            "XGROUP CREATECONSUMER groups g e",
            "value: groups: node_1 -> node_1: group g: consumers 2 against 3",
        ),
        (
            "groups",
            "XGROUP DELCONSUMER groups h no; XCLAIM groups g d 0 1-1 JUSTID",
            "value: groups: node_1 -> node_1: group g: consumer c: pending 1 against 0",
        ),
        (
            "groups",
            "XCLAIM groups g d 0 1-1 JUSTID; XCLAIM groups g c 0 1-2 JUSTID",
            "value: groups: node_1 -> node_1: 1-1 of the group g: pending for c against d",
        ),
        (
            "longstream",
            "XACK longstream g 6990-1; XCLAIM longstream g c 0 7001-1 FORCE JUSTID",
            "value: longstream: node_1 -> node_1: 6990-1 of the group g: pending against 6991-1",
        ),
        (
            "longstream",
            "XCLAIM longstream g c 0 6999-1 RETRYCOUNT 9 TIME 5000",
            "value: longstream: node_1 -> node_1: 6999-1 of the group g: delivered 1 times against 9",
        ),
        (
            "longstream",
            "XCLAIM longstream g c 0 6999-1 RETRYCOUNT 1 TIME 5000",
            "value: longstream: node_1 -> node_1: 6999-1 of the group g: delivered at ",
        ),
        ("expires", "PERSIST expires", "expiry: expires: node_1 -> node_1: at "),
        ("expires", "PEXPIRE expires 10060000", "expiry: expires: node_1 -> node_1: at "),
        ("string", "PEXPIRE string 1000000", "expiry: string: node_1 -> node_1: never against at "),
        ("fields", "HSET fields c 3", "value: fields: node_1 -> node_1: the field c is only at the target"),
        ("fields", "HPERSIST fields FIELDS 1 a", "value: fields: node_1 -> node_1: the field a expires at "),
        ("fields", "HPEXPIRE fields 1 FIELDS 1 b", "value: fields: node_1 -> node_1: the field b "),
        ("fields", "HDEL fields b", "value: fields: node_1 -> node_1: the field b is missing at the target"),
        (
            "vectors",
            "VSETATTR vectors seven {\"a\":1}",
            "value: vectors: node_1 -> node_1: the element seven has other",
        ),
        (
            "vectors",
            "VADD vectors VALUES 2 5 -1 seven",
            "value: vectors: node_1 -> node_1: the element seven has another",
        ),
        ("vectors", "VREM vectors seven", "value: vectors: node_1 -> node_1: 301 elements against 300"),
    ];
    for (key, line, told) in different.iter().filter(|(key, ..)| keys.iter().any(|known| known == key)) {
        line.split("; ").for_each(|line| drop(run(&other, line)));
        let ran = compare(&[&one], &[&other], &["--match", key]);
        let lines = lines(&ran, &[&one, &other]);
        let (what, differently) = told.split_once('|').unwrap_or((told, told));
        let is_told = lines[0].starts_with(what) || lines[0].contains(differently);
        assert!(is_told, "{line}: {}{}", ran.out(), ran.err());
        assert_eq!((lines.len(), ran.status), (2, 1), "{line}: {}", ran.out());
        copy(&one, &other, key);
    }
    are_same(&[&one], &[&other], &[], keys.len());
}

#[test]
fn what_expires_meanwhile_is_no_difference() {
    let (one, other) = (Server::start(), Server::start());
    let fill = "for n = 0, 5999 do redis.call('SET', 'name:' .. n, 'x', 'PXAT', ARGV[1] + math.floor(n / 3)) end";
    let begin = now() + 300;
    for server in [&one, &other] {
        server.ask(&["EVAL", fill, "0", &begin.to_string()]);
    }
    assert!(now() < begin + 1000 && one.ask(&["DBSIZE"]).int() > 1000);
    // The target answers late, so that many keys are seen at the source alone.
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                run(&other, "CLIENT PAUSE 50");
            }
        });
        let ran = loop {
            let ran = compare(&[&one], &[&other], &[]);
            if ran.status != 0 || now() > begin + 2000 {
                break ran;
            }
        };
        is_over.store(true, Ordering::Relaxed);
        assert_eq!((ran.out().lines().count(), ran.status), (1, 0), "{}{}", ran.out(), ran.err());
    });
}
