"""Stock Rasa as a process: `python -m benchmarks.stock_process train PROJECT` or `… serve MODEL ENDPOINTS PORT`.

They do what `rasa train` and `rasa run` do, but for one thing: current Sanic cannot start the worker processes of `rasa run`, so the app
that it makes runs in this process. `train` leaves its model in the current folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

ENVIRONMENT = {
    "RASA_TELEMETRY_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "RASA_MAX_CACHE_SIZE": "0",  # so that the time of training is that of the whole
}


def train(project: str) -> None:
    from rasa.model_training import train as rasa_train

    folder = Path(project)
    domain, config, data = (str(folder / name) for name in ("domain.yml", "config.yml", "data"))
    result = rasa_train(domain, config, [data], output=".", fixed_model_name="model", force_training=True)
    if not result.model:
        sys.exit("Rasa has trained no model")


def serve(model: str, endpoints_file: str, port: str) -> None:
    from rasa.core.channels.rest import RestInput
    from rasa.core.run import close_resources, configure_app, load_agent_on_start
    from rasa.core.utils import AvailableEndpoints

    endpoints = AvailableEndpoints.read_endpoints(endpoints_file)
    app = configure_app([RestInput()], enable_api=True, endpoints=endpoints, port=int(port))
    app.register_listener(partial(load_agent_on_start, model, endpoints, None), "before_server_start")
    app.register_listener(close_resources, "after_server_stop")
    app.run(host="127.0.0.1", port=int(port), single_process=True, motd=False, access_log=False)


if __name__ == "__main__":
    os.environ.update(ENVIRONMENT)
    verbs: dict[str, Callable[..., None]] = {"train": train, "serve": serve}
    verbs[sys.argv[1]](*sys.argv[2:])
