//! The rounds of a `SORT` over several nodes, in words.

use crate::explain::{shown, Draft, Step};
use crate::plan::{Order, Pattern, Placed, Sorting, Target};

/// The elements; their weights, on all nodes at once; the values that take their place; the list that is stored.
#[inline]
pub(in crate::cross_node) fn steps(draft: &Draft<'_>, keys: &[Placed<'_>]) -> Vec<Step> {
    let [source, rest @ ..] = keys else { return Vec::new() };
    let destination = rest.first();
    let sorting = Sorting::of(draft.args, draft.spec);
    let role = draft.planner.role(draft.spec);
    let on = |round, shard, does| draft.at(round, Target::Shard(shard, role), does);
    let request = sorting.request(draft.spec, source.stored);
    let request = request.into_iter().map(shown).collect::<Vec<_>>().join(" ");
    let mut round = 1;
    let mut steps = match sorting.order {
        Order::AsTheyAre => {
            round += 1;
            let request = format!("TYPE {}, {request}, EXEC", shown(source.stored));
            vec![draft.on(1, source, "MULTI".into()), draft.on(2, source, request)]
        }
        _ => vec![on(1, source.shard, request)],
    };
    if !sorting.is_whole {
        // It refuses the command.
        return steps;
    }
    for patterns in [sorting.by().into_iter().collect(), sorting.gets()] {
        if patterns.is_empty() {
            continue;
        }
        round += 1;
        let looked_up = draft.planner.topology.distinct_shards().filter_map(|shard| {
            let does = looked_up(draft, &patterns, shard);
            (!does.is_empty()).then(|| on(round, shard, does))
        });
        steps.extend(looked_up);
    }
    if let Some(destination) = destination {
        let to = shown(destination.stored);
        steps.push(draft.on(round + 1, destination, "MULTI".into()));
        steps.push(draft.on(round + 2, destination, format!("DEL {to}, RPUSH {to} ELEMENTS…, EXEC")));
    }
    steps
}

/// What one node is asked for: what lives there, or may.
#[inline]
fn looked_up(draft: &Draft<'_>, patterns: &[Pattern<'_>], shard: usize) -> String {
    let shards = draft.planner.topology.shards();
    let here = patterns.iter().filter(|pattern| match draft.planner.home_of(pattern) {
        Some(home) => shards[home].master() == shards[shard].master(),
        None => true,
    });
    let told: Vec<_> = here.map(|pattern| draft.planner.shown_pattern(pattern)).collect();
    let strings: String =
        told.iter().filter(|(_, field)| field.is_none()).map(|(key, _)| format!(" {}", shown(key))).collect();
    let strings = (!strings.is_empty()).then(|| format!("MGET{strings}"));
    let fields = told.iter().filter_map(|(key, field)| Some(format!("HGET {} {}", shown(key), shown((*field)?))));
    strings.into_iter().chain(fields).collect::<Vec<_>>().join(", ")
}
