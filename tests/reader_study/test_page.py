"""The page of a reader study: its methods paragraph, and the page in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cadkit.reader_study.mrmc_report import MrmcInput, MrmcSettings, mrmc_study
from cadkit.reader_study.settings import StudySettings
from cadkit.reader_study.study import reader_study
from cadkit.report import methods, write_report
from tests.report.browser import Browser


def wide(path: Path, n: int = 60) -> Path:
    """Three readers with recalls and two models; a case has two rows."""
    random = np.random.default_rng(4)
    truth = (np.arange(n) % 3 == 0).astype(int)
    looks = 1.2 * truth + random.normal(size=n)
    table: dict[str, Any] = {"case_ID": np.arange(n) // 2, "label": truth}
    for k in range(3):
        table[f"Reader{k}"] = np.round(1 / (1 + np.exp(-looks - random.normal(size=n))), 2)
        table[f"Recall{k}"] = (table[f"Reader{k}"] >= 0.6).astype(int)
    for k in range(2):
        table[f"AI_{k}"] = np.round(1 / (1 + np.exp(-looks - random.normal(size=n))), 3)
    rows = [",".join(map(str, row)) for row in zip(*table.values(), strict=True)]
    path.write_text("\n".join([",".join(table), *rows]) + "\n")
    return path


def settings(**changes: Any) -> StudySettings:
    words = {"truth": "label", "readers": "reader*", "models": "ai_*", "recalls": "recall*", "cluster": "case_ID"}
    return StudySettings.parse(**{**words, "bootstrap": 20, "step": 0.25, **changes})


def long(path: Path, modalities: tuple[str, ...] = ("film", "screen")) -> Path:
    rows = [
        f"{reader},{modality},{case},{(case * 7 + r * 3 + m * case) % 11},{int(case % 3 == 0)}"
        for r, reader in enumerate("abc")
        for m, modality in enumerate(modalities)
        for case in range(30)
    ]
    path.write_text("reader,modality,case,rating,truth\n" + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize(
    ("changes", "said", "unsaid"),
    [
        ({}, ("3 readers read 60 units, 20 of them positive", "0.5 times a reader's score plus 0.5 times",
              "cases (column case_ID) were drawn", "20 bootstrap replicates", "in-sample"), ("Platt",)),
        ({"weight": 0.3, "scale": "rank", "resample": "both", "ci": 0.9},
         ("0.3 times a reader's score plus 0.7 times", "midranks", "90% confidence", "apart from them, readers"), ()),
        ({"models": ""}, ("the mean score of the readers.",), ("hybrid", "Hillis", "Weights", "largest specificity")),
        ({"recalls": "", "bootstrap": 0}, ("grid of 0.25",), ("consensus", "confidence intervals", "replicates")),
    ],
)  # fmt: skip
def test_the_methods_say_what_was_done_and_no_more(
    tmp_path: Path, changes: dict[str, Any], said: tuple[str, ...], unsaid: tuple[str, ...]
) -> None:
    report = reader_study(wide(tmp_path / "t.csv"), tmp_path / "R", settings(**changes))
    text = methods(report).text()
    assert [words for words in said if words not in text] == []
    assert [words for words in unsaid if words in text] == []
    paragraph, _, references = text.partition("References\n")
    cited = {int(n) for group in re.findall(r"\[(\d+(?:, \d+)*)\]", paragraph) for n in group.split(", ")}
    assert cited == set(range(1, references.count("\n") + 1))


def test_weights_fitted_on_a_validation_table_are_said_to_be(tmp_path: Path) -> None:
    chosen = settings(scale="calibrated", validation=wide(tmp_path / "v.csv", 90))
    text = methods(reader_study(wide(tmp_path / "t.csv"), tmp_path / "R", chosen)).text()
    assert "grid of 0.25, were fitted by AUC on a validation table and applied here" in text
    assert "Platt's method" in text
    assert "Platt JC." in text


@pytest.mark.parametrize(
    ("method", "said", "unsaid"),
    [
        ("or", ("Obuchowski and Rockette", "the jackknife", "cases alone random"), ("Gallas", "Dorfman")),
        ("dbm", ("Dorfman", "pseudovalues"), ("Gallas", "Obuchowski NA")),
        ("bdg-centred", ("Gallas", "the areas taken off the kernels first"), ("jackknife", "cases alone random")),
    ],
)
def test_the_methods_of_readers_in_modalities(
    tmp_path: Path, method: Any, said: tuple[str, ...], unsaid: tuple[str, ...]
) -> None:
    chosen = MrmcSettings(method=method)
    text = methods(mrmc_study(MrmcInput(long(tmp_path / "l.csv")), tmp_path / "R", chosen)).text()
    assert "3 readers read 30 cases, 10 of them diseased, in 2 modalities" in text
    assert [words for words in said if words not in text] == []
    assert [words for words in unsaid if words in text] == []
    assert "Holm" not in text


def test_three_modalities_are_adjusted_and_a_plan_is_cited(tmp_path: Path) -> None:
    chosen = MrmcSettings(size=((6, 60),), effect=0.1)
    three = MrmcInput(long(tmp_path / "l.csv", ("a", "b", "c")))
    assert "Holm's method" in methods(mrmc_study(three, tmp_path / "R", MrmcSettings())).text()
    two = mrmc_study(MrmcInput(long(tmp_path / "m.csv")), tmp_path / "S", chosen)
    assert "Power estimation for multireader ROC methods" in methods(two).text()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    reader_study(wide(folder / "t.csv"), folder / "R", settings())
    return write_report(folder / "R")


def test_opens_silently_and_draws_every_figure(browser: Browser, study: Path) -> None:
    browser.open(study.as_uri())
    browser.draw_all()
    assert browser.complaints() == []
    names = browser.run("[...document.querySelectorAll('figure')].map((f) => f.id.replace('figure-', ''))")
    assert sorted(names) == sorted(path.stem for path in (study.parent / "figures").glob("*.svg"))
    assert "mean(readers)" in browser.run("document.querySelector('#table-headline').innerText")
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    links = "[...document.querySelectorAll('nav a')].every((a) => document.querySelector(a.getAttribute('href')))"
    assert browser.run(links)


def test_the_methods_and_tables_are_copied_as_they_stand_in_the_files(browser: Browser, study: Path) -> None:
    browser.open(study.as_uri())
    browser.run(
        "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (t) => { window.copied = t; } } })"
    )
    for name in ("methods.txt", "readers.csv", "differences.csv"):
        stem = name if name == "methods.txt" else name.removesuffix(".csv")
        browser.run(f"document.querySelector('[data-csv=\"{stem}\"]').click()")
        browser.until(f"document.querySelector('#said').textContent === 'Copied {name}'")
        assert browser.run("window.copied") == (study.parent / "tables" / name).read_text()


def test_a_dark_page_draws_its_figures_anew(browser: Browser, study: Path) -> None:
    browser.open(study.as_uri() + "#theme=dark")
    browser.draw_all()
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    strokes = (
        "[...document.querySelectorAll('#figure-curves-ai-0 .plot svg path')].map((p) => p.getAttribute('stroke'))"
    )
    assert "#56a8dd" in browser.run(strokes)
    assert "#0072B2" not in browser.run(strokes)


def test_readers_in_modalities_have_a_page(browser: Browser, tmp_path: Path) -> None:
    mrmc_study(MrmcInput(long(tmp_path / "l.csv")), tmp_path / "R", MrmcSettings())
    browser.open(write_report(tmp_path / "R").as_uri())
    assert browser.complaints() == []
    opened = browser.run(
        "[...document.querySelectorAll('#table-means tr.opens td:first-child')].map((c) => c.innerText)"
    )
    assert opened == ["readers and cases random", "readers fixed, cases random", "readers random, cases fixed"]
    assert "95%" in browser.run("document.querySelector('.notes-list').innerText")
