//! One connection over a wire on which something goes wrong.

use super::{Fault, Shared, Way};
use crate::frames::Frames;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const PUSH: &[u8] = b">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n";

/// A connection, and what has become of it.
pub(super) struct Line {
    near: TcpStream,
    far: TcpStream,
    shared: Arc<Shared>,
    /// Nothing is carried on it any more; in a black hole, until the wire is healed.
    is_swallowed: bool,
    is_black: bool,
    /// What was read and could not be written yet, to the server and to the client.
    rest: [Vec<u8>; 2],
    paused_until: [Option<Instant>; 2],
    /// As many bytes of the client were carried and are still to be read. A socket that is closed with something unread
    /// is reset, and this is how a reset is made.
    kept: usize,
    /// Bytes are carried one by one, with this pause, until the wire has been healed once more than so often.
    drip: Option<(Duration, usize)>,
    pushes: Pushes,
}

/// What is said between replies.
#[derive(Default)]
struct Pushes {
    frames: Frames,
    /// Once, before the next reply.
    once: bool,
    /// Before the next reply it was said.
    is_said: bool,
    /// The rest of one that has begun.
    due: Vec<u8>,
}

impl Pushes {
    /// A reply is about to go on, or to begin. Whether something is to be said before it, from now on.
    fn begin(&mut self, always: bool) -> bool {
        let begins = self.frames.is_between() && !self.is_said && (always || self.once);
        if begins {
            self.due = PUSH.to_vec();
            (self.is_said, self.once) = (true, false);
        }
        begins
    }

    /// How many of these bytes can be carried before something may have to be said.
    fn follow(&mut self, bytes: &[u8], always: bool) -> usize {
        let mut count = 0;
        while count < bytes.len() {
            count += self.frames.follow(&bytes[count..]);
            self.is_said &= !self.frames.is_between();
            if always || self.once {
                break;
            }
        }
        count
    }
}

/// What a step has come to.
enum Step {
    Idle,
    Moved,
    End,
}

impl Line {
    pub(super) fn new(near: TcpStream, far: TcpStream, shared: Arc<Shared>, is_black: bool) -> std::io::Result<Line> {
        for stream in [&near, &far] {
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
        }
        Ok(Line {
            near,
            far,
            shared,
            is_swallowed: is_black,
            is_black,
            rest: [Vec::new(), Vec::new()],
            paused_until: [None, None],
            kept: 0,
            drip: None,
            pushes: Pushes::default(),
        })
    }

    pub(super) fn carry(mut self) {
        let mut idle = 0;
        loop {
            let (over, black) = {
                let state = self.shared.lock();
                (state.over, state.black)
            };
            if over || (self.is_black && !black) {
                return;
            }
            let steps = match self.is_swallowed {
                true => [self.swallow(), Step::Idle],
                false => [self.step(Way::ToServer), self.step(Way::ToClient)],
            };
            if steps.iter().any(|step| matches!(step, Step::End)) {
                return;
            }
            let has_moved = steps.iter().any(|step| matches!(step, Step::Moved));
            idle = if has_moved { 0 } else { idle + 1 };
            match idle {
                0 => {}
                1..=20 => thread::yield_now(),
                _ => thread::sleep(Duration::from_micros((idle as u64 * 2).min(1000))),
            }
        }
    }

    fn swallow(&mut self) -> Step {
        match self.near.read(&mut [0; 4096]) {
            Ok(0) => Step::End,
            Ok(_) => Step::Moved,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Step::Idle,
            Err(_) => Step::End,
        }
    }

    /// Carries what there is in one direction.
    fn step(&mut self, way: Way) -> Step {
        if self.paused_until[way as usize].is_some_and(|until| Instant::now() < until) {
            return Step::Idle;
        }
        if !self.rest[way as usize].is_empty() {
            return self.write(way);
        }
        let (room, is_now, pieces, pushes_always) = {
            let state = self.shared.lock();
            let left = state.left(way);
            self.drip = self.drip.filter(|(_, heals)| *heals == state.heals);
            let pieces = self.drip.map(|(pause, _)| (1, pause)).or(state.pieces);
            (left.min(pieces.map_or(16 << 10, |(bytes, _)| bytes)), left == 0, pieces, state.pushes_always)
        };
        let mut buffer = [0; 16 << 10];
        if self.kept > 0 && !self.shared.lock().is_to_reset() {
            // It would hide that the client has closed.
            let _ = (&self.near).read_exact(&mut buffer[..std::mem::take(&mut self.kept)]);
        }
        let kept = if way == Way::ToServer { self.kept } else { 0 };
        let from = if way == Way::ToServer { &self.near } else { &self.far };
        let new = match from.peek(&mut buffer) {
            Ok(0) => return self.end(way),
            Ok(count) => count - kept,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => return self.end(way),
        };
        if new == 0 {
            return Step::Idle;
        }
        if is_now {
            return self.fault(way);
        }
        let mut count = new.min(room);
        if way == Way::ToClient {
            if self.pushes.begin(pushes_always) {
                self.shared.lock().count(&Fault::Push);
            }
            if !self.pushes.due.is_empty() {
                let due = self.pushes.due.drain(..room.min(self.pushes.due.len())).collect();
                return self.carried(way, due, pieces);
            }
            count = self.pushes.follow(&buffer[..count], pushes_always);
        }
        let bytes = buffer[kept..kept + count].to_vec();
        let keep = usize::from(way == Way::ToServer && self.shared.lock().is_to_reset());
        let taken = kept + count - keep;
        let mut from = from;
        if taken > 0 && from.read_exact(&mut buffer[..taken]).is_err() {
            return Step::End;
        }
        if way == Way::ToServer {
            self.kept = keep;
        }
        self.carried(way, bytes, pieces)
    }

    /// Counts what is carried, and carries it.
    fn carried(&mut self, way: Way, bytes: Vec<u8>, pieces: Option<(usize, Duration)>) -> Step {
        self.shared.lock().carried[way as usize] += bytes.len();
        if let Some((_, pause)) = pieces {
            self.paused_until[way as usize] = Instant::now().checked_add(pause);
        }
        self.rest[way as usize] = bytes;
        self.write(way)
    }

    /// Writes what the other side takes at once.
    fn write(&mut self, way: Way) -> Step {
        let mut to = if way == Way::ToServer { &self.far } else { &self.near };
        match to.write(&self.rest[way as usize]) {
            Ok(count) => {
                self.rest[way as usize].drain(..count);
                Step::Moved
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Step::Idle,
            Err(_) => self.end(way),
        }
    }

    fn fault(&mut self, way: Way) -> Step {
        let Some(fault) = self.shared.lock().take(way) else { return Step::Idle };
        match &fault {
            Fault::Fin | Fault::Rst => {
                let is_fin = fault == Fault::Fin;
                // A reset must not overtake what was carried.
                while !self.rest[1].is_empty() {
                    if matches!(self.write(Way::ToClient), Step::End) {
                        break;
                    }
                }
                // The server has read everything and closed its side: whatever it does with this has been done. What it
                // still says comes from before the fault only where requests were cut.
                let last = self.settled();
                if way == Way::ToServer && is_fin {
                    let _ = self.near.set_nonblocking(false).and_then(|()| (&self.near).write_all(&last));
                }
                if is_fin {
                    // Something unread would make a reset of it.
                    let _ = self.near.set_nonblocking(true);
                    while (&self.near).read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
                }
            }
            Fault::Pause(pause) => self.paused_until[way as usize] = Instant::now().checked_add(*pause),
            Fault::BlackHole => (self.is_swallowed, self.is_black) = (true, true),
            Fault::Swallow => self.is_swallowed = true,
            Fault::Drip(pause) => self.drip = Some((*pause, self.shared.lock().heals)),
            Fault::Push => self.pushes.once = true,
            Fault::Insert(bytes) => self.rest[way as usize] = bytes.clone(),
        }
        let mut state = self.shared.lock();
        state.fired += 1;
        let said = state.carried[Way::ToServer as usize];
        state.said.get_or_insert(said);
        // A push is counted when it comes.
        if fault != Fault::Push {
            state.count(&fault);
        }
        state.black |= fault == Fault::BlackHole;
        state.draw();
        if matches!(fault, Fault::Fin | Fault::Rst) {
            Step::End
        } else {
            Step::Moved
        }
    }

    /// Tells the server that no more comes, and waits until it has no more to say.
    fn settled(&mut self) -> Vec<u8> {
        let _ = self.far.set_nonblocking(false);
        let _ = self.far.set_read_timeout(Some(Duration::from_secs(5)));
        let _ = self.far.set_write_timeout(Some(Duration::from_secs(5)));
        let _ = (&self.far).write_all(&std::mem::take(&mut self.rest[0]));
        let _ = self.far.shutdown(Shutdown::Write);
        let mut last = Vec::new();
        let _ = (&self.far).read_to_end(&mut last);
        last
    }

    /// One side has closed.
    fn end(&mut self, way: Way) -> Step {
        if way == Way::ToServer {
            self.settled();
        } else {
            // What the server said last reaches the client.
            let _ = self.near.set_nonblocking(false);
            let _ = self.near.set_write_timeout(Some(Duration::from_secs(1)));
            let _ = (&self.near).write_all(&std::mem::take(&mut self.rest[1]));
        }
        Step::End
    }
}
