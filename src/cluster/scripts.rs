//! Scripts by their name, and as a whole where a server does not know them.

use super::{Cluster, OnNode};
use crate::cmd::Cmd;
use crate::error::{Error, Result};
use crate::execute::{Call, Whole};
use crate::from_value::FromValue;
use crate::plan::Route;

impl Cluster {
    /// Runs a script by its name. A server that does not know it, which with `ask` it is asked before, is sent the whole.
    pub(crate) fn run_script<T: FromValue>(
        &self,
        named: &Cmd<T>,
        whole: &(dyn Fn() -> Cmd<T> + Sync),
        ask: bool,
    ) -> Result<T> {
        let row = self.row_of(named.untyped())?;
        self.call(named.args(), row, None, |call| {
            let servers = call.servers;
            let request = || {
                let cmd = whole();
                match self.row_of(cmd.untyped())?.route(&self.planner(servers), cmd.args())? {
                    Route::One(part) => Ok(part.request.into_owned()),
                    _ => Err(Error::argument("a script runs on one node")),
                }
            };
            let whole = Whole { request: &request, ask };
            let call = Call { whole_script: Some(&whole), ..*call };
            call.convert(call.execute()?)
        })
    }
}

impl OnNode {
    /// Runs a script by its name. A server that does not know it, which with `ask` it is asked before, is sent the whole.
    pub(crate) fn run_script<T: FromValue>(
        &self,
        named: &Cmd<T>,
        whole: &(dyn Fn() -> Cmd<T> + Sync),
        ask: bool,
    ) -> Result<T> {
        let request = || {
            let cmd = whole();
            cmd.check().map(|()| cmd.as_bytes().to_vec())
        };
        self.run(named, Some(&Whole { request: &request, ask }))
    }
}
