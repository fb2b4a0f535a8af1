"""Train on one file of labelled messages and measure on another, each in a process of its own, so that time and memory are theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bot.cli.progress import Show
from bot.errors import BotError, SettingError
from bot.nlu.quality.rows import Row, read_rows
from bot.system.processes import ENVIRONMENT

FALLBACK_LABEL = "out_of_scope"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What is to be trained and measured."""

    train: Path
    tests: dict[str, Path]  # by name; each is measured apart with the one model
    oos_labels: tuple[str, ...] = ()


def evaluate(evaluation: Evaluation, config: dict[str, Any], show: Show) -> dict[str, dict[str, Any]]:
    """Train config.yml's pipeline (as `settled_config` gives it) and return the measures of each test, by its name.

    Raises InputError for a bad file, SettingError when Rasa refuses the pipeline.
    """
    from bot.nlu.quality.evaluation import judge, measures
    from bot.nlu.quality.measures import percentile

    rows = {name: read_rows(path) for name, path in evaluation.tests.items()}
    foreign_intent, config = _without_cache(config)
    with tempfile.TemporaryDirectory(prefix="yingda-evaluate-") as folder:
        show("train", 0, 1)
        trained = _train(read_rows(evaluation.train), Path(folder), config, evaluation.oos_labels, foreign_intent)
        show("train", 1, 1)
        model = Path(trained["model"])
        size = model.stat().st_size / 2**20
        results = {}
        for name, some in rows.items():
            parses, milliseconds, memory = _parse(model, some, lambda done, name=name, total=len(some): show(name, done, total))  # type: ignore[misc]
            judged = [judge(row, parse, foreign_intent=foreign_intent) for row, parse in zip(some, parses, strict=True)]
            results[name] = {
                **measures(judged, foreign_labels=evaluation.oos_labels),
                "train_s": trained["train_s"],
                "parse_ms_p50": percentile(milliseconds, 50),
                "parse_ms_p99": percentile(milliseconds, 99),
                "peak_rss_mb": trained["peak_rss_mb"],
                "serve_rss_mb": memory,
                "model_mb": round(size, 2),
            }
        return results


def _without_cache(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the pipeline's out-of-scope intent, and the pipeline with nothing remembered: what is measured must be done."""
    pipeline = [{**component, "cache": None} if "cache" in component else component for component in config["pipeline"]]
    foreign = next((component["out_of_scope_intent"] for component in pipeline if "out_of_scope_intent" in component), FALLBACK_LABEL)
    return foreign, {**config, "pipeline": pipeline}


def _train(rows: Sequence[Row], folder: Path, config: dict[str, Any], oos_labels: tuple[str, ...], foreign: str) -> dict[str, Any]:
    from bot.nlu.quality.evaluation import rasa_name

    named = [[row.text, foreign if row.intent in oos_labels else rasa_name(row.intent)] for row in rows]
    request = {"rows": named, "folder": str(folder), "config": config}
    command = [sys.executable, "-W", "ignore", "-m", "bot.nlu.quality.project"]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, env=_environment(), check=False)  # noqa: S603 our own module
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise BotError(f"training ended with code {done.returncode}: {done.stderr[-800:]}") from error
    if "error" in answer:
        raise SettingError(answer["error"])
    return answer


def _parse(model: Path, rows: Sequence[Row], done: Any) -> tuple[list[dict[str, Any]], list[float], float]:
    """Return the parses, their milliseconds, and the serving process's peak memory in MB."""
    parses, milliseconds = [], []
    with _parser(model) as (to, back):
        for number, row in enumerate(rows, start=1):
            to.write(json.dumps(row.text) + "\n")
            to.flush()
            answer = json.loads(back.readline())
            parses.append(answer["parse"])
            milliseconds.append(answer["ms"])
            done(number)
        to.close()
        return parses, milliseconds, float(json.loads(back.readline())["peak_rss_mb"])


@contextmanager
def _parser(model: Path) -> Iterator[tuple[IO[str], IO[str]]]:
    command = [sys.executable, "-W", "ignore", "-m", "bot.dialogue.parse_texts", str(model)]
    with tempfile.TemporaryFile("w+") as errors:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
        process = subprocess.Popen(command, **pipes, text=True, env=_environment())  # type: ignore[call-overload]  # noqa: S603
        assert process.stdin
        assert process.stdout
        try:
            yield process.stdin, process.stdout
        except (OSError, ValueError) as error:
            errors.seek(0)
            raise BotError(f"the model cannot be served: {errors.read()[-800:]}") from error
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _environment() -> dict[str, str]:
    return {name: value for name, value in {**os.environ, **ENVIRONMENT}.items() if name != "PYTHONDONTWRITEBYTECODE"}
