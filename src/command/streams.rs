//! The words of `XREAD` and `XREADGROUP` in front of the streams.

use crate::command::Args;
use crate::resp::encode;

/// Where the options of a read of streams are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StreamWords {
    /// The word `STREAMS`.
    pub(crate) streams: usize,
    /// The values behind `BLOCK`; a server takes the last.
    pub(crate) blocks: Vec<usize>,
    /// The name of the group; the consumer comes behind it.
    pub(crate) group: Option<usize>,
    pub(crate) no_ack: bool,
    /// Whether a server has nothing to object to: every option is known here, and numbers are where numbers belong.
    pub(crate) is_plain: bool,
}

impl StreamWords {
    /// Looks for the word `STREAMS` as servers do: the value of an option is no option, whatever it looks like. `None`
    /// where there is none, and what no server takes may be told in any way.
    pub(crate) fn of(args: &Args) -> Option<StreamWords> {
        let mut words = StreamWords { is_plain: true, ..StreamWords::default() };
        let mut args = args.iter().enumerate().skip(1);
        while let Some((at, word)) = args.next() {
            let is = |option: &str| word.eq_ignore_ascii_case(option.as_bytes());
            if is("STREAMS") {
                words.streams = at;
                return Some(words);
            } else if is("GROUP") {
                words.group = Some(at + 1);
                args.by_ref().take(2).for_each(drop);
            } else if is("COUNT") || is("CLAIM") || is("BLOCK") {
                let value = args.next().and_then(|(_, value)| encode::parse_i64(value));
                words.is_plain &= value.is_some_and(|value| value >= 0 || is("COUNT"));
                words.blocks.extend(is("BLOCK").then_some(at + 1));
            } else if is("NOACK") {
                words.no_ack = true;
            } else {
                words.is_plain = false;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_their_values() {
        let words = |line: &str| {
            let mut args = Args::new();
            line.split(' ').for_each(|word| args.push(word.as_bytes()));
            StreamWords::of(&args)
        };
        let plain = StreamWords { is_plain: true, ..StreamWords::default() };
        for (line, wanted) in [
            ("XREAD STREAMS a 0", Some(StreamWords { streams: 1, ..plain.clone() })),
            ("XREAD count 1 block 2 streams a 0", Some(StreamWords { streams: 5, blocks: vec![4], ..plain.clone() })),
            ("XREAD COUNT STREAMS a 0", None),
            ("XREAD COUNT x STREAMS a 0", Some(StreamWords { streams: 3, ..StreamWords::default() })),
            ("XREAD BLOCK -1 STREAMS a 0", Some(StreamWords { streams: 3, blocks: vec![2], ..StreamWords::default() })),
            ("XREAD NEW STREAMS a 0", Some(StreamWords { streams: 2, ..StreamWords::default() })),
            ("XREAD GROUP STREAMS", None),
            (
                "XREADGROUP NOACK GROUP STREAMS BLOCK STREAMS a >",
                Some(StreamWords { streams: 5, group: Some(3), no_ack: true, ..plain }),
            ),
        ] {
            assert_eq!(words(line), wanted, "{line}");
        }
    }
}
