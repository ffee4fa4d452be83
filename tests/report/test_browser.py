"""The page in a real browser: it opens without a complaint or a request, and its controls do what they say."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cadkit.report import write_report

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--window-size=1300,1000",
)
# The browser reads commands from descriptor 3 and answers on 4.
_AS_3_AND_4 = """
import os, sys
for number, fd in ((20, 1), (21, 2)):
    os.dup2(int(sys.argv[fd]), number)
os.dup2(20, 3)
os.dup2(21, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
_PATIENCE = 60.0


class Browser:
    """Chromium, spoken to over its debugging pipe."""

    def __init__(self, program: str, profile: Path) -> None:
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()

        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _AS_3_AND_4, str(to_read), str(to_write)),
                *(program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"),
            ],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._rest, self._number, self._session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return dict(answer["result"])
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], _PATIENCE)
            assert ready, "the browser does not answer"
            read = os.read(self._from, 1 << 20)
            assert read, "the browser has ended"
            self._rest += read
        message, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(message))

    def open(self, address: str) -> None:
        self.events.clear()
        self.ask("Page.navigate", url="about:blank")
        self.ask("Page.navigate", url=address)
        self.run("new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))")

    def run(self, script: str) -> Any:
        """The value of a script, a promise awaited."""
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait, frame by frame, until a condition holds."""
        held = (
            "(async () => { for (let i = 0; i < 900; i++) {"
            f" if ({condition}) return true; await new Promise(requestAnimationFrame); "
            "} return false; })()"
        )
        assert self.run(held), condition

    def draw_all(self) -> None:
        """Draw every figure, as a window does that is high enough to show them all."""
        self.ask("Emulation.setDeviceMetricsOverride", width=1300, height=9000, deviceScaleFactor=1, mobile=False)
        self.until("[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('svg'))")
        self.ask("Emulation.clearDeviceMetricsOverride")

    def press(self, key: str, code: int, text: str = "") -> None:
        typed = {"text": text} if text else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **typed)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def complaints(self) -> list[str]:
        """What the console and the network said since the page was opened."""
        said = []
        for event in self.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                said.append(str(parameters["exceptionDetails"]))
            if method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
                said.append(str(parameters["args"]))
            if method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                said.append(str(parameters["entry"]))
            if method == "Network.requestWillBeSent" and not parameters["request"]["url"].startswith(
                ("file:", "data:", "about:")
            ):
                said.append(parameters["request"]["url"])
        return said

    def close(self) -> None:
        os.close(self._to)
        os.close(self._from)
        self._process.terminate()
        self._process.wait(_PATIENCE)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no Chromium is installed")
    made = Browser(program, tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(drawn: tuple[Path, dict[str, Any]]) -> str:
    return (drawn[0] / "report.html").as_uri()


def test_opens_silently_and_shows_the_headline_and_all_cases(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.draw_all()
    assert browser.complaints() == []
    names = browser.run("[...document.querySelectorAll('[data-figure]')].map((f) => f.id)")
    assert {name.partition("-")[0] for name in names} == {
        "roc", "pr", "froc", "histogram", "reliability", "decision", "forest", "differences",
    }  # fmt: skip
    text = browser.run("document.querySelector('#headline').innerText")
    assert "malignant" in text
    assert "not estimable" in text
    assert "0.331" in text
    assert browser.run("document.querySelectorAll('.case').length") == 24
    assert browser.run("[...document.querySelectorAll('input, select')].every((e) => e.labels.length)")
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")


def test_the_address_holds_the_state(browser: Browser, page: str) -> None:
    browser.open(page + "#theme=dark&why=miss&label=benign&saliency=on&marks=off")
    assert (
        browser.run("[...document.querySelectorAll('.case')].filter((c) => !c.hidden).map((c) => c.dataset.why)")
        == ["miss"] * 4
    )
    assert "4 of 24" in browser.run("document.querySelector('#case-count').innerText")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    shown = "getComputedStyle(document.querySelector('.case:not([hidden]) .{}')).display"
    assert browser.run(shown.format("saliency")) != "none"
    assert browser.run(shown.format("marks")) == "none"
    assert browser.run(shown.format("findings")) != "none"


def test_layers_are_switched_for_all_and_for_one(browser: Browser, page: str) -> None:
    browser.open(page)
    hidden = "document.querySelectorAll('#gallery .no-findings').length"
    assert browser.run(hidden) == 0
    browser.run("document.querySelector('#case-2 [data-layer=findings]').click()")
    assert browser.run(hidden) == 1
    browser.run("document.querySelector('#controls [name=findings]').click()")
    assert browser.run(hidden) == 24
    assert browser.run("document.querySelector('#case-2 [data-layer=findings]').checked") is False


def test_the_operating_point_follows_the_keyboard(browser: Browser, page: str) -> None:
    browser.open(page + "#point=roc-malignant-breast:5")
    browser.run("document.querySelector('#roc-malignant-breast').scrollIntoView()")
    browser.until("document.querySelectorAll('#roc-malignant-breast .plot svg').length === 1")
    browser.run("document.querySelector('#roc-malignant-breast input[type=range]').focus()")
    browser.press("ArrowRight", 39)
    said = browser.run(
        "document.querySelector('#roc-malignant-breast input[type=range]').getAttribute('aria-valuetext')"
    )
    points = browser.run(
        "(() => { const s = JSON.parse(document.querySelector('#report-data').textContent).figures[0].series[0];"
        " return [s.x[6], s.y[6], s.threshold[6], s.positives, s.n]; })()"
    )
    x, y, threshold, positives, n = points
    assert f"Sensitivity {y:.3f} ({round(y * positives)} of {positives})" in said
    assert f"Specificity {1 - x:.3f} ({round((1 - x) * (n - positives))} of {n - positives})" in said
    assert f"{threshold:.4g}" in said
    assert browser.complaints() == []


_RANGE = "#roc-malignant-breast input[type=range]"


def _moved(report: dict[str, Any], series: dict[str, Any], start: int, now: int) -> dict[int, list[str]]:
    """Breasts that a curve's point `now` calls positive and `start` does not, or the reverse, by truth."""
    table = report["units"][0]
    called = [
        [cut is not None and score >= cut for score in table["scores"]["gmic-1"]]
        for cut in (series["threshold"][start], series["threshold"][now])
    ]
    names = zip(table["ids"]["exam_id"], table["ids"]["side"], table["truth"], *called, strict=True)
    found: dict[int, list[str]] = {0: [], 1: []}
    for exam, side, truth, before, after in names:
        if before != after:
            found[truth].append(f"{exam} {side}")
    return found


def test_moving_the_point_shows_rates_and_the_cases_that_change_sides(
    browser: Browser, page: str, drawn: tuple[Path, dict[str, Any]]
) -> None:
    browser.open(page)
    series = browser.run("JSON.parse(document.querySelector('#report-data').textContent).figures[0].series[0]")
    panel = "document.querySelector('#roc-malignant-breast .operating').innerText"
    assert "No case changes sides" in browser.run(panel)
    start = int(browser.run(f"document.querySelector('{_RANGE}').value"))
    for now in (start + 9, start - 4):
        browser.run(
            f"(() => {{ const r = document.querySelector('{_RANGE}'); r.value = {now}; "
            "r.dispatchEvent(new Event('input')); })()"
        )
        said = browser.run(panel)
        tp, fp = series["y"][now] * series["positives"], series["x"][now] * (series["n"] - series["positives"])
        assert f"{tp / (tp + fp):.3f} ({round(tp)} of {round(tp + fp)})" in said
        assert f"{(tp + fp) / series['n']:.3f} ({round(tp + fp)} of {series['n']})" in said
        # Bayes at the prevalence of 0.6% that the evaluation was asked for.
        called = 0.006 * series["y"][now] + 0.994 * series["x"][now]
        assert "PPV at prevalence 0.6%" in said
        assert f"{0.006 * series['y'][now] / called:.3f}" in said
        assert f"{called:.3f}" in said
        moved = _moved(drawn[1], series, start, now)
        assert moved[0] or moved[1]
        listed = browser.run(
            "[...document.querySelectorAll('#roc-malignant-breast .changed .ids')].map((p) => p.textContent)"
        )
        assert listed == [", ".join(names) for names in (moved[1], moved[0]) if names]
        way = "now called positive" if now > start else "no longer called positive"
        assert said.count(way) == len(listed)
        cards = browser.run(
            "[...document.querySelectorAll('.moved')].map((moved) => moved.closest('.case').dataset.breast)"
        )
        own = [c for c in drawn[1]["cases"] if c["model"] == "gmic-1" and c["label"] == "malignant"]
        shown = [f"{c['exam_id']} {c['side']}" for c in own]
        assert cards == [name for name in shown if name in (*moved[0], *moved[1])]
    browser.run("document.querySelector('#roc-malignant-breast .changed button').click()")
    assert "No case changes sides" in browser.run(panel)
    assert browser.run("document.querySelectorAll('.moved').length") == 0
    assert browser.complaints() == []


def test_a_case_that_changes_sides_leads_to_its_card(browser: Browser, page: str) -> None:
    browser.open(page)
    # From the strictest point to the last: every breast of the gallery is called.
    browser.run(
        f"(() => {{ const r = document.querySelector('{_RANGE}'); const set = (v) => {{ r.value = v; "
        "r.dispatchEvent(new Event('input')); }; set(0); "
        "document.querySelector('#roc-malignant-breast .changed button').click(); set(r.max); })()"
    )
    links = browser.run(
        "[...document.querySelectorAll('#roc-malignant-breast .changed a')].map((a) => "
        "document.querySelector(a.getAttribute('href')).dataset.breast === a.textContent)"
    )
    assert links == [True] * 3  # one breast each of a hit, a miss and a false alarm
    assert browser.run("document.querySelectorAll('.moved').length") == 6  # of each both views


@pytest.mark.parametrize(
    ("figure", "words"),
    [("roc-malignant-breast", ("Sensitivity", "Threshold")), ("froc-benign-finding", ("FPI", "Threshold"))],
)
def test_values_stand_under_the_pointer(browser: Browser, page: str, figure: str, words: tuple[str, ...]) -> None:
    browser.open(page)
    browser.run(f"document.querySelector('#{figure}').scrollIntoView()")
    browser.until(f"document.querySelector('#{figure} .plot svg')")
    x, y = browser.run(
        f"(() => {{ const r = document.querySelector('#{figure} .plot svg').getBoundingClientRect();"
        " return [r.x + 150, r.y + 120]; })()"
    )
    for step in (0, 1):  # the pointer is found when it moves
        browser.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x + step, y=y)
    browser.until("document.querySelector('#vg-tooltip-element.visible')")
    text = browser.run("document.querySelector('#vg-tooltip-element').innerText")
    assert all(word in text for word in ("Model", *words))
    assert "gmic-1" in text or "peak-scan" in text


def test_the_methods_are_copied_as_they_stand_in_the_file(
    browser: Browser, page: str, drawn: tuple[Path, dict[str, Any]]
) -> None:
    browser.open(page)
    browser.run(
        "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (t) => { window.copied = t; } } })"
    )
    browser.run("document.querySelector('#copy-methods').click()")
    browser.until("document.querySelector('#said').textContent === 'Copied the methods'")
    assert browser.run("window.copied") == (drawn[0] / "tables/methods.txt").read_text()
    assert browser.run("document.querySelector('#methods-text').textContent") in browser.run("window.copied")


def test_an_image_is_enlarged_and_stepped_through(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.run("document.querySelector('#case-1 .picture').focus()")
    browser.press("Enter", 13, "\r")
    browser.until("document.querySelector('#viewer').open")
    title = browser.run("document.querySelector('#viewer-title').textContent")
    browser.press("ArrowRight", 39)
    assert browser.run("document.querySelector('#viewer-title').textContent") != title
    browser.press("Escape", 27)
    browser.until("!document.querySelector('#viewer').open")


def test_prints_light_with_figures_and_without_controls(browser: Browser, page: str) -> None:
    browser.open(page + "#theme=dark")
    browser.ask("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        display = "[...document.querySelectorAll('{}')].map((e) => getComputedStyle(e).display)"
        assert set(browser.run(display.format(".controls, .bar, .copy, .operating, .switches"))) == {"none"}
        assert "none" not in browser.run(display.format("img.static"))
    finally:
        browser.ask("Emulation.setEmulatedMedia", media="")


def test_hostile_names_run_nothing(browser: Browser, tmp_path: Path, build_report: Any, write_result: Any) -> None:
    report = build_report(tmp_path / "r")
    report["curves"] = report["curves"][:3]
    report["cases"] = report["cases"][:2]
    evil = "<script>window.stolen = 1</script>\"'><img src=x onerror='window.stolen = 1'>{{ 7 * 7 }}"
    for row in (*report["results"], *report["curves"], *report["histograms"], *report["cases"], *report["models"]):
        for key in ("model", "name"):
            if row.get(key) == "gmic-1":
                row[key] = evil
    report["inputs"][0]["name"] = evil
    for table in report["units"]:
        table["scores"] = {evil if name == "gmic-1" else name: values for name, values in table["scores"].items()}
        table["ids"]["exam_id"] = [evil] * len(table["truth"])
    report["cases"][0] |= {"exam_id": evil, "image_id": evil, "note": evil, "view": '"><script>alert(1)</script>'}
    report["warnings"][0]["text"] = evil
    write_result(tmp_path / "r", report)
    browser.open(write_report(tmp_path / "r").as_uri())
    browser.draw_all()
    assert browser.run("window.stolen === undefined")
    assert browser.complaints() == []
    assert evil in browser.run("document.querySelector('h1').textContent")
    assert browser.run("document.querySelectorAll('img[onerror]').length") == 0
