//! Commands by chance, from the forms in `forms.rs`.

use crate::chance::Chance;
use crate::forms::{GENERIC, TYPES};

/// A command: its name and its arguments.
pub type Command = Vec<Vec<u8>>;

/// Few, so that the same key is read, overwritten, missing, of the wrong type and named twice all the time. None has a
/// hash tag, because one server knows none; they live on every node of two and of three, and on most nodes of seven.
pub const KEYS: [&[u8]; 9] = [b"a", b"b", b"c", b"d", b"STORE", b"limit", b"with space", b"\x00\xff\r\n", b""];

const MEMBERS: [&[u8]; 10] = [b"1", b"2", b"3", b"-7", b"1.5", b"x", b"nothing\xff", b"", b"Palermo", b"Catania"];
const SCORES: [&str; 14] =
    ["0", "1", "2", "-1", "1.5", "0.1", "1e300", "-1e300", "inf", "-inf", "3", "4", "17179869184.25", "nan"];
const BOUNDS: [&str; 9] = ["-inf", "+inf", "0", "1", "(1", "(2", "3", "-1", "1.5"];
/// Short ones, and those that a server refuses. None is without end on any server, and none beyond what a long double
/// holds: when a `SORT` comes right behind one of those, as in a pipeline, Redis takes no number for one.
const ODD_WAITS: [&str; 16] = [
    "0.002", "0x1p-6", "0X.8p-3", "+.01", "1e-2", "-1", "-0x10", "1e400", "nan", "", " 1", "1 ", "1e", "0x", "1_0",
    "inf",
];
/// The ends and a mistake: where scores differ, what lies between two words depends on how the server happens to have
/// built its skip list.
const LEXICAL: [&str; 3] = ["-", "+", "x"];
const NUMBERS: [&str; 12] = ["0", "1", "-1", "2", "-2", "3", "7", "10", "100", "-100", "9223372036854775807", "x"];
/// Of keys.
const COUNTS: [&str; 10] = ["0", "1", "2", "3", "5", "100", "-1", "02", "x", ""];
const POINTS: [&str; 4] = ["13.361389 38.115556", "15.087269 37.502669", "15 37", "-0.1275 51.507222"];

/// A sequence of commands. Each has a data type and keys that it prefers: without that, hardly any command would find
/// several keys of its type.
pub fn sequence(chance: &mut Chance, length: usize) -> Vec<Command> {
    let preferred = *chance.one_of(&TYPES);
    let count = 2 + chance.below(KEYS.len() - 1);
    let mut keys = KEYS.to_vec();
    while keys.len() > count {
        let left_out = chance.below(keys.len());
        keys.remove(left_out);
    }
    let large = chance.once_in(4);
    let mut commands = Vec::with_capacity(length);
    for nth in 0..length {
        let forms = match chance.below(10) {
            0..=5 => preferred,
            6 | 7 => &GENERIC,
            _ => *chance.one_of(&TYPES),
        };
        let forms = match chance.below(10) {
            _ if nth < count => preferred.fill,
            0..=2 => forms.fill,
            3..=6 => forms.across,
            _ => forms.ordinary,
        };
        let form = *chance.one_of(forms);
        commands.push(command(chance, form, &keys, large));
    }
    commands
}

fn command(chance: &mut Chance, form: &str, keys: &[&[u8]], large: bool) -> Command {
    let words: Vec<&str> = form.split(' ').collect();
    // The name first: one command is called KEYS, as is a list to be filled in.
    let names: Vec<&str> = words[0].split('|').collect();
    let name = chance.one_of(&names).as_bytes().to_vec();
    let mut filled = Filled { chance, keys, large, words: vec![name], counted: 1 };
    filled.fill(&words[1..]);
    let mut command = filled.words;
    if chance.once_in(20) {
        spoil(chance, &mut command);
    }
    command
}

/// A mistake that a caller can make.
fn spoil(chance: &mut Chance, command: &mut Command) {
    let last = command.len() - 1;
    // A member less would be drawn by chance.
    if last == 0 || command[0] == b"SPOP" {
        return;
    }
    let at = 1 + chance.below(last);
    match chance.below(4) {
        0 => drop(command.remove(at)),
        1 => command.insert(at, command[at].clone()),
        2 => command[at] = chance.one_of(&[&b"nonsense"[..], b"-1", b""]).to_vec(),
        _ => command[0].make_ascii_lowercase(),
    }
}

/// A form being filled in.
struct Filled<'c> {
    chance: &'c mut Chance,
    keys: &'c [&'c [u8]],
    /// Whether values may have many members.
    large: bool,
    words: Command,
    /// How many keys were counted last.
    counted: usize,
}

impl Filled<'_> {
    /// `[` begins and `]` ends what may be left out; `a|b` is one of both; a name of the list below is filled in.
    fn fill(&mut self, mut words: &[&str]) {
        while let Some((&word, rest)) = words.split_first() {
            words = rest;
            if word == "[" {
                let end = words.iter().position(|&word| word == "]").expect("the end of what may be left out");
                if self.chance.once_in(3) {
                    self.fill(&words[..end]);
                }
                words = &words[end + 1..];
            } else {
                let choices: Vec<&str> = word.split('|').collect();
                let choice = *self.chance.one_of(&choices);
                self.fill_word(choice);
            }
        }
    }

    fn fill_word(&mut self, word: &str) {
        match word {
            "KEY" => self.key(),
            "KEYS" => (0..self.few()).for_each(|_| self.key()),
            "#KEYS" => {
                self.counted = self.few();
                // The wrong number, or none, now and then.
                match self.chance.once_in(25) {
                    true => self.one_of(&COUNTS),
                    false => self.push(self.counted.to_string()),
                }
                (0..self.counted).for_each(|_| self.key());
            }
            "WEIGHTS" => {
                self.push("WEIGHTS");
                (0..self.counted).for_each(|_| self.one_of(&SCORES));
            }
            // Streams, and for each of them the id that it is read from.
            "BEHIND" => self.streams(&["0", "0", "1", "2-0", "7", "$", "x", ">"]),
            "NEWS" => self.streams(&[">", ">", ">", ">", ">", ">", "0", "1"]),
            "VALUE" => self.value(),
            "VALUES" => (0..self.many()).for_each(|_| self.value()),
            "PAIRS" => (0..self.few()).for_each(|_| {
                self.key();
                self.value();
            }),
            "MEMBER" => self.member(),
            "MEMBERS" => (0..self.many()).for_each(|_| self.member()),
            "FIELDVALUES" => (0..self.many()).for_each(|_| {
                self.member();
                self.value();
            }),
            "#MEMBERS" => {
                let count = self.few();
                self.push(count.to_string());
                (0..count).for_each(|_| self.member());
            }
            "SCORED" => (0..self.many()).for_each(|_| {
                self.score();
                self.member();
            }),
            "PLACES" => (0..self.few()).for_each(|_| {
                self.point();
                self.member();
            }),
            "POINT" => self.point(),
            "SCORE" => self.one_of(&SCORES),
            "BOUND" => self.one_of(&BOUNDS),
            "LEXICAL" => self.one_of(&LEXICAL),
            "NUMBER" => self.one_of(&NUMBERS),
            "OFFSET" => {
                let offset = if self.chance.once_in(20) { 70_000 } else { self.chance.below(100) };
                self.push(offset.to_string());
            }
            // So far apart that no two are taken for one another, and so far away that none comes.
            "SECONDS" => {
                let seconds = self.chance.between(1_000, 1_000_000);
                self.push(seconds.to_string());
            }
            "MILLISECONDS" => {
                let seconds = self.chance.between(1_000, 1_000_000);
                self.push(format!("{seconds}000"));
            }
            "WAIT" if self.chance.once_in(4) => self.one_of(&ODD_WAITS),
            "WAIT" => self.push("0.01"),
            "BLOCK" => {
                self.push("BLOCK");
                let odd = ["-1", "0x1", "+1", "1.5", "", "9223372036854775808"];
                let time = if self.chance.once_in(8) { *self.chance.one_of(&odd) } else { "1" };
                self.push(time);
            }
            word => self.push(word),
        }
    }

    fn push(&mut self, word: impl Into<Vec<u8>>) {
        self.words.push(word.into());
    }

    fn one_of(&mut self, items: &[&str]) {
        let item = *self.chance.one_of(items);
        self.push(item);
    }

    fn streams(&mut self, ids: &[&str]) {
        let count = self.few();
        (0..count).for_each(|_| self.key());
        // Mostly what is right, so that more than one command in ten is no mistake.
        let ids = if self.chance.once_in(4) { ids } else { &ids[..5] };
        (0..count).for_each(|_| self.one_of(ids));
    }

    /// How many keys.
    fn few(&mut self) -> usize {
        1 + self.chance.below(4)
    }

    /// How many members: mostly few, now and then so many that the server stores them in another way.
    fn many(&mut self) -> usize {
        if self.large && self.chance.once_in(15) {
            600
        } else {
            1 + self.chance.below(4)
        }
    }

    fn key(&mut self) {
        let key = *self.chance.one_of(self.keys);
        self.push(key);
    }

    fn member(&mut self) {
        if self.words.len() > 20 {
            let number = self.chance.below(2_000);
            self.push(number.to_string());
        } else {
            let member = *self.chance.one_of(&MEMBERS);
            self.push(member);
        }
    }

    fn score(&mut self) {
        // Not a number is an error: now and then only.
        let scores = if self.chance.once_in(20) { &SCORES[..] } else { &SCORES[..SCORES.len() - 1] };
        self.one_of(scores);
    }

    fn point(&mut self) {
        let point = *self.chance.one_of(&POINTS);
        point.split(' ').for_each(|part| self.push(part));
    }

    fn value(&mut self) {
        if self.words.len() <= 20 && self.chance.once_in(40) {
            let length = self.chance.below(40_000);
            let byte = self.chance.number() as u8;
            self.push(vec![byte; length]);
        } else {
            self.member();
        }
    }
}
