"""Parse texts with a model as it is served: `python -m bot.dialogue.parse_texts MODEL`, a process of its own.

Texts come as JSON strings, one a line, on standard input; each is answered by a line `{"parse", "ms"}`; the last line is `{"peak_rss_mb"}`.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

from bot.dialogue.understanding import Understanding
from bot.nlu.quality.memory import peak_rss_mb

WARM_UP = 20  # parses before the first that counts: caches of jieba, spaCy and the processor


def main() -> int:
    warnings.simplefilter("ignore")
    understanding = Understanding(Path(sys.argv[1]))
    for number in range(WARM_UP):
        understanding.parse(f"warm up 热身 {number}")
    for line in sys.stdin:
        begun = time.perf_counter()
        parsed = understanding.parse(json.loads(line))
        elapsed = time.perf_counter() - begun
        print(json.dumps({"parse": parsed, "ms": elapsed * 1000}, ensure_ascii=False))
    print(json.dumps({"peak_rss_mb": peak_rss_mb()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
