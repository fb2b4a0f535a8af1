"""The page says what there is, in both languages, and nothing of who anybody is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

import bot.customers.monitor.page
from bot.crypto import Cipher
from bot.customers.churn.training import train
from bot.customers.monitor.page import write_page
from bot.customers.refresh import refresh_profiles
from bot.database.people import customer_identities
from bot.settings import Settings
from tests.customers.conftest import NOW

WORDS = Path(bot.customers.monitor.page.__file__).parent


@pytest.fixture
def served(shop_settings: Settings) -> Settings:
    """A shop with a live model, and records made with it."""
    train(shop_settings, now=NOW, quick=True)
    refresh_profiles(shop_settings, now=NOW)
    return shop_settings


def test_both_languages_say_the_same_things() -> None:
    zh, en = (yaml.safe_load((WORDS / f"words.{language}.yml").read_text(encoding="utf8")) for language in ("zh", "en"))

    assert set(zh) == set(en)
    assert set(zh.pop("names")) == set(en.pop("names"))
    assert [key for key in zh if set(re.findall(r"{\w+}", zh[key])) != set(re.findall(r"{\w+}", en[key]))] == []


@pytest.mark.slow
@pytest.mark.parametrize(("language", "heading"), [("zh", "今天谁可能流失"), ("en", "Who may leave today")])
def test_the_page_shows_customers_model_and_drift(served: Settings, tmp_path: Path, language: str, heading: str) -> None:
    page = write_page(served, tmp_path / "reports" / "page.html", language=language, now=NOW).read_text(encoding="utf8")

    assert heading in page
    assert page.count("<svg") >= 2
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)  # nothing is fetched from elsewhere


@pytest.mark.slow
def test_nobody_can_be_recognised_on_the_page(served: Settings, engine: sa.Engine, cipher: Cipher, tmp_path: Path) -> None:
    page = write_page(served, tmp_path / "page.html", language="zh", now=NOW).read_text(encoding="utf8")

    with engine.begin() as connection:
        rows = connection.execute(sa.select(customer_identities.c.name, customer_identities.c.phone)).all()
    assert len(rows) > 100
    for row in rows:
        assert cipher.decrypt(row.name, column="customer_identities.name") not in page
        assert cipher.decrypt(row.phone, column="customer_identities.phone") not in page


@pytest.mark.slow
def test_an_empty_shop_gets_a_page_that_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    page = write_page(settings, tmp_path / "page.html", language="en", now=NOW).read_text(encoding="utf8")

    assert "yingda customers train" in page
    assert "No offer has been made yet" in page
