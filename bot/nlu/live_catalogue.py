"""The products that the company sells now, from a file that may change while the bot serves."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bot.errors import InputError, SettingError
from bot.nlu.lookup import Lookup
from bot.nlu.names import read_names

logger = logging.getLogger(__name__)

FILE = "catalogue.yml"  # in the data directory
CHECK_EVERY_S = 1.0  # a look at the file costs two microseconds; a message a second later than the file is soon enough
_NEVER = (0, 0)


class LiveCatalogue:
    """Finds products of a file in the form of nlu_data/lookups/products.yml. No file is an empty one, a broken one changes nothing."""

    def __init__(
        self, path: Path, *, entity: str = "product", words: frozenset[str] = frozenset(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._entity = entity
        self._words = words
        self._clock = clock
        self._checked_at = -CHECK_EVERY_S
        self._state = _NEVER
        self._lookup: Lookup | None = None

    def lookup(self) -> Lookup | None:
        """Return the finder of what the file holds now, at most a second late; None without a file."""
        now = self._clock()
        if now - self._checked_at >= CHECK_EVERY_S:
            self._checked_at = now
            self._read_if_changed()
        return self._lookup

    def _read_if_changed(self) -> None:
        state = _state(self._path)
        if state == self._state:
            return
        self._state = state
        try:
            self._lookup = None if state == _NEVER else Lookup(self._entity, read_names([self._path]), words=self._words)
        except SettingError as error:
            logger.warning("kept the catalogue as it was: %s", error)


def install_catalogue(source: Path, target: Path) -> int:
    """Check a catalogue and put it in place in one step; return how many products it has. InputError for one that cannot be read."""
    try:
        entries = read_names([source]).entries
    except SettingError as error:
        raise InputError(str(error)) from error
    if not any(entry.zh or entry.en for entry in entries):
        raise InputError(f"{source} names no product")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-", delete=False) as file:
        file.write(source.read_bytes())
    Path(file.name).replace(target)
    return len(entries)


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return _NEVER
    return found.st_mtime_ns, found.st_size
