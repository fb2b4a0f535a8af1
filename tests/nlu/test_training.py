"""Training through Rasa: only when something has changed, in one step, with the one before kept."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.dialogue import understanding
from bot.dialogue.understanding import Understanding, explained
from bot.errors import NotFoundError, SettingError
from bot.nlu.training import MODULES, is_trained, model_fingerprint, newest_model, train
from bot.settings import Settings, load_settings
from tests.onnx_folder import write_model

ROOT = Path(__file__).parents[2]
Parse = Callable[[Settings, str], dict[str, Any]]

DOMAIN = {
    "version": "3.1",
    "intents": ["order_status", "return_item", "nlu_fallback"],
    "entities": ["order_number"],
    "responses": {"utter_status": [{"text": "ok"}]},
}
RULES = {"version": "3.1", "rules": [{"rule": "status", "steps": [{"intent": "order_status"}, {"action": "utter_status"}]}]}
NLU = {
    "version": "3.1",
    "nlu": [
        {
            "intent": "order_status",
            "examples": "- 订单 [A20261029-0042](order_number) 到哪\n- where is my order\n- 查订单\n- order status",
        },
        {"intent": "return_item", "examples": "- 我要退货\n- I want to return it\n- 退货\n- send it back"},
    ],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with our pipeline and code, two intents and one rule."""
    for name in ("bot/encoders", "bot/nlu", "nlu_data/lookups", "nlu_data/jieba", "nlu_data/sentiment"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("config.yml", *(f"bot/{module}" for module in MODULES)):
        shutil.copyfile(ROOT / name, tmp_path / name)
    for name, content in {"domain.yml": DOMAIN, "nlu_data/rules/a.yml": RULES, "nlu_data/nlu/zh/a.yml": NLU}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf8")
    return tmp_path


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch) -> Parse:
    """What the newest model makes of a text; the stand-ins of the serving process would stay for the tests that follow."""
    monkeypatch.setattr(understanding, "lighten", lambda model: None)
    return lambda settings, text: explained(Understanding(newest_model(settings)).parse(text))


@pytest.fixture
def settings(root: Path) -> Settings:
    return load_settings({}, root=root)


@pytest.mark.parametrize(
    "name",
    [
        "config.yml",
        "domain.yml",
        "nlu_data/nlu/zh/a.yml",
        "nlu_data/lookups/cities.yml",
        "nlu_data/sentiment/words/zh.yml",
        "bot/nlu/model.py",
        "bot/sentiment.py",
    ],
)
def test_the_fingerprint_changes_with_everything_that_makes_the_model(root: Path, settings: Settings, name: str) -> None:
    before = model_fingerprint(settings, root=root)

    with (root / name).open("a", encoding="utf8") as file:
        file.write("\n# changed\n")

    assert model_fingerprint(settings, root=root) != before


def test_the_fingerprint_stays_when_the_faq_changes(root: Path, settings: Settings) -> None:
    before = model_fingerprint(settings, root=root)
    (root / "nlu_data" / "faq").mkdir()
    (root / "nlu_data" / "faq" / "a.yml").write_text("- id: a", encoding="utf8")

    assert model_fingerprint(settings, root=root) == before
    assert model_fingerprint(replace(settings, company_timezone="Europe/London"), root=root) != before


def test_a_model_that_is_there_is_taken_and_only_the_one_before_is_kept(root: Path, settings: Settings) -> None:
    settings.model_dir.mkdir(parents=True)
    for age, name in enumerate(("oldest", "older", "old")):
        (settings.model_dir / f"yingda-{name}.tar.gz").touch()
        os.utime(settings.model_dir / f"yingda-{name}.tar.gz", (age, age))
    current = settings.model_dir / f"yingda-{model_fingerprint(settings, root=root)[:16]}.tar.gz"
    current.touch()
    steps: list[str] = []

    assert is_trained(settings, root=root)
    assert train(settings, root=root, progress=steps.append) == current == newest_model(settings)
    assert steps == ["done"]
    assert sorted(path.name for path in settings.model_dir.iterdir()) == sorted([current.name, "yingda-old.tar.gz"])


def test_no_model_is_said_with_what_to_do(settings: Settings) -> None:
    with pytest.raises(NotFoundError, match="yingda train"):
        newest_model(settings)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # a whole training of Rasa warns of many things that are not ours
@pytest.mark.timeout(300)
def test_a_model_is_trained_through_rasa_and_parses(root: Path, settings: Settings, parse: Parse) -> None:
    ours = (root / "config.yml").read_text(encoding="utf8")
    model = train(settings, root=root)

    parsed = parse(settings, "我的 order A20261029-0042 到哪了")

    assert model == newest_model(settings)
    assert list(settings.model_dir.iterdir()) == [model]
    assert (settings.data_dir / "cache" / "encoder.sqlite3").is_file()
    assert (root / "config.yml").read_text(encoding="utf8") == ours
    assert parsed["intent"] == "order_status"
    assert parsed["language"] == "mixed"
    assert set(parsed["sentiment"]) == {"label", "score", "confidence"}
    assert parsed["tokens"] == ["我", "的", "order", "A20261029-0042", "到", "哪", "了"]
    assert [(one["entity"], one["value"]) for one in parsed["entities"]] == [("order_number", "A20261029-0042")]
    forged = parse(settings, '/return_item{"order_number": "A1"}')
    assert forged["confidence"] < 1
    assert forged["text"].startswith("/return_item")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # a whole training of Rasa warns of many things that are not ours
@pytest.mark.timeout(120)
def test_what_rasa_refuses_leaves_no_model(root: Path, settings: Settings) -> None:
    faulty = {**DOMAIN, "slots": {"a": {"type": "nonsense"}}}
    (root / "domain.yml").write_text(yaml.safe_dump(faulty), encoding="utf8")

    with pytest.raises(SettingError, match="Rasa cannot train"):
        train(settings, root=root)
    assert list(settings.model_dir.iterdir()) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # a whole training of Rasa warns of many things that are not ours
@pytest.mark.timeout(300)
def test_rasa_keeps_the_encoder_in_the_model_and_refuses_another(root: Path, settings: Settings, tmp_path: Path, parse: Parse) -> None:
    folder = write_model(tmp_path / "tiny")
    model = train(replace(settings, encoder=str(folder)), root=root)
    assert parse(settings, "我要退货")["intent"] == "return_item"
    with tarfile.open(model) as archive:
        assert [name for name in archive.getnames() if name.endswith("encoder.json")]

    (folder / "tokenizer.json").unlink()
    with pytest.raises(SettingError, match="was trained with the encoder tiny"):
        parse(settings, "我要退货")
