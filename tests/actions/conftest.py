"""The actions on a real database with the demo company in it, and conversations with its customers."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa
import yaml
from rasa_sdk.executor import ActionExecutor

from actions.services import Services, close_services, provide
from bot.crypto import Cipher
from bot.customers.profile import ChurnReason, ChurnRisk, Profile
from bot.database import Database, sync_engine
from bot.database.conversations import conversations, inboxes, threads
from bot.database.people import customer_profiles, customers
from bot.encoders import Vectors
from bot.faq import Faq
from bot.ids import utcnow
from bot.settings import Settings
from bot.shop.demo import DemoShop
from bot.shop.sample import SampleData, generate, load
from tests.actions.chat import Chat
from tests.actions.texts import ROOT, intents
from tests.conftest import CopyOf

if TYPE_CHECKING:
    from tests.actions.rasa_chat import RasaStage

# Who is who in the sample: see bot/shop/sample/scripted.py. A conversation has the name of its customer here.
CUSTOMERS = {"loyal": "C000001", "waiting": "C000002", "leaving": "C000003", "happy": "C000004"}
VISITORS = ("visitor", "stranger")
ENQUIRIES = 3  # conversations of each, one after the other in the same thread

Start = Callable[..., Chat]


class BigramEncoder:
    """A stand-in for the sentence encoder that is there at once: likeness is having pairs of characters in common."""

    def encode_one(self, text: str) -> Vectors:
        vector = np.zeros(512, dtype=np.float32)
        for first, second in itertools.pairwise(text):
            vector[zlib.crc32((first + second).lower().encode()) % 512] += 1
        return vector / max(float(np.linalg.norm(vector)), 1e-9)

    def encode(self, texts: list[str]) -> Vectors:
        return np.stack([self.encode_one(text) for text in texts])


@pytest.fixture(scope="session")
def sample() -> SampleData:
    return generate(10, now=utcnow())


RASA = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow), pytest.param("rasa", marks=RASA)])
def stage(request: pytest.FixtureRequest) -> str:
    """Each talk on SQLite and PostgreSQL by a page of rules, and on SQLite through Rasa itself."""
    return str(request.param)


@pytest.fixture
def database_url(stage: str, copy_of: CopyOf, sample: SampleData, cipher: Cipher) -> str:
    kind = "postgresql" if stage == "postgresql" else "sqlite"
    return copy_of(kind, "actions", lambda url: _fill(url, sample, cipher))


@pytest.fixture
def demo(database: Database, cipher: Cipher) -> DemoShop:
    return DemoShop(database, cipher)


@pytest.fixture(scope="session")
def executor() -> ActionExecutor:
    executor = ActionExecutor()
    executor.register_package("actions")
    return executor


@pytest.fixture(scope="session")
def faq() -> Faq:
    """What it has learned of the entries is learned once."""
    return Faq(encoder=BigramEncoder())


@pytest.fixture
async def start(
    request: pytest.FixtureRequest,
    stage: str,
    executor: ActionExecutor,
    settings: Settings,
    database: Database,
    demo: DemoShop,
    faq: Faq,
) -> AsyncIterator[Start]:
    """Begin to talk: `start("loyal", "zh")`. Each time is a new conversation in the same thread."""
    provide(Services(settings, database, demo, faq))
    begun: Counter[str] = Counter()

    def begin(name: str, language: str = "zh", *, epoch: int = 1) -> Chat:
        conversation = conversation_of(name, begun[name])
        begun[name] += 1
        if stage != "rasa":
            return Chat(executor, conversation, language, epoch=epoch)
        from tests.actions.rasa_chat import RasaChat

        rasa = request.getfixturevalue("rasa_stage")
        return RasaChat(rasa, settings.database_url, conversation, language, epoch=epoch)  # type: ignore[return-value]

    yield begin
    await close_services()


def conversation_of(name: str, enquiry: int) -> str:
    return name if enquiry == 0 else f"{name}-{enquiry}"


@pytest.fixture(scope="session")
def rasa_stage(request: pytest.FixtureRequest, executor: ActionExecutor) -> RasaStage:
    """Rasa with our domain, our rules and our policies, and an NLU that is never asked; trained again only when they changed."""
    from tests.actions.rasa_chat import RasaStage

    files = [ROOT / "domain.yml", ROOT / "config.yml", *sorted((ROOT / "nlu_data/rules").glob("*.yml"))]
    checksum = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    folder = Path(request.config.cache.mkdir(f"dialogue-{checksum}"))  # type: ignore[union-attr]
    if not (folder / "dialogue.tar.gz").exists():
        train_dialogue(folder)
    return RasaStage(folder / "dialogue.tar.gz", executor)


def train_dialogue(folder: Path) -> None:
    config = yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf8"))
    toy_nlu = {"language": "en", "pipeline": [{"name": "WhitespaceTokenizer"}, {"name": "KeywordIntentClassifier"}]}
    examples = [{"intent": intent, "examples": f"- {intent} one\n- {intent} two\n"} for intent in intents()]
    (folder / "config.yml").write_text(yaml.safe_dump({**config, **toy_nlu}), encoding="utf8")
    (folder / "nlu.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": examples}), encoding="utf8")
    arguments = {
        "domain": str(ROOT / "domain.yml"),
        "config": str(folder / "config.yml"),
        "training_files": [str(folder / "nlu.yml"), str(ROOT / "nlu_data/rules")],
        "output": str(folder),
        "fixed_model_name": "dialogue",
    }
    script = f"from rasa.model_training import train; train(**{arguments!r})"
    environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, env=environment, check=False, capture_output=True)
    assert (folder / "dialogue.tar.gz").exists(), done.stderr.decode()[-2000:]


def _fill(url: str, sample: SampleData, cipher: Cipher) -> None:
    engine, now = sync_engine(url), utcnow()
    load(engine, cipher, sample)
    with engine.begin() as connection:
        connection.execute(sa.insert(inboxes).values(id="website", channel="website", name="Website", created_at=now))
        for name in (*CUSTOMERS, *VISITORS):
            customer = sa.select(customers.c.id).where(customers.c.shop_customer_id == CUSTOMERS.get(name))
            customer_id = connection.execute(customer).scalar() if name in CUSTOMERS else None
            thread = {"id": f"thread-{name}", "inbox_id": "website", "channel_user": name, "customer_id": customer_id}
            connection.execute(sa.insert(threads).values(**thread, language="zh", created_at=now))
            row = {"status": "bot", "epoch": 1, "language": "zh", "created_at": now, "updated_at": now}
            for enquiry in range(ENQUIRIES):
                connection.execute(sa.insert(conversations).values(id=conversation_of(name, enquiry), thread_id=thread["id"], **row))
            if customer_id:
                connection.execute(sa.insert(customer_profiles).values(_profile(name, customer_id)))
    engine.dispose()


def _profile(name: str, customer_id: str) -> dict[str, object]:
    level, probability = ("high", 0.81) if name == "leaving" else ("low", 0.07)
    profile = Profile(
        customer_id=customer_id,
        segment="at_risk" if level == "high" else "loyal",
        churn=ChurnRisk(probability, level, [ChurnReason("troubled_180d", 2, 0.9)] if level == "high" else []),
        orders=12,
        spent_minor=345_600,
        value_minor=345_600,
        expected_loss_minor=round(probability * 345_600),
        recommendations=["AUD-001", "KIT-003", "SMA-001", "BED-001"] if name == "happy" else [],
    )
    return {"customer_id": customer_id, "record": msgspec.to_builtins(profile), "updated_at": utcnow() - timedelta(hours=1)}
