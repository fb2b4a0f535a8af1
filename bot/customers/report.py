"""A model card for a person to read."""

from __future__ import annotations

from typing import Any

from rich.table import Table

# What a number means and where it had best be, since few know a Brier score by heart.
MEANINGS = {
    "auc": "a leaver is ranked above a stayer; 0.5 is chance",
    "log_loss": "surprise per customer; lower is better",
    "brier": "squared error of the probability; lower is better",
    "ece": "mean gap between probability and what happened",
    "lift10": "how much more often the riskiest tenth leave",
    "base_rate": "share of customers who left",
}


def report(card: dict[str, Any]) -> Table:
    """Return the card's measures as a table, each as mean ± standard deviation over the folds, with what it means."""
    validation = card["validation"]
    table = Table(
        title=f"Churn within {card['horizon_days']} days: {card['customers']} customers, {card['churned']} left",
        caption=f"{card['model']}, {validation['repeats']} x {validation['folds']}-fold cross-validation; "
        f"observed {card['observed_at'][:10]}; risk medium from {card['levels']['medium']:.2f}, high from {card['levels']['high']:.2f}",
    )
    table.add_column("measure")
    table.add_column("value", justify="right")
    table.add_column("meaning")
    for name, meaning in MEANINGS.items():
        table.add_row(name, _spread(card["metrics"][name]), meaning)
    if "truth" in card:
        table.add_row("true auc", _spread(card["truth"]["auc"]), "of the generator's own probabilities, noise included")
        table.add_row("reached", f"{card['truth']['share_of_excess']:.1%}", "of what those have above chance")
    return table


def _spread(value: dict[str, float]) -> str:
    return f"{value['mean']:.3f} ± {value['sd']:.3f}"
