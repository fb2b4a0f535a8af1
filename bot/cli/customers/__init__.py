"""`yingda customers`: each verb lives in a module of this package."""

from __future__ import annotations

from bot.cli.verbs import Verbs

VERBS = {
    "ingest": ("ingest", "Read a company's data as a mapping file says."),
    "quarantine": ("quarantine", "Show the values that ingestion refused."),
    "runs": ("runs", "List what was read and made, and what came of it."),
    "train": ("train", "Learn from the shop's data who leaves, and how well that is known."),
    "refresh": ("refresh", "Make every customer's profile anew, with the present churn model."),
}

command = Verbs(
    name="customers",
    verbs=VERBS,
    package="bot.cli.customers",
    short_help="Learn churn risk and refresh the customers' profiles.",
    help="Learn churn risk and refresh the customers' profiles.",
)
