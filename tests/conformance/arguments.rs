//! Lists of arguments that fit a row, made by chance from a fixed seed.

use rediscluster::cmd;
use rediscluster::spec::{KeySpec, OptionValue, Row};

/// How many lists for a row that takes several numbers of arguments, and for one whose keys stand among options.
const LISTS: [usize; 2] = [24, 300];
/// How many tries for each list: some tries give what no server would take, or what there is already.
const TRIES: usize = 8;

/// Chance that is the same in every run: Marsaglia's xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }
}

/// Lists of arguments for the command, its own words first, whose keys the row finds. No word occurs twice among
/// those that could be keys.
pub fn lists(row: &Row) -> Vec<Vec<String>> {
    // Another seed for each row, so that a new row leaves the lists of the others as they are.
    let seed = row
        .name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut chance = Chance(seed | 1);
    let mut lists: Vec<Vec<String>> = Vec::new();
    let wanted = LISTS[usize::from(!options(row.name).is_empty())];
    for _ in 0..wanted * TRIES {
        if lists.len() == wanted {
            break;
        }
        let words = list(row, &mut chance);
        let own = row.name.split(' ').count();
        let command = words[own..].iter().fold(cmd(row.name), |cmd, word| cmd.arg(word));
        if row.takes(words.len()) && row.key_positions(command.args()).is_some() && !lists.contains(&words) {
            lists.push(words);
        }
    }
    assert!(!lists.is_empty(), "no arguments fit {}", row.name);
    lists
}

/// The options of commands whose keys may stand among options, how many values each has, and what they are. Not taken
/// from the row, which could not be found to lack one then.
fn options(name: &str) -> &'static [(&'static str, usize, OptionValue)] {
    use OptionValue::{Key, Pattern, Plain};
    match name {
        "SORT" => {
            &[("STORE", 1, Key), ("BY", 1, Pattern), ("GET", 1, Pattern), ("LIMIT", 2, Plain), ("ALPHA", 0, Plain)]
        }
        "SORT_RO" => &[("BY", 1, Pattern), ("GET", 1, Pattern), ("LIMIT", 2, Plain), ("ALPHA", 0, Plain)],
        "GEORADIUS" | "GEORADIUSBYMEMBER" => {
            &[("STORE", 1, Key), ("STOREDIST", 1, Key), ("COUNT", 1, Plain), ("WITHCOORD", 0, Plain)]
        }
        _ => &[],
    }
}

fn list(row: &Row, chance: &mut Chance) -> Vec<String> {
    let mut words: Vec<String> = row.name.split(' ').map(str::to_owned).collect();
    let fewest = usize::from(row.arity.unsigned_abs());
    let most = if row.arity < 0 { fewest.max(words.len()) + 7 } else { fewest };
    let length = fewest.max(words.len()) + chance.below(most + 1 - fewest.max(words.len()));
    let plain = |words: &mut Vec<String>, until: usize| {
        while words.len() < until {
            words.push(format!("w{}", words.len()));
        }
    };
    if let options @ [_, ..] = options(row.name) {
        plain(&mut words, fewest);
        let mut stores = 0;
        for _ in 0..chance.below(6) {
            let at = words.len();
            let (option, values, value) = options[chance.below(options.len())];
            // Of several words that store the servers tell the first of each, and obey the last.
            stores += usize::from(value == OptionValue::Key && row.name != "SORT");
            if stores > 1 && value == OptionValue::Key {
                continue;
            }
            words.push([option.to_owned(), option.to_lowercase()][chance.below(2)].clone());
            match value {
                OptionValue::Pattern => words.push(["store", "BY", "LIMIT", "p*"][chance.below(4)].to_owned()),
                _ => (0..values).for_each(|value| words.push(format!("k{at}{value}"))),
            }
        }
        return words;
    }
    for spec in row.keys {
        match *spec {
            KeySpec::Numkeys(at, step) => {
                plain(&mut words, at);
                // Only scripts do without keys.
                let least =
                    usize::from(at != 2 || step != 1 || !row.name.contains("CALL") && !row.name.contains("EVAL"));
                let room = length.saturating_sub(at + 1) / step;
                words.push((least + chance.below(room + 1)).to_string());
            }
            KeySpec::HalfAfter(word, from) => {
                for fixed in ["GROUP", "streams", "STREAMS"].iter().take(from - 1) {
                    words.push((*fixed).to_owned());
                }
                for option in
                    [&["COUNT", "2"][..], &["BLOCK", "0"], &["NOACK"]].iter().take(if from > 1 { 3 } else { 2 })
                {
                    if chance.below(2) == 0 {
                        words.extend(option.iter().map(|word| (*word).to_owned()));
                    }
                }
                words.push([word.to_owned(), word.to_lowercase()][chance.below(2)].clone());
                let streams = 1 + chance.below(4);
                // A stream that is called as the word in front of it.
                let first = words.len();
                (0..streams).for_each(|at| words.push(format!("k{at}")));
                if chance.below(4) == 0 {
                    words[first] = word.to_owned();
                }
                (0..streams).for_each(|at| words.push(format!("{at}-0")));
                return words;
            }
            KeySpec::Migrate => {
                // A password that looks like the word in front of the keys.
                let several = chance.below(2) == 0;
                words.extend(["host", "6379", if several { "" } else { "k" }, "0", "100"].map(str::to_owned));
                let options = [&["COPY"][..], &["REPLACE"], &["AUTH", "keys"], &["AUTH2", "KEYS", "keys"]];
                for option in options {
                    if chance.below(2) == 0 {
                        words.extend(option.iter().map(|word| (*word).to_owned()));
                    }
                }
                if several {
                    words.push(["KEYS", "keys"][chance.below(2)].to_owned());
                    (0..=chance.below(4)).for_each(|at| words.push(format!("k{at}")));
                }
                return words;
            }
            _ => {}
        }
    }
    plain(&mut words, length);
    words
}
