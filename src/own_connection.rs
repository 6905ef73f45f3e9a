//! What a connection of one's own runs.

use crate::cmd::{Cmd, Execute};
use crate::error::{Error, ErrorKind, Outcome, OwnWords, Result};
use crate::from_value::FromValue;
use crate::net::{Connection, Deadline};
use crate::resp::ValueRef;
use crate::wait::Wait;

impl Connection {
    /// Runs a command, with a deadline that begins now.
    pub(crate) fn run<T: FromValue>(&mut self, cmd: &Cmd<T>) -> Result<T> {
        cmd.check()?;
        if cmd.row(&[]).is_ok_and(|row| row.spec.is_answered_by_a_stream()) {
            let message = if cmd.name().ends_with("SUBSCRIBE") {
                "is answered by a stream of messages; `Cluster::subscriber` listens to channels"
            } else {
                "is answered by a stream of messages or not at all, and a connection gives one reply to each command"
            };
            return Err(Error::new(ErrorKind::Refused, Outcome::NotApplied, message).with_command(cmd.name()));
        }
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

impl Execute for &mut Connection {
    type Output<T: FromValue> = Result<T>;

    fn execute<T: FromValue>(self, cmd: Cmd<T>) -> Result<T> {
        self.run(&cmd)
    }
}
