"""Models are trained once for the same data and configuration, and kept with the time that it took."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.place import child_environment

TRAINING_WITHIN_S = 3 * 3600  # stock Rasa on two busy cores


@dataclass(frozen=True)
class Trained:
    """A model. The times are those of the process that trained it, imports included; `cpu_s` is free of what else the machine did."""

    model: Path
    wall_s: float
    cpu_s: float


class Times(msgspec.Struct):
    wall_s: float
    cpu_s: float


def train_once(name: str, command: list[str], *, cache: Path, environment: Mapping[str, str]) -> Trained:
    """Return the model `name` of the cache, made by `python -m command` in an empty folder if need be.

    The command leaves its model as the one `*.tar.gz` somewhere below the folder it runs in. Raises RuntimeError when it fails.
    """
    model, times = cache / f"{name}.tar.gz", cache / f"{name}.json"
    if not (model.is_file() and times.is_file()):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".training-") as folder:
            measured = _train(Path(folder), command, environment, log=cache / f"{name}.log")
            shutil.move(str(_the_model(Path(folder))), model)
        times.write_bytes(msgspec.json.encode(measured))
    known = msgspec.json.decode(times.read_bytes(), type=Times)
    return Trained(model, known.wall_s, known.cpu_s)


def _train(folder: Path, command: list[str], environment: Mapping[str, str], *, log: Path) -> Times:
    began, cpu_began = time.monotonic(), _children_cpu_s()
    with log.open("wb") as output:
        code = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", *command],
            cwd=folder,
            env=child_environment({**environment, "YINGDA_DATA_DIR": str(folder)}),
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=TRAINING_WITHIN_S,
            check=False,
        ).returncode
    if code:
        raise RuntimeError(f"training ended with {code}; {log} says why")
    return Times(wall_s=time.monotonic() - began, cpu_s=_children_cpu_s() - cpu_began)


def _the_model(folder: Path) -> Path:
    found = list(folder.rglob("*.tar.gz"))
    if len(found) != 1:
        raise RuntimeError(f"training left {len(found)} models in {folder}; expected one")
    return found[0]


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
