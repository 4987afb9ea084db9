"""The HTML report of 100,000 events, made and opened: ``python benchmarks/report.py [rounds]``.

Opening is what the page itself measures: from the navigation to its first picture, in a headless Chromium.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from harness.reporters.html import HtmlReport  # noqa: E402
from tests.reporters.big import CONTRACT, long_run  # noqa: E402
from tests.reporters.conftest import chromium  # noqa: E402

EVENTS = 100_000


def main(rounds: int) -> None:
    """Print what each round took, and the medians."""
    history = long_run(EVENTS)
    began = time.monotonic()
    page = HtmlReport().render(CONTRACT, history, (), color=False)
    print(
        f"{len(history.events):,} events: made in {time.monotonic() - began:.1f} s, {len(page) / 1e6:.2f} MB"
    )
    opened: list[int] = []
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            browser.open(page, Path(folder))
            opened.append(browser.ready_ms())
    print(f"opened in {', '.join(map(str, opened))} ms; median {statistics.median(opened):.0f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
