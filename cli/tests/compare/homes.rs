//! Where a key is looked for: at the node that it belongs to, by what is known of tags.

use super::*;

/// The node of these many to which a name leads.
fn home(name: &str, nodes: usize) -> usize {
    Crc32Modulo.node_index(name.as_bytes(), nodes)
}

/// So many empty servers.
fn servers(count: usize) -> Vec<Server> {
    (0..count).map(|_| Server::start()).collect()
}

/// Puts names where they lead.
fn put(fleet: &[&Server], names: &[String]) {
    for name in names {
        run(fleet[home(name, fleet.len())], &format!("SET {name} {name}"));
    }
}

#[test]
fn keys_are_looked_for_where_they_belong() {
    let all = servers(5);
    let all: Vec<&Server> = all.iter().collect();
    let (from, to) = all.split_at(2);
    let names = names(200);
    put(from, &names);
    put(to, &names);
    are_same(from, to, &["--untagged"], 200);
    are_same(to, from, &["--untagged"], 200);
    are_same(&to[..1], &to[..1], &[], names.iter().filter(|name| home(name, 3) == 0).count());
    // Without a word about tags they are looked for everywhere, and that is said.
    let ran = compare(from, to, &[]);
    assert_eq!((lines(&ran, &all), ran.status), (vec!["200 keys the same".to_owned()], 0));
    assert!(ran.err().contains("nobody said which keys have tags"), "{}", ran.err());
    // One that lies elsewhere, one that lies elsewhere as well, one that nobody has.
    let [moved, doubled] = [&names[0], &names[1]];
    let (place, twin) = (home(moved, 3), home(doubled, 3));
    run(to[place], &format!("DEL {moved}"));
    run(to[(place + 1) % 3], &format!("SET {moved} {moved}"));
    run(to[(twin + 1) % 3], &format!("SET {doubled} {doubled}"));
    run(to[home("more", 3)], "SET more x");
    let node = |at: usize| format!("node_{}", at % 3 + 1);
    let wanted = |moved_is_told: bool| {
        let source = format!("node_{}", home(moved, 2) + 1);
        let moved = format!("misplaced: {moved}: {source} -> {}: it belongs to {}", node(place + 1), node(place));
        let mut wanted = vec![
            format!("superfluous: {doubled}: on {} of the target: it is also on {}", node(twin + 1), node(twin)),
            format!("superfluous: more: on {} of the target: no node of the source has it", node(home("more", 3))),
        ];
        if moved_is_told {
            wanted.push(moved);
        }
        wanted.sort();
        wanted
    };
    let ran = compare(from, to, &["--untagged"]);
    let mut told = lines(&ran, &all);
    assert_eq!((told.pop().as_deref(), ran.status), (Some("199 keys the same, 2 superfluous, 1 misplaced"), 1));
    assert_eq!(told, wanted(true));
    let mut told = lines(&compare(from, to, &[]), &all);
    assert_eq!(told.pop().as_deref(), Some("200 keys the same, 2 superfluous"));
    assert_eq!(told, wanted(false));
}

#[test]
fn a_key_of_equal_fleets_belongs_to_the_node_of_the_same_number() {
    let all = servers(4);
    let all: Vec<&Server> = all.iter().collect();
    let (from, to) = all.split_at(2);
    put(from, &names(50));
    put(to, &names(50));
    // Tagged: their names lead to the other node.
    for server in [from[0], to[0]] {
        run(server, "SET foo x");
    }
    for server in [from[1], to[1]] {
        run(server, "SET bar x");
    }
    assert_eq!((home("foo", 2), home("bar", 2)), (1, 0));
    are_same(from, to, &[], 52);
    run(to[0], "DEL foo");
    run(to[1], "SET foo x");
    let told = lines(&compare(from, to, &[]), &all);
    assert_eq!(told[0], "misplaced: foo: node_1 -> node_2: it belongs to node_1");
    assert_eq!(told.len(), 2);
}

#[test]
fn tags_say_where_keys_belong() {
    let all = servers(6);
    let all: Vec<&Server> = all.iter().collect();
    let (from, to) = all.split_at(2);
    let (to, one) = to.split_at(3);
    let stored: Vec<String> = (0..60).map(|number| format!("user:{number}:name")).collect();
    for (number, name) in stored.iter().enumerate() {
        let tag = number.to_string();
        run(from[home(&tag, 2)], &format!("SET {name} {name}"));
        run(to[home(&tag, 3)], &format!("SET {name} {name}"));
        run(one[0], &format!("SET {name}{{{tag}}} {name}"));
    }
    let rule = ["--tag-rule", "^(user:([0-9]+):.*)$=${1}{$2}"];
    are_same(from, to, &rule, 60);
    let file = one[0].dir().join("tags");
    let full: Vec<String> = stored.iter().enumerate().map(|(number, name)| format!("{name}{{{number}}}\n")).collect();
    std::fs::write(&file, full.concat()).unwrap();
    are_same(from, to, &["--tags", file.to_str().unwrap()], 60);
    // One server keeps the tags in the names.
    are_same(&one[..1], to, &["--tag-rule", "^(.+)$=$1"], 60);
    run(to[0], "SET more x");
    let ran = compare(&one[..1], to, &["--tag-rule", "^(.+)$=$1"]);
    assert_eq!(lines(&ran, &all)[0], "superfluous: more: on node_1 of the target: no node of the source has it");
    run(to[0], "DEL more");
    // Their names alone lead to other nodes: those that are strays at the source may be anywhere.
    let misled = |name: &&String| {
        let source = (0..2).find(|&at| from[at].ask(&["EXISTS", name]).int() == 1).unwrap();
        let target = (0..3).find(|&at| to[at].ask(&["EXISTS", name]).int() == 1).unwrap();
        home(name, 2) == source && home(name, 3) != target
    };
    let misplaced = stored.iter().filter(misled).count();
    let strays = stored.iter().filter(|name| from[home(name, 2)].ask(&["EXISTS", name]).int() == 0).count();
    assert!(misplaced > 0 && strays > 0);
    let ran = compare(from, to, &["--untagged"]);
    assert_eq!((lines(&ran, &all).len(), ran.status), (misplaced + 1, 1), "{}", ran.out());
    assert!(ran.err().contains(&format!("{strays} keys of the source whose names do not lead to")), "{}", ran.err());
}

#[test]
fn where_tags_are_kept_names_tell_everything() {
    let all = servers(5);
    let all: Vec<&Server> = all.iter().collect();
    let (from, to) = all.split_at(2);
    for number in 0..60 {
        for fleet in [from, to] {
            run(fleet[home(&number.to_string(), fleet.len())], &format!("SET name{{{number}}} x"));
        }
    }
    are_same(from, to, &["--hash-tags", "keep"], 60);
    run(to[home("7", 3)], "DEL name{7}");
    run(to[(home("7", 3) + 1) % 3], "SET name{7} x");
    let ran = compare(from, to, &["--hash-tags", "keep"]);
    assert!(lines(&ran, &all)[0].starts_with("misplaced: name{7}: "), "{}", ran.out());
    assert_eq!(ran.err(), "");
}

#[test]
fn one_name_on_two_sources_is_told_once() {
    let all = servers(3);
    let all: Vec<&Server> = all.iter().collect();
    let (from, to) = all.split_at(2);
    for server in &all {
        run(server, "SET foo x");
    }
    let ran = compare(from, to, &[]);
    let told = ["twice: foo: node_1 -> node_1: node_2 has a key of this name, too", "2 keys the same, 1 twice"];
    assert_eq!((lines(&ran, &all), ran.status), (told.map(str::to_owned).to_vec(), 1));
    run(from[1], "SET foo y");
    assert_eq!(lines(&compare(from, to, &[]), &all).len(), 3);
    // Between fleets of one size both have their place.
    are_same(from, &[to[0], from[1]], &[], 2);
}
