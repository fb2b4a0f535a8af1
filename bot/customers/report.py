"""A model card, and a comparison of models, for a person to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

# What a number means and where it had best be, since few know a Brier score by heart.
MEANINGS = {
    "auc": "a leaver is ranked above a stayer; 0.5 is chance",
    "log_loss": "surprise per customer; lower is better",
    "brier": "squared error of the probability; lower is better",
    "ece": "mean gap between probability and what happened",
    "lift10": "how much more often the riskiest tenth leave",
    "accuracy": "right at one half; beside it the majority rate",
    "majority_accuracy": "right when everybody is said to stay",
    "base_rate": "share of customers who left",
}


def card_report(card: dict[str, Any], console: Console | None = None) -> None:
    """Print the card: each measure as mean ± standard deviation over the folds with what it means, the compared models, alarms."""
    console = console or Console()
    table = Table(
        title=f"Churn within {card['horizon_days']} days: {card['customers']} customers, {card['churned']} left",
        caption=f"{card['model']}; tested on {card['validation']['tested_on']}; observed {card['observed_at'][:10]} "
        f"and {card['snapshots'] - 1} times before; medium from {card['levels']['medium']:.2f}, high from {card['levels']['high']:.2f}",
    )
    for heading in ("measure", "value", "meaning"):
        table.add_column(heading)
    for name, meaning in MEANINGS.items():
        table.add_row(name, f"{card['metrics'][name]:.3f} ± {card['metrics'][f'{name}_sd']:.3f}", meaning)
    if "truth" in card:
        table.add_row("true auc", f"{card['truth']['auc']:.3f}", "of the generator's own probabilities, noise included")
        table.add_row("reached", f"{card['truth']['share_of_excess']:.1%}", "of what those have above chance")
    console.print(table)
    others = ", ".join(f"{name} {model['auc']:.4f}" for name, model in card["models"].items())
    console.print(f"Compared by AUC: {others}. Chosen: {card['model']}: {card['why']}.", highlight=False, markup=False)
    accepted = {one["alarm"]: one for one in card.get("accepted", [])}
    for alarm in card["alarms"]:
        console.print(f"ALARM {alarm['name']}: {alarm['text']}", style="bold red", highlight=False, markup=False)
        if alarm["name"] in accepted:
            one = accepted[alarm["name"]]
            console.print(f"  accepted by {one['by']} on {one['at'][:10]}: {one['reason']}", highlight=False, markup=False)


def models_report(rows: Sequence[Any], console: Console | None = None) -> None:
    """Print a line a model."""
    table = Table()
    for heading in ("id", "status", "model", "auc", "ece", "made", "live since", "alarms"):
        table.add_column(heading)
    for row in rows:
        measures = [_measure(row.card, name) for name in ("auc", "ece")]
        live = f"{row.live_since:%Y-%m-%d %H:%M}" if row.live_since else ""
        table.add_row(
            row.id, row.status, row.kind, *measures, f"{row.created_at:%Y-%m-%d %H:%M}", live, str(len(row.card.get("alarms", [])))
        )
    (console or Console()).print(table)


def _measure(card: dict[str, Any], name: str) -> str:
    """Return a measure; in cards of before the comparison it is a mean with its standard deviation."""
    value = card.get("metrics", {}).get(name)
    value = value["mean"] if isinstance(value, dict) else value
    return "" if value is None else f"{value:.4f}"


COMPARED = ("auc", "log_loss", "brier", "ece", "ece_chance", "lift10", "accuracy")


def evaluation_report(result: dict[str, Any], console: Console | None = None) -> None:
    """Print what `evaluate_file` returns: a line a model, the choice, how the table was read, alarms."""
    console = console or Console()
    table = Table(title=f"{result['rows']} customers, {result['left']} left; majority accuracy {result['majority_accuracy']:.3f}")
    table.add_column("model")
    for name in COMPARED:
        table.add_column(name, justify="right")
    for name, model in result["models"].items():
        chosen = name == result["chosen"]
        cells = [f"{model[measure]:.4f} ± {model[f'{measure}_sd']:.3f}" for measure in COMPARED]
        table.add_row(name, *cells, style="bold green" if chosen else None)
    console.print(table)
    console.print(f"Chosen: {result['chosen']}: {result['why']}.", highlight=False)
    console.print("Read: " + ", ".join(f"{name} {kind}" for name, kind in result["types"].items()), highlight=False, markup=False)
    for why, count in result["dropped"].items():
        console.print(f"Left out: {count} rows: {why}", highlight=False, markup=False)
    for note in result["notes"]:
        console.print(f"Note: {note}", highlight=False, markup=False)
    for alarm in result["alarms"]:
        console.print(f"ALARM {alarm['name']}: {alarm['text']}", style="bold red", highlight=False, markup=False)
    console.print(f"{result['seconds']} s; split by {result['validation']['split_by']}", highlight=False)
