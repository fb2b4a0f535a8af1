"""What `yingda nlu test` does: cross-validate, write the report, compare with the floors."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.cli.progress import Show
from bot.errors import InputError
from bot.languages import LANGUAGES
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.nlu.quality.crossval import Outcome


@dataclass(frozen=True)
class Tested:
    """Scores by language: `intents` (macro F1), `accuracy`, `entities` (F1)."""

    scores: dict[str, dict[str, float]]
    ece: float
    below: list[str]
    report: Path

    def as_dict(self) -> dict[str, Any]:
        return {**self.scores, "ece": round(self.ece, 4), "below": self.below, "report": str(self.report)}

    def text(self) -> str:
        lines = [
            f"{language}: {', '.join(f'{name} {value:.3f}' for name, value in some.items())}" for language, some in self.scores.items()
        ]
        return "\n".join([*lines, f"calibration error {self.ece:.3f}", f"report: {self.report}"])


def run(settings: Settings, root: Path, report: Path, show: Show) -> Tested:
    """Raise InputError when the data cannot be read."""
    from bot.nlu.quality.crossval import cross_validate
    from bot.nlu.quality.examples import read_examples
    from bot.nlu.quality.report import write_report
    from bot.nlu.training import settled_config

    data = read_examples(root)
    if data.findings:
        raise InputError(f"{data.findings[0].sentence()} (`yingda nlu check` lists all)")
    with tempfile.TemporaryDirectory(prefix="yingda-nlu-test-") as folder:
        outcome = cross_validate(
            data.examples, settled_config(settings, root)["pipeline"], Path(folder), lambda done, total: show("folds", done, total)
        )
    scores = _scores(outcome)
    floors = {"intents": settings.nlu_floor, "entities": settings.nlu_entity_floor}
    pairs = [(language, name) for language in scores for name in floors]
    below = [
        f"{name} {language} {scores[language][name]:.3f} < {floors[name]}"
        for language, name in pairs
        if scores[language][name] < floors[name]
    ]
    write_report(outcome, report, floors=floors)
    return Tested(scores, outcome.ece(), below, report)


def _scores(outcome: Outcome) -> dict[str, dict[str, float]]:
    return {
        language: {
            "intents": round(outcome.macro_f1(language), 4),
            "accuracy": round(outcome.accuracy(language), 4),
            "entities": round(outcome.entity_f1(language)[""], 4),
        }
        for language in LANGUAGES
    }
