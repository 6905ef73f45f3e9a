//! SUBSCRIBE in the session: messages are shown as they come, until Ctrl-C.

use crate::render::Style;
use crate::reply::Reply;
use crate::session::{fleet, in_words, told, Answer, Failure, Interrupt, Problem, Session};
use crate::words::as_reply;
use rediscluster::{Event, Subscriber};
use std::io::{self, Write};

/// What is listened to, and what was said of it.
pub struct Messages {
    subscriber: Subscriber,
    /// As a server confirms each channel: what was done, which one, and how many there are.
    confirmed: Vec<Reply>,
    interrupt: Interrupt,
}

impl Session {
    /// Begins to listen; `None` when the command is another one.
    pub(super) fn messages(&mut self, words: &[Vec<u8>]) -> Option<Result<Answer, Failure>> {
        let interrupt = self.interactive.as_ref()?.interrupt.clone();
        let name = super::row(words)?.name;
        let begin = match name {
            "SUBSCRIBE" => Subscriber::subscribe::<Vec<Vec<u8>>>,
            "PSUBSCRIBE" => Subscriber::psubscribe::<Vec<Vec<u8>>>,
            "SSUBSCRIBE" => Subscriber::ssubscribe::<Vec<Vec<u8>>>,
            _ => return None,
        };
        let channels = words[1..].to_vec();
        if channels.is_empty() {
            let text = format!("ERR wrong number of arguments for '{}' command", name.to_lowercase());
            return Some(Ok(Answer::One(Reply::Error(text.into_bytes()))));
        }
        let number = |nth: usize| Reply::Integer(i64::try_from(nth + 1).unwrap_or(i64::MAX));
        let word = |text: &[u8]| Reply::Text(text.to_vec());
        let confirmed = channels.iter().enumerate();
        let kind = name.to_lowercase();
        let confirmed: Vec<Reply> = confirmed
            .map(|(nth, channel)| Reply::Array(vec![word(kind.as_bytes()), word(channel), number(nth)]))
            .collect();
        let begun = match &self.config.direct {
            None => self.interruptible(false, move |target, way| {
                let mut subscriber = fleet(target, way)?.current().subscriber();
                begin(&mut subscriber, channels).map_err(Problem::Command)?;
                Ok(subscriber)
            }),
            Some(address) => {
                let builder = self.config.settings().node(super::prompt::without_credentials(address), address);
                self.interruptible(false, move |_, _| {
                    let mut subscriber = builder.build().map_err(Problem::Unconnected)?.subscriber();
                    begin(&mut subscriber, channels).map_err(Problem::Unconnected)?;
                    Ok(subscriber)
                })
            }
        };
        Some(match begun {
            Ok(subscriber) => Ok(Answer::Messages(Messages { subscriber, confirmed, interrupt })),
            Err(problem) => Err(in_words(words, &problem, true).into()),
        })
    }
}

impl Messages {
    /// Shows messages until Ctrl-C.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn show(self, style: &Style) -> io::Result<()> {
        let Messages { subscriber, confirmed, interrupt } = self;
        let put = |reply: &Reply| {
            let mut text = Vec::new();
            style.render(reply, false, &mut text);
            let mut out = io::stdout().lock();
            out.write_all(&text)?;
            out.flush()
        };
        confirmed.iter().try_for_each(put)?;
        eprintln!("Reading messages... (press Ctrl-C to quit)");
        let stopper = subscriber.stopper();
        interrupt.ends_by(move || stopper.stop());
        for event in subscriber {
            match event {
                Event::Message(message) => {
                    let kind: &[u8] = match (message.pattern(), message.is_sharded()) {
                        (Some(_), _) => b"pmessage",
                        (None, true) => b"smessage",
                        (None, false) => b"message",
                    };
                    let words = [Some(kind), message.pattern(), Some(message.channel()), Some(message.as_bytes())];
                    put(&Reply::Array(words.into_iter().flatten().map(|word| Reply::Text(word.to_vec())).collect()))?;
                }
                Event::Disconnected { node, error, .. } => {
                    put(&Reply::Error(as_reply(&format!(
                        "messages of {} are lost: {}",
                        node.name(),
                        told(&error, true)
                    ))))?;
                }
                Event::Reconnected { node, .. } => eprintln!("rediscluster: {} is listened to again", node.name()),
                _ => {}
            }
        }
        Ok(())
    }
}
