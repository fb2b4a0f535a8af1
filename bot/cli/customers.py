"""`yingda customers`."""

from __future__ import annotations

import click


@click.group("customers", short_help="Learn churn risk and refresh the customers' profiles.")
def command() -> None:
    """Learn churn risk and refresh the customers' profiles."""
