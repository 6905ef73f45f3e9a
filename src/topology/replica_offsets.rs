//! From where on a replica has what its master had.

use super::info::Info;
use super::Address;
use crate::threads::lock;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

/// As many marks as are remembered, those of the replicas that were met last.
const REMEMBERED: usize = 4096;

/// How far replicas have to be before they serve reads. That a master lists a replica as online, that its link is up and
/// that its history is the right one does not say that it has any data: before its first acknowledgement a master sends it
/// nothing, for up to a second, and one that was restarted begins with what its file has.
///
/// So there is a mark for each process of a replica and each history that it follows: the offset that its master had when
/// this client first saw the two. It is set once. The offset of a master that takes writes is always ahead, and a replica in
/// step would never reach a mark that moves.
#[derive(Debug, Default)]
pub(crate) struct Marks(Mutex<Vec<Mark>>);

/// A mark, and what it belongs to: a replica of a node, its process, and the history of its data. Offsets of two histories
/// cannot be compared.
#[derive(Debug)]
struct Mark {
    shard: usize,
    address: Address,
    run_id: Option<String>,
    history: Option<Arc<str>>,
    /// `None` when its master has never been asked, and the replica is believed all the same.
    offset: Option<u64>,
    set: Instant,
}

impl Mark {
    #[inline(never)]
    fn is_of(&self, shard: usize, replica: &Address, info: &Info) -> bool {
        self.shard == shard
            && self.address == *replica
            && self.run_id == info.run_id
            && self.history.as_deref() == info.history.as_deref()
    }
}

/// Where a replica stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It has at least what its master had when it was first seen.
    Reached,
    /// It has less. The mark was set at this moment.
    Behind(Instant),
    /// Nobody has seen this process follow this history while its master could be asked.
    Unseen,
}

impl Marks {
    fn marks(&self) -> MutexGuard<'_, Vec<Mark>> {
        lock(&self.0)
    }

    /// Sets the mark of a replica of a node, unless it has one.
    pub(crate) fn saw(&self, shard: usize, replica: &Address, info: &Info, master_had: u64) {
        self.set(shard, replica, info, Some(master_had));
    }

    /// Believes a replica whose master has never been asked, until that can be.
    pub(crate) fn trust(&self, shard: usize, replica: &Address, info: &Info) {
        self.set(shard, replica, info, None);
    }

    #[inline(never)]
    fn set(&self, shard: usize, replica: &Address, info: &Info, offset: Option<u64>) {
        let (address, run_id, history) = (replica.clone(), info.run_id.clone(), info.history.clone());
        let mut earlier = Mark { shard, address, run_id, history, offset, set: Instant::now() };
        let (mut marks, mut is_known) = (self.marks(), false);
        // The one that was met last comes first, and those before its old place go back by one.
        for mark in &mut *marks {
            std::mem::swap(mark, &mut earlier);
            is_known = earlier.is_of(shard, replica, info);
            if is_known {
                break;
            }
        }
        if !is_known && marks.len() < REMEMBERED {
            marks.push(earlier);
        } else if is_known && (earlier.offset.is_some() || offset.is_none()) {
            // It is set once.
            marks.first_mut().into_iter().for_each(|mark| std::mem::swap(mark, &mut earlier));
        }
    }

    /// Whether a replica has reached its mark.
    pub(crate) fn reach(&self, shard: usize, replica: &Address, info: &Info) -> Reach {
        for mark in &*self.marks() {
            if mark.is_of(shard, replica, info) {
                return match info.offset.unwrap_or(0) >= mark.offset.unwrap_or(0) {
                    true => Reach::Reached,
                    false => Reach::Behind(mark.set),
                };
            }
        }
        Reach::Unseen
    }
}

impl Reach {
    /// Why a replica that stands so cannot serve.
    pub(crate) fn serves_reads(self) -> Result<(), &'static str> {
        match self {
            Reach::Reached => Ok(()),
            Reach::Behind(_) => Err("it does not have yet what its master had when it was first seen"),
            Reach::Unseen => Err("its master cannot be asked how far it has to be"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::info::Facts;
    use super::*;

    fn info(run_id: &str, history: &str, offset: u64) -> Info {
        let (run_id, history) = (Some(run_id.to_owned()), Some(history.into()));
        Facts { run_id, history, offset: Some(offset), ..Facts::default() }.into()
    }

    #[test]
    fn a_mark_is_set_once_for_a_process_and_a_history() {
        let (marks, at) = (Marks::default(), Address::new("h", 1).unwrap());
        let reach = |run_id: &str, history: &str, offset| marks.reach(0, &at, &info(run_id, history, offset));
        assert_eq!(reach("r", "a", 100), Reach::Unseen);
        marks.saw(0, &at, &info("r", "a", 0), 100);
        assert!(matches!(reach("r", "a", 99), Reach::Behind(_)));
        assert_eq!(reach("r", "a", 100), Reach::Reached);
        // Its master goes on, and the mark does not.
        marks.saw(0, &at, &info("r", "a", 150), 200);
        assert_eq!(reach("r", "a", 150), Reach::Reached);
        assert!(matches!(reach("r", "a", 0), Reach::Behind(_)), "it went back");
        // Another process, another history, another node and another address are others.
        assert_eq!((reach("s", "a", 150), reach("r", "b", 150)), (Reach::Unseen, Reach::Unseen));
        assert_eq!(marks.reach(1, &at, &info("r", "a", 150)), Reach::Unseen);
        assert_eq!(marks.reach(0, &Address::new("h", 2).unwrap(), &info("r", "a", 150)), Reach::Unseen);
        marks.saw(0, &at, &info("r", "b", 0), 7);
        assert_eq!(reach("r", "b", 7), Reach::Reached, "the offsets of two histories are not compared");
    }

    #[test]
    fn trust_ends_when_its_master_can_be_asked() {
        let (marks, at) = (Marks::default(), Address::new("h", 1).unwrap());
        marks.trust(0, &at, &info("r", "a", 5));
        assert_eq!(marks.reach(0, &at, &info("r", "a", 5)), Reach::Reached);
        marks.saw(0, &at, &info("r", "a", 5), 100);
        assert!(matches!(marks.reach(0, &at, &info("r", "a", 5)), Reach::Behind(_)));
        marks.trust(0, &at, &info("r", "a", 5));
        assert!(matches!(marks.reach(0, &at, &info("r", "a", 5)), Reach::Behind(_)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (marks, at) = (Marks::default(), Address::new("h", 1).unwrap());
        for run in 0..=REMEMBERED {
            // The first one is met again and again.
            marks.saw(0, &at, &info("0", "a", 0), 1);
            marks.saw(0, &at, &info(&run.to_string(), "a", 0), 1);
        }
        assert_eq!(marks.marks().len(), REMEMBERED);
        assert_eq!(marks.reach(0, &at, &info("0", "a", 1)), Reach::Reached);
        assert_eq!(marks.reach(0, &at, &info("1", "a", 1)), Reach::Unseen);
    }
}
