"""One system for all browser and kill tests of a database; the model is trained once.

While tests are written, one that runs already saves the training: YINGDA_E2E_URL and YINGDA_E2E_DATA name it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.conftest import missing
from tests.e2e.reception import Reception
from tests.e2e.stage import Stage
from tests.e2e.system import System

# Two cores and a whole system: what takes a moment elsewhere may take some here.
PATIENCE_MS = 20_000


@pytest.fixture(scope="session")
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    if url := os.environ.get("YINGDA_E2E_URL"):
        yield System.attach(url, Path(os.environ["YINGDA_E2E_DATA"]))
        return
    system = System(tmp_path_factory.mktemp("system") / "var")
    (system.folder / "models").mkdir(parents=True)
    shutil.copy(request.getfixturevalue("trained_model"), system.folder / "models")
    system.start()
    yield system
    assert system.stop() == 0


@pytest.fixture(scope="session")
def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    missing("Chromium", "install it with: apt-get install chromium")
    raise AssertionError


@pytest.fixture
async def http(system: System) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(system.url, timeout=timeout, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest.fixture(scope="session")
def desk_cookies() -> dict[str, str]:
    """The sessions of agents by username: the desk allows few log-ins in a quarter of an hour."""
    return {}


@pytest.fixture
async def reception(system: System, http: aiohttp.ClientSession, desk_cookies: dict[str, str]) -> Reception:
    """The demo agent, with nobody waiting and no conversation of theirs open."""
    reception = await Reception.enter(http, *system.login(), cookies=desk_cookies)
    await reception.clear()
    return reception


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
def stage(system: System, browser: Browser, reception: Reception, tmp_path: Path) -> Stage:
    return Stage(system, browser, reception, Path(os.environ.get("YINGDA_SCREENSHOTS") or tmp_path))
