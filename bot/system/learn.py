"""Train the model that Rasa serves, telling the supervisor: `python -m bot.system.learn`."""

from __future__ import annotations

import sys

from bot.errors import BotError
from bot.nlu.training import train
from bot.settings import load_settings
from bot.system.place import project_root
from bot.system.steps import tell, tell_error, tell_result


def main() -> int:
    try:
        model = train(load_settings(), root=project_root(), progress=_progress)
    except BotError as error:
        tell_error(error)
        return 1
    tell_result({"model": model.name})
    return 0


def _progress(step: str) -> None:
    if step != "done":
        tell(f"model_{step}")


if __name__ == "__main__":
    sys.exit(main())
