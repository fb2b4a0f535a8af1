import importlib
import io
import json
import sys
import tarfile
from abc import ABC
from pathlib import Path

import pytest

from bot.dialogue.light import StandIns, components


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [StandIns({"bulky"}), *sys.meta_path])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


@pytest.mark.usefixtures("stand_ins")
def test_a_stand_in_can_be_imported_named_and_inherited_from():
    bulky = importlib.import_module("bulky")
    layers = importlib.import_module("bulky.keras.layers")

    class Model(ABC, layers.Layer):  # type: ignore[misc, name-defined]
        tensor: bulky.Tensor | None  # type: ignore[name-defined]

    assert issubclass(Model, layers.Layer)
    assert not isinstance(1, bulky.Tensor)


@pytest.mark.usefixtures("stand_ins")
def test_to_call_a_stand_in_is_an_error_that_names_it():
    bulky = importlib.import_module("bulky")

    with pytest.raises(ImportError, match=r"bulky\.keras\.Model is only a stand-in"):
        bulky.keras.Model()


@pytest.mark.usefixtures("stand_ins")
def test_other_packages_are_left_alone():
    assert importlib.import_module("colorsys").rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)


def test_the_components_of_a_model_are_read_without_rasa(tmp_path: Path):
    metadata = json.dumps({"predict_schema": {"nodes": {"a": {"uses": "rasa.x.DIETClassifier"}, "b": {"uses": "bot.y.Z"}}}}).encode()
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("metadata.json")
        entry.size = len(metadata)
        archive.addfile(entry, io.BytesIO(metadata))

    assert components(tmp_path / "model.tar.gz") == ["rasa.x.DIETClassifier", "bot.y.Z"]
