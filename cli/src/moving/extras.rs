//! What servers have besides keys: libraries of functions, and users.

use super::link::{shown, string, strings, Link};
use super::report::Report;
use super::route::Route;
use rediscluster::Value;
use std::collections::BTreeMap;

/// What a user may do, and by which passwords it is known.
type Rules = Vec<Vec<u8>>;

/// The name of a library of functions, and its code.
type Library = (Vec<u8>, Vec<u8>);

/// Copies libraries of functions to every target.
///
/// # Errors
/// That a server does not answer, or has no functions.
pub fn functions(route: &Route, replaces: bool, report: &Report) -> Result<u64, String> {
    let mut libraries: BTreeMap<Vec<u8>, (Vec<u8>, String)> = BTreeMap::new();
    for server in &route.from.servers {
        for (name, code) in libraries_of(&mut route.from.open(server)?)? {
            let place = server.place();
            match libraries.get(&name) {
                Some((other, at)) if *other != code => {
                    report.trouble_with(
                        "library",
                        &format!("not copied: the library of functions differs from that of {at}"),
                        &name,
                        &place,
                    );
                }
                Some(_) => {}
                None => drop(libraries.insert(name, (code, place))),
            }
        }
    }
    let mut copied = 0;
    for server in &route.to.servers {
        let mut target = route.to.open(server)?;
        let known: BTreeMap<Vec<u8>, Vec<u8>> = libraries_of(&mut target)?.into_iter().collect();
        for (name, (code, _)) in &libraries {
            let replace: &[&[u8]] = match known.get(name) {
                Some(same) if same == code => continue,
                Some(_) if !replaces => {
                    report.trouble_with(
                        "library",
                        "not copied: the target has another library of this name",
                        name,
                        &server.place(),
                    );
                    continue;
                }
                Some(_) => &[b"REPLACE"],
                None => &[],
            };
            let words: Vec<&[u8]> = [&[&b"FUNCTION"[..], b"LOAD"], replace, &[code.as_slice()]].concat();
            match target.each(&[&words])?.pop() {
                Some(Value::Error(text)) => {
                    report.trouble_with(
                        "library",
                        &format!("not copied: the target refuses the library: {}", shown(&text)),
                        name,
                        &server.place(),
                    );
                }
                _ => copied += 1,
            }
        }
    }
    Ok(copied)
}

/// The libraries of a server with their code.
fn libraries_of(link: &mut Link) -> Result<Vec<Library>, String> {
    let Value::Array(libraries) = link.ask_text(&["FUNCTION", "LIST", "WITHCODE"])? else { return Ok(Vec::new()) };
    let field = |fields: &[Value], name: &str| {
        let pair = fields.chunks_exact(2).find(|pair| pair[0] == Value::Bulk(name.into()))?;
        string(pair[1].clone())
    };
    let library = |library: Value| match library {
        Value::Array(fields) => field(&fields, "library_name").zip(field(&fields, "library_code")),
        _ => None,
    };
    Ok(libraries.into_iter().filter_map(library).collect())
}

/// Copies users with their passwords and rights to every target. Nothing of a user is shown but the name.
///
/// # Errors
/// That a server does not answer.
pub fn users(route: &Route, replaces: bool, report: &Report) -> Result<u64, String> {
    let mut users: BTreeMap<Vec<u8>, Rules> = BTreeMap::new();
    for server in &route.from.servers {
        for (name, rules) in users_of(&mut route.from.open(server)?)? {
            if users.get(&name).is_some_and(|other| *other != rules) {
                report.trouble_with(
                    "user",
                    "not copied: two sources give this user different rights",
                    &name,
                    &server.place(),
                );
            } else {
                users.insert(name, rules);
            }
        }
    }
    let mut copied = 0;
    for server in &route.to.servers {
        let mut target = route.to.open(server)?;
        let own = string(target.ask_text(&["ACL", "WHOAMI"])?).unwrap_or_default();
        let known: BTreeMap<Vec<u8>, Rules> = users_of(&mut target)?.into_iter().collect();
        for (name, rules) in &users {
            match known.get(name) {
                Some(same) if same == rules => continue,
                // It would lock itself out.
                Some(_) if *name == own => {
                    report.trouble_with(
                        "user",
                        "not copied: this tool is logged in as this user at the target",
                        name,
                        &server.place(),
                    );
                    continue;
                }
                Some(_) if !replaces => {
                    report.trouble_with(
                        "user",
                        "not copied: the target has another user of this name",
                        name,
                        &server.place(),
                    );
                    continue;
                }
                _ => {}
            }
            let mut words = vec![b"ACL".to_vec(), b"SETUSER".to_vec(), name.clone()];
            words.extend(known.contains_key(name).then(|| b"reset".to_vec()));
            words.extend_from_slice(rules);
            match target.each(&[&words])?.pop() {
                Some(Value::Error(_)) => {
                    report.trouble_with(
                        "user",
                        "not copied: the target refuses a rule of this user",
                        name,
                        &server.place(),
                    );
                }
                _ => copied += 1,
            }
        }
    }
    Ok(copied)
}

/// The users of a server with what `ACL LIST` says behind their names.
fn users_of(link: &mut Link) -> Result<Vec<(Vec<u8>, Rules)>, String> {
    let lines = strings(link.ask_text(&["ACL", "LIST"])?);
    let user = |line: Vec<u8>| {
        let rest = line.strip_prefix(b"user ")?;
        let end = rest.iter().position(|&byte| byte == b' ')?;
        // That is so unless something else is said, and it is said of users that were reset.
        let rules = split(&rest[end + 1..]).into_iter().filter(|rule| rule != b"sanitize-payload");
        Some((rest[..end].to_vec(), rules.collect()))
    };
    Ok(lines.into_iter().filter_map(user).collect())
}

/// The rules of a user, of which those in parentheses are one.
fn split(rules: &[u8]) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut depth = 0usize;
    for word in rules.split(|&byte| byte == b' ').filter(|word| !word.is_empty()) {
        match words.last_mut().filter(|_| depth > 0) {
            Some(last) => last.extend([b" ", word].concat()),
            None => words.push(word.to_vec()),
        }
        if word.starts_with(b"(") {
            depth += 1;
        }
        if word.ends_with(b")") {
            depth = depth.saturating_sub(1);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_one_rule() {
        let rules = split(b"on #abc ~* -@all (+get ~a*) (%R~b +@read)");
        let wanted: [&[u8]; 6] = [b"on", b"#abc", b"~*", b"-@all", b"(+get ~a*)", b"(%R~b +@read)"];
        assert_eq!(rules, wanted);
    }
}
