//! A queue that loses no job: a worker that dies gives its job back.
//!
//! It shows
//! - producers that `LPUSH`, and workers that `BLMOVE` a job into a list of their own and acknowledge it by `LREM`;
//! - a reaper, a script, that puts the jobs of dead workers back: those whose key `alive` has expired;
//! - workers that wait for jobs and still stop at once, by `Cancel`.
//!
//! ```sh
//! cargo run --example job_queue -- node_1=127.0.0.1:63791,node_2=127.0.0.1:63792
//! ```
//!
//! All keys of a queue have the queue's name as their tag, so that they share a node. `BLMOVE` is one atomic step there;
//! over two nodes it would take five rounds, and a worker killed in between would leave a stash behind, which waits for
//! `rediscluster recover`. A script and a transaction work on one node only. The name stands in front of the tag as well,
//! because servers do not store the tag: `jobs{mail}` and `jobs{fax}` would both be stored as `jobs`. For more than one
//! node can do, have several queues: each lives where its name leads.
//!
//! A job runs at least once, and twice when its worker is too slow or loses its node before it has acknowledged. So let
//! jobs do no harm when they run again.

use rediscluster::prelude::*;
use rediscluster::{Cancel, ErrorKind, Result, Script, Side};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Puts the jobs of a worker back, to the end that is taken from, unless it lives. One step, so that a worker which comes
/// back in this moment is either seen alive or finds its list empty.
static GIVE_BACK: Script = Script::new(
    "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
    local jobs = 0
    while redis.call('LMOVE', KEYS[2], KEYS[3], 'LEFT', 'RIGHT') do jobs = jobs + 1 end
    redis.call('SREM', KEYS[4], ARGV[1])
    return jobs",
);

/// A queue of jobs. A job is a text; give each its own, such as an id.
pub struct Queue {
    cluster: Cluster,
    name: String,
    /// How long a worker may give no sign of life, so longer than any job takes.
    lease: Duration,
}

impl Queue {
    /// The queue of this name, which must not hold braces.
    pub fn new(cluster: &Cluster, name: &str, lease: Duration) -> Queue {
        // A replica may lag, and then the reaper would miss a worker.
        Queue { cluster: cluster.masters_only(), name: name.to_owned(), lease }
    }

    fn key(&self, what: &str) -> String {
        format!("{what}:{name}{{{name}}}", name = self.name)
    }

    fn jobs(&self) -> String {
        self.key("jobs")
    }

    fn running(&self, worker: &str) -> String {
        self.key(&format!("running:{worker}"))
    }

    /// Adds jobs; gives how many wait now. When the outcome of an error is `Unknown`, they may have been added.
    pub fn push(&self, jobs: &[String]) -> Result<u64> {
        self.cluster.lpush(self.jobs(), jobs)
    }

    /// How many jobs wait or run.
    pub fn left(&self) -> Result<u64> {
        let workers: Vec<String> = self.cluster.smembers(self.key("workers"))?;
        // One transaction, so that no job is on its way between two lists.
        let mut transaction = self.cluster.transaction();
        let waiting = transaction.llen(self.jobs());
        let running: Vec<_> = workers.iter().map(|worker| transaction.llen(self.running(worker))).collect();
        let replies = transaction.run()?;
        let running = running.into_iter().map(|slot| replies.get(slot)).sum::<Result<u64>>()?;
        Ok(replies.get(waiting)? + running)
    }

    /// Takes a job into the list of this worker, where it stays until it is [`done`](Queue::done). Waits for a third of
    /// the lease, so that a worker without work still says in time that it lives.
    pub fn take(&self, worker: &str, cancel: &Cancel) -> Result<Option<String>> {
        let mut sign_of_life = self.cluster.transaction();
        sign_of_life.psetex(self.key(&format!("alive:{worker}")), self.lease, 1);
        sign_of_life.sadd(self.key("workers"), worker);
        sign_of_life.run()?;
        let waiting = self.cluster.cancelled_by(cancel);
        waiting.blmove(self.jobs(), self.running(worker), Side::Right, Side::Left, self.lease / 3)
    }

    /// Acknowledges a job.
    pub fn done(&self, worker: &str, job: &str) -> Result<()> {
        self.cluster.lrem(self.running(worker), 1, job).map(drop)
    }

    /// Works until it is cancelled, and gives how many jobs it did. A job that was begun is finished first.
    ///
    /// An error names the node and leaves no job behind that the reaper does not find; begin again when you like.
    pub fn work(&self, worker: &str, cancel: &Cancel, mut run: impl FnMut(&str)) -> Result<u64> {
        let mut count = 0;
        loop {
            match self.take(worker, cancel) {
                Ok(Some(job)) => {
                    run(&job);
                    self.done(worker, &job)?;
                    count += 1;
                }
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::Cancelled => break,
                Err(error) => return Err(error),
            }
        }
        // Its list is empty, so it can sign off.
        let mut sign_off = self.cluster.transaction();
        sign_off.del(self.key(&format!("alive:{worker}")));
        sign_off.srem(self.key("workers"), worker);
        sign_off.run()?;
        Ok(count)
    }

    /// Gives back the jobs of workers that have died, and says how many those were. Run it now and then, anywhere.
    pub fn reap(&self) -> Result<u64> {
        let workers: Vec<String> = self.cluster.smembers(self.key("workers"))?;
        let give_back = |worker: &String| {
            let (alive, workers) = (self.key(&format!("alive:{worker}")), self.key("workers"));
            let call = GIVE_BACK.call().keys([alive, self.running(worker), self.jobs(), workers]);
            call.arg(worker).run::<u64>(&self.cluster)
        };
        workers.iter().map(give_back).sum()
    }

    /// Reaps until no job is left, or until it takes longer than this.
    pub fn reap_until_empty(&self, longest: Duration) -> Result<u64> {
        let (begin, mut given_back) = (Instant::now(), 0);
        while self.left()? > 0 && begin.elapsed() < longest {
            given_back += self.reap()?;
            thread::sleep(self.lease / 10);
        }
        Ok(given_back)
    }
}

fn main() -> Result<()> {
    let nodes = std::env::args().nth(1).or_else(|| std::env::var("REDISCLUSTER_NODES").ok());
    let cluster = Cluster::builder().nodes(nodes.unwrap_or_default()).client_name("job_queue").connect()?;
    // A name of its own for each run, and a lease as short as a demonstration needs.
    let name = format!("mail-{}", std::process::id());
    let queue = Queue::new(&cluster, &name, Duration::from_millis(1500));
    let jobs: Vec<String> = (1..=10).map(|number| format!("letter {number}")).collect();
    println!("{} jobs wait on {}", queue.push(&jobs)?, cluster.node_for(queue.jobs()));

    let cancel = Cancel::new();
    if let Some(job) = queue.take("unlucky", &cancel)? {
        println!("unlucky takes {job} and dies");
    }
    let done = AtomicU64::new(0);
    let work = |worker: &str| {
        queue.work(worker, &cancel, |job| {
            println!("{worker} does {job}");
            done.fetch_add(1, Ordering::Relaxed);
        })
    };
    let given_back = thread::scope(|scope| {
        let workers = ["ada", "bob"].map(|worker| scope.spawn(move || work(worker)));
        let given_back = queue.reap_until_empty(Duration::from_secs(30));
        // Also after an error: nobody would end the workers otherwise.
        cancel.cancel();
        for worker in workers {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        given_back
    })?;
    println!("the reaper gave back {given_back} jobs of dead workers");
    println!("{} jobs done, {} left", done.into_inner(), queue.left()?);
    Ok(())
}
