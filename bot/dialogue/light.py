"""Rasa without what it imports and a serving process of ours never uses.

`import rasa.core.processor` loads TensorFlow, a dozen connectors to other people's channels, and clients of databases that we do
not have: two thirds of the process's memory and most of its start. Here stand-ins take their places before Rasa is imported.
A stand-in can be imported, named in annotations and inherited from; to call it is an ImportError that names it.
A model with one of Rasa's neural components is loaded without stand-ins.
"""

from __future__ import annotations

import json
import sys
import tarfile
from abc import ABCMeta
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

TENSORFLOW = frozenset({"tensorflow", "keras"})
CONNECTORS = frozenset({"aio_pika", "aiogram", "engineio", "fbmessenger", "google", "mattermostwrapper", "rocketchat_API"}) | frozenset(
    {"slack", "slack_sdk", "socketio", "twilio", "webexteamssdk"}
)
STORES = frozenset({"boto3", "botocore", "pymongo", "redis"})
TOOLS = frozenset({"apscheduler", "dask", "matplotlib", "prompt_toolkit", "questionary", "sentry_sdk"})
# Optional to scikit-learn and spaCy, which do without when the import fails: a stand-in would mislead spaCy; pandas is large.
MISLEADING = frozenset({"tensorflow.experimental"})
HIDDEN = MISLEADING | {"pandas"}

NEURAL = ("DIETClassifier", "TEDPolicy", "UnexpecTEDIntentPolicy", "ResponseSelector", "LanguageModelFeaturizer", "ConveRTFeaturizer")


def lighten(model: Path) -> None:
    """Put the stand-ins in place for this process; must come before Rasa is imported."""
    if any(component.endswith(NEURAL) for component in components(model)):
        return  # TensorFlow needs some of what the others only name (google.protobuf), and is most of the memory anyway
    leave_out(CONNECTORS | STORES | TOOLS | TENSORFLOW, hidden=HIDDEN)


def leave_out(names: frozenset[str], *, hidden: frozenset[str] = MISLEADING) -> None:
    """Put stand-ins in the place of these top-level packages, unless they have been imported already; `hidden` ones are not to be found."""
    sys.meta_path.insert(0, StandIns(names - set(sys.modules), hidden))


def components(model: Path) -> list[str]:
    """Return the dotted names of the classes that the model's prediction runs."""
    with tarfile.open(model) as archive:
        file = archive.extractfile("metadata.json")
        nodes = json.load(file)["predict_schema"]["nodes"] if file else {}
    return [node["uses"] for node in nodes.values()]


class StandIns(MetaPathFinder, Loader):
    """Finds a stand-in for each named top-level package and all that is below it."""

    def __init__(self, names: frozenset[str] | set[str], hidden: frozenset[str] = HIDDEN) -> None:
        self._names = names
        self._hidden = hidden

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname in self._hidden:
            raise ModuleNotFoundError(f"{fullname} is hidden from this process; see bot.dialogue.light", name=fullname)
        if fullname.partition(".")[0] not in self._names:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


class StandInModule(ModuleType):
    def __getattr__(self, name: str) -> type:
        return _add_stand_in(self, f"{self.__name__}.{name}")


class StandInType(ABCMeta):
    """The type of all stand-ins; an ABCMeta, so that Rasa's abstract classes can inherit from one."""

    def __getattr__(cls, name: str) -> type:
        return _add_stand_in(cls, f"{cls.__name__}.{name}")

    def __call__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImportError(f"{cls.__name__} is only a stand-in in this process; see bot.dialogue.light")


def _add_stand_in(owner: object, full_name: str) -> type:
    name = full_name.rpartition(".")[2]
    if name.startswith("__"):
        raise AttributeError(name)
    stand_in = StandInType(full_name, (), {})
    setattr(owner, name, stand_in)
    return stand_in
