"""Rasa, hosted by us: `python -m bot.dialogue.host` serves the newest model on loopback."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from bot.dialogue.light import lighten
from bot.dialogue.logs import configure_logging
from bot.errors import SettingError
from bot.settings import load_settings

# One thread per process for linear algebra: more are many times slower when the machine is busy. Telemetry stays off.
ENVIRONMENT = {
    "RASA_TELEMETRY_ENABLED": "false",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "SANIC_SKIP_LOGO": "1",
}


def main() -> int:
    """Serve until stopped; return non-zero, after one sentence, when there is no model to serve."""
    os.environ.update(ENVIRONMENT)
    try:
        settings = load_settings()
        configure_logging(settings.log_level)
        model = newest_model(settings.model_dir)
        lighten(model)
        # Only now, since importing Rasa and numpy reads the environment and takes most of the start.
        server = importlib.import_module("bot.dialogue.server")
        server.serve(settings, model)
    except SettingError as error:
        print(f"Rasa does not start: {error}", file=sys.stderr)
        return 1
    return 0


def newest_model(folder: Path) -> Path:
    """Return the model that was written last; raises SettingError when there is none."""
    models = sorted(folder.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    if not models:
        raise SettingError(f"there is no model in {folder}; train one with `yingda train`")
    return models[-1]


if __name__ == "__main__":
    sys.exit(main())
