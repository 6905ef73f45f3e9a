//! `--scan`: the names of all keys.

use super::bar::Bar;
use super::fleet::Fleet;
use super::stop::Stop;
use super::walk::{ending, walk, End, News, Scan};
use super::Ending;
use crate::quote::quote;
use crate::render::{Mode, Style};
use crate::reply::Reply;
use std::io::{self, IsTerminal, Write};

/// Of an output that is a terminal one sees how far it is.
const BAR: &str = "{percent:>3}% [{bar:30}] {pos} of {len} keys";

/// Prints every key in a line of its own, with its node where that is asked for.
///
/// # Errors
/// When the output cannot be written.
pub fn scan(fleet: &Fleet<'_>, scan: &Scan, stop: &Stop, with_node: bool, style: &Style) -> io::Result<Ending> {
    let bar = (!io::stdout().is_terminal()).then(|| Bar::new(BAR, fleet.keys()));
    let mut found = vec![0_u64; fleet.servers.len()];
    let mut ends = vec![End::Stopped; fleet.servers.len()];
    let take = |server: usize, news: News<Vec<Vec<u8>>>| {
        match news {
            News::Page(keys) => {
                let count = keys.len() as u64;
                let node = with_node.then(|| fleet.servers[server].name.as_str());
                let mut out = Vec::new();
                keys.into_iter().for_each(|key| line(key, node, style, &mut out));
                io::stdout().lock().write_all(&out)?;
                found[server] += count;
                bar.iter().for_each(|bar| bar.advance(count));
            }
            News::Ended(end) => ends[server] = end,
        }
        Ok(())
    };
    walk(fleet, scan, stop, |_, keys| Ok(keys), take)?;
    io::stdout().flush()?;
    drop(bar);
    let counts = found.iter().zip(&fleet.servers).map(|(count, server)| format!("{} {count}", server.name));
    let so_far = format!("{} keys: {}", found.iter().sum::<u64>(), counts.collect::<Vec<_>>().join(", "));
    Ok(ending(fleet, &ends, Some(&so_far)))
}

fn line(key: Vec<u8>, node: Option<&str>, style: &Style, out: &mut Vec<u8>) {
    let text = |text: &str| Reply::Text(text.as_bytes().to_vec());
    match (style.mode, node) {
        (Mode::Json | Mode::QuotedJson, None) => style.render(&Reply::Text(key), false, out),
        (Mode::Json | Mode::QuotedJson, Some(node)) => {
            let pairs = vec![(text("node"), text(node)), (text("key"), Reply::Text(key))];
            style.render(&Reply::Map(pairs), false, out);
        }
        (mode, node) => {
            node.iter().for_each(|node| out.extend([node.as_bytes(), b"\t"].concat()));
            match mode {
                Mode::Standard => quote(&key, out),
                _ => out.extend(key),
            }
            out.push(b'\n');
        }
    }
}
