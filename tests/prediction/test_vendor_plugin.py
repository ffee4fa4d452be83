"""Handing out files (`export_image`), and examples/own_scores/vendor_plugin.py, a program wrapped as a plugin."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image as Picture
from pydicom import dcmread

import cadkit
from cadkit import InputError
from cadkit.data import Dataset
from cadkit.dicom import read_pixels
from cadkit.prediction import export_image
from cadkit.testing import check_plugin

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "own_scores"
PLUGIN = f"{EXAMPLES / 'vendor_plugin.py'}:Vendor"


def test_an_image_is_exported_under_pseudonyms_or_as_prepared(data: Path, tmp_path: Path) -> None:
    image = cadkit.open(data).images[0]
    path = export_image(image, tmp_path / "new")
    assert path == tmp_path / "new" / f"{image.id}.dcm"
    (original,) = data.rglob(path.name)
    assert np.array_equal(read_pixels(path).levels(65535), read_pixels(original).levels(65535))
    assert dcmread(path).PatientID == image.exam.patient_id
    picture = export_image(image, tmp_path, format="png16")
    assert picture == tmp_path / f"{image.id}.png"
    assert np.array_equal(np.asarray(Picture.open(picture)), image.raw())


def test_an_id_that_is_a_path_leads_nowhere_else(data: Path, tmp_path: Path) -> None:
    image = cadkit.open(data).images[0]
    image.id, prepared = "a/../../x", image.shape
    source = SimpleNamespace(read=lambda name, box: np.zeros(prepared, "u2"), shape=lambda name: prepared)
    image.exam._data = SimpleNamespace(pixel_source=source)
    path = image.export(tmp_path / "out")
    assert path == export_image(image, tmp_path / "out", "png16")
    assert path.parent == tmp_path / "out"
    assert [*tmp_path.rglob("*.png")] == [path]


def test_an_image_without_a_file_is_said(make_dataset: Callable[..., Dataset], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"image e1-L-CC has no file.*png16"):
        export_image(make_dataset().images[0], tmp_path)


def test_a_vendors_program_is_started_for_many_exams_and_its_marks_are_in_the_frame_of_the_file(
    data: Path, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    program = tmp_path / "vendor"
    program.write_text(f'#!/bin/sh\nls "$2" | wc -l >> {starts}\nexec {EXAMPLES / "vendor"} "$@"\n')
    program.chmod(0o755)
    made = cadkit.predict(PLUGIN, data, out=tmp_path / "P", program=str(program), exams_per_start=3)
    exams = cadkit.open(data).exams
    images = [image.id for exam in exams for image in exam.images]
    assert [int(n) for n in starts.read_text().split()] == [
        sum(len(exam.images) for exam in part) for part in (exams[:3], exams[3:])
    ]
    assert made.scores("image")["image_id"].to_list() == images
    assert set(made.marks().select("x", "y").iter_rows()) == {(30.0, 20.0)}
    assert made.record["settings"]["exams_per_start"] == 3


def test_marks_in_prepared_pictures_come_back_in_the_frame_of_the_file(
    first: Callable[[int], Path], tmp_path: Path
) -> None:
    data = first(1)
    made = cadkit.predict(PLUGIN, data, out=tmp_path / "P", program=str(EXAMPLES / "vendor"), format="png16")
    images = {image.id: image for image in cadkit.open(data).images}
    for image, x, y in made.marks().select("image_id", "x", "y").iter_rows():
        a, b, c, d, e, f = images[image].to_file.values
        assert (x, y) == pytest.approx((30 * a + 20 * b + c, 30 * d + 20 * e + f))


def test_an_exam_that_fails_is_alone_and_asked_again(data: Path, tmp_path: Path) -> None:
    exams = cadkit.open(data).exams
    bad, licence, program = exams[1].images[0].id, tmp_path / "licence", tmp_path / "vendor"
    program.write_text(
        f'#!/bin/sh\nif [ -e "$2/{bad}.dcm" ] && [ ! -e {licence} ]; then echo no licence >&2; exit 4; fi\n'
        f'exec {EXAMPLES / "vendor"} "$@"\n'
    )
    program.chmod(0o755)
    made = cadkit.predict(PLUGIN, data, out=tmp_path / "P", program=str(program))
    assert made.skipped().rows() == [("exam", exams[1].id, "exit status 4: no licence")]
    licence.touch()
    made = cadkit.predict(PLUGIN, data, out=tmp_path / "P", program=str(program), retry_failed=True)
    assert made.skipped().rows() == []
    assert made.scores("exam").height == 5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('printf "file,score\\n%s,1\\n" "$(ls "$2" | head -1)" > "$4"', "its table cannot be read: KeyError"),
        (f'{EXAMPLES / "vendor"} "$@"; sed -i "s/,30,/,?,/" "$4"', "its table cannot be read: ValueError"),
        ("true", "its table cannot be read: FileNotFoundError"),
        ('mkdir "$4"', "its table cannot be read: IsADirectoryError"),
        ('printf "\\377\\376" > "$4"', "its table cannot be read: UnicodeDecodeError"),
        (f'{EXAMPLES / "vendor"} "$@"; sed -i "s/,\\r$/,too dark/" "$4"', "too dark"),
        (f'{EXAMPLES / "vendor"} "$@"; sed -i 2,99d "$4"', "the program said nothing of it"),
        ("kill -9 $$", "ended by SIGKILL"),
    ],
)
def test_whatever_a_vendors_program_writes_every_exam_has_an_answer(
    text: str, reason: str, first: Callable[[int], Path], tmp_path: Path
) -> None:
    program = tmp_path / "vendor"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    made = cadkit.predict(PLUGIN, first(1), out=tmp_path / "P", program=str(program))
    assert made.scores("exam").height == 0
    assert "e000000" in made.skipped()["id"]
    assert any(reason in said for said in made.skipped()["reason"])


def test_an_original_that_is_damaged_is_that_exams_reason(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "D"
    shutil.copytree(data, copy)
    image = cadkit.open(copy).exams[0].images[0]
    next(copy.rglob(f"{image.id}.dcm")).write_bytes(b"")
    made = cadkit.predict(PLUGIN, copy, out=tmp_path / "P", program=str(EXAMPLES / "vendor"))
    (row,) = made.skipped().rows()
    assert row[:2] == ("exam", image.exam.id)
    assert f"image {image.id}: no DICOM picture" in row[2]


@pytest.mark.parametrize("format", ["dicom", "png16"])
def test_the_example_keeps_the_contract(format: str) -> None:
    settings = {"program": str(EXAMPLES / "vendor"), "format": format}
    only = ("predict-each-once", "predict-places", "predict-missing-view", "predict-unprepared", "predict-frame")
    report = check_plugin(PLUGIN, config=settings, only=only)
    assert report.ok, str(report)
