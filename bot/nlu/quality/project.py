"""Train config.yml's pipeline on labelled messages, through Rasa: `python -m bot.nlu.quality.project`, a process of its own.

Its standard input is a JSON object `{rows: [[text, intent]], folder, config}`; the last line of its standard output is
`{"model", "train_s", "peak_rss_mb"}` or `{"error"}`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from bot.errors import BotError, SettingError
from bot.nlu.quality.memory import peak_rss_mb
from bot.nlu.rasa_environment import prepare_rasa


def main() -> int:
    request = json.load(sys.stdin)
    try:
        answer = train_rows(request["rows"], Path(request["folder"]), request["config"])
    except BotError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer, ensure_ascii=False))
    return "error" in answer


def train_rows(rows: list[list[str]], folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Return the archive's path, seconds of training without importing Rasa, and this process's peak memory in MB."""
    prepare_rasa()
    from rasa.model_training import train_nlu
    from rasa.shared.exceptions import RasaException

    (folder / "config.yml").write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), encoding="utf8")
    # Rasa's JSON form, since in YAML a text with [brackets](like these) would be read as an entity.
    examples = [{"text": text, "intent": intent} for text, intent in rows]
    (folder / "nlu.json").write_text(json.dumps({"rasa_nlu_data": {"common_examples": examples}}, ensure_ascii=False), encoding="utf8")
    begun = time.perf_counter()
    try:
        model = train_nlu(str(folder / "config.yml"), str(folder / "nlu.json"), str(folder), fixed_model_name="model")
    except (RasaException, SystemExit) as error:
        raise SettingError(f"Rasa cannot train with this config.yml: {error}") from error
    seconds = time.perf_counter() - begun
    return {"model": str(model), "train_s": round(seconds, 2), "peak_rss_mb": peak_rss_mb()}


if __name__ == "__main__":
    sys.exit(main())
