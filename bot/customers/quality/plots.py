"""Distributions as SVG. Only numbers and months are in them: bars with words are the page's own, since Chinese would need fonts here."""

from __future__ import annotations

import io
import re

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bot.customers.quality.measures import EDGES

INK, GOOD = "#1f2933", "#2f7d6b"


def amounts_plot(counts: list[int]) -> str:
    """Draw how often amounts of each size are: edges at 1, 2, 5, 10 …"""
    used = [number for number, count in enumerate(counts) if count]
    first, last = used[0], used[-1]
    labels = [f"{EDGES[number]:,.0f}+" for number in range(first, last + 1)]
    figure, axes = _empty(7.2, 2.4)
    axes.bar(range(last - first + 1), counts[first : last + 1], color=GOOD, width=0.85)
    axes.set_xticks(range(last - first + 1), labels, rotation=45, ha="right", fontsize=11)
    return _svg(figure)


def months_plot(months: dict[str, int]) -> str:
    """Draw the rows of each month, months without any included."""
    first, last = min(months), max(months)
    every = _between(first, last)
    figure, axes = _empty(7.2, 2.2)
    axes.bar(range(len(every)), [months.get(month, 0) for month in every], color=GOOD, width=0.9)
    step = max(1, len(every) // 12)
    axes.set_xticks(range(0, len(every), step), every[::step], rotation=45, ha="right", fontsize=11)
    return _svg(figure)


def _between(first: str, last: str) -> list[str]:
    begin, end = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(begin, end + 1)]


def _empty(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=11, length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#d5dbe1")
    return figure, axes


def _svg(figure: Figure) -> str:
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "yingda"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    return re.sub(r"font: ([\d.]+px) [^;\"]*", r"font: \1 sans-serif", text[text.index("<svg") :])
