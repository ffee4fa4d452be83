"""The page of a dataset, and what stands on the terminal: numbers as in the summary, no ids, no network."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cadkit.data import Dataset
from cadkit.data.split_column import Plan, write_split
from cadkit.data.summary import Summary, summarize
from cadkit.report.dataset_figures import dataset_figures
from cadkit.report.dataset_page import render_dataset, write_dataset_page
from cadkit.report.dataset_terminal import balance_table, terminal_page
from tests.report.browser import Browser

MakeDataset = Callable[..., Dataset]


@pytest.fixture
def summary(make_dataset: MakeDataset) -> Summary:
    return summarize(make_dataset(pixels=False).folder)


def shown(summary: Summary, width: int) -> list[str]:
    console = Console(width=width, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(terminal_page(summary, width))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_says_the_numbers_within_its_width(summary: Summary, width: int) -> None:
    lines = shown(summary, width)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert "\u2026" not in text  # nothing is cut off
    assert "5 patients   6 exams   12 breasts   24 images   4 findings" in text
    assert re.search(r"malignant +all +4 of 11 +36\.4% \(\d+\.\d to \d+\.\d\) +4 +1", text)
    assert re.search(r"test +4 +5 +10 +20 +3 \(33%\) +1 \(10%\)", text)
    assert "Positive for malignant, without a finding of it: 2 of 4 breasts." in text


def test_labels_without_room_are_named(summary: Summary) -> None:
    names = [f"label_number_{n}" for n in range(9)]
    found = summary.whole.labels["malignant"]

    def with_all(group: object) -> object:
        return replace(group, labels=dict.fromkeys(names, found))  # type: ignore[type-var]

    many = replace(
        summary, labels=dict.fromkeys(names, ""), level=dict.fromkeys(names, "breast"), whole=with_all(summary.whole),
        groups={k: tuple(map(with_all, v)) for k, v in summary.groups.items()}, not_drawn={},
    )  # fmt: skip
    text = "\n".join(shown(many, 80))
    hidden = re.search(r"No room for ([^:]+)", text)
    assert hidden is not None
    assert "label_number_8" in hidden[1]
    assert "No room" not in "\n".join(shown(many, 250))


def test_brackets_in_names_are_shown_as_they_are(summary: Summary) -> None:
    group = replace(summary.whole, name="[bold]Sample[/bold] [/]")
    text = "\n".join(shown(replace(summary, name="[red]x", groups={"vendor": (group,)}), 120))
    assert "[bold]Sample[/bold] [/]" in text
    assert "[red]x" in text


def test_the_balance(make_dataset: MakeDataset) -> None:
    report = write_split(make_dataset(pixels=False).folder, Plan(by="folds", folds=2, labels=("malignant",)))
    console = Console(width=80, color_system=None)
    with console.capture() as captured:
        console.print(balance_table(report.parts, report.levels))
    text = captured.get()
    assert "malignant breasts" in text
    assert re.search(r"all +5 +6 +12 +4 \(36\.4%\) +1 \(8\.3%\)", text)


def test_figures_hold_the_counts_and_the_shares(summary: Summary) -> None:
    figures = {figure.name: figure for figure in dataset_figures(summary)}
    assert list(figures) == ["split", "density", "birads", "view"]
    data = figures["split"].spec["datasets"]
    assert [(row["name"], row["count"]) for row in data["counts"]] == [("train", 1), ("test", 5)]
    shares = {(row["name"], row["label"]): row["counted"] for row in data["shares"]}
    assert shares["test", "malignant"] == "3 of 9"
    assert figures["view"].counts == "images"


def test_the_page_is_one_file_without_ids_or_addresses(summary: Summary, tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    path = write_dataset_page(replace(summary, name=evil, source=evil), tmp_path / "page.html")
    text = path.read_text()
    assert evil not in text
    assert "&lt;/script&gt;" in text
    without_scripts = re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    assert not re.search(r'(src|href)="(?!data:|#)', without_scripts)
    assert "default-src 'none'" in html.unescape(without_scripts)
    # Ids of the dataset made by hand: exams e1 to e5, patients p1 to p9, images such as e1-L-CC.
    visible = re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style).*?</\1>", "", without_scripts, flags=re.S))
    assert not re.search(r"\b(e[1-5]|t1|p[1-49]|e1-L-CC|f[1-4])\b", visible)
    assert "36.4%" in visible


def test_the_page_opens_silently_and_its_figures_take_its_colours(
    browser: Browser, summary: Summary, tmp_path: Path
) -> None:
    page = write_dataset_page(summary, tmp_path / "page.html").as_uri()
    bar = "document.querySelector('#figure-split [data-plot] svg .mark-rect path').getAttribute('fill')"
    for colours, fill in (("light", "#7A7A7A"), ("dark", "#8b959e")):
        browser.open(f"{page}#theme={colours}")
        browser.run("document.querySelector('#figure-split').scrollIntoView()")
        browser.until("document.querySelector('#figure-split [data-plot] svg .mark-rect path')")
        assert browser.run(bar) == fill
    browser.run("document.querySelector('[data-csv]').click()")
    browser.until("document.querySelector('#said').textContent.startsWith('Copied')")
    assert browser.run("document.querySelector('#said').textContent").endswith(".csv")
    assert browser.complaints() == []


def test_a_dataset_of_nothing_but_exams_has_a_page(make_dataset: MakeDataset) -> None:
    data = make_dataset(
        {
            "exams.csv": "exam_id,patient_id\n",
            "breasts.csv": "exam_id,side,malignant,benign\n",
            "images.csv": "image_id,exam_id,side,view\n",
            "findings.csv": "finding_id,image_id,label,shape\n",
        },
        pixels=False,
    )
    summary = summarize(data.folder)
    assert "0 exams" in "\n".join(shown(summary, 80))
    assert "<h1" in render_dataset(summary)
