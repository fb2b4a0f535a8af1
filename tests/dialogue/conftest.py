"""A conversation in SQL, and, for slow tests, Rasa with a toy model beside an action server with toy actions."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.database import sync_engine
from bot.database.conversations import conversations, inboxes, threads
from bot.ids import new_id, utcnow
from tests.dialogue.system import TOY, System

TRAIN = (
    "from rasa.model_training import train; train('domain.yml', 'config.yml', ['nlu.yml', 'rules.yml'], {folder!r}, fixed_model_name='toy')"
)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sync_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def conversation(engine: sa.Engine) -> str:
    return add_conversation(engine)


def add_conversation(engine: sa.Engine) -> str:
    """Store a new conversation that the bot owns at epoch 1, in a thread of its own."""
    conversation, thread, now = new_id(), new_id(), utcnow()
    with engine.begin() as connection:
        if not connection.execute(sa.select(inboxes.c.id)).first():
            connection.execute(sa.insert(inboxes).values(id="shop", channel="website", name="shop", created_at=now))
        connection.execute(sa.insert(threads).values(id=thread, inbox_id="shop", channel_user=thread, language="en", created_at=now))
        connection.execute(
            sa.insert(conversations).values(
                id=conversation, thread_id=thread, status="bot", epoch=1, language="en", created_at=now, updated_at=now
            )
        )
    return conversation


@pytest.fixture(scope="session")
def toy_model(request: pytest.FixtureRequest) -> Path:
    """The toy project's model; trained again only when the project changed."""
    files = sorted(TOY.glob("*.yml"))
    checksum = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    folder = Path(request.config.cache.mkdir(f"toy-model-{checksum}"))  # type: ignore[union-attr]
    model = folder / "toy.tar.gz"
    if not model.exists():
        script = TRAIN.format(folder=str(folder))
        environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=TOY, env=environment, check=True, capture_output=True)
    return model


@pytest.fixture(scope="session")
def system(toy_model: Path, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Rasa and the action server, for all tests of the session that do not stop them."""
    folder = tmp_path_factory.mktemp("system")
    system = System(folder, model=toy_model, database=sqlite_template)
    with system.running():
        yield system
