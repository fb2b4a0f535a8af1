"""Train the model through Rasa, when something that it is made of has changed, and put it in place in one step."""

from __future__ import annotations

import hashlib
import importlib.metadata
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from bot.encoder import DEFAULT_MODEL
from bot.encoders import identity_of
from bot.errors import NotFoundError, SettingError, own_cause
from bot.nlu.live_catalogue import FILE as CATALOGUE
from bot.nlu.rasa_environment import prepare_rasa
from bot.settings import Settings

Progress = Callable[[str], None]

_DATA = ("nlu", "rules", "stories")  # what Rasa reads of nlu_data; the others are read by our components
_COMPONENT_DATA = ("lookups", "jieba", "sentiment")
MODULES = ("encoder.py", "languages.py", "pinyin.py", "sentiment.py")  # of bot, beside its packages encoders and nlu, that make the model
_FINDINGS_NAMED = 3
_KEPT_MODELS = 2  # the one in use and the one before it, to go back to


def train(settings: Settings, *, root: Path, progress: Progress = lambda step: None) -> Path:
    """Return the model of what `root` holds now, training it if there is none; `progress` hears importing, training, done.

    Raises SettingError when Rasa refuses configuration or data, having printed why, and before that for examples that it would
    silently lose or that contradict each other, naming the first with file and line.
    """
    fingerprint = model_fingerprint(settings, root=root)
    target = settings.model_dir / f"yingda-{fingerprint[:16]}.tar.gz"
    if target.is_file():
        target.touch()  # the newest is the one in use
    else:
        settings.model_dir.mkdir(parents=True, exist_ok=True)
        _refuse_bad_data(root)
        with tempfile.TemporaryDirectory(dir=settings.model_dir, prefix=".training-") as folder:
            _train_into(Path(folder), settings, root, progress).replace(target)
    _remove_old(settings.model_dir)
    progress("done")
    return target


def is_trained(settings: Settings, *, root: Path) -> bool:
    """Is there a model of what `root` holds now?"""
    return (settings.model_dir / f"yingda-{model_fingerprint(settings, root=root)[:16]}.tar.gz").is_file()


def newest_model(settings: Settings) -> Path:
    """Return the model in use; NotFoundError if none has been trained."""
    models = _models(settings.model_dir)
    if not models:
        raise NotFoundError(f"There is no model in {settings.model_dir}; run `yingda train`")
    return models[0]


def model_fingerprint(settings: Settings, *, root: Path) -> str:
    """Return the SHA-256 of everything that makes the model."""
    digest = hashlib.sha256()
    digest.update(f"{importlib.metadata.version('rasa')} {settings.company_timezone} {identity_of(settings.encoder)}".encode())
    for path in _sources(root):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    yield from (root / "config.yml", root / "domain.yml")
    yield from (root / "bot" / name for name in MODULES)
    for package in ("encoders", "nlu"):
        yield from sorted((root / "bot" / package).glob("*.py"))
    for name in (*_DATA, *_COMPONENT_DATA):
        yield from sorted(path for path in (root / "nlu_data" / name).rglob("*") if path.is_file())


def _refuse_bad_data(root: Path) -> None:
    from bot.nlu.quality.check import check_before_training

    findings = check_before_training(root)
    if findings:
        first = "; ".join(finding.sentence() for finding in findings[:_FINDINGS_NAMED])
        raise SettingError(f"The training data have {len(findings)} fault(s), see `yingda nlu check`: {first}")


def _train_into(folder: Path, settings: Settings, root: Path, progress: Progress) -> Path:
    """Run Rasa's training and return the archive, in `folder`."""
    config = _write_config(folder / "config.yml", settings, root)
    prepare_rasa()
    progress("importing")
    from rasa.engine.exceptions import GraphComponentException
    from rasa.model_training import train as rasa_train
    from rasa.shared.exceptions import RasaException

    progress("training")
    files = [str(root / "nlu_data" / name) for name in _DATA if (root / "nlu_data" / name).is_dir()]
    try:
        result = rasa_train(str(root / "domain.yml"), str(config), files, output=str(folder), fixed_model_name="model", force_training=True)
    except (RasaException, SystemExit) as error:
        raise SettingError(f"Rasa cannot train with config.yml, domain.yml and nlu_data: {error}") from error
    except GraphComponentException as error:
        if own := own_cause(error):
            raise own from error
        raise
    if not result.model:
        raise SettingError("Rasa has trained no model: nlu_data holds no examples")
    return Path(result.model)


def settled_config(settings: Settings, root: Path) -> dict[str, Any]:
    """Return config.yml with the paths made absolute and the installation's own folder and time zone put in."""
    config: dict[str, Any] = yaml.safe_load((root / "config.yml").read_text(encoding="utf8"))
    for component in config["pipeline"]:
        _settle(component, settings, root)
    return config


def _write_config(target: Path, settings: Settings, root: Path) -> Path:
    """Rasa rewrites the file that it is given, so it does not get ours."""
    target.write_text(yaml.safe_dump(settled_config(settings, root), allow_unicode=True, sort_keys=False), encoding="utf8")
    return target


def _settle(component: dict[str, Any], settings: Settings, root: Path) -> None:
    if component.get("cache"):
        component["cache"] = str(settings.data_dir / "cache")
    if component.get("catalogue"):
        component["catalogue"] = str(settings.data_dir / CATALOGUE)
    if "timezone" in component:
        component["timezone"] = settings.company_timezone
    if component["name"].endswith(("SentenceEncoder", "SentimentClassifier")):
        component["model"] = _encoder(component.get("model", DEFAULT_MODEL), settings)
    for option in ("user_dictionary", "rules", "examples"):
        if component.get(option):
            component[option] = str(root / component[option])
    if "names" in component:
        component["names"] = [str(root / name) for name in component["names"]]


def _encoder(written: str, settings: Settings) -> str:
    if written not in (DEFAULT_MODEL, settings.encoder):
        raise SettingError(
            f"config.yml's SentenceEncoder has the model {written!r} and YINGDA_ENCODER is {settings.encoder!r}: "
            f"set YINGDA_ENCODER={written}, which the FAQ reads too, and leave model: {DEFAULT_MODEL}"
        )
    return settings.encoder


def _models(folder: Path) -> list[Path]:
    return sorted(folder.glob("yingda-*.tar.gz"), key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _remove_old(folder: Path) -> None:
    for path in _models(folder)[_KEPT_MODELS:]:
        path.unlink(missing_ok=True)
