"""The conversations of nlu_data/tests, in both languages, by Rasa's own evaluation of the model that the system serves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.system import ROOT, System

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_every_conversation_goes_as_it_is_written(system: System, tmp_path: Path) -> None:
    model = max((system.folder / "models").glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    command = [sys.executable, "-W", "ignore", "-m", "rasa", "test", "core", "--stories", "nlu_data/tests", "--model", str(model)]
    environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "OPENBLAS_NUM_THREADS": "1"}

    done = subprocess.run([*command, "--out", str(tmp_path), "--no-plot"], cwd=ROOT, env=environment, check=False, capture_output=True)

    failed = tmp_path / "failed_test_stories.yml"
    assert failed.exists(), done.stderr.decode()[-2000:]
    assert failed.read_text(encoding="utf8").startswith("# None of the test stories failed"), failed.read_text(encoding="utf8")[:4000]
