//! Scripts by their name, and as a whole where a server does not know them.

use super::{Cluster, OnNode};
use crate::cmd::{Cmd, Wait};
use crate::convert::FromValue;
use crate::error::{Error, Result};
use crate::net::Deadline;
use crate::plan::Route;
use crate::run::{Run, Servers};
use crate::spec::Spec;

impl Cluster {
    /// Runs a script by its name. A server that does not know it is sent the whole.
    pub(crate) fn run_script<T: FromValue>(&self, named: &Cmd<T>, whole: &(dyn Fn() -> Cmd<T> + Sync)) -> Result<T> {
        let spec = self.spec_of(named)?;
        let deadline = self.begin(Wait::None);
        self.led(deadline, |servers| self.run_script_on(servers, spec, named, whole, deadline))
    }

    fn run_script_on<T: FromValue>(
        &self,
        servers: &Servers,
        spec: &'static Spec,
        named: &Cmd<T>,
        whole: &(dyn Fn() -> Cmd<T> + Sync),
        deadline: Deadline,
    ) -> Result<T> {
        let request = || {
            let cmd = whole();
            match self.planner(servers).route(cmd.args(), self.spec_of(&cmd)?)? {
                Route::One(part) => Ok(part.request.into_owned()),
                _ => Err(Error::argument("a script runs on one node")),
            }
        };
        self.call(servers, named.args(), spec, Wait::None, |run| {
            let run = Run { deadline, whole_script: Some(&request), ..run };
            run.made(run.run()?)
        })
    }
}

impl OnNode {
    /// Runs a script by its name. A server that does not know it is sent the whole.
    pub(crate) fn run_script<T: FromValue>(&self, named: &Cmd<T>, whole: &(dyn Fn() -> Cmd<T> + Sync)) -> Result<T> {
        let spec = self.cluster.spec_of_any(named)?;
        let deadline = self.cluster.begin(Wait::None);
        let request = || {
            let cmd = whole();
            cmd.check().map(|()| cmd.as_bytes().to_vec())
        };
        self.cluster.led(deadline, |servers| {
            let server = self.server(servers).map_err(|error| error.with_command(named.name()))?;
            self.cluster.call(servers, named.args(), spec, Wait::None, |run| {
                let run = Run { deadline, whole_script: Some(&request), ..run };
                run.made(run.run_on(server)?)
            })
        })
    }
}
