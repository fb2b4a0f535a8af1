import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.dialogue.host import newest_model
from bot.dialogue.model_storage import for_serving
from bot.errors import SettingError
from tests.dialogue.system import ROOT


def test_without_a_model_the_host_ends_with_one_sentence(tmp_path: Path):
    environment = {**os.environ, "YINGDA_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}

    ended = subprocess.run([sys.executable, "-m", "bot.dialogue.host"], env=environment, cwd=tmp_path, capture_output=True, text=True)

    assert ended.returncode == 1
    [sentence] = ended.stderr.splitlines()
    assert "there is no model in" in sentence


def test_the_model_that_was_written_last_is_served(tmp_path: Path):
    for age, name in enumerate(["newest", "middle", "oldest"]):
        path = tmp_path / f"{name}.tar.gz"
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))

    assert newest_model(tmp_path).name == "newest.tar.gz"
    with pytest.raises(SettingError):
        newest_model(tmp_path / "elsewhere")


def test_a_model_whose_nlu_does_not_end_as_expected_is_refused():
    with pytest.raises(ValueError, match="must be taken out"):
        for_serving({"nlu_target": "run_SomethingElse", "predict_schema": {"nodes": {}}})
