//! Transactions, which are sent again as a whole.

use super::*;

pub fn transaction(cluster: &Cluster) -> Result<i64, Error> {
    let mut transaction = cluster.transaction();
    let count = transaction.incr("foo");
    transaction.rpush("list{foo}", [1]);
    transaction.run()?.get(count)
}

#[test]
fn a_transaction_follows_the_master_of_its_node() {
    // `MULTI` is the first command; `INCR`, `RPUSH` and `EXEC` follow.
    for begins_at in 0..4 {
        let nodes = Nodes::start();
        let observer = Arc::new(Told::default());
        let cluster = nodes.connected(nodes.builder().observer(Arc::clone(&observer)));
        observer.take();
        nodes.wire.between(begins_at, nodes.failover());
        assert_eq!(transaction(&cluster).unwrap(), 1, "{begins_at}");
        assert_eq!((list(&nodes.new, "list"), nodes.new.ask(&["GET", "foo"]).text()), (vec![1], "1".into()));
        let (retries, commands) = observer.take();
        assert_eq!((retries.len(), retries[0].3, commands), (1, ErrorKind::ReadOnly, 1));
    }
    let nodes = Nodes::start();
    let cluster = nodes.cluster().retries(Retries::none());
    nodes.failover()();
    let error = transaction(&cluster).unwrap_err();
    assert_eq!(told(&error), (ErrorKind::ReadOnly, Outcome::NotApplied, 1));
    assert_eq!(transaction(&cluster).unwrap(), 1, "the next one goes to the new master");
    assert_eq!(list(&nodes.new, "list"), [1]);
}

#[test]
fn a_transaction_that_may_have_been_applied_is_not_run_again() {
    let nodes = Nodes::start();
    let cluster = nodes.cluster().retries(quick(9).also_unknown());
    nodes.wire.at(3, Cut::BeforeReply, nodes.failover());
    assert_eq!(transaction(&cluster).unwrap_err().outcome(), Outcome::Unknown);
    assert_eq!(list(&nodes.new, "list"), [1]);
}

#[test]
fn a_watched_transaction_is_run_again_at_the_new_master() {
    let add = |cluster: &Cluster, runs: &mut u32| {
        cluster.watch(["foo"], |watched| {
            *runs += 1;
            let foo: u64 = watched.get("foo")?;
            let mut transaction = watched.transaction();
            transaction.set("foo", foo + 1);
            transaction.run().map(|_| foo + 1)
        })
    };
    // `WATCH`, `GET`, `MULTI`, `SET`, `EXEC`.
    for begins_at in 0..5 {
        let nodes = Nodes::start();
        let cluster = nodes.cluster();
        nodes.wire.between(begins_at, nodes.failover());
        let mut runs = 0;
        assert_eq!(add(&cluster, &mut runs).unwrap(), 1, "{begins_at}");
        assert_eq!((runs, nodes.new.ask(&["GET", "foo"]).text()), (2, "1".into()));
    }
    // A connection that breaks before `EXEC` leads on as well; at `EXEC` nobody knows.
    for (cut_at, runs_of_it) in [(0, 1), (1, 2), (2, 2), (4, 1)] {
        let nodes = Nodes::start();
        let cluster = nodes.cluster();
        nodes.wire.at(cut_at, Cut::BeforeReply, nodes.failover());
        let mut runs = 0;
        let done = add(&cluster, &mut runs);
        assert_eq!(done.is_ok(), cut_at < 4, "{cut_at}: {done:?}");
        assert_eq!(runs, runs_of_it, "{cut_at}");
    }
    let nodes = Nodes::start();
    let cluster = nodes.cluster().retries(Retries::none());
    nodes.failover()();
    let mut runs = 0;
    assert_eq!(told(&add(&cluster, &mut runs).unwrap_err()), (ErrorKind::ReadOnly, Outcome::NotApplied, 1));
    assert_eq!(runs, 1);
    // An error of the closure is its own.
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    nodes.failover()();
    let mut runs = 0;
    let done: Result<(), Error> = cluster.watch(["foo"], |watched| {
        runs += 1;
        let mut transaction = watched.transaction();
        transaction.set("foo", 1);
        assert!(transaction.run().is_err());
        cluster.execute(cmd("NOSUCH")).map(drop)
    });
    assert_eq!((done.unwrap_err().kind(), runs), (ErrorKind::UnknownCommand, 1));
    // Also when it is one that another server would not give.
    let nodes = Nodes::start();
    let cluster = nodes.cluster();
    let once = cluster.retries(Retries::none());
    nodes.failover()();
    let mut runs = 0;
    let done = cluster.watch(["foo"], |_| {
        runs += 1;
        once.set("foo", 1)
    });
    assert_eq!((done.unwrap_err().kind(), runs), (ErrorKind::ReadOnly, 1));
}
