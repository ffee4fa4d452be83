"""What a prediction folder records and what it leaves out, as a notebook shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import cadkit

Write = Callable[[Path, Mapping[str, str]], Path]
EXAMS = "exam_id,malignant\ne1,0.5\ne2,0.25\n"


def rows(html: str) -> dict[str, str]:
    """The facts by their names."""
    pairs = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", html)
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


@pytest.mark.parametrize(
    ("record", "fact", "shown"),
    [
        ('scores = "probability"\n', "scores", "probabilities"),
        ('scores = "risk"\n', "scores", "risks, larger is more suspicious"),
        ('run = "/far/away/R1"\n', "run", "R1"),
        ("", "run", None),
        ("exams = 1234\n", "exams answered", "2 of 1,234"),
        ("", "exams answered", "2"),
        ('localizes = "saliency"\n', "localizes by", "saliency, but no maps were written"),
    ],
)
def test_a_fact_is_told_as_it_is_recorded(
    record: str, fact: str, shown: str | None, tmp_path: Path, write: Write
) -> None:
    made = cadkit.Predictions.open(write(tmp_path / "P", {"prediction.toml": record, "exams.csv": EXAMS}))
    html = made._repr_html_()
    assert rows(html).get(fact) == shown
    assert "/far/away" not in html


def test_skipped_units_are_counted_in_the_order_in_which_they_stand(tmp_path: Path, write: Write) -> None:
    skipped = "level,id,reason\nimage,a,x\nexam,e3,x\nimage,b,x\nwarning,e1,x\n"
    files = {"prediction.toml": 'split = "test"\n', "exams.csv": EXAMS, "skipped.csv": skipped}
    html = cadkit.Predictions.open(write(tmp_path / "P", files))._repr_html_()
    assert rows(html)["skipped"] == "2 images, 1 exam"
