"""`yingda customers report`: one HTML page about data, model, drift and effect, in Chinese or English."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
import yaml
from jinja2 import Environment, FileSystemLoader, select_autoescape

from bot.customers.features import HORIZON, can_leave, features_at
from bot.customers.monitor import charts
from bot.customers.monitor.curves import Curves
from bot.customers.monitor.drift import DRIFTED, Reference, distances
from bot.customers.monitor.effect import Group, effect_of_offers
from bot.customers.monitor.outcomes import Outcomes, outcomes_of_scores
from bot.customers.monitor.tally import tally_profiles
from bot.customers.words import feature_name, kind_name, segment_words
from bot.database import sync_engine
from bot.database.intelligence import pipeline_runs
from bot.database.people import churn_models
from bot.settings import Settings

RUN_DAYS = 30
MOST_RUNS = 20
MOST_BARS = 12
HERE = Path(__file__).parent

Words = dict[str, Any]
Section = dict[str, Any]


def write_page(settings: Settings, target: Path, *, language: str, now: datetime) -> Path:
    """Gather and write the page; returns `target`. Nothing on it tells who a customer is."""
    words: Words = yaml.safe_load((HERE / f"words.{language}.yml").read_text(encoding="utf8"))
    engine = sync_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            content = _content(connection, settings, words, language, now)
    finally:
        engine.dispose()
    templates = Environment(loader=FileSystemLoader(HERE), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(templates.get_template("report.html").render(content), encoding="utf8")
    return target


def _content(connection: sa.Connection, settings: Settings, words: Words, language: str, now: datetime) -> dict[str, Any]:
    def day(moment: datetime | None) -> str:
        return f"{moment.astimezone(settings.timezone):%Y-%m-%d %H:%M}" if moment else ""

    plots: dict[str, str] = {}
    content: dict[str, Any] = {"w": words, "language": language, "made_at": day(now), "plots": plots, "run_days": RUN_DAYS, "quality": ""}
    content |= _today(connection, words, language, plots)
    content |= _model(connection, words, language, now, plots)
    content |= _outcomes(connection, words, language, day, now, plots)
    content |= _effect(connection, words, now)
    content |= _runs(connection, words, day, now)
    return content | _history(connection, language, day)


def _today(connection: sa.Connection, words: Words, language: str, plots: dict[str, str]) -> Section:
    tally = tally_profiles(connection)
    if tally.by_segment:
        rows = [(segment_words(name)[language] if name else "–", counts) for name, counts in sorted(tally.by_segment.items())]
        names = {level: words[f"level_{level}"] for level in charts.LEVELS}
        plots["segments"] = charts.levels(rows, names=names, x=words["segments_axis"])
    if tally.reasons:
        most = [(feature_name(name, language), float(count)) for name, count in tally.reasons.most_common(MOST_BARS)]
        plots["reasons"] = charts.bars(most, x=words["top_reasons_axis"])
    loss = [f"{currency} {minor / 100:,.0f}" for currency, minor in tally.loss.most_common() if minor]
    return {"customers": tally.customers, "high": tally.levels["high"], "loss": loss}


def _model(connection: sa.Connection, words: Words, language: str, now: datetime, plots: dict[str, str]) -> Section:
    row = connection.execute(sa.select(churn_models).where(churn_models.c.status == "live")).first()
    if row is None:
        return {"model": None, "drift_text": ""}
    card = row.card
    if curves := card.get("curves"):
        _curve_plots(msgspec.convert(curves, Curves), words, plots)
    return {"model": _model_view(row, words, language), "drift_text": _drift(connection, card, words, language, now, plots)}


def _curve_plots(curves: Curves, words: Words, plots: dict[str, str], prefix: str = "") -> None:
    if not prefix:
        plots["roc"] = charts.roc(curves, x=words["roc_x"], y=words["roc_y"])
    plots[f"{prefix}calibration"] = charts.calibration(curves, x=words["calibration_x"], y=words["calibration_y"])
    plots[f"{prefix}lift"] = charts.lift(curves, x=words["lift_x"], y=words["lift_y"])


def _model_view(row: sa.Row[Any], words: Words, language: str) -> Section:
    card = row.card
    accepted = {one["alarm"]: words["accepted"].format(who=one["by"], reason=one["reason"]) for one in card.get("accepted", [])}
    return {
        "kind": kind_name(row.kind, language),
        "customers": card["customers"],
        "churned": card["churned"],
        "auc": _measure(card, "auc"),
        "ece": _measure(card, "ece"),
        "why": card.get("why", ""),
        "chosen": kind_name(row.kind, language),
        "compared": [(kind_name(name, language), _three_places(measures)) for name, measures in card.get("models", {}).items()],
        "alarms": [{"text": alarm["text"], "accepted": accepted.get(alarm["name"], "")} for alarm in card.get("alarms", [])],
    }


def _measure(card: dict[str, Any], name: str) -> float:
    """Return a measure of the card; cards of before the registry hold mean and spread together."""
    value = card["metrics"][name]
    return float(value["mean"] if isinstance(value, dict) else value)


def _three_places(measures: dict[str, float]) -> dict[str, str]:
    return {name: f"{measures[name]:.3f}" for name in ("auc", "log_loss", "brier", "ece", "lift10")}


def _drift(connection: sa.Connection, card: dict[str, Any], words: Words, language: str, now: datetime, plots: dict[str, str]) -> str:
    if not card.get("reference"):
        return ""
    today = features_at(connection, now)
    found = distances(msgspec.convert(card["reference"], dict[str, Reference]), today[can_leave(today)])
    rows = [(feature_name(name, language), value) for name, value in list(found.items())[:MOST_BARS]]
    plots["drift"] = charts.bars(rows, x=words["drift_axis"], line=DRIFTED)
    return str(words["drift_text"].format(line=DRIFTED, count=sum(value > DRIFTED for value in found.values()), all=len(found)))


def _outcomes(connection: sa.Connection, words: Words, language: str, day: Any, now: datetime, plots: dict[str, str]) -> Section:
    models = connection.execute(
        sa.select(churn_models.c.id, churn_models.c.kind, churn_models.c.status).where(churn_models.c.status.in_(["live", "shadow"]))
    )
    found = {(row.status, kind_name(row.kind, language)): outcomes_of_scores(connection, row.id, now) for row in models}
    known = next((outcomes for (status, _), outcomes in found.items() if status == "live"), Outcomes(None))
    rows = [(kind, words[status], f"{one.auc:.3f}", f"{one.ece:.3f}") for (status, kind), one in found.items() if one.auc and one.ece]
    if known.curves:
        _curve_plots(known.curves, words, plots, "outcome_")
    if known.at:
        text = words["outcomes_text"].format(count=f"{known.count:,}", at=day(known.at), share=f"{known.left_share:.1%}", days=HORIZON.days)
    elif known.first_at:
        text = words["outcomes_later"].format(at=day(known.first_at), due=day(known.first_at + HORIZON))
    else:
        text = words["outcomes_none"]
    return {"outcomes": {"text": text, "rows": rows}}


def _effect(connection: sa.Connection, words: Words, now: datetime) -> Section:
    effect = effect_of_offers(connection, now)
    note = words["effect_later"].format(waiting=effect.waiting) if effect.waiting else ""
    if not effect.treated.customers and not effect.held_out.customers:
        return {"effect": None, "effect_note": note or words["effect_none"]}
    rows = [_group_row(words["treated"], effect.treated, total=True), _group_row(words["held_out"], effect.held_out, total=True)]
    rows += [_group_row(rule, group) for rule, group in effect.by_rule.items()]
    difference = words["difference"].format(points=f"{100 * effect.difference:+.1f}") if effect.difference is not None else ""
    return {"effect": {"rows": rows, "difference": difference}, "effect_note": note}


def _group_row(name: str, group: Group, *, total: bool = False) -> Section:
    low, high = group.interval()
    share = f"{group.share:.1%}" if group.share is not None else "–"
    return {"name": name, "customers": group.customers, "share": share, "interval": f"{low:.1%} – {high:.1%}", "total": total}


def _runs(connection: sa.Connection, words: Words, day: Any, now: datetime) -> Section:
    query = (
        sa.select(pipeline_runs)
        .where(pipeline_runs.c.started_at > now - timedelta(days=RUN_DAYS))
        .order_by(pipeline_runs.c.started_at.desc())
        .limit(MOST_RUNS)
    )
    return {"runs": [_run_view(row, words, day) for row in connection.execute(query)]}


def _run_view(row: sa.Row[Any], words: Words, day: Any) -> Section:
    names: dict[str, str] = words["names"]
    told = [f"{names[name]} {value:,}" for name, value in row.counts.items() if name in names and isinstance(value, int) and value]
    status = {"status": names.get(row.status, row.status), "bad": row.status not in {"done", "running"}}
    return {"at": day(row.started_at), "step": names.get(row.step, row.step), "source": row.source, "counts": " · ".join(told), **status}


def _history(connection: sa.Connection, language: str, day: Any) -> Section:
    query = sa.select(churn_models).where(churn_models.c.status != "live").order_by(churn_models.c.created_at.desc()).limit(MOST_RUNS)
    return {
        "history": [
            {
                "since": day(row.live_since or row.created_at),
                "kind": kind_name(row.kind, language),
                "status": row.status,
                "auc": f"{_measure(row.card, 'auc'):.3f}",
            }
            for row in connection.execute(query)
        ]
    }
