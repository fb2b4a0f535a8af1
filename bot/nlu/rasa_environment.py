"""What Rasa must be told before it is imported, and how it is kept from talking into our output."""

from __future__ import annotations

import logging
import os

# Rasa keeps outputs of components by a fingerprint of their class alone, so it would miss a change of the modules behind it.
_ENVIRONMENT = {"RASA_TELEMETRY_ENABLED": "false", "RASA_MAX_CACHE_SIZE": "0", "TF_CPP_MIN_LOG_LEVEL": "2"}


def prepare_rasa() -> None:
    """Set the environment where nobody has, and hold Rasa's log, which goes to stdout, to warnings. Call before importing Rasa."""
    import structlog

    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
