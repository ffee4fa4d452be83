"""The commands of the examples run on what they show."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from doc_blocks import blocks_of, commands_of, run_command
from PIL import Image

import cadkit
from cadkit.phantom import make_phantom
from cadkit.prepare import prepare

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TABLE = re.compile(r"`(\w+\.(?:csv|toml))`:\n\n```\w+\n(.*?)^```", re.M | re.S)


def write_pictures(folder: Path) -> None:
    """A picture of noise on black, 12 bits, for each row of images.csv; the breast lies opposite the nipple."""
    (folder / "images").mkdir()
    draw = np.random.default_rng(0)
    with (folder / "images.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            pixels = np.zeros((int(row["rows"]), int(row["columns"])), dtype=np.uint16)
            breast = slice(0, 300) if row["faces"] == "right" else slice(-300, None)
            pixels[50:-50, breast] = draw.integers(1000, 4096, size=pixels[50:-50, breast].shape)
            Image.fromarray(pixels).save(folder / row["file"])


def test_the_dataset_written_by_hand_is_checked_and_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = EXAMPLES / "own_dataset" / "README.md"
    tables = dict(TABLE.findall(page.read_text()))
    assert set(tables) == {"dataset.toml", "exams.csv", "breasts.csv", "images.csv", "findings.csv"}
    monkeypatch.chdir(tmp_path)
    Path("mydata").mkdir()
    for name, text in tables.items():
        Path("mydata", name).write_text(text)
    write_pictures(Path("mydata"))
    commands = [words for block in blocks_of(page) if block.language == "sh" for words in commands_of(block, {})]
    typed = [words for words in commands if words[1] in ("check", "prepare")]  # training is what the guide shows
    assert len(typed) == 2
    for words in typed:
        run_command([*words, "--workers", "1"] if words[1] == "prepare" else words)
    data = cadkit.open("mydata")
    assert [exam.id for exam in data.exams] == ["a-2019", "b-2020"]
    assert all(image.pixels().any() for exam in data.exams for image in exam.images)


def test_the_smallest_plugin_predicts_and_is_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_phantom("D", exams=14, size=(96, 72), seed=5, workers=1, quiet=True)
    prepare("D", workers=1, quiet=True)
    shutil.copy(EXAMPLES / "smallest_plugin" / "mean_intensity.py", tmp_path)
    smaller = {r"cadkit evaluate": "cadkit evaluate --bootstrap 20"}
    blocks = [block for block in blocks_of(EXAMPLES / "smallest_plugin" / "README.md") if block.language == "text"]
    for words in [words for block in blocks for words in commands_of(block, smaller)]:
        run_command(words)
    assert Path("report", "MeanIntensity-test", "report.html").exists()
