//! What a connection of one's own runs.

use crate::cmd::{Cmd, Execute};
use crate::command::Wait;
use crate::error::{Error, ErrorKind, Outcome, OwnWords, Result};
use crate::from_value::FromValue;
use crate::net::{Connection, Deadline};
use crate::resp::ValueRef;
use std::borrow::Cow;

/// As many bytes of small commands are written at once.
const WRITTEN_AT_ONCE: usize = 64 << 10;

impl Connection {
    /// Sends several commands together and hands over their replies in the order of the commands: `reply` is given the
    /// number of a command, counted from 0, and what the server answered to it, error replies included. For who copies or
    /// checks many keys of one server; over all nodes [`Cluster::pipeline`](crate::Cluster::pipeline) does it.
    ///
    /// All commands are written before the first reply is read, so the server holds the replies meanwhile: send no more
    /// at once than it may. The whole has one deadline, and waits of blocking commands count as any other time. No
    /// commands are no request.
    ///
    /// # Errors
    /// A command that [`execute`](Execute::execute) refuses refuses all of them, and nothing is sent. When the
    /// connection fails, the replies that were handed over stand, and
    /// [`Error::outcome`](crate::Error::outcome) is about those that were not: the error names the first of them.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{Build, Cmd, ValueRef};
    ///
    /// # let address = cluster.node_for("foo").address().to_string();
    /// let mut connection = Cluster::builder().open(address)?;
    /// let commands: [Cmd; 2] = [Build.set("foo", 7).reply(), Build.get::<_, String>("foo").reply()];
    /// let mut seen = Vec::new();
    /// connection.execute_all(&commands, |number, reply| seen.push((number, reply == ValueRef::Bulk(b"7"))))?;
    /// assert_eq!(seen, [(0, false), (1, true)]);
    /// # Ok(()) });
    /// ```
    pub fn execute_all<T>(&mut self, commands: &[Cmd<T>], mut reply: impl FnMut(usize, ValueRef<'_>)) -> Result<()> {
        for cmd in commands {
            checked(cmd)?;
        }
        let name = |at: usize| commands[at].name();
        self.send_all(commands.len(), &|at| commands[at].as_bytes(), &name)?;
        let deadline = Deadline::after(self.patience());
        for at in 0..commands.len() {
            match self.receive(deadline) {
                Ok(frame) => reply(at, frame.value()),
                Err(error) => return Err(error.with_command(name(at))),
            }
        }
        Ok(())
    }

    /// Writes requests that get one reply each, small ones together.
    fn send_all<'c>(
        &mut self,
        count: usize,
        bytes: &dyn Fn(usize) -> &'c [u8],
        name: &dyn Fn(usize) -> Cow<'static, str>,
    ) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        self.look().map_err(|error| error.with_command(name(0)))?;
        let deadline = Deadline::after(self.patience());
        self.owe(count).map_err(|error| error.with_command(name(0)))?;
        let (mut small, mut begun) = (Vec::new(), false);
        for at in 0..count {
            let request = bytes(at);
            if request.len() < WRITTEN_AT_ONCE {
                small.extend_from_slice(request);
            }
            let is_last = at + 1 == count;
            if !small.is_empty() && (is_last || small.len() >= WRITTEN_AT_ONCE || request.len() >= WRITTEN_AT_ONCE) {
                self.write_of_several(&small, begun, deadline).map_err(|error| error.with_command(name(at)))?;
                (small, begun) = (Vec::new(), true);
            }
            if request.len() >= WRITTEN_AT_ONCE {
                self.write_of_several(request, begun, deadline).map_err(|error| error.with_command(name(at)))?;
                begun = true;
            }
        }
        Ok(())
    }

    /// What was written before may have run, whatever becomes of this.
    fn write_of_several(&mut self, bytes: &[u8], begun: bool, deadline: Deadline) -> Result<()> {
        match self.write(bytes, deadline) {
            (0, Some(error)) if !begun => Err(error),
            (_, Some(error)) => Err(error.with_outcome(Outcome::Unknown)),
            (_, None) => Ok(()),
        }
    }

    /// Runs a command, with a deadline that begins now.
    pub(crate) fn run<T: FromValue>(&mut self, cmd: &Cmd<T>) -> Result<T> {
        checked(cmd)?;
        self.look().map_err(|error| error.with_command(cmd.name()))?;
        let deadline = Deadline::of(self.patience(), cmd.row(&[]).map_or(Wait::None, |row| row.wait(cmd.args())));
        self.run_until(cmd, deadline, &|| OwnWords::of(cmd.as_bytes()))
    }

    /// Runs a script by its name, and as a whole when the server does not know it, which with `ask` it is asked before.
    pub(crate) fn run_script<T: FromValue>(
        &mut self,
        named: &Cmd<T>,
        whole: &(dyn Fn() -> Cmd<T> + Sync),
        ask: bool,
    ) -> Result<T> {
        named.check()?;
        self.look().map_err(|error| error.with_command(named.name()))?;
        let deadline = Deadline::after(self.patience());
        if ask && !self.knows_script(named.args(), deadline).map_err(|error| error.with_command(named.name()))? {
            let whole = whole();
            whole.check()?;
            return self.run_until(&whole, deadline, &|| OwnWords::of(whole.as_bytes()));
        }
        match self.run_until(named, deadline, &|| OwnWords::of(whole().as_bytes())) {
            Err(error) if error.is_unknown_script() => {
                let whole = whole();
                whole.check()?;
                self.run_until(&whole, deadline, &|| OwnWords::of(whole.as_bytes()))
            }
            result => result,
        }
    }

    /// Runs a command until then. `own` tells what a script that it runs may say in its own name.
    fn run_until<T: FromValue>(&mut self, cmd: &Cmd<T>, deadline: Deadline, own: &dyn Fn() -> OwnWords) -> Result<T> {
        let runs_a_script = cmd.row(&[]).is_ok_and(|row| row.spec.runs_a_script(cmd.args()));
        let range = self.exchange(cmd.as_bytes(), deadline).map_err(|error| error.with_command(cmd.name()))?;
        let value = match (self.take_bulk(&range), range) {
            (Some(bytes), _) => T::from_bulk(bytes),
            (None, range) => match self.frame(range).value() {
                ValueRef::Error(text) if runs_a_script => Err(Error::server(text).of_a_script(own())),
                ValueRef::Error(text) => Err(Error::server(text)),
                // An error inside of what a script returned: the script came to its end.
                value if runs_a_script => T::from_value(value).map_err(|error| error.with_outcome(Outcome::Applied)),
                value => T::from_value(value),
            },
        };
        value.map_err(|error| error.at(self.node()).with_command(cmd.name()))
    }
}

/// Refuses what no server would take, and what has no single reply.
fn checked<T>(cmd: &Cmd<T>) -> Result<()> {
    cmd.check()?;
    if cmd.row(&[]).is_ok_and(|row| row.spec.is_answered_by_a_stream()) {
        let message = if cmd.name().ends_with("SUBSCRIBE") {
            "is answered by a stream of messages; `Cluster::subscriber` listens to channels"
        } else {
            "is answered by a stream of messages or not at all, and a connection gives one reply to each command"
        };
        return Err(Error::new(ErrorKind::Refused, Outcome::NotApplied, message).with_command(cmd.name()));
    }
    Ok(())
}

impl Execute for &mut Connection {
    type Output<T: FromValue> = Result<T>;

    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Result<T> {
        self.run(&cmd)
    }
}
