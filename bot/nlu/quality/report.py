"""The outcome of a cross-validation as a page for people, with a picture of who is taken for whom."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, select_autoescape
from numpy.typing import NDArray

from bot.languages import LANGUAGES
from bot.nlu.quality.crossval import FOLDS, Outcome

_SHOWN_CONFUSIONS = 40
_SHOWN_EXAMPLES = 6  # of each


def write_report(outcome: Outcome, target: Path, *, floors: dict[str, float]) -> Path:
    """Write one HTML file that holds everything, the picture too; returns `target`."""
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(), trim_blocks=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(templates.get_template("report.html").render(_content(outcome, floors)), encoding="utf8")
    return target


def _content(outcome: Outcome, floors: dict[str, float]) -> dict[str, Any]:
    f1 = {language: outcome.intent_f1(language) for language in LANGUAGES}
    entities = {language: outcome.entity_f1(language) for language in LANGUAGES}
    intents = sorted(set().union(*f1.values()), key=lambda intent: min(f1[language].get(intent, 1.0) for language in LANGUAGES))
    return {
        "folds": FOLDS,
        "count": len(outcome.examples),
        "floors": floors,
        "languages": LANGUAGES,
        "summary": {language: (outcome.macro_f1(language), outcome.accuracy(language), entities[language][""]) for language in LANGUAGES},
        "ece": outcome.ece(),
        "intents": [(intent, [f1[language].get(intent) for language in LANGUAGES]) for intent in intents],
        "entities": [
            (name, [entities[language].get(name) for language in LANGUAGES]) for name in sorted(set().union(*entities.values()) - {""})
        ],
        "confusions": [
            (wanted, said, count, _examples(outcome, wanted, said)) for wanted, said, count in outcome.confusions()[:_SHOWN_CONFUSIONS]
        ],
        "picture": base64.b64encode(picture(outcome)).decode(),
    }


def _examples(outcome: Outcome, wanted: str, said: str) -> list[tuple[str, str]]:
    pairs = zip(outcome.examples, outcome.predicted, strict=True)
    found = [(one.place, one.text) for one, predicted in pairs if (one.intent, predicted) == (wanted, said)]
    return found[:_SHOWN_EXAMPLES]


def picture(outcome: Outcome) -> bytes:
    """Return the confusion matrix as a PNG: a row an intent, its share that went to each intent; the diagonal is left out of the scale."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = sorted({one.intent for one in outcome.examples})
    shares = _shares(outcome, labels)
    mistakes = np.where(np.eye(len(labels), dtype=bool), np.nan, shares)
    figure = Figure(figsize=(0.26 * len(labels) + 2.6, 0.26 * len(labels) + 2.2), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(mistakes, cmap="Reds", vmin=0, vmax=max(0.05, float(np.nanmax(mistakes, initial=0.0))))
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.set_xlabel("understood as")
    axes.set_ylabel("meant")
    for place, label_share in enumerate(np.diag(shares)):
        axes.text(place, place, f"{label_share:.0%}".rstrip("%"), ha="center", va="center", fontsize=6, color="#2a6f4e")
    figure.colorbar(image, ax=axes, shrink=0.6, label="share of the row that was mistaken")
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _shares(outcome: Outcome, labels: list[str]) -> NDArray[np.float64]:
    index = {label: place for place, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)))
    for one, predicted in zip(outcome.examples, outcome.predicted, strict=True):
        counts[index[one.intent], index[predicted]] += 1
    shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
    return shares
