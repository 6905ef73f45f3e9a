//! The code of rows of the user's own: what such a row says is not known before the program runs.

use super::{Strategy, Way, OF_SCRIPTS, ON_ALL, ON_FIRST, REFUSED};
use crate::command::{wait_of, Spec, Wait};
use crate::plan::{as_stored, Route};

/// As a strategy says, with all that a row may say.
const fn by_its_row(strategy: Strategy) -> Strategy {
    Strategy {
        run: |call, route| match route {
            Route::Fan(_) if call.spec.response.wants_one() => ON_FIRST(call, route),
            route => ON_ALL(call, route),
        },
        merge: |given| (given.response.merge())(given),
        scripts: Some(&OF_SCRIPTS),
        wait_of: Some(|args, spec| wait_of(spec.wait).map_or(Wait::None, |wait| wait(args, spec))),
        ..strategy
    }
}

/// What such a command does while it waits is not known, so nobody can end that.
const fn that_waits(strategy: Strategy) -> Strategy {
    Strategy {
        wait: |call, keys| {
            let request = as_stored(call.args, keys);
            call.exchange(keys[0].master, &request).map(|answer| answer.frame().as_bytes().to_vec())
        },
        ..strategy
    }
}

const OF_ONE_SERVER: &Strategy = &by_its_row(super::OF_ONE_SERVER);
const OF_SHARDS: &Strategy = &by_its_row(super::OF_SHARDS);
const OF_SERVERS: &Strategy = &by_its_row(super::OF_SERVERS);
const OF_BUSY_SERVERS: &Strategy = &by_its_row(super::OF_BUSY_SERVERS);
const OF_ANY_NODE: &Strategy = &by_its_row(super::OF_ANY_NODE);
const OF_SCRIPT: &Strategy = &by_its_row(Strategy::REFUSE);
const OF_ONE_KEY: &Strategy = &that_waits(Strategy { run: super::OF_ONE_KEY.run, ..by_its_row(super::OF_ONE_KEY) });
const OF_KEYS: &Strategy = &that_waits(by_its_row(Strategy::REFUSE));

/// What runs a command of a row of the user's own.
pub(super) fn code_of(spec: &Spec) -> &'static Strategy {
    match Way::of(spec) {
        Way::Refused => REFUSED,
        Way::OneServer => OF_ONE_SERVER,
        Way::EveryShard => OF_SHARDS,
        Way::EveryServer => OF_SERVERS,
        Way::EveryBusyServer => OF_BUSY_SERVERS,
        Way::AnyNode => OF_ANY_NODE,
        Way::Script => OF_SCRIPT,
        Way::OneKey => OF_ONE_KEY,
        Way::Keys => OF_KEYS,
    }
}
