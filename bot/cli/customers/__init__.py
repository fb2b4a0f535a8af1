"""`yingda customers`: each verb lives in a module of this package."""

from __future__ import annotations

from bot.cli.verbs import Verbs

VERBS = {
    "run": ("run", "Go the whole way: ingest, resolve, train, refresh, report."),
    "mapping": ("mapping", "Propose a mapping for files that nobody has described."),
    "ingest": ("ingest", "Read a company's data as a mapping file says."),
    "quarantine": ("quarantine", "Show the values that ingestion refused."),
    "quality": ("quality", "Write a page on how good data was and is."),
    "runs": ("runs", "List what was read and made, and what came of it."),
    "follow": ("follow", "Read what the shop's tables and our conversations hold into customers' events."),
    "features": ("features", "List the feature views with what their columns mean."),
    "evaluate": ("evaluate", "Compare churn models on any table and say which to take."),
    "train": ("train", "Learn from the shop's data who leaves, and how well that is known."),
    "models": ("models", "List the churn models, or show the card of one."),
    "promote": ("models:promote", "Serve a model from now on."),
    "rollback": ("models:rollback", "Serve the model again that was live before."),
    "refresh": ("refresh", "Make every customer's profile anew, with the present churn model."),
    "report": ("report", "Write one page about customers, model, drift, offers and data."),
    "resolve": ("resolve", "Find records of the same person: merge what shares a verified key, suggest what looks alike."),
    "suggestions": ("suggestions", "List the records that look like one person, for a person to decide."),
    "merge": ("merge", "Accept a suggestion: its two records are one person from now on."),
    "unmerge": ("unmerge", "Take back a merge, or all merges of a customer."),
    "export": ("export", "Write all that is held on a customer into one file for them."),
    "erase": ("erase", "Erase a customer: database, Redis, logs and files."),
    "object": ("objection", "Note that a customer objects to profiling, or takes it back."),
    "retention": ("retention", "Delete what is kept longer than retention.yml allows."),
}

command = Verbs(
    name="customers",
    verbs=VERBS,
    package="bot.cli.customers",
    short_help="Customer data, churn risk, profiles, privacy.",
    help="From a company's raw data to a record per customer with a churn risk; and what the law gives customers.",
)
