"""The peer: what `rasa init` gives, trained on our data.

Pipeline and policies are read from Rasa's own default configuration, so that "stock" is what this version of Rasa says it is. Domain,
rules and examples are ours. Two things are changed in the domain, both so that the stock bot can answer at all: the slot
`language`, which our responses' conditions read, has a value, and `{company}` is already filled in.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from benchmarks.service import Service
from benchmarks.trained import Trained, train_once

LANGUAGE = "zh"
DATA = ("nlu", "rules", "stories")
DEFAULT_CONFIG = "engine/recipes/config_files/default_config.yml"
STORY_LENGTH = 3  # exchanges


@dataclass(frozen=True)
class StockProject:
    """A folder with the files of a Rasa project."""

    folder: Path

    @property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(importlib.metadata.version("rasa").encode())
        for path in sorted(path for path in self.folder.rglob("*.yml") if path.is_file()):
            digest.update(path.relative_to(self.folder).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()[:16]


def write_project(folder: Path, *, root: Path, company: str, stories: bool, epochs: int | None = None) -> StockProject:
    """Write a stock project with the data of `root`; with `stories`, the rules are also told as stories.

    `epochs` other than Rasa's own shorten the training; the model is then as large and as fast, but understands less.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    _write(folder / "config.yml", stock_config(epochs))
    for name in DATA:
        if (root / "nlu_data" / name).is_dir():
            shutil.copytree(root / "nlu_data" / name, folder / "data" / name)
    domain = yaml.safe_load((root / "domain.yml").read_text(encoding="utf8"))
    _write(folder / "domain.yml", for_stock(domain, company=company))
    if stories:
        rules = [rule for path in sorted((root / "nlu_data" / "rules").glob("*.yml")) for rule in _rules(path)]
        _write(folder / "data" / "stories.yml", {"version": "3.1", "stories": list(rules_as_stories(rules))})
    return StockProject(folder)


def stock_config(epochs: int | None = None) -> dict[str, Any]:
    """Return what Rasa puts into a configuration that names no pipeline and no policies, as that of `rasa init` does."""
    text = (Path(str(files("rasa"))) / DEFAULT_CONFIG).read_text(encoding="utf8")
    config: dict[str, Any] = yaml.safe_load(text)
    if epochs is not None:
        for component in config["pipeline"] + config["policies"]:
            if "epochs" in component:
                component["epochs"] = epochs
    return config


def for_stock(domain: dict[str, Any], *, company: str) -> dict[str, Any]:
    """Return the domain with a language to answer in and the company's name in its responses."""
    slots = {**domain["slots"], "language": {**domain["slots"]["language"], "initial_value": LANGUAGE}}
    responses = yaml.safe_load(yaml.safe_dump(domain["responses"], allow_unicode=True).replace("{company}", company))
    return {**domain, "slots": slots, "responses": responses}


def rules_as_stories(rules: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Tell the rules that answer a message by one action as conversations of a few exchanges, each rule in several of them."""
    exchanges = [rule["steps"] for rule in rules if _is_exchange(rule["steps"])]
    for start in range(len(exchanges)):
        chosen = [exchanges[(start + index * 5) % len(exchanges)] for index in range(STORY_LENGTH)]
        yield {"story": f"conversation {start + 1}", "steps": [dict(step) for steps in chosen for step in steps]}


def train(project: StockProject, cache: Path) -> Trained:
    """Return the project's model, trained or out of the cache."""
    command = ["benchmarks.stock_process", "train", str(project.folder)]
    return train_once(f"stock-{project.fingerprint}", command, cache=cache, environment={})


def service(project: StockProject, model: Path, *, port: int, actions_url: str, token: str) -> Service:
    """Return the stock bot as a process to start."""
    endpoints = {"action_endpoint": {"url": f"{actions_url}/webhook", "headers": {"Authorization": f"Bearer {token}"}}}
    _write(project.folder / "endpoints.yml", endpoints)
    arguments = ["serve", str(model), str(project.folder / "endpoints.yml"), str(port)]
    return Service("stock", ["benchmarks.stock_process", *arguments], port=port, environment={})


def _is_exchange(steps: list[dict[str, Any]]) -> bool:
    return len(steps) == 2 and "intent" in steps[0] and "action" in steps[1]


def _rules(path: Path) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf8"))["rules"]
    return rules


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf8")
