//! The typed methods for messages, on real servers.

use rediscluster::prelude::*;
use rediscluster_testing::{home_of, in_both_protocols, Reply, Server, Talk};
use std::time::Duration;

/// A connection that listens; its first reply is checked by `what`, the name that servers give it.
fn listen(server: &Server, command: &str, channel: &str) -> Talk {
    let mut talk = server.talk(Duration::from_secs(10)).unwrap();
    let told = talk.call(&[command, channel]).unwrap();
    let wanted = [Reply::bulk(command.to_lowercase()), Reply::bulk(channel), Reply::Int(1)];
    assert_eq!(told, Reply::Array(wanted.into()));
    talk
}

/// The next message: a `PING` is answered after all that came before it.
fn heard(talk: &mut Talk) -> Reply {
    talk.call(&["PING"]).unwrap()
}

#[test]
fn a_message_reaches_the_node_of_its_channel() {
    in_both_protocols(|cluster, servers| {
        for channel in ["news", "weather", "sport", "a{tag}", "b{tag}"] {
            let mut listener = listen(home_of(cluster, servers, channel), "SUBSCRIBE", channel);
            let mut pattern = listen(home_of(cluster, servers, channel), "PSUBSCRIBE", "*");
            assert_eq!(cluster.publish(channel, b"hello\r\n\xff").unwrap(), 2, "{channel}");
            let message = Reply::bulks(&[&b"message"[..], channel.as_bytes(), b"hello\r\n\xff"]);
            assert_eq!(heard(&mut listener), message);
            let message = Reply::bulks(&[&b"pmessage"[..], b"*", channel.as_bytes(), b"hello\r\n\xff"]);
            assert_eq!(heard(&mut pattern), message);
            pattern.call(&["PUNSUBSCRIBE", "*"]).unwrap();
        }
        assert_eq!(cluster.publish("nobody", 1).unwrap(), 0);
        let sent: u64 = servers.iter().map(|server| server.calls("publish")).sum();
        assert_eq!(sent, 6, "one node each");
    });
}

#[test]
fn who_listens() {
    in_both_protocols(|cluster, servers| {
        let counts = |channels: &[&str]| cluster.pubsub_numsub::<_, String>(channels).unwrap();
        let named = |counts: &[(&str, u64)]| counts.iter().map(|&(n, count)| (n.to_owned(), count)).collect::<Vec<_>>();
        assert!(cluster.pubsub_channels::<String>().unwrap().is_empty());
        assert_eq!(cluster.pubsub_numpat().unwrap(), 0);
        assert_eq!(counts(&["a", "b"]), named(&[("a", 0), ("b", 0)]));
        assert_eq!(counts(&[]), []);

        let channels = ["news.1", "news.2", "news.3", "weather"];
        let mut listeners: Vec<Talk> =
            channels.iter().map(|channel| listen(home_of(cluster, servers, channel), "SUBSCRIBE", channel)).collect();
        listeners.push(listen(home_of(cluster, servers, "weather"), "SUBSCRIBE", "weather"));
        let mut listed: Vec<String> = cluster.pubsub_channels().unwrap();
        listed.sort();
        assert_eq!(listed, channels);
        let mut listed: Vec<String> = cluster.pubsub_channels_matching("news.[12]").unwrap();
        listed.sort();
        assert_eq!(listed, ["news.1", "news.2"]);
        let wanted = named(&[("weather", 2), ("none", 0), ("news.3", 1)]);
        assert_eq!(counts(&["weather", "none", "news.3"]), wanted);

        // A channel that somebody listens to at another node as well.
        let elsewhere =
            servers.iter().find(|server| server.address() != home_of(cluster, servers, "weather").address());
        listeners.push(listen(elsewhere.unwrap(), "SUBSCRIBE", "weather"));
        assert_eq!(counts(&["weather"]), named(&[("weather", 3)]));

        // Who wants to hear a pattern listens everywhere.
        for server in servers {
            listeners.push(listen(server, "PSUBSCRIBE", "news.*"));
        }
        listeners.push(listen(&servers[1], "PSUBSCRIBE", "w*"));
        assert_eq!(cluster.pubsub_numpat().unwrap(), 2);
    });
}

#[test]
fn shard_channels() {
    in_both_protocols(|cluster, servers| {
        if !servers[0].is_since("7.0", "SPUBLISH") {
            return;
        }
        assert!(cluster.pubsub_shardchannels::<String>().unwrap().is_empty());
        let channels = ["news", "sport{x}", "weather"];
        let mut listeners: Vec<Talk> =
            channels.iter().map(|channel| listen(home_of(cluster, servers, channel), "SSUBSCRIBE", channel)).collect();
        let mut listed: Vec<String> = cluster.pubsub_shardchannels().unwrap();
        listed.sort();
        assert_eq!(listed, channels);
        let listed: Vec<String> = cluster.pubsub_shardchannels_matching("s*").unwrap();
        assert_eq!(listed, ["sport{x}"]);
        let counts: Vec<(String, u64)> = cluster.pubsub_shardnumsub(["none", "weather"]).unwrap();
        assert_eq!(counts, [("none".to_owned(), 0), ("weather".to_owned(), 1)]);
        assert!(cluster.pubsub_channels::<String>().unwrap().is_empty(), "other channels");
        for (channel, listener) in channels.iter().zip(&mut listeners) {
            assert_eq!(cluster.spublish(channel, "hello").unwrap(), 1, "{channel}");
            assert_eq!(heard(listener), Reply::bulks(&["smessage", channel, "hello"]));
        }
        assert_eq!(cluster.publish("news", "hello").unwrap(), 0);
        assert_eq!(cluster.spublish("nobody", "hello").unwrap(), 0);
    });
}
