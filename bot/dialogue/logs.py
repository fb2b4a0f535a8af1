"""Logging of Rasa's process and of the action server: ours as set, theirs from WARNING on, no customer's text."""

from __future__ import annotations

import logging
import warnings

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
NOISY = ("rasa", "rasa_sdk", "sanic", "matplotlib", "tensorflow", "apscheduler", "h5py", "asyncio", "numba", "dask")


def configure_logging(level: str) -> None:
    logging.basicConfig(level=level, format=FORMAT, force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Rasa and what it needs warn about each other's ways at every start; tests read their warnings, operators need not.
    warnings.simplefilter("ignore")
