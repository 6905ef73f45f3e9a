//! What is told about functions, and which are asked for.

use crate::command::Args;
use crate::commands::fields::Fields;
use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use crate::to_arg::{ToArg, ToArgs};
use std::collections::BTreeMap;
use std::time::Duration;

/// A library of functions: see [`function_list`](crate::FunctionCommands::function_list).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionLibrary {
    /// Its name.
    pub name: String,
    /// The language that it is written in, such as `LUA`.
    pub engine: String,
    /// Its functions.
    pub functions: Vec<FunctionInfo>,
    /// Its code, when [that was asked for](FunctionListOptions::code).
    pub code: Option<String>,
}

impl FromValue for FunctionLibrary {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<FunctionLibrary> {
        let fields = Fields::of(value)?;
        Ok(FunctionLibrary {
            name: fields.get("library_name")?,
            engine: fields.get("engine")?,
            functions: fields.get("functions")?,
            code: fields.get("library_code")?,
        })
    }
}

/// A function of a library.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Its name, by which it is called.
    pub name: String,
    /// What its author says about it.
    pub description: Option<String>,
    /// Its flags, such as `no-writes`.
    pub flags: Vec<String>,
}

impl FromValue for FunctionInfo {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<FunctionInfo> {
        let fields = Fields::of(value)?;
        Ok(FunctionInfo {
            name: fields.get("name")?,
            description: fields.get("description")?,
            flags: fields.get("flags")?,
        })
    }
}

/// Which libraries [`function_list_with`](crate::FunctionCommands::function_list_with) gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionListOptions {
    pattern: Option<String>,
    code: bool,
}

impl FunctionListOptions {
    /// All libraries, without their code.
    #[inline]
    pub fn new() -> FunctionListOptions {
        FunctionListOptions::default()
    }

    /// Only libraries whose names fit this pattern: `LIBRARYNAME`.
    #[inline]
    pub fn library(mut self, pattern: impl Into<String>) -> FunctionListOptions {
        self.pattern = Some(pattern.into());
        self
    }

    /// Their code as well: `WITHCODE`.
    #[inline]
    pub fn code(mut self) -> FunctionListOptions {
        self.code = true;
        self
    }
}

impl ToArgs for FunctionListOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(pattern) = &self.pattern {
            "LIBRARYNAME".write_arg(args);
            pattern.write_arg(args);
        }
        if self.code {
            "WITHCODE".write_arg(args);
        }
    }
}

/// What becomes of the libraries that are there when others are restored: see
/// [`function_restore_with`](crate::FunctionCommands::function_restore_with).
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionRestore {
    /// They stay, and none of the restored ones may have the name of one of them.
    Append,
    /// They are removed before.
    Flush,
    /// Those are replaced that have the name of a restored one; the others stay.
    Replace,
}

impl ToArg for FunctionRestore {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let word = match self {
            FunctionRestore::Append => "APPEND",
            FunctionRestore::Flush => "FLUSH",
            FunctionRestore::Replace => "REPLACE",
        };
        word.write_arg(args);
    }
}

/// What a server tells about its functions: see [`function_stats`](crate::FunctionCommands::function_stats).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionStats {
    /// The function that runs at the moment.
    pub running: Option<RunningFunction>,
    /// What there is in each language, such as `LUA`.
    pub engines: BTreeMap<String, EngineStats>,
}

impl FromValue for FunctionStats {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<FunctionStats> {
        let fields = Fields::of(value)?;
        Ok(FunctionStats { running: fields.get("running_script")?, engines: fields.get("engines")? })
    }
}

/// A function that runs.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningFunction {
    /// Its name.
    pub name: String,
    /// The command by which it was called.
    pub command: Vec<Vec<u8>>,
    /// For how long it has been running, in whole milliseconds.
    pub duration: Duration,
}

impl FromValue for RunningFunction {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<RunningFunction> {
        let fields = Fields::of(value)?;
        Ok(RunningFunction {
            name: fields.get("name")?,
            command: fields.get("command")?,
            duration: Duration::from_millis(fields.get("duration_ms")?),
        })
    }
}

/// How much a server has in one language.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineStats {
    /// The number of libraries.
    pub libraries: u64,
    /// The number of functions.
    pub functions: u64,
}

impl FromValue for EngineStats {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<EngineStats> {
        let fields = Fields::of(value)?;
        Ok(EngineStats { libraries: fields.get("libraries_count")?, functions: fields.get("functions_count")? })
    }
}
