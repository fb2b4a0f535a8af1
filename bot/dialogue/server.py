"""The process that answers turns: Rasa's processor around the loaded model, behind our channel."""

from __future__ import annotations

import logging
from pathlib import Path

import structlog
from sanic import Sanic

from bot.dialogue.channel import Model, add_parse, add_status, add_turns
from bot.dialogue.endpoint import ActionEndpoint
from bot.dialogue.guard import GRACE_S, App, answer_errors_in_json, require_token
from bot.dialogue.processor import TurnProcessor
from bot.dialogue.responses import Responses
from bot.dialogue.tracker_store import SqlTrackerStore
from bot.dialogue.turns import Turns
from bot.dialogue.understanding import parse_with
from bot.errors import SettingError
from bot.settings import Settings

logger = logging.getLogger(__name__)


def serve(settings: Settings, model: Path) -> None:
    """Load the model, then serve until stopped; raises SettingError when it cannot be loaded."""
    silence_structlog()
    app = create_app(settings, model)
    logger.info("serving model %s on port %s", model.name, settings.rasa_port)
    app.run(host="127.0.0.1", port=settings.rasa_port, single_process=True, motd=False, access_log=False)


def create_app(settings: Settings, model: Path) -> App:
    endpoint = ActionEndpoint(settings.actions_url, settings.internal_token)
    store = SqlTrackerStore(settings.database_url)
    companies = {"zh": settings.company_name_zh, "en": settings.company_name_en}
    processor = load(model, store, Responses(companies), endpoint)

    app = Sanic("yingda-dialogue", configure_logging=False)
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = GRACE_S
    require_token(app, settings.internal_token)
    answer_errors_in_json(app)
    add_status(app, Model(id=processor.model_metadata.model_id, file=model.name))
    add_turns(app, Turns(processor, store))
    add_parse(app, lambda text: parse_with(processor.graph_runner, processor.model_metadata.nlu_target, text))

    @app.after_server_stop
    async def close(app: App) -> None:
        await endpoint.close()
        store.close()

    return app


def load(model: Path, store: SqlTrackerStore, responses: Responses, endpoint: ActionEndpoint) -> TurnProcessor:
    try:
        return TurnProcessor(model, store=store, responses=responses, endpoint=endpoint)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise SettingError(f"the model {model} cannot be loaded ({reason}); train a new one with `yingda train`") from error


def silence_structlog() -> None:
    """Rasa's events hold customers' texts, and go to standard output unless structlog is told otherwise: keep errors, by name."""
    structlog.configure(
        processors=[lambda _logger, _method, event: str(event["event"])],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
