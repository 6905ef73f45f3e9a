//! Every key of the target: whether the source has it, and means that server.

use super::content::lasting;
use super::forward::holders;
use super::report::{Finding, Kind};
use super::server::Failed;
use super::walk::{Comparison, Walk};
use crate::tags::Place;

/// Goes through one server of the target.
///
/// # Errors
/// Which server gave no answer, and why.
pub fn target(walk: &Walk<'_>, to: usize, databases: &[u32]) -> Result<(), Failed> {
    let server = &walk.comparison.to.members[to].server;
    databases.iter().try_for_each(|&database| {
        walk.pages(server, database, |mut names| {
            names.retain(|name| !walk.comparison.is_renamed(to, database, name));
            page(walk, to, database, names)
        })
    })
}

fn page(walk: &Walk<'_>, to: usize, database: u32, names: Vec<Vec<u8>>) -> Result<(), Failed> {
    let Comparison { from, to: target, places, .. } = walk.comparison;
    // Nearly all are where their names lead.
    let mut by_source: Vec<Vec<Vec<u8>>> = vec![Vec::new(); from.members.len()];
    for name in names {
        let node = match from.nodes == target.nodes {
            true => target.members[to].nodes[0],
            false => places.source_home(&name),
        };
        by_source[from.of_node(node)].push(name);
    }
    let mut others = Vec::new();
    for (source, names) in by_source.into_iter().enumerate() {
        let member = &from.members[source];
        let there = member.server.exist(database, names.iter().map(Vec::as_slice))?;
        let is_explained = |name: &[u8]| match places.of(&member.nodes, name) {
            Place::Node(node, called) => target.of_node(node) == to && called == name,
            Place::Stray(_) => target.of_node(places.target_home(name)) == to,
        };
        others.extend(
            names.into_iter().zip(there).filter(|(name, there)| !*there || !is_explained(name)).map(|(name, _)| name),
        );
    }
    unexplained(walk, to, database, others)
}

/// Keys that the likeliest server of the source does not explain.
fn unexplained(walk: &Walk<'_>, to: usize, database: u32, names: Vec<Vec<u8>>) -> Result<(), Failed> {
    if names.is_empty() {
        return Ok(());
    }
    let Comparison { from, to: target, places, report, .. } = walk.comparison;
    let sources = holders(from, database, &names)?;
    let targets = holders(target, database, &names)?;
    let mut superfluous = Vec::new();
    for ((name, sources), targets) in names.iter().zip(&sources).zip(&targets) {
        let mut meant = Vec::new();
        let mut anywhere = 0;
        for &source in sources {
            match places.of(&from.members[source].nodes, name) {
                Place::Node(node, called) if called == *name => meant.push(target.of_node(node)),
                Place::Node(..) => {}
                Place::Stray(_) => anywhere += 1,
            }
        }
        let is_home = target.of_node(places.target_home(name)) == to;
        let elsewhere = targets.iter().filter(|&&other| !meant.contains(&other)).count();
        let what = match () {
            () if meant.contains(&to) => continue,
            () if meant.is_empty() && anywhere == 0 => "no node of the source has it".to_owned(),
            // As many as the source has may be anywhere, of which one is at home.
            () if anywhere > 0 && (elsewhere <= anywhere || is_home) => continue,
            // It is here instead of there, and was told of.
            () if anywhere == 0 && !meant.iter().all(|meant| targets.contains(meant)) => continue,
            () => {
                let also = meant.first().or(targets.iter().find(|&&other| other != to));
                also.map_or(String::new(), |&also| format!("it is also on {}", target.members[also].server.place()))
            }
        };
        superfluous.push((name, what));
    }
    // A key whose time has come is gone at the source a moment before.
    let server = &target.members[to].server;
    let now = from.members.iter().map(|member| member.server.now()).chain([server.now()]).max().unwrap_or(0);
    let names: Vec<&[u8]> = superfluous.iter().map(|(name, _)| name.as_slice()).collect();
    let lasting = lasting(server, database, &names, now)?;
    for ((name, what), lasting) in superfluous.into_iter().zip(lasting) {
        if lasting {
            let finding =
                Finding { kind: Kind::Superfluous, database, name, from: None, to: Some(to), what, expiries: None };
            report.tell(&finding, walk.progress);
        }
    }
    Ok(())
}
