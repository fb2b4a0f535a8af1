"""The action server: `python -m bot.dialogue.actions_server` runs the package `actions` on loopback."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys

import msgspec
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from bot.dialogue.guard import GRACE_S, App, error_response, json_response, require_token
from bot.dialogue.logs import configure_logging
from bot.errors import SettingError
from bot.settings import Settings, load_settings
from bot.tables import use_tables

logger = logging.getLogger(__name__)


def main(package: str = "actions") -> int:
    os.environ.update({"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})
    try:
        settings = use_tables(load_settings())
    except SettingError as error:
        print(f"The action server does not start: {error}", file=sys.stderr)
        return 1
    configure_logging(settings.log_level)
    app = create_app(settings, package)
    logger.info("serving %s on port %s", package, settings.actions_port)
    app.run(host="127.0.0.1", port=settings.actions_port, single_process=True, motd=False, access_log=False)
    return 0


def create_app(settings: Settings, package: str = "actions") -> App:
    """Return the app that runs the package's actions, in the protocol of rasa_sdk's own server (which current Sanic cannot start)."""
    executor = ActionExecutor()
    executor.register_package(package)
    app = Sanic("yingda-actions", configure_logging=False)
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = GRACE_S
    app.config.KEEP_ALIVE_TIMEOUT = 120  # longer than Rasa keeps an idle connection, so that it never writes into a closed one
    require_token(app, settings.internal_token)
    _add_webhook(app, executor)
    _open_services(app, settings, package)

    @app.get("/health")
    async def health(request: Request) -> HTTPResponse:
        return json_response({"status": "ok", "actions": len(executor.actions)})

    return app


def _add_webhook(app: App, executor: ActionExecutor) -> None:
    @app.post("/webhook")
    async def webhook(request: Request) -> HTTPResponse:
        try:
            call = msgspec.json.decode(request.body, type=dict)
            return json_response(await executor.run(call))
        except msgspec.DecodeError as error:
            return error_response(400, "input", f"the body is no action call: {error}")
        except ActionExecutionRejection as error:
            return json_response({"error": error.message, "action_name": error.action_name}, status=400)
        except ActionNotFoundException as error:
            return json_response({"error": error.message, "action_name": error.action_name}, status=404)
        except Exception:
            action, conversation = call.get("next_action"), call.get("sender_id")
            logger.exception("action %s failed in conversation %s", action, conversation)
            return error_response(500, "action_failed", f"action {action} failed")


def _open_services(app: App, settings: Settings, package: str) -> None:
    """Call `<package>.services.open_services(settings)` and `close_services()`, if the package has them."""
    name = f"{package}.services"
    parent = importlib.import_module(package)
    if not hasattr(parent, "__path__") or importlib.util.find_spec(name) is None:
        return
    services = importlib.import_module(name)

    @app.before_server_start
    async def open_all(app: App) -> None:
        await services.open_services(settings)

    @app.after_server_stop
    async def close_all(app: App) -> None:
        await services.close_services()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
