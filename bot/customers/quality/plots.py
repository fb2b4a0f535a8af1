"""Pictures of data quality as SVG; their words are left to the browser's fonts, so that Chinese needs none here."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bot.customers.quality.measures import EDGES

INK, GOOD, OLD, WARN, BAD = "#1f2933", "#2f7d6b", "#b8c4ce", "#d9a441", "#c4513c"
MOST_COLUMNS = 25


def rows_plot(parts: list[tuple[str, int]]) -> str:
    """Draw what became of the rows: one bar, cut into its parts."""
    figure, axes = _empty(7.2, 1.25)
    left, total = 0, max(1, sum(count for _label, count in parts))
    for (label, count), colour in zip(parts, (GOOD, OLD, WARN, BAD), strict=True):
        if count:
            axes.barh([0], [count], left=left, color=colour, height=0.6, label=f"{label}: {count:,} ({count / total:.1%})")
            left += count
    axes.set_xlim(0, total)
    axes.set_axis_off()
    axes.legend(loc="upper left", bbox_to_anchor=(0, 0.05), ncols=2, frameon=False, fontsize=9)
    return _svg(figure)


def missing_plot(columns: dict[str, dict[str, Any]], *, before: str, after: str) -> str:
    """Draw the share of empty values of each column, before and after."""
    names = list(columns)[:MOST_COLUMNS]
    figure, axes = _empty(7.2, 0.6 + 0.34 * len(names))
    places = range(len(names))
    shares = [
        [100 * columns[name].get(empty, 0) / max(1, columns[name].get(rows, 0)) for name in names]
        for empty, rows in (("empty", "before"), ("missing", "after"))
    ]
    axes.barh([place - 0.18 for place in places], shares[0], height=0.34, color=OLD, label=before)
    axes.barh([place + 0.18 for place in places], shares[1], height=0.34, color=GOOD, label=after)
    axes.set_yticks(list(places), names)
    axes.invert_yaxis()
    axes.set_xlim(0, max(5, *shares[0], *shares[1]) * 1.05)
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return _svg(figure)


def amounts_plot(counts: list[int]) -> str:
    """Draw how often amounts of each size are: edges at 1, 2, 5, 10 …"""
    used = [number for number, count in enumerate(counts) if count]
    first, last = used[0], used[-1]
    labels = [f"{EDGES[number]:,.0f}+" for number in range(first, last + 1)]
    figure, axes = _empty(7.2, 2.4)
    axes.bar(range(last - first + 1), counts[first : last + 1], color=GOOD, width=0.85)
    axes.set_xticks(range(last - first + 1), labels, rotation=45, ha="right", fontsize=8)
    return _svg(figure)


def months_plot(months: dict[str, int]) -> str:
    """Draw the rows of each month, months without any included."""
    first, last = min(months), max(months)
    every = _between(first, last)
    figure, axes = _empty(7.2, 2.2)
    axes.bar(range(len(every)), [months.get(month, 0) for month in every], color=GOOD, width=0.9)
    step = max(1, len(every) // 12)
    axes.set_xticks(range(0, len(every), step), every[::step], rotation=45, ha="right", fontsize=8)
    return _svg(figure)


def _between(first: str, last: str) -> list[str]:
    begin, end = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(begin, end + 1)]


def _empty(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#d5dbe1")
    return figure, axes


def _svg(figure: Figure) -> str:
    file = io.StringIO()
    style = {"svg.fonttype": "none", "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "svg.hashsalt": "yingda"}
    with matplotlib.rc_context(style):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :].replace("'DejaVu Sans'", "inherit").replace("DejaVu Sans", "inherit")
