//! Elements and members that move between nodes in all directions, while others put in and take out.

use super::{each_once, items, run, text, times, Fleet};
use rediscluster::Value;
use std::sync::atomic::{AtomicUsize, Ordering};

const MOVERS: usize = 4;
const PUSHERS: usize = 2;

/// Runs movers in all directions, threads that put in, and one that takes out; gives what went in and what came out.
fn churn(
    fleet: &Fleet,
    put_in: impl Fn(&rediscluster::Cluster, &mut super::Chance, &str) + Sync,
    take_out: impl Fn(&rediscluster::Cluster, &mut super::Chance) -> Value + Sync,
    step: impl Fn(&rediscluster::Cluster, &mut super::Chance) -> Value + Sync,
) -> (Vec<String>, Vec<String>) {
    let (pushing, moved) = (AtomicUsize::new(PUSHERS), AtomicUsize::new(0));
    let outcome = std::thread::scope(|scope| {
        let (put_in, take_out, step, pushing, moved) = (&put_in, &take_out, &step, &pushing, &moved);
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|pusher| {
                scope.spawn(move || {
                    let (cluster, mut chance) = (fleet.cluster(pusher), fleet.chance(pusher));
                    let names: Vec<String> = (0..times(600)).map(|number| format!("e{pusher}:{number}")).collect();
                    names.iter().for_each(|name| put_in(&cluster, &mut chance, name));
                    pushing.fetch_sub(1, Ordering::SeqCst);
                    names
                })
            })
            .collect();
        for mover in 0..MOVERS {
            scope.spawn(move || {
                let (cluster, mut chance) = (fleet.cluster(mover), fleet.chance(100 + mover));
                let mut left = times(300);
                while left > 0 || pushing.load(Ordering::SeqCst) > 0 {
                    left = left.saturating_sub(1);
                    if !matches!(step(&cluster, &mut chance), Value::Nil | Value::Integer(0)) {
                        moved.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        let popper = scope.spawn(move || {
            let (cluster, mut chance) = (fleet.cluster(1), fleet.chance(200));
            let mut taken = Vec::new();
            while pushing.load(Ordering::SeqCst) > 0 {
                if let value @ Value::Bulk(_) = take_out(&cluster, &mut chance) {
                    taken.push(text(&value));
                }
            }
            taken
        });
        let put_in =
            pushers.into_iter().flat_map(|pusher| pusher.join().expect("a pusher pushes to its end")).collect();
        (put_in, popper.join().expect("a popper pops to its end"))
    });
    println!("{} moved, {} taken", moved.load(Ordering::SeqCst), outcome.1.len());
    assert!(moved.load(Ordering::SeqCst) > 100, "too little was moved");
    outcome
}

#[test]
fn elements_of_lists_are_conserved() {
    for nodes in [3, 5] {
        let fleet = Fleet::start(nodes);
        let keys: Vec<String> = (0..nodes).map(|node| fleet.key("list", node)).collect();
        let side = |chance: &mut super::Chance| *chance.one_of(&["LEFT", "RIGHT"]);
        let (put_in, mut found) = churn(
            &fleet,
            |cluster, chance, name| {
                run(cluster, &[*chance.one_of(&["LPUSH", "RPUSH"]), chance.key_of(&keys), name]).unwrap();
            },
            |cluster, chance| run(cluster, &[*chance.one_of(&["LPOP", "RPOP"]), chance.key_of(&keys)]).unwrap(),
            |cluster, chance| {
                let (from, to) = (chance.key_of(&keys), chance.key_of(&keys));
                let words = match chance.below(4) {
                    0 => vec!["RPOPLPUSH", from, to],
                    1 => vec!["LMOVE", from, to, side(chance), side(chance)],
                    2 => vec!["BRPOPLPUSH", from, to, "0.02"],
                    _ => vec!["BLMOVE", from, to, side(chance), side(chance), "0.02"],
                };
                run(cluster, &words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
            },
        );
        for (server, key) in fleet.keys("list*") {
            found.extend(items(server.ask(&["LRANGE", &key, "0", "-1"])));
        }
        each_once(put_in, found, "elements");
        fleet.no_stash_is_left();
    }
}

#[test]
fn members_of_sets_are_conserved() {
    for nodes in [3, 5] {
        let fleet = Fleet::start(nodes);
        let keys: Vec<String> = (0..nodes).map(|node| fleet.key("set", node)).collect();
        let (put_in, mut found) = churn(
            &fleet,
            |cluster, chance, name| drop(run(cluster, &["SADD", chance.key_of(&keys), name]).unwrap()),
            |cluster, chance| run(cluster, &["SPOP", chance.key_of(&keys)]).unwrap(),
            |cluster, chance| {
                let (from, to) = (chance.key_of(&keys), chance.key_of(&keys));
                // Several movers often want the same member: they take it from a small part of the set.
                match run(cluster, &["SRANDMEMBER", from]).unwrap() {
                    Value::Nil => Value::Nil,
                    member => run(cluster, &["SMOVE", from, to, &text(&member)]).unwrap(),
                }
            },
        );
        for (server, key) in fleet.keys("set*") {
            found.extend(items(server.ask(&["SMEMBERS", &key])));
        }
        each_once(put_in, found, "members");
        fleet.no_stash_is_left();
    }
}

#[test]
fn of_several_that_want_one_member_one_gets_it() {
    let fleet = Fleet::start(3);
    let (from, to) = (fleet.key("from", 0), [fleet.key("one", 1), fleet.key("two", 2)]);
    for round in 0..times(60) {
        run(&fleet.cluster(0), &["SADD", &from, "x", "y"]).unwrap();
        let given = std::thread::scope(|scope| {
            let moves: Vec<_> = (0..4)
                .map(|mover| {
                    let (fleet, from, to) = (&fleet, &from, &to[mover % 2]);
                    scope.spawn(move || run(&fleet.cluster(mover), &["SMOVE", from, to, "x"]).unwrap())
                })
                .collect();
            moves.into_iter().map(|moved| moved.join().unwrap()).collect::<Vec<_>>()
        });
        let winners = given.iter().filter(|reply| **reply == Value::Integer(1)).count();
        let held = to.iter().filter(|to| run(&fleet.cluster(0), &["SREM", to, "x"]).unwrap() == Value::Integer(1));
        assert_eq!((winners, held.count()), (1, 1), "round {round}: {given:?}");
    }
    fleet.no_stash_is_left();
}
