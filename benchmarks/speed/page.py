"""The page of a report in Chromium: seconds until it is loaded, and its size, of few and of many pictures.

The result is simulated as the tests of the report simulate it: two models, two labels, pictures of noise, which
compress worse than breasts do. Seconds are by the clock, the least of five visits: several processes load a page.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from benchmarks.speed.measuring import Row, main
from cadkit.report import write_report
from tests.report.browser import Browser, chromium
from tests.report.simulated import build

_EACH = 24  # pictures: of each exam two, of each of two models and labels three kinds of cases
_VISITS = 5


def measure(small: bool) -> Iterable[Row]:
    """Pages of about 300 and 600 pictures; the bars are for 300."""
    program = chromium()
    if program is None:
        print("page: there is no Chromium, so that no page is loaded", file=sys.stderr)
    for exams, bars in ((1, False),) if small else ((13, True), (25, False)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "report"
            build(folder, exams)
            page = write_report(folder)
            pictures = exams * _EACH
            size = page.stat().st_size / 2**20
            yield Row(f"page of {pictures} pictures, size", size, "MiB", 25 if bars else None, True)
            if program is not None:
                seen, loaded = _visits(program, Path(name), page)
                note = f"first paint after {seen:.2f} s"
                yield Row(f"page of {pictures} pictures, loaded", loaded, "s", 1 if bars else None, True, note)


def _visits(program: str, folder: Path, page: Path) -> tuple[float, float]:
    """Seconds to the first paint and to the end of loading, the least of some visits."""
    found = []
    with closing(Browser(program, folder / "profile")) as browser:
        for _ in range(_VISITS):
            browser.open(page.as_uri())
            browser.until("performance.getEntriesByName('first-contentful-paint').length")
            found.append(
                browser.run(
                    "[performance.getEntriesByName('first-contentful-paint')[0].startTime,"
                    " performance.getEntriesByType('navigation')[0].loadEventEnd]"
                )
            )
    seen, loaded = (min(column) / 1000 for column in zip(*found, strict=True))
    return seen, loaded


if __name__ == "__main__":
    main(measure)
