"""What processes take: memory and processor time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

MB = 1e6


@dataclass(frozen=True)
class Use:
    """Of one process and all that it started. `peak_rss_mb` is the most since its start, as the kernel has kept it (Linux)."""

    peak_rss_mb: float
    pss_mb: float
    cpu_s: float


def use_of(pid: int) -> Use:
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return Use(
        peak_rss_mb=sum(map(peak_rss_mb, family)),
        pss_mb=sum(map(pss_mb, family)),
        cpu_s=sum(times.user + times.system for times in (process.cpu_times() for process in family)),
    )


def pss_mb(process: psutil.Process) -> float:
    """Return the process's memory, what it shares counted by its share; resident memory where the system does not tell."""
    memory = process.memory_full_info()
    return float(getattr(memory, "pss", memory.rss)) / MB


def peak_rss_mb(process: psutil.Process) -> float:
    """Return the high-water mark of resident memory; the present size where the system does not keep it."""
    status = Path(f"/proc/{process.pid}/status")
    if status.is_file():
        for line in status.read_text(encoding="utf8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / MB
    return float(process.memory_info().rss) / MB


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values do not exceed (nearest rank); ValueError for no values."""
    if not values:
        raise ValueError("no values to take a percentile of")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
