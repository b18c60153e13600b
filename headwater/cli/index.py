"""Every command with its line of help, so that the overview is printed without importing a single one."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A command that is imported when it is called.

    Arguments:
        module: where the click command ``command`` of that name is.
        help: one line; the command's own help begins with the same words.
    """

    module: str
    help: str


Sections = dict[str, dict[str, Entry]]

COMMANDS: Sections = {
    "Define": {
        "init": Entry("headwater.cli.init", "Make a new project that runs."),
        "validate": Entry("headwater.cli.validate", "Check every definition without touching data."),
        "ls": Entry("headwater.cli.ls", "List assets with their state."),
        "show": Entry("headwater.cli.show", "Show one asset's card."),
    },
    "Run": {
        "plan": Entry("headwater.cli.plan", "Show what would run, and why."),
        "status": Entry("headwater.cli.status", "Show the state of every slot, and why."),
        "materialize": Entry("headwater.cli.materialize", "Make the selected assets fresh."),
        "backfill": Entry("headwater.cli.backfill", "Make many partitions, in one run."),
        "preview": Entry("headwater.cli.preview", "Compute one slot with this code and show it, recording nothing."),
        "check": Entry("headwater.cli.check", "Run checks on published data, computing nothing."),
        "runs": Entry("headwater.cli.runs", "Show the history of runs and what they said."),
        "env": Entry("headwater.cli.env", "Make, promote, roll back and drop environments."),
        "partitions": Entry("headwater.cli.partitions", "List, add and retire partition keys that the catalog keeps."),
        "accept": Entry("headwater.cli.accept", "Record that a change of code is not to touch what is published."),
        "withdraw": Entry("headwater.cli.withdraw", "Take a wrong result out of use, for ever and everywhere."),
    },
    "Ask": {
        "data": Entry("headwater.cli.data", "Show or query published data."),
        "lineage": Entry("headwater.cli.lineage", "Walk columns up to where they come from, or down."),
        "diff": Entry("headwater.cli.diff", "Show what differs between two materializations, moments or environments."),
        "audit": Entry("headwater.cli.audit", "Answer the auditor: what was made of what, and is it intact."),
    },
    "Keep": {
        "prune": Entry("headwater.cli.prune", "Delete stored data that nothing needs any more."),
    },
    "Shell": {
        "completion": Entry("headwater.cli.completion", "Print the completion script of a shell."),
    },
}

RUNS: Sections = {
    "Commands": {
        "list": Entry("headwater.cli.runs_list", "List runs, the latest first."),
        "show": Entry("headwater.cli.runs_show", "Show one run and how its slots fared."),
        "logs": Entry("headwater.cli.runs_logs", "Show what a run's steps printed, logged and raised."),
        "resume": Entry("headwater.cli.runs_resume", "Do the rest of a run that was interrupted, failed or crashed."),
        "cancel": Entry("headwater.cli.runs_cancel", "Ask a run that another process carries out to end."),
    },
}

AUDIT: Sections = {
    "Commands": {
        "verify": Entry("headwater.cli.audit_verify", "Prove that no record and no data was altered or lost."),
        "log": Entry("headwater.cli.audit_log", "List the catalog's entries, the latest first."),
        "manifest": Entry("headwater.cli.audit_manifest", "Show what one materialization was made of."),
    },
}

ENV: Sections = {
    "Commands": {
        "ls": Entry("headwater.cli.env_ls", "List environments with what they show."),
        "create": Entry("headwater.cli.env_create", "Make an environment that shows what another shows."),
        "promote": Entry("headwater.cli.env_promote", "Show in one environment what another shows."),
        "rollback": Entry("headwater.cli.env_rollback", "Show again what was shown before, and hold it."),
        "release": Entry("headwater.cli.env_release", "Let held slots go."),
        "drop": Entry("headwater.cli.env_drop", "Drop an environment: it shows nothing any more."),
    },
}

PARTITIONS: Sections = {
    "Commands": {
        "ls": Entry("headwater.cli.partitions_ls", "List partition keys that are added and retired by hand."),
        "add": Entry("headwater.cli.partitions_add", "Add partition keys to Dynamic partitions."),
        "retire": Entry("headwater.cli.partitions_retire", "Retire partition keys of Dynamic partitions."),
    },
}
