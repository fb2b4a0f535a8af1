"""`yingda customers`: each verb lives in a module of this package."""

from __future__ import annotations

from bot.cli.verbs import Verbs

VERBS = {
    "evaluate": ("evaluate", "Compare churn models on any table and say which to take."),
    "train": ("train", "Learn from the shop's data who leaves, and how well that is known."),
    "follow": ("follow", "Read what the shop's tables and our conversations hold into customers' events."),
    "features": ("features", "List the feature views with what their columns mean."),
    "models": ("models", "List the churn models, or show the card of one."),
    "promote": ("models:promote", "Serve a model from now on."),
    "rollback": ("models:rollback", "Serve the model again that was live before."),
    "refresh": ("refresh", "Make every customer's profile anew, with the present churn model."),
}

command = Verbs(
    name="customers",
    verbs=VERBS,
    package="bot.cli.customers",
    short_help="Learn churn risk and refresh the customers' profiles.",
    help="Learn churn risk and refresh the customers' profiles.",
)
