//! `SUBSCRIBE`, `PSUBSCRIBE` and `SSUBSCRIBE`: messages as they come.

use super::fleet::{Fleet, LOOK};
use super::stop::{Stop, GLANCE};
use super::wire::Wire;
use super::Ending;
use crate::config::Config;
use crate::quote::quote;
use crate::render::{Mode, Style};
use crate::reply::Reply;
use crate::run::put;
use rediscluster::{Cluster, Event, Message, Outcome, Subscriber};
use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

/// Between two attempts to subscribe on nodes that did not take it.
const AGAIN: Duration = Duration::from_secs(10);

/// Listens on the nodes that messages to the channels go to, and for patterns on all of them. Each message is a line with
/// its node.
///
/// # Errors
/// When the output cannot be written.
pub fn routed(
    config: &Config,
    command: &[u8],
    channels: &[Vec<u8>],
    style: &Style,
    stop: &Stop,
) -> io::Result<Result<Ending, String>> {
    let cluster: Cluster = match config.builder().build() {
        // What a node that says nothing does not confirm is asked for again, and the others are heard meanwhile.
        Ok(cluster) => cluster.deadline(LOOK.min(config.deadline())),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let subscribe = |subscriber: &mut Subscriber| match command {
        b"psubscribe" => subscriber.psubscribe(channels),
        b"ssubscribe" => subscriber.ssubscribe(channels),
        _ => subscriber.subscribe(channels),
    };
    // Who is a master is asked first. One that does not answer is told of by the subscription.
    let _ = cluster.masters_only().refresh();
    let mut subscriber = cluster.subscriber();
    let mut missing = match subscribe(&mut subscriber) {
        Ok(()) => None,
        Err(error) if error.parts().iter().any(|part| part.outcome == Outcome::Applied) => {
            eprintln!("rediscluster: {error}");
            Some(Instant::now())
        }
        Err(error) => return Ok(Err(error.to_string())),
    };
    if style.mode == Mode::Standard {
        put(b"Reading messages... (press Ctrl-C to quit)\n")?;
    }
    let mut heard: BTreeMap<String, u64> = BTreeMap::new();
    while !stop.is_asked() {
        match subscriber.next_timeout(GLANCE) {
            Ok(Some(Event::Message(message))) => {
                *heard.entry(message.node().name().to_owned()).or_default() += 1;
                put(&line(&message, style))?;
            }
            Ok(Some(Event::Disconnected { node, error, .. })) => {
                eprintln!(
                    "rediscluster: {} is lost: {}; its messages are until it is back",
                    node.name(),
                    error.message()
                );
            }
            Ok(Some(Event::Reconnected { node, .. })) => eprintln!("rediscluster: {} is back", node.name()),
            Ok(_) => {}
            Err(error) => return Ok(Err(error.to_string())),
        }
        if missing.is_some_and(|tried| tried.elapsed() >= AGAIN) {
            missing = match subscribe(&mut subscriber) {
                Ok(()) => {
                    eprintln!("rediscluster: now every node is listened to");
                    None
                }
                Err(_) => Some(Instant::now()),
            };
        }
    }
    eprintln!("\n{}", total(&heard, "messages"));
    Ok(Ok(Ending::Done))
}

/// How many came, and from where.
pub fn total(heard: &BTreeMap<String, u64>, what: &str) -> String {
    let each: Vec<String> = heard.iter().map(|(node, count)| format!("{node} {count}")).collect();
    let colon = if each.is_empty() { "" } else { ": " };
    format!("{} {what}{colon}{}", heard.values().sum::<u64>(), each.join(", "))
}

/// The node, what kind of message it is, its pattern where it came by one, its channel and what was sent.
fn line(message: &Message, style: &Style) -> Vec<u8> {
    let kind = match (message.pattern(), message.is_sharded()) {
        (Some(_), _) => "pmessage",
        (None, true) => "smessage",
        (None, false) => "message",
    };
    let node = message.node().name().as_bytes();
    let texts = [Some(message.channel()), Some(message.as_bytes())];
    let texts = std::iter::once(message.pattern()).chain(texts).flatten();
    let mut out = Vec::new();
    match style.mode {
        Mode::Json | Mode::QuotedJson => {
            let pair = |name: &str, text: &[u8]| (Reply::Text(name.into()), Reply::Text(text.to_vec()));
            let mut pairs = vec![pair("node", node), pair("type", kind.as_bytes())];
            pairs.extend(message.pattern().map(|pattern| pair("pattern", pattern)));
            pairs.extend([pair("channel", message.channel()), pair("message", message.as_bytes())]);
            style.render(&Reply::Map(pairs), false, &mut out);
        }
        Mode::Csv => {
            let texts = [node, kind.as_bytes()].into_iter().chain(texts);
            style.render(&Reply::Array(texts.map(|text| Reply::Text(text.to_vec())).collect()), false, &mut out);
        }
        Mode::Standard => {
            out.extend([node, b" ", kind.as_bytes()].concat());
            for text in texts {
                out.push(b' ');
                quote(text, &mut out);
            }
            out.push(b'\n');
        }
        Mode::Raw => {
            let texts: Vec<&[u8]> = [node, kind.as_bytes()].into_iter().chain(texts).collect();
            out = [texts.join(&b'\t'), style.behind.clone()].concat();
        }
    }
    out
}

/// As redis-cli: everything that the server says, as it says it.
///
/// # Errors
/// When the output cannot be written.
pub fn to_one_server(
    fleet: &Fleet<'_>,
    words: &[Vec<u8>],
    style: &Style,
    stop: &Stop,
) -> io::Result<Result<Ending, String>> {
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let first = fleet.open(0).and_then(|mut wire: Wire| Ok((wire.ask(&words)?, wire)));
    let (mut reply, mut wire) = match first {
        Ok(first) => first,
        Err(why) => return Ok(Err(why)),
    };
    let is_refused = matches!(reply, Reply::Error(_));
    if !is_refused && style.mode != Mode::Raw {
        put(b"Reading messages... (press Ctrl-C to quit)\n")?;
    }
    loop {
        let mut out = Vec::new();
        style.render(&reply, false, &mut out);
        put(&out)?;
        if is_refused {
            return Ok(Ok(Ending::Failed));
        }
        reply = loop {
            if stop.is_asked() {
                return Ok(Ok(Ending::Done));
            }
            match wire.next(GLANCE) {
                Ok(Some(reply)) => break reply,
                Ok(None) => {}
                Err(why) => return Ok(Err(why)),
            }
        };
    }
}
