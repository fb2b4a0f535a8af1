"""The report's plots as SVG, in the page's own colours and font sizes. matplotlib draws, without a display."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure

from bot.customers.monitor.curves import Curves

ACCENT, QUIET, RED, AMBER, GREEN = "#0f766e", "#94a3b8", "#dc2626", "#d97706", "#16a34a"
LEVELS = {"high": RED, "medium": AMBER, "low": GREEN}
# With these the space for texts is measured; the page's own fonts draw them. Of a collection matplotlib knows the first face only (JP).
FONTS = ["DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Zen Hei"]
STYLE: dict[str, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": "#475569",
    "xtick.color": "#475569",
    "ytick.color": "#475569",
    "axes.unicode_minus": False,
    "svg.fonttype": "none",  # text stays text: the reader's own fonts draw it
    "svg.hashsalt": "yingda",  # the same numbers give the same picture
}


@cache
def _fonts_here() -> list[str]:
    there = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in FONTS if name in there]


@contextmanager
def _axes(out: list[str], *, width: float = 4.6, height: float = 3.2) -> Iterator[Any]:
    with matplotlib.rc_context(STYLE | {"font.family": _fonts_here()}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)  # only its width is guessed then
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure.add_subplot()
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}, transparent=True)
    text = file.getvalue()
    out.append(text[text.index("<svg") :])


def roc(curves: Curves, *, x: str, y: str) -> str:
    """Draw the ROC curve over the diagonal of chance."""
    out: list[str] = []
    with _axes(out) as axes:
        axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1)
        axes.plot(*zip(*curves.roc, strict=True), color=ACCENT, linewidth=2)
        axes.fill_between(*zip(*curves.roc, strict=True), color=ACCENT, alpha=0.08)
        axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.01))
    return out[0]


def calibration(curves: Curves, *, x: str, y: str) -> str:
    """Draw what was predicted against what happened, each point as large as its share of customers."""
    out: list[str] = []
    total = sum(one.count for one in curves.calibration)
    with _axes(out) as axes:
        axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1)
        points = [(one.predicted, one.left) for one in curves.calibration]
        axes.plot(*zip(*points, strict=True), color=ACCENT, linewidth=1.5)
        sizes = [20 + 500 * one.count / total for one in curves.calibration]
        axes.scatter(*zip(*points, strict=True), s=sizes, color=ACCENT, alpha=0.6, linewidth=0)
        axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.02))
    return out[0]


def lift(curves: Curves, *, x: str, y: str) -> str:
    """Draw how many times the mean each tenth leaves, the highest risk first."""
    out: list[str] = []
    with _axes(out) as axes:
        places = list(range(1, len(curves.lift) + 1))
        axes.bar(places, curves.lift, color=[ACCENT if value >= 1 else QUIET for value in curves.lift])
        axes.axhline(1, color="#475569", linewidth=1, linestyle="--")
        axes.set(xlabel=x, ylabel=y, xticks=places)
    return out[0]


def levels(rows: Sequence[tuple[str, dict[str, int]]], *, names: dict[str, str], x: str) -> str:
    """Draw how many customers of each group are at high, medium and low risk, one bar a group."""
    out: list[str] = []
    with _axes(out, height=0.42 * len(rows) + 1.2) as axes:
        start = [0] * len(rows)
        for level, color in LEVELS.items():
            counts = [counts.get(level, 0) for _, counts in rows]
            axes.barh([name for name, _ in rows], counts, left=start, color=color, label=names[level])
            start = [one + more for one, more in zip(start, counts, strict=True)]
        axes.invert_yaxis()
        axes.set(xlabel=x)
        axes.legend(frameon=False, loc="lower center", ncols=3, bbox_to_anchor=(0.5, 1.0))
    return out[0]


def bars(rows: Sequence[tuple[str, float]], *, x: str, line: float | None = None) -> str:
    """Draw named numbers as horizontal bars, those beyond `line` in red."""
    out: list[str] = []
    with _axes(out, height=0.3 * len(rows) + 1.0) as axes:
        colors = [RED if line is not None and value > line else ACCENT for _, value in rows]
        axes.barh([name for name, _ in rows], [value for _, value in rows], color=colors)
        axes.invert_yaxis()
        if line is not None:
            axes.axvline(line, color="#475569", linewidth=1, linestyle="--")
        axes.set(xlabel=x)
    return out[0]
