//! `calls OPERATION COUNT ADDRESS`: so many operations on one server.

use rediscluster::prelude::*;

/// Keys of a pipeline, and of an MGET.
const TOGETHER: usize = 100;

fn main() -> rediscluster::Result<()> {
    let words: Vec<String> = std::env::args().collect();
    let (operation, count, address) = (&words[1], words[2].parse::<usize>().expect("a number"), &words[3]);
    // No thread asks meanwhile: what is counted are the calls.
    let cluster = Cluster::builder().node("node_1", address).refresh_every(None).connect()?;
    let keys: Vec<String> = (0..TOGETHER).map(|nth| format!("key:{nth:012}")).collect();
    let mut pipeline = cluster.pipeline();
    match operation.as_str() {
        "get" => {
            for _ in 0..count {
                assert_eq!(cluster.get::<_, Option<String>>("foo")?.as_deref(), Some("bar"));
            }
        }
        "set-pipelined" => {
            for _ in 0..count / TOGETHER {
                for key in &keys {
                    pipeline.set(key, "xxx");
                }
                assert_eq!(pipeline.run()?.len(), TOGETHER);
            }
        }
        "get-pipelined" => {
            for _ in 0..count / TOGETHER {
                let slots: Vec<_> = keys.iter().map(|key| pipeline.get::<_, Option<String>>(key)).collect();
                let replies = pipeline.run()?;
                for slot in slots {
                    assert_eq!(replies.get(slot)?.as_deref(), Some("xxx"));
                }
            }
        }
        "mget" => {
            for _ in 0..count / TOGETHER {
                assert_eq!(cluster.mget::<_, Vec<String>>(&keys)?.len(), TOGETHER);
            }
        }
        _ => panic!("no such operation"),
    }
    Ok(())
}
