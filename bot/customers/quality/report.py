"""The data-quality report: one page of HTML with its pictures inside, in Chinese or English."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.crypto import Cipher
from bot.customers.ingest import runs
from bot.customers.ingest.cleaning import Cleaner
from bot.customers.ingest.kinds import keyed, row_hashes, row_keys
from bot.customers.ingest.mapping import Source
from bot.customers.ingest.readers import open_file
from bot.customers.ingest.staging import Staging
from bot.customers.quality.measures import Measures
from bot.customers.quality.plots import amounts_plot, months_plot
from bot.ids import utcnow

FOLDER = Path(__file__).parent


@cache
def words(language: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = yaml.safe_load((FOLDER / "words" / f"{language}.yml").read_text(encoding="utf8"))
    return found


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def quality_section(connection: sa.Connection, run_ids: Sequence[str], *, language: str) -> dict[str, Any]:
    """Return the part of a report that tells of these runs of ingestion: `html` to be put into a page, and the same as `runs`.

    Without ids the newest stored run of each source. Raises NotFoundError for an id that there is not.
    """
    found = [runs.one(connection, run_id) for run_id in run_ids] if run_ids else _newest(connection)
    return section([_of_run(row) for row in found if row.step == runs.STEP], language=language)


def section(parts: Sequence[dict[str, Any]], *, language: str) -> dict[str, Any]:
    """Return the same for what `_of_run` and `looked_at` give."""
    drawn = [{**part, "plots": _plots(part, words(language))} for part in parts]
    html = _environment().get_template("section.html.j2").render(parts=drawn, words=words(language))
    return {"html": Markup(html), "runs": list(parts)}  # noqa: S704 our own template, which escapes


def page(parts: dict[str, Any], *, language: str) -> str:
    """Return a whole page around a section."""
    template = _environment().get_template("page.html.j2")
    return template.render(section=parts["html"], words=words(language), language=language, made=f"{utcnow():%Y-%m-%d %H:%M} UTC")


def looked_at(source: Source, path: Path, folder: Path) -> dict[str, Any]:
    """Read a file as its source says, store nothing, and return what a run would have counted."""
    opened, cleaner, measures = open_file(path, source), Cleaner(source), Measures(source)
    counts = {"rows": 0, "refused": 0, "marred": 0}
    rules: dict[str, int] = {}
    cipher = Cipher(b"\0" * 32)  # nothing that it encrypts is kept
    with Staging(folder) as staging:
        for chunk in opened.chunks:
            cleaned = cleaner.clean(chunk)
            measures.add(chunk, cleaned)
            for name, more in (("rows", len(chunk.numbers) + len(chunk.broken)), ("refused", cleaned.refused), ("marred", cleaned.marred)):
                counts[name] += more
            for bad in cleaned.bad:
                rules[bad.rule] = rules.get(bad.rule, 0) + 1
            values = keyed(cleaned, source, cipher)
            staging.places(row_hashes({"key": row_keys(values, source)}), row_hashes(values))
        staging.settle()
    repairs = {name: count for name, count in cleaner.repairs.items() if count}
    counts["rows"] -= repairs.get("blank_rows", 0)
    counts.update({"duplicates": staging.duplicates, "corrected_in_file": staging.corrected})
    told = {**counts, "quarantined": rules, "repairs": repairs, "read_as": opened.facts, "quality": measures.report()}
    return _part(source.name, path.name, "looked", told)


def _newest(connection: sa.Connection) -> list[sa.Row[Any]]:
    newest: dict[str, sa.Row[Any]] = {}
    for row in runs.recent(connection, most=500):
        if row.step == runs.STEP and row.status == "done":
            newest.setdefault(row.source, row)
    return list(newest.values())


def _of_run(row: sa.Row[Any]) -> dict[str, Any]:
    return _part(row.source, row.input, row.status, row.counts)


def _part(source: str, input_: str, status: str, counts: dict[str, Any]) -> dict[str, Any]:
    """Return what the template shows of one input, whatever of it was counted."""
    rows, refused, marred = (int(counts.get(name, 0)) for name in ("rows", "refused", "marred"))
    duplicates, corrected = int(counts.get("duplicates", 0)), int(counts.get("corrected_in_file", 0))
    quality = counts.get("quality") or {"kind": "", "columns": {}, "amounts": {}, "months": {}}
    return {
        "source": source,
        "input": input_,
        "status": status,
        "kind": quality["kind"],
        "rows": rows,
        "kept": rows - refused - duplicates - corrected,
        "duplicates": duplicates,
        "corrected": corrected,
        "refused": refused,
        "marred": marred,
        "stored": counts.get("stored"),
        "rules": dict(sorted(counts.get("quarantined", {}).items(), key=lambda item: -item[1])),
        "repairs": dict(sorted(counts.get("repairs", {}).items(), key=lambda item: -item[1])),
        "read_as": {name: value for name, value in (counts.get("read_as") or {}).items() if name not in {"checksum", "cursor"}},
        "columns": quality["columns"],
        "amounts": quality["amounts"],
        "months": quality["months"],
    }


def _plots(part: dict[str, Any], text: dict[str, dict[str, str]]) -> list[tuple[str, Markup]]:
    """Return titles and pictures; a picture without anything to show is left out."""
    found: list[tuple[str, str]] = []
    found += [(f"{text['plots']['amounts']}: {name}", amounts_plot(counts)) for name, counts in part["amounts"].items() if any(counts)]
    found += [(f"{text['plots']['months']}: {name}", months_plot(months)) for name, months in part["months"].items() if months]
    return [(title, Markup(svg)) for title, svg in found]  # noqa: S704 matplotlib escapes the texts in its SVG
