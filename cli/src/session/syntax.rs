//! The arguments of a command: how they are written, and what is still to come behind some words.

/// One argument, or several that belong together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Argument {
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// The word that stands in front of it, or that it is.
    pub token: Option<String>,
    pub is_optional: bool,
    pub is_multiple: bool,
    /// Each time the word stands in front, too.
    pub repeats_token: bool,
    /// Those that it is made of.
    pub parts: Vec<Argument>,
}

/// What an argument is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Kind {
    /// Anything.
    #[default]
    Text,
    Integer,
    Number,
    /// Nothing but its word.
    Word,
    OneOf,
    /// All of its parts, one after the other.
    Block,
}

/// What some words are for an argument: how many of them belong to it, and what it still lacks.
struct Taken {
    words: usize,
    lacks: Vec<String>,
}

/// As the documentation of Redis writes arguments.
pub fn written(arguments: &[Argument]) -> String {
    arguments.iter().map(Argument::written).collect::<Vec<_>>().join(" ")
}

/// What is to come behind these words; `None` when they do not fit.
pub fn to_come(arguments: &[Argument], words: &[&str]) -> Option<String> {
    let taken = take_all(arguments, words, &[])?;
    (taken.words == words.len()).then(|| taken.lacks.join(" "))
}

/// All words that options are made of.
pub fn tokens(arguments: &[Argument]) -> Vec<&str> {
    let mut found = Vec::new();
    for argument in arguments {
        found.extend(argument.token.as_deref().filter(|token| token.starts_with(|first: char| first.is_alphabetic())));
        found.extend(tokens(&argument.parts));
    }
    found
}

impl Argument {
    /// One with a name alone.
    pub fn named(name: impl Into<String>) -> Argument {
        Argument { name: name.into(), ..Argument::default() }
    }

    fn written(&self) -> String {
        match self.is_optional {
            true => format!("[{}]", self.repeated()),
            false => self.repeated(),
        }
    }

    fn repeated(&self) -> String {
        let value = self.value();
        let once = self.with_token(&value);
        match (self.is_multiple, self.repeats_token) {
            (false, _) => once,
            (true, true) => format!("{once} [{once} ...]"),
            (true, false) => format!("{once} [{value} ...]"),
        }
    }

    fn with_token(&self, value: &str) -> String {
        match &self.token {
            Some(token) if self.kind == Kind::Word || value.is_empty() => token.clone(),
            Some(token) => format!("{token} {value}"),
            None => value.to_owned(),
        }
    }

    /// Without the word in front.
    fn value(&self) -> String {
        match self.kind {
            Kind::Word => String::new(),
            Kind::OneOf => {
                let choices = self.parts.iter().map(Argument::written).collect::<Vec<_>>().join("|");
                // In the brackets of an option it is clear where the choice ends.
                if self.is_optional && !self.is_multiple && self.token.is_none() {
                    choices
                } else {
                    format!("<{choices}>")
                }
            }
            Kind::Block => written(&self.parts),
            Kind::Text | Kind::Integer | Kind::Number => self.name.clone(),
        }
    }

    /// Whether it begins with a word of its own.
    fn begins_with(&self, word: &str) -> bool {
        match &self.token {
            Some(token) => token.eq_ignore_ascii_case(word),
            None if self.kind == Kind::OneOf => self.parts.iter().any(|part| part.begins_with(word)),
            None => self.parts.first().is_some_and(|part| part.begins_with(word)),
        }
    }

    /// How many of these words belong to it; `None` when they do not fit. `behind` comes after it.
    fn take(&self, words: &[&str], behind: &[Argument]) -> Option<Taken> {
        let mut taken = self.take_once(words, behind)?;
        if !self.is_multiple {
            return Some(taken);
        }
        let more = Argument { token: self.token.clone().filter(|_| self.repeats_token), ..self.clone() };
        while let Some(word) = words.get(taken.words) {
            let rest = &words[taken.words..];
            let is_over = behind.iter().any(|next| next != self && next.begins_with(word));
            match (!is_over).then(|| more.take_once(rest, behind)).flatten() {
                Some(again) => taken = Taken { words: taken.words + again.words, lacks: again.lacks },
                None => return Some(taken),
            }
        }
        if taken.lacks.is_empty() {
            taken.lacks.push(format!("[{} ...]", more.with_token(&self.value())));
        }
        Some(taken)
    }

    fn take_once(&self, words: &[&str], behind: &[Argument]) -> Option<Taken> {
        let (first, rest) = words.split_first()?;
        let Some(token) = &self.token else { return self.take_value(words, behind) };
        if !token.eq_ignore_ascii_case(first) {
            return None;
        }
        let value = match self.kind {
            Kind::Word => Taken { words: 0, lacks: Vec::new() },
            _ if rest.is_empty() => Taken { words: 0, lacks: vec![self.value()] },
            _ => self.take_value(rest, behind)?,
        };
        Some(Taken { words: value.words + 1, lacks: value.lacks })
    }

    fn take_value(&self, words: &[&str], behind: &[Argument]) -> Option<Taken> {
        let is = match self.kind {
            Kind::Word => false,
            Kind::OneOf => return self.parts.iter().find_map(|part| part.take(words, behind)),
            Kind::Block => return take_all(&self.parts, words, behind).filter(|taken| taken.words > 0),
            Kind::Text => true,
            Kind::Integer => words[0].parse::<i64>().is_ok(),
            // Such as (1, +inf and 0x10: servers know better.
            Kind::Number => words[0].starts_with(|first: char| !first.is_alphabetic() || "iInN".contains(first)),
        };
        is.then(|| Taken { words: 1, lacks: Vec::new() })
    }
}

/// What of these words belongs to these arguments. Options that stand side by side may come in any order.
fn take_all(arguments: &[Argument], words: &[&str], behind: &[Argument]) -> Option<Taken> {
    let mut taken = Taken { words: 0, lacks: Vec::new() };
    let mut at = 0;
    while at < arguments.len() {
        let options = arguments[at..].iter().take_while(|argument| argument.is_optional).count();
        let next = at + options.max(1);
        let behind = || arguments[next..].iter().chain(behind).cloned().collect::<Vec<_>>();
        if options == 0 {
            let argument = &arguments[at];
            let rest = &words[taken.words..];
            if rest.is_empty() {
                taken.lacks.push(argument.written());
            } else {
                // Options that have not come before it do not come any more.
                let one = argument.take(rest, &behind())?;
                taken = Taken { words: taken.words + one.words, lacks: one.lacks };
            }
        } else {
            let mut left: Vec<&Argument> = arguments[at..next].iter().collect();
            // What comes behind an option may be another one of them.
            let all_behind: Vec<Argument> = left.iter().map(|option| (*option).clone()).chain(behind()).collect();
            while taken.words < words.len() {
                let rest = &words[taken.words..];
                // One that begins with this very word comes before one that takes any.
                let fits = |option: &&Argument| option.begins_with(rest[0]);
                let first = left.iter().position(fits).into_iter().chain(0..left.len());
                let found = first.filter_map(|nth| Some((nth, left[nth].take(rest, &all_behind)?))).next();
                let Some((nth, one)) = found else { break };
                left.remove(nth);
                taken = Taken { words: taken.words + one.words, lacks: one.lacks };
            }
            taken.lacks.extend(left.into_iter().map(Argument::written));
        }
        at = next;
    }
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(token: &str) -> Argument {
        Argument { kind: Kind::Word, token: Some(token.into()), ..Argument::named(token) }
    }

    fn option(argument: Argument) -> Argument {
        Argument { is_optional: true, ..argument }
    }

    fn several(argument: Argument) -> Argument {
        Argument { is_multiple: true, ..argument }
    }

    fn with(token: &str, name: &str) -> Argument {
        Argument { kind: Kind::Integer, token: Some(token.into()), ..Argument::named(name) }
    }

    fn one_of(parts: Vec<Argument>) -> Argument {
        Argument { kind: Kind::OneOf, parts, ..Argument::named("choice") }
    }

    fn block(parts: Vec<Argument>) -> Argument {
        Argument { kind: Kind::Block, parts, ..Argument::named("block") }
    }

    fn set() -> Vec<Argument> {
        let condition = option(one_of(vec![word("NX"), word("XX")]));
        let expiry = option(one_of(vec![with("EX", "seconds"), word("KEEPTTL")]));
        vec![Argument::named("key"), Argument::named("value"), condition, option(word("GET")), expiry]
    }

    #[track_caller]
    fn comes(arguments: &[Argument], line: &str, expected: Option<&str>) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(to_come(arguments, &words).as_deref(), expected, "{line}");
    }

    #[test]
    fn options_in_any_order() {
        let set = set();
        assert_eq!(written(&set), "key value [NX|XX] [GET] [EX seconds|KEEPTTL]");
        comes(&set, "", Some("key value [NX|XX] [GET] [EX seconds|KEEPTTL]"));
        comes(&set, "k v", Some("[NX|XX] [GET] [EX seconds|KEEPTTL]"));
        comes(&set, "k v ex", Some("seconds [NX|XX] [GET]"));
        comes(&set, "k v EX 10 nx", Some("[GET]"));
        comes(&set, "k v GET KEEPTTL XX", Some(""));
        comes(&set, "k v banana", None);
        comes(&set, "k v EX soon", None);
        assert_eq!(tokens(&set), ["NX", "XX", "GET", "EX", "KEEPTTL"]);
    }

    #[test]
    fn what_may_come_several_times() {
        let intercard = [with("", "n"), several(Argument::named("key")), option(with("LIMIT", "limit"))];
        let intercard = [Argument { token: None, ..intercard[0].clone() }, intercard[1].clone(), intercard[2].clone()];
        comes(&intercard, "2 a", Some("[key ...] [LIMIT limit]"));
        comes(&intercard, "2 a b LIMIT", Some("limit"));
        comes(&intercard, "2 a b LIMIT 1", Some(""));
        let pairs = [Argument::named("key"), several(block(vec![Argument::named("field"), Argument::named("value")]))];
        assert_eq!(written(&pairs), "key field value [field value ...]");
        comes(&pairs, "h f", Some("value"));
        comes(&pairs, "h f v", Some("[field value ...]"));
        comes(&pairs, "h f v g", Some("value"));
        let options = [option(one_of(vec![word("NX"), word("XX")])), option(word("CH"))];
        let score = block(vec![Argument { kind: Kind::Number, ..Argument::named("score") }, Argument::named("member")]);
        let add: Vec<Argument> = [Argument::named("key")].into_iter().chain(options).chain([several(score)]).collect();
        comes(&add, "z", Some("[NX|XX] [CH] score member [score member ...]"));
        comes(&add, "z CH", Some("[NX|XX] score member [score member ...]"));
        comes(&add, "z CH 1", Some("member"));
        comes(&add, "z 1 m", Some("[score member ...]"));
        comes(&add, "z 1 m 2 n", Some("[score member ...]"));
        comes(&add, "z 1 m CH", None);
        let waits = [several(Argument::named("key")), Argument { kind: Kind::Number, ..Argument::named("timeout") }];
        comes(&waits, "a", Some("[key ...] timeout"));
        let sort = [Argument { repeats_token: true, ..option(several(with("GET", "pattern"))) }];
        assert_eq!(written(&sort), "[GET pattern [GET pattern ...]]");
        comes(&sort, "GET 1", Some("[GET pattern ...]"));
        comes(&sort, "GET 1 GET", Some("pattern"));
    }
}
