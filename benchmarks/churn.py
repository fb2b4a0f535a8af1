"""How well is leaving foreseen? Telco, repeat purchase at CDNOW and the sample data's customers, each beside its bar and its aim."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from bot.crypto import Cipher
from bot.customers.churn.dataset import Asked
from bot.customers.churn.evaluate import evaluate_file
from bot.customers.churn.training import train
from bot.database import sync_engine
from bot.database.migrate import migrate
from bot.settings import load_settings
from bot.shop.sample import generate, load, write_truth

TELCO = "customers/telco_churn/Telco-Customer-Churn.csv"
CDNOW = "customers/cdnow/CDNOW_master.txt"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HALF = pd.Timestamp("1997-01-01") + pd.Timedelta(weeks=39)

# measure: (at least or at most, bar, aim)
BARS: dict[str, dict[str, tuple[str, float, float]]] = {
    "telco_churn": {
        "auc": (">=", 0.843, 0.850),
        "log_loss": ("<=", 0.420, 0.410),
        "ece": ("<=", 0.032, 0.015),
        "lift10": (">=", 2.80, 2.95),
    },
    "cdnow": {"auc": (">=", 0.770, 0.79)},
    "generator": {"share_of_excess": (">=", 0.95, 0.99)},
}


def telco(folder: Path) -> dict[str, Any]:
    return evaluate_file(Asked(data=folder / TELCO, target="Churn"), progress=_say)


def cdnow(folder: Path) -> dict[str, Any]:
    """Foresee who buys again in the second 39 weeks from what they bought in the first."""
    columns = ["customer", "date", "discs", "dollars"]
    bought = pd.read_csv(folder / CDNOW, sep=r"\s+", names=columns, skiprows=1, dtype={"customer": str, "date": str})
    bought["date"] = pd.to_datetime(bought["date"], format="%Y%m%d")
    before = bought[bought["date"] < HALF]
    by = before.groupby("customer")
    table = pd.DataFrame(
        {
            "recency": (HALF - by["date"].max()).dt.days,
            "tenure": (HALF - by["date"].min()).dt.days,
            "purchases": by["date"].nunique(),
            "discs": by["discs"].sum(),
            "dollars": by["dollars"].sum(),
            "mean_dollars": by["dollars"].mean().round(4),
            "last_dollars": before.sort_values("date").groupby("customer")["dollars"].last(),
            "rhythm": ((by["date"].max() - by["date"].min()).dt.days / (by["date"].nunique() - 1).clip(lower=1)).round(2),
        }
    )
    table["again"] = table.index.isin(bought.loc[bought["date"] >= HALF, "customer"]).astype(int)
    with tempfile.TemporaryDirectory(prefix="yingda-cdnow-") as place:
        path = Path(place) / "cdnow.csv"
        table.reset_index().to_csv(path, index=False)
        return evaluate_file(Asked(data=path, target="again", id="customer"), progress=_say)


def generator(customers: int, seed: int) -> dict[str, Any]:
    """Train on the sample data as the product does; the truth is compared with only."""
    with tempfile.TemporaryDirectory(prefix="yingda-churn-") as place:
        folder = Path(place)
        settings = replace(load_settings({"YINGDA_DATA_DIR": place}, root=folder), database_url=f"sqlite:///{folder / 'shop.sqlite3'}")
        migrate(settings.database_url)
        sample, engine = generate(customers, seed, now=NOW), sync_engine(settings.database_url)
        load(engine, Cipher(bytes.fromhex(settings.data_key)), sample)
        engine.dispose()
        card = train(settings, truth=write_truth(sample, folder), now=NOW, progress=_say)
    return {**card["metrics"], **card["truth"], "chosen": card["model"], "models": card["models"], "seconds": card["seconds"]}


def _say(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{what} {done}/{total}   ", end="", file=sys.stderr)


def _rows(results: dict[str, dict[str, Any]]) -> list[tuple[str, ...]]:
    rows = []
    for name, result in results.items():
        for measure, (sign, bar, aim) in BARS[name].items():
            value = float(np.round(result[measure], 4))
            held = value >= bar if sign == ">=" else value <= bar
            rows.append((name, result["chosen"], measure, f"{value:.4f}", f"{sign} {bar}", str(aim), "yes" if held else "NO"))
    return rows


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="The folder that holds customers/telco_churn and customers/cdnow."
)
@click.option("--customers", default=10_000, help="How many customers of the generator to learn from.")
@click.option("--seed", default=3, help="The generator's seed.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def main(data: Path, customers: int, seed: int, as_json: bool) -> None:
    """Evaluate on telco_churn, cdnow and the generator's data."""
    results = {}
    for name, file, measured in (("telco_churn", TELCO, telco), ("cdnow", CDNOW, cdnow)):
        if (data / file).is_file():
            results[name] = measured(data)
        else:
            click.echo(f"{name} is left out: there is no {file} in {data}", err=True)
    results["generator"] = generator(customers, seed)
    if as_json:
        click.echo(json.dumps(results, ensure_ascii=False, indent=2))
        return
    table = Table("data", "chosen", "measure", "value", "at least", "aim", "held")
    for row in _rows(results):
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
