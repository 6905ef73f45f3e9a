//! The words behind `recover`.

use crate::moving::resume::{Action, Resumed};
use clap::{ArgGroup, Parser};

/// What comes behind the options in the help.
const MORE_HELP: &str = "\
Without options it says what there is, what it means and what would be done, and changes nothing.

A clone or reshard is known to its targets: --nodes names these, or the nodes before a reshard of which some are nodes
afterwards as well. Passwords are not remembered. Those of -a and --user, of the file of --config and of the URLs of
--nodes are for both sides; --from and --to are for sides that need other ones.";

/// Shows moves between two nodes, clones and reshards that were cut short; finishes or undoes them.
#[derive(Debug, PartialEq, Parser)]
#[command(no_binary_name = true, disable_version_flag = true, args_override_self = true, after_help = MORE_HELP)]
#[command(name = "rediscluster recover", override_usage = "rediscluster [OPTIONS] recover [OPTIONS]")]
#[command(group = ArgGroup::new("action").args(["resume", "finish", "undo"]))]
pub struct Wish {
    /// Do what there is to do about moves between two nodes
    #[arg(long, conflicts_with = "action", help_heading = "Moves that were cut short")]
    pub apply: bool,

    /// Leave alone what was used in the last SECONDS: its program may still be at work
    #[arg(long, value_name = "SECONDS", default_value_t = super::OLDER_THAN, help_heading = "Moves that were cut short")]
    pub older_than: u64,

    /// Go on copying, or copy what has changed since
    #[arg(long, help_heading = "A clone or reshard")]
    pub resume: bool,

    /// Go on copying where that has not ended, and end the job: in place, keys are deleted at their old places
    #[arg(long, help_heading = "A clone or reshard")]
    pub finish: bool,

    /// Take the job back, unless its end has begun
    #[arg(long, help_heading = "A clone or reshard")]
    pub undo: bool,

    /// Which one, where several lie at the nodes
    #[arg(long, value_name = "ID", requires = "action", help_heading = "A clone or reshard")]
    pub job: Option<String>,

    /// How its sources are reached: the same nodes, as URLs with their own users and passwords
    #[arg(long, value_name = "LIST", requires = "action", help_heading = "A clone or reshard")]
    pub from: Option<String>,

    /// How its targets are reached
    #[arg(long, value_name = "LIST", requires = "action", help_heading = "A clone or reshard")]
    pub to: Option<String>,

    /// Tell everything as JSON
    #[arg(long)]
    pub json: bool,
}

impl Wish {
    /// What is to be done with a job; `None` when nothing is.
    pub fn of_job(&self, json: bool) -> Option<Resumed<'_>> {
        let action = match self {
            Wish { resume: true, .. } => Action::Resume,
            Wish { finish: true, .. } => Action::Finish,
            Wish { undo: true, .. } => Action::Undo,
            _ => return None,
        };
        let (job, from, to) = (self.job.as_deref(), self.from.as_deref(), self.to.as_deref());
        Some(Resumed { action, job, from, to, json: json || self.json })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asked;

    fn read(words: &[&str]) -> Result<Wish, String> {
        asked::read(&words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_asked_for() {
        let of_stashes = |words: &[&str]| read(words).map(|wish| (wish.apply, wish.older_than));
        assert_eq!(of_stashes(&[]), Ok((false, 60)));
        assert_eq!(of_stashes(&["--older-than", "5", "--apply"]), Ok((true, 5)));
        assert_eq!(of_stashes(&["--older-than=0"]), Ok((false, 0)));
        assert!(read(&["--undo", "--from", "h:1"]).unwrap().of_job(false).is_some());
        assert!(!read(&["redis://:s3cret@h:1"]).unwrap_err().contains("s3cret"));
        for line in [
            &["--older-than"][..],
            &["--older-than", "-1"],
            &["--older-than=x"],
            &["now"],
            &["--apply=1"],
            &["--undo", "--finish"],
            &["--apply", "--resume"],
            &["--job", "x"],
        ] {
            assert!(read(line).unwrap_err().starts_with("recover: "), "{line:?}");
        }
    }
}
