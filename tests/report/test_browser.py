"""The page in a real browser: it opens without a complaint or a request, and its controls do what they say."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cadkit.report import write_report
from tests.report.browser import Browser

_ALL_DRAWN = "!document.querySelector('noscript')"


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


def test_a_narrow_window_scrolls_tables_and_not_the_page(browser: Browser, page: str) -> None:
    browser.ask("Emulation.setDeviceMetricsOverride", width=420, height=900, deviceScaleFactor=1, mobile=False)
    browser.open(page)
    browser.run("document.querySelector('figure.wide').scrollIntoView()")
    browser.until("document.querySelector('figure.wide .plot svg')")
    assert browser.run("document.querySelector('figure.wide .plot svg').getBoundingClientRect().right > innerWidth")
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    wide = "[...document.querySelectorAll('main table')].filter((t) => t.getBoundingClientRect().right > innerWidth)"
    assert browser.run(f"{wide}.length") > 0
    assert browser.run(f"{wide}.every((table) => table.closest('.scroll').tabIndex === 0)")
    browser.ask("Emulation.clearDeviceMetricsOverride")


def test_the_address_holds_the_state(browser: Browser, page: str) -> None:
    browser.open(page + "#theme=dark&why=miss&label=benign&saliency=on&marks=off")
    assert (
        browser.run("[...document.querySelectorAll('.case')].filter((c) => !c.hidden).map((c) => c.dataset.why)")
        == ["miss"] * 4
    )
    assert "4 of 24" in browser.run("document.querySelector('#case-count').innerText")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    browser.until(_ALL_DRAWN)
    shown = "getComputedStyle(document.querySelector('.case:not([hidden]) .{}')).display"
    assert browser.run(shown.format("saliency")) != "none"
    assert browser.run(shown.format("marks")) == "none"
    assert browser.run(shown.format("findings")) != "none"


def test_layers_are_switched_for_all_and_for_one(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.until(_ALL_DRAWN)
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


@pytest.fixture
def never_idle(browser: Browser) -> Iterator[Browser]:
    """A browser whose pages find no time to draw what is far away."""
    made = browser.ask("Page.addScriptToEvaluateOnNewDocument", source="window.requestIdleCallback = () => {};")
    yield browser
    browser.ask("Page.removeScriptToEvaluateOnNewDocument", **made)


def _pictures_printed(browser: Browser) -> int:
    """Pictures of the gallery, all of 400 by 640 pixels, in what the browser prints."""
    printed = base64.b64decode(browser.ask("Page.printToPDF")["data"])
    return len(re.findall(rb"/Subtype /Image\n/Width 400\n/Height 640\n", printed))


def test_prints_pictures_that_nobody_has_looked_at(never_idle: Browser, page: str) -> None:
    never_idle.open(page)
    assert never_idle.run("document.querySelectorAll('.case noscript').length") == 24
    assert _pictures_printed(never_idle) == 24


def test_pictures_are_drawn_when_they_are_near(never_idle: Browser, page: str) -> None:
    never_idle.open(page)
    never_idle.run("document.querySelector('#case-24').scrollIntoView()")
    never_idle.until("document.querySelector('#case-24 svg.view')")
    assert never_idle.run("document.querySelectorAll('#case-1 noscript').length") == 1
    shown = "document.querySelector(document.querySelector('#case-24 use').getAttribute('href')).getAttribute('href')"
    assert never_idle.run(shown).startswith("data:image/webp")
    boxes = "[...document.querySelectorAll('#case-24 [data-layer]')].map((b) => [b.dataset.layer, b.checked])"
    assert dict(never_idle.run(boxes)) == {"findings": True, "marks": True, "saliency": False}
    assert never_idle.complaints() == []


def test_without_scripts_all_pictures_are_there(browser: Browser, page: str) -> None:
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.ask("Page.navigate", url=page)
        while browser.run("document.readyState") != "complete":
            pass
        assert _pictures_printed(browser) == 24
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)


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
    browser.until(_ALL_DRAWN)
    assert browser.run("window.stolen === undefined")
    assert browser.complaints() == []
    assert evil in browser.run("document.querySelector('h1').textContent")
    assert browser.run("document.querySelectorAll('img[onerror]').length") == 0
