//! What redis-cli has and this program does not, and what to use instead.

/// Options by their names, and why they are not here.
const ELSEWHERE: [(&str, &str); 15] = [
    ("-c", "is for Redis Cluster; commands go to the nodes of their keys anyway"),
    (
        "--cluster",
        "manages a Redis Cluster; see nodes, recover and the modes of --help, and redis-cli for a Redis Cluster",
    ),
    ("--rdb", "fetches the file of one server: redis-cli -h HOST -p PORT --rdb FILE, for each node that `nodes` shows"),
    ("--functions-rdb", "fetches the file of one server: redis-cli -h HOST -p PORT --functions-rdb FILE"),
    (
        "--replica",
        "makes a replica of one server: redis-cli -h HOST -p PORT --replica; monitor shows the commands of all nodes",
    ),
    (
        "--slave",
        "makes a replica of one server: redis-cli -h HOST -p PORT --replica; monitor shows the commands of all nodes",
    ),
    ("--lru-test", "loads one server for a test: redis-cli -h HOST -p PORT --lru-test KEYS"),
    ("--intrinsic-latency", "measures this machine and no server: redis-cli --intrinsic-latency SECONDS"),
    (
        "--latency-dist",
        "draws in the colors of one terminal: use --latency-history, or redis-cli -h HOST -p PORT --latency-dist",
    ),
    ("--ldb", "debugs on one server: redis-cli -h HOST -p PORT --ldb --eval FILE"),
    ("--ldb-sync-mode", "debugs on one server: redis-cli -h HOST -p PORT --ldb-sync-mode --eval FILE"),
    ("--cacertdir", "is not here: put the certificates into one file and use --cacert FILE"),
    ("--tls-ciphers", "is not here: TLS 1.2 and 1.3 are spoken with the ciphers that rustls holds for safe"),
    ("--tls-ciphersuites", "is not here: TLS 1.2 and 1.3 are spoken with the ciphers that rustls holds for safe"),
    ("--verbose", "is not here: errors are told in full anyway"),
];

/// What to say of an option that only redis-cli has.
pub fn instead_of(word: &[u8]) -> Option<String> {
    let name = word.split(|&byte| byte == b'=').next()?;
    let (name, why) = ELSEWHERE.iter().find(|(option, _)| option.as_bytes() == name)?;
    Some(format!("{name} {why}"))
}
