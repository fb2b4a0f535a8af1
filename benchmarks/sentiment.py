"""How often the tone is told rightly, on texts that nobody trained with: `python -m benchmarks.sentiment --reviews PATH [--json]`.

PATH is the folder (or the file) of VADER's 3,708 rated sentences of product reviews: additional_resources/hutto_ICWSM_2014.tar.gz of
github.com/cjhutto/vaderSentiment, `amazonReviewSnippets_GroundTruth.txt`, lines of id, mean human rating from -4 to 4, text. Counted is
whether the sign of our score is that of the rating; what people rated exactly 0 has no sign and is left out, and a sentence that we
label neutral counts by the sign of its score like any other. Our own sentences, `tests/nlu/sentiment_{zh,en}.tsv`, have three labels.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")  # before numpy is loaded

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.place import ROOT
from bot.encoder import Encoder
from bot.nlu.normalize import fold
from bot.nlu.sentiment import SentimentClassifier, learn, options_of
from bot.sentiment import LABELS, SentimentModel

REVIEWS = "amazonReviewSnippets_GroundTruth.txt"
OWN = {language: ROOT / "tests" / "nlu" / f"sentiment_{language}.tsv" for language in ("zh", "en")}
AT_LEAST = 0.80
CLEAR = 1.0  # a rating further from 0 than this is no matter of taste


@dataclass(frozen=True)
class Result:
    name: str
    texts: int
    accuracy: float
    detail: dict[str, float]


def measure_reviews(model: SentimentModel, encoder: Encoder, path: Path) -> Result:
    """Compare signs; `path` is the file or its folder. Raises FileNotFoundError."""
    file = path / REVIEWS if path.is_dir() else path
    rows = [line.split("\t", 2) for line in file.read_text(encoding="utf8", errors="replace").splitlines() if line]
    ratings = np.array([float(rating) for _, rating, _ in rows])
    texts = [fold(text).text for _, _, text in rows]
    probabilities = model.probabilities(texts, encoder.encode(texts))
    scores = probabilities[:, 2] - probabilities[:, 0]
    signed, clear = ratings != 0, np.abs(ratings) > CLEAR
    polar = signed & (probabilities.argmax(axis=1) != LABELS.index("neutral"))
    right = np.sign(scores) == np.sign(ratings)
    detail = {
        "praise": right[ratings > 0].mean(),
        "blame": right[ratings < 0].mean(),
        f"rated beyond {CLEAR:g}": right[clear].mean(),
        "not labelled neutral": right[polar].mean(),
        "part not labelled neutral": polar.sum() / signed.sum(),
        "correlation with the rating": np.corrcoef(scores, ratings)[0, 1],
    }
    return Result("reviews, sign", int(signed.sum()), float(right[signed].mean()), _plain(detail))


def measure_own(model: SentimentModel, encoder: Encoder, file: Path, name: str) -> Result:
    """Compare labels."""
    with file.open(encoding="utf8", newline="") as lines:
        rows = [(text, label) for text, label in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if label in LABELS]
    texts = [fold(text).text for text, _ in rows]
    found = [LABELS[index] for index in model.probabilities(texts, encoder.encode(texts)).argmax(axis=1)]
    right = [label == ours for (_, label), ours in zip(rows, found, strict=True)]
    counts = Counter(label for _, label in rows)
    hits = Counter(label for (_, label), good in zip(rows, right, strict=True) if good)
    return Result(
        name, len(rows), sum(right) / len(rows), _plain({label: hits[label] / counts[label] for label in LABELS if counts[label]})
    )


def _plain(values: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in values.items()}


def report(results: Sequence[Result]) -> Table:
    table = Table(title="Tone of texts that nobody trained with")
    for column in ("texts of", "texts", "right", "of these"):
        table.add_column(column)
    for one in results:
        detail = ", ".join(f"{name} {value:.3f}" for name, value in one.detail.items())
        table.add_row(one.name, str(one.texts), f"{one.accuracy:.3f}", detail)
    return table


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--reviews", type=click.Path(path_type=Path), required=True, help=f"Folder with {REVIEWS}, or that file.")
@click.option("--cache", type=click.Path(path_type=Path), default=None, help="SQLite file for the encoder's vectors.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(reviews: Path, cache: Path | None, as_json: bool) -> None:
    if not (reviews.is_file() or (reviews / REVIEWS).is_file()):
        raise click.ClickException(f"there is no {REVIEWS} at {reviews}; where to get it is said at the head of benchmarks/sentiment.py")
    encoder = Encoder(cache)
    config = SentimentClassifier.get_default_config() | {"examples": ROOT / "nlu_data" / "sentiment"}
    model = learn(options_of(config), encoder=encoder)
    results = [measure_reviews(model, encoder, reviews), *(measure_own(model, encoder, file, name) for name, file in OWN.items())]
    if as_json:
        print(json.dumps([asdict(one) for one in results], indent=2))
    else:
        Console().print(report(results))
    sys.exit(int(any(one.accuracy < AT_LEAST for one in results)))


if __name__ == "__main__":
    command()
