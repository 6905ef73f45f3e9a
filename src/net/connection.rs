//! One connection to one server: handshake, requests out, replies in.

mod exchange;
mod handshake;
mod reading;
mod writing;

use super::closing::{observed, Closing};
use super::deadline::Deadline;
use super::forked;
use super::read_half::ReadHalf;
use super::silence::Silence;
use super::stream::Stream;
use crate::command::Wait;
use crate::config::{Endpoint, Settings};
use crate::error::{Error, ErrorKind, Outcome, Phase, Result};
use crate::observer::CloseReason;
use crate::plan::command;
use crate::resp::{Decoder, Frame, Protocol};
use crate::topology::info::Info;
use crate::topology::Node;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a connection may have brought nothing before it is looked at before the next use.
///
/// To look takes three system calls, 1 µs of the 17 µs of a `GET`, which a loop on one connection should not pay for.
/// What a look can find, a reply too many or that the server hung up, takes the way from the server to here: within this
/// time hardly anything can have come that was not there when the last reply was read.
pub(super) const FRESH: Duration = Duration::from_micros(100);
/// The same for what may meet a dead connection, because it is only read and is sent once more over another one.
///
/// So a loop over several nodes takes no look. Where there is more time between two calls, a look costs nothing that tells,
/// and nobody gets a reply too many that came meanwhile.
const FRESH_FOR_READS: Duration = Duration::from_millis(1);
/// A request of no more than this fits the buffer of any socket: to write it to a connection that owes nothing takes no time.
const SMALL: usize = 4 << 10;

/// A connection of one's own to one server, without any routing: commands go there as they are, known to the
/// command table or not, and hash tags mean nothing.
///
/// After an I/O error, a missed deadline or bytes that are not RESP it is closed, and every further command is an
/// error: a late reply can never be taken for another command's. Error replies leave it usable. That the server has closed
/// it while it lay unused is an error of the next command as well, which is
/// [`NotApplied`](crate::Outcome::NotApplied) then: it was not sent.
///
/// Messages that answer no command, such as servers send by RESP3 after `CLIENT TRACKING`, are passed over, or told where
/// [`Builder::on_push`](crate::Builder::on_push) asks for that.
///
/// ```no_run
/// use rediscluster::prelude::*;
///
/// let mut connection = Cluster::builder().password("secret").open("127.0.0.1:6379")?;
/// let answer: String = connection.execute(cmd("PING").reply())?;
/// assert_eq!(answer, "PONG");
/// # Ok::<(), rediscluster::Error>(())
/// ```
pub struct Connection {
    pub(super) stream: Stream,
    pub(super) decoder: Decoder,
    node: Arc<Node>,
    pub(super) settings: Arc<Settings>,
    /// Requests sent whose replies have not been read.
    unanswered: usize,
    broken: bool,
    /// It watches keys or is inside a transaction.
    stateful: bool,
    /// The database that it is in.
    database: u32,
    /// When it was last asked something while it owed no reply, and when it last brought something.
    asked: Instant,
    pub(super) heard: Instant,
    /// From when on it is to be told again that its server was heard: the second of these times after it was told. What takes
    /// it before then finds it fresh in any case.
    tell_from: Instant,
    /// When it was lent.
    woken: Instant,
    /// When it lay for less, it is lent without a look: to what must not meet a dead one, and to what may.
    fresh: [Duration; 2],
    /// The age of its server at which that was seen to be in step with its master; 0 when it never was.
    in_step: u64,
    /// It has lain unused, and no reply has come since.
    rested: bool,
    /// Bytes since it was opened.
    sent: u64,
    received: u64,
    /// Where somebody wants to know when it is closed.
    closing: Option<Arc<Closing>>,
    /// What is heard of its server, where it is one of a pool.
    silence: Option<Arc<Silence>>,
    /// What its server said of itself in the handshake, where it was asked and was willing to.
    pub(super) said: Option<Info>,
}

/// What is done with a connection beyond its handshake.
#[derive(Clone, Copy, Default)]
pub(crate) struct Watch<'w> {
    /// Is told what is heard, and what is not.
    pub(super) silence: Option<&'w Arc<Silence>>,
    /// The server is asked who it is.
    pub(crate) asks_who: bool,
    /// Its server may run a script for too long, and refuses to give it a name or a database then.
    pub(super) is_bare: bool,
}

impl Connection {
    /// Connects and says who it is. In a box, because it goes through many hands.
    pub(crate) fn open(
        node: &Arc<Node>,
        endpoint: &Endpoint,
        settings: &Arc<Settings>,
        deadline: Deadline,
    ) -> Result<Box<Connection>> {
        Connection::open_watched(node, endpoint, settings, deadline, Watch::default(), &mut |_| {})
    }

    /// As [`open`](Connection::open); as soon as there is a socket, `opened` is given a second handle to it, so that
    /// another thread can end the handshake.
    pub(crate) fn open_watched(
        node: &Arc<Node>,
        endpoint: &Endpoint,
        settings: &Arc<Settings>,
        deadline: Deadline,
        watch: Watch<'_>,
        opened: &mut dyn FnMut(Stream),
    ) -> Result<Box<Connection>> {
        let connect = || Connection::connected(node, endpoint, settings, deadline, watch, opened);
        let mut result = observed(node, settings, connect);
        if let Ok(connection) = &mut result {
            connection.closing = Closing::of(node, settings);
        }
        result
    }

    fn connected(
        node: &Arc<Node>,
        endpoint: &Endpoint,
        settings: &Arc<Settings>,
        deadline: Deadline,
        watch: Watch<'_>,
        opened: &mut dyn FnMut(Stream),
    ) -> Result<Box<Connection>> {
        let now = Instant::now();
        let deadline = deadline.within(settings.connect_timeout).waiting(Wait::None);
        let silence = watch.silence;
        if endpoint.is_unplaced {
            let message = "none of its Sentinels could be reached so far, so nobody knows where its master is";
            let error = Error::new(ErrorKind::Connect, Outcome::NotApplied, message).in_phase(Phase::Connect);
            return Err(error.at(&**node));
        }
        let stream = Stream::connect(&endpoint.address, settings.connector.as_ref(), deadline).map_err(|error| {
            let error = Error::io(error, Outcome::NotApplied, "connecting");
            if let (Some(silence), true) = (silence, error.is_timeout()) {
                silence.unanswered(now);
            }
            // A refused, unreachable or silent server is one kind: there was never a connection.
            error.with_kind(ErrorKind::Connect).at(&**node)
        })?;
        opened(stream.share());
        let mut connection = Box::new(Connection {
            stream,
            decoder: Decoder::new(Protocol::Resp2, settings.limits),
            node: Arc::clone(node),
            settings: Arc::clone(settings),
            unanswered: 0,
            broken: false,
            stateful: false,
            database: settings.database.filter(|_| !watch.is_bare).unwrap_or(0),
            asked: now,
            heard: Instant::now(),
            tell_from: now,
            woken: now,
            fresh: [FRESH, FRESH_FOR_READS]
                .map(|fresh| fresh.min(settings.check_after).min(settings.max_idle_age.unwrap_or(fresh))),
            in_step: 0,
            rested: false,
            sent: 0,
            received: 0,
            closing: None,
            silence: silence.cloned(),
            said: None,
        });
        // Nothing of the caller's was sent yet, whatever goes wrong in the handshake.
        connection
            .handshake(&endpoint.credentials, watch, deadline)
            .map_err(|error| error.with_outcome(Outcome::NotApplied).in_phase(Phase::Handshake).at(&**node))?;
        Ok(connection)
    }

    /// The server at the other end.
    pub fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn shared_node(&self) -> Arc<Node> {
        Arc::clone(&self.node)
    }

    /// Its server has this name from now on.
    pub(super) fn rename(&mut self, node: &Arc<Node>) {
        if !Arc::ptr_eq(&self.node, node) {
            self.node = Arc::clone(node);
        }
    }

    /// The database that it is in; where it is stateful, the one that it will be in when it no longer is.
    pub(crate) fn database(&self) -> u32 {
        self.database
    }

    /// Sends requests that will get `replies` replies.
    ///
    /// When it fails, the outcome is `NotApplied`: the last request was not sent whole. Earlier ones of the same
    /// call may have run.
    pub(crate) fn send(&mut self, bytes: &[u8], replies: usize, deadline: Deadline) -> Result<()> {
        self.owe(replies)?;
        match self.write(bytes, deadline) {
            (_, Some(error)) => Err(error),
            (_, None) => Ok(()),
        }
    }

    /// Says that requests will be written that get `replies` replies. Until all of those are in, the connection is for
    /// nobody else.
    pub(crate) fn owe(&mut self, replies: usize) -> Result<()> {
        if self.broken {
            return Err(was_closed(Outcome::NotApplied, Phase::Send));
        }
        if self.unanswered == 0 {
            if self.decoder.pending() > 0 {
                self.pass_over_pushes()?;
            }
            self.asked = Instant::now();
        }
        self.unanswered += replies;
        Ok(())
    }

    /// The reply that lies at `range`.
    #[inline]
    pub(crate) fn frame(&self, range: Range<usize>) -> Frame<'_> {
        self.decoder.frame(range)
    }

    /// The text of the reply at `range`, when it is one bulk so large that copying it would tell.
    pub(crate) fn take_bulk(&mut self, range: &Range<usize>) -> Option<Vec<u8>> {
        self.decoder.take_bulk(range)
    }

    /// Sends one request and gives its reply; an error reply is an error.
    pub(crate) fn ask(&mut self, args: &[&[u8]], deadline: Deadline) -> Result<Frame<'_>> {
        self.ask_encoded(&command(args.iter().copied()), deadline)
    }

    /// The same with a request as it goes over the wire.
    pub(crate) fn ask_encoded(&mut self, request: &[u8], deadline: Deadline) -> Result<Frame<'_>> {
        let range = self.exchange(request, deadline)?;
        if let Some(text) = self.frame(range.clone()).error() {
            return Err(Error::server(text).at(&*self.node));
        }
        Ok(self.frame(range))
    }

    /// Goes to another database, when it is not there already. When it cannot, nothing of the caller's was sent.
    #[inline]
    pub(crate) fn select(&mut self, database: u32, deadline: Deadline) -> Result<()> {
        match self.database == database {
            true => Ok(()),
            false => self.go_to(database, deadline),
        }
    }

    fn go_to(&mut self, database: u32, deadline: Deadline) -> Result<()> {
        let failed = match self.ask(&[b"SELECT", database.to_string().as_bytes()], deadline) {
            Ok(_) => {
                self.database = database;
                return Ok(());
            }
            Err(error) => error,
        };
        let failed = failed.with_outcome(Outcome::NotApplied).in_phase(Phase::Handshake);
        Err(failed.with_command("SELECT").at(&*self.node))
    }

    /// The socket is never used again: what it still brings belongs to nobody.
    pub(super) fn close(&mut self, why: Error) -> Error {
        self.broken = true;
        self.stream.close();
        Closing::because(&mut self.closing, CloseReason::Failed(why.kind()));
        self.closing = None;
        why.pooled(self.rested).at(&*self.node)
    }

    /// Whether it was closed.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether the next caller may have it.
    #[inline]
    pub(crate) fn is_reusable(&self) -> bool {
        !self.broken && !self.stateful && self.unanswered == 0 && self.decoder.pending() == 0
    }

    /// Whether it now watches keys or is inside a transaction: such a connection is for nobody else.
    pub(crate) fn set_stateful(&mut self, stateful: bool) {
        self.stateful = stateful;
    }

    /// The [age](super::health::Health::age) at which its server, a replica, was seen to be in step with its master.
    pub(crate) fn known_in_step(&self) -> u64 {
        self.in_step
    }

    /// Remembers that its server is in step.
    pub(crate) fn set_in_step(&mut self, age: u64) {
        self.in_step = age;
    }

    /// Whether it watches keys or is inside a transaction.
    pub(crate) fn stateful(&self) -> bool {
        self.stateful
    }

    /// Says that it is about to lie unused.
    #[inline]
    pub(super) fn rest(&mut self) {
        self.decoder.shrink();
        self.said = None;
        self.rested = true;
    }

    /// Says that it is about to be lent again.
    #[inline]
    pub(crate) fn wake(&mut self) {
        self.wake_at(None);
    }

    /// The same where it may be known what time it is.
    #[inline]
    pub(super) fn wake_at(&mut self, now: Option<Instant>) {
        self.woken = now.unwrap_or_else(Instant::now);
    }

    /// Whether it brought something so short a time before it was lent that neither it nor its server has to be asked first.
    #[inline]
    pub(super) fn was_just_used(&self, may_be_dead: bool) -> bool {
        // Most find it so without adding anything up.
        (may_be_dead && self.woken < self.tell_from) || self.lay_less_than(self.fresh[usize::from(may_be_dead)])
    }

    /// Whether it was lent in this process.
    #[inline]
    pub(super) fn is_of(&self, process: u32) -> bool {
        forked::process_at(self.woken) == process
    }

    fn lay_less_than(&self, time: Duration) -> bool {
        self.heard.checked_add(time).map_or(true, |until| self.woken < until)
    }

    /// Whether it had brought nothing for so long, at this moment.
    pub(super) fn is_older(&self, age: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) >= age
    }

    /// When it last brought something.
    pub(super) fn heard(&self) -> Instant {
        self.heard
    }

    /// Whether it may be lent: nothing came while it lay unused, and the server has not hung up, as far as a look is worth
    /// its system calls.
    pub(crate) fn is_open(&self) -> bool {
        self.lay_less_than(FRESH) || self.stream.is_quiet()
    }

    /// How long it had brought nothing when it was lent.
    pub(crate) fn lay(&self) -> Duration {
        self.woken.saturating_duration_since(self.heard)
    }

    /// Says why it will be closed, where that is not known already.
    pub(super) fn closes(&mut self, why: CloseReason) {
        Closing::because(&mut self.closing, why);
    }

    /// Why it cannot be used again, where nothing failed.
    pub(super) fn why_not_reusable(&self) -> CloseReason {
        if self.stateful {
            CloseReason::Stateful
        } else {
            CloseReason::Unread
        }
    }

    /// Bytes sent and received since it was opened.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.sent, self.received)
    }

    /// From now on the server may say something that answers no command, which only RESP3 can tell apart.
    pub(crate) fn expect_resp3(&mut self) {
        self.decoder.set_protocol(Protocol::Resp3);
    }

    /// Takes it apart into what is read from and what is written to, for a stream of messages that answer no command.
    pub(crate) fn split(self) -> (ReadHalf, Stream) {
        let outgoing = self.stream.share();
        (ReadHalf::new(self.stream, self.decoder, self.closing, self.silence), outgoing)
    }
}

#[cold]
fn was_closed(outcome: Outcome, phase: Phase) -> Error {
    Error::new(ErrorKind::Io, outcome, "the connection was closed by an earlier failure").in_phase(phase)
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("node", &self.node).field("broken", &self.broken).finish_non_exhaustive()
    }
}
