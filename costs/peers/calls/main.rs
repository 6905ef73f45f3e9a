//! `peer-calls OPERATION COUNT ADDRESS`: so many operations on one server, by redis-rs.

use redis::Commands;

/// Keys of a pipeline, and of an MGET.
const TOGETHER: usize = 100;

fn main() -> redis::RedisResult<()> {
    let words: Vec<String> = std::env::args().collect();
    let (operation, count, address) = (&words[1], words[2].parse::<usize>().expect("a number"), &words[3]);
    let mut connection = redis::Client::open(format!("redis://{address}"))?.get_connection()?;
    let keys: Vec<String> = (0..TOGETHER).map(|nth| format!("key:{nth:012}")).collect();
    match operation.as_str() {
        "get" => {
            for _ in 0..count {
                assert_eq!(connection.get::<_, Option<String>>("foo")?.as_deref(), Some("bar"));
            }
        }
        "set-pipelined" => {
            for _ in 0..count / TOGETHER {
                let mut pipeline = redis::pipe();
                for key in &keys {
                    pipeline.set(key, "xxx");
                }
                assert_eq!(pipeline.query::<Vec<redis::Value>>(&mut connection)?.len(), TOGETHER);
            }
        }
        "get-pipelined" => {
            for _ in 0..count / TOGETHER {
                let mut pipeline = redis::pipe();
                for key in &keys {
                    pipeline.get(key);
                }
                for value in pipeline.query::<Vec<Option<String>>>(&mut connection)? {
                    assert_eq!(value.as_deref(), Some("xxx"));
                }
            }
        }
        "mget" => {
            for _ in 0..count / TOGETHER {
                assert_eq!(connection.mget::<_, Vec<String>>(&keys)?.len(), TOGETHER);
            }
        }
        _ => panic!("no such operation"),
    }
    Ok(())
}
