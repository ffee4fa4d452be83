"""Preparing a dataset: only what is missing or changed, whatever happens in between."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image as Picture

from cadkit.data.tables import read_problems
from cadkit.errors import Failure, InputError, ProblemsError
from cadkit.prepare import Store, open_dataset, prepare
from cadkit.prepare.arrays import array_path, read_record

IMAGES = tuple(f"e{exam}-{side}-{view}" for exam in range(2) for side in "LR" for view in ("CC", "MLO"))


def picture(image_id: str, rows: int = 240, columns: int = 200) -> np.ndarray:
    """A half ellipse of 12-bit noise, facing right in L and left in R."""
    y, x = np.mgrid[:rows, :columns]
    breast = ((y - rows / 2) / (0.4 * rows)) ** 2 + (x / (0.6 * columns)) ** 2 < 1
    noise = np.random.default_rng(sum(map(ord, image_id))).integers(1000, 4096, (rows, columns))
    made = (breast * noise).astype(np.uint16)
    return made if "-L-" in image_id else made[:, ::-1]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "D"
    folder.mkdir()
    (folder / "dataset.toml").write_text('name = "drawn"\n[labels]\nmalignant = "drawn"\n')
    (folder / "exams.csv").write_text("exam_id,patient_id\ne0,p0\ne1,p1\n")
    (folder / "breasts.csv").write_text("exam_id,side,malignant\ne0,L,1\ne0,R,0\ne1,L,0\ne1,R,0\n")
    lines = ["image_id,exam_id,side,view,file,bits,rows,columns"]
    for name in IMAGES:
        exam, side, view = name.split("-")
        lines.append(f"{name},{exam},{side},{view},{name}.png,12,240,200")
        Picture.fromarray(picture(name)).save(folder / f"{name}.png")
    (folder / "images.csv").write_text("\n".join(lines) + "\n")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a store, by name."""
    store = folder / "store"
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def edit(folder: Path, **columns: pl.Expr) -> None:
    images = pl.read_csv(folder / "images.csv")
    images.with_columns(**columns).write_csv(folder / "images.csv")


def rules(folder: Path) -> list[tuple[str, str]]:
    return [(row["rule"], row["item"]) for row in read_problems(folder).iter_rows(named=True)]


def test_images_are_cropped_turned_and_found_again(dataset: Path) -> None:
    report = prepare(dataset, workers=1, quiet=True)
    assert (report.done, report.kept, report.failed, report.problems) == (8, 0, 0, ())
    assert str(dataset / "store") in str(report)
    assert not (dataset / "problems.csv").exists()
    data = open_dataset(dataset)
    for image in data.images:
        original = picture(image.id)
        # Pixel size unknown, 240 rows: 12 iterations and a buffer of 6 around rows 24..216, columns 0..120.
        assert abs(image.shape[0] - (192 + 12)) <= 2
        assert abs(image.shape[1] - (120 + 6)) <= 2
        pixels = image.pixels()
        assert pixels[:, 0].any(), "the chest wall is at the left"
        assert not pixels[:, -3:].any()
        row, column = 100, 40
        x, y = image.to_file(column + 0.5, row + 0.5)
        assert pixels[row, column] == pytest.approx(original[int(y), int(x)] / 4095, abs=1e-5)
    assert len(data.images) == 8


def test_again_keeps_everything(dataset: Path) -> None:
    prepare(dataset, workers=1, quiet=True)
    before = contents(dataset)
    report = prepare(dataset, workers=1, quiet=True, verify=True)
    assert (report.done, report.kept) == (0, 8)
    assert contents(dataset) == before


def test_the_number_of_workers_changes_nothing(dataset: Path) -> None:
    prepare(dataset, workers=1, quiet=True)
    before = contents(dataset)
    shutil.rmtree(dataset / "store")
    prepare(dataset, workers=2, quiet=True)
    assert contents(dataset) == before


def test_a_changed_file_row_or_array_is_made_anew(dataset: Path) -> None:
    prepare(dataset, workers=1, quiet=True)
    before = Store(dataset / "store").fingerprint
    names = list(IMAGES)
    Picture.fromarray(picture("other-L-")).save(dataset / f"{names[0]}.png")
    os.utime(dataset / f"{names[1]}.png", (1, 1))  # the same content with another date is kept
    edit(dataset, faces=pl.when(pl.col("image_id") == names[2]).then(pl.lit("right")).otherwise(None))
    array_path(dataset / "store", names[3]).unlink()
    path = array_path(dataset / "store", names[4])
    path.write_bytes(path.read_bytes()[:500])
    report = prepare(dataset, workers=1, quiet=True)
    assert (report.done, report.kept) == (4, 4)
    assert Store(dataset / "store").fingerprint != before
    assert not open_dataset(dataset).images[2].pixels()[:, 0].all()


def test_a_changed_recipe_makes_all_anew(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(dataset, workers=1, quiet=True)
    monkeypatch.setattr("cadkit.prepare.image.recipe_fingerprint", lambda: "another")
    assert prepare(dataset, workers=1, quiet=True).done == 8


def test_verify_finds_a_changed_pixel(dataset: Path) -> None:
    prepare(dataset, workers=1, quiet=True)
    path, other = (array_path(dataset / "store", name) for name in IMAGES[:2])
    record, pixels = read_record(path), Store(dataset / "store").read(IMAGES[1])
    from cadkit.prepare.arrays import write_array

    assert record is not None
    assert other.is_file()
    write_array(path, pixels, record)
    assert prepare(dataset, workers=1, quiet=True).done == 0
    assert prepare(dataset, workers=1, quiet=True, verify=True).done == 1
    Store(dataset / "store").verify(IMAGES[0])


def test_a_bad_image_stops_nothing(dataset: Path) -> None:
    (dataset / f"{IMAGES[1]}.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    Picture.fromarray(np.zeros((240, 200), np.uint16)).save(dataset / f"{IMAGES[2]}.png")
    report = prepare(dataset, workers=1, quiet=True)
    assert (report.done, report.failed) == (6, 2)
    assert rules(dataset) == [("unreadable", IMAGES[1]), ("no-breast", IMAGES[2])]
    data = open_dataset(dataset)
    with pytest.raises(InputError, match=rf"not prepared.*{IMAGES[1]}"):
        data.images[1].pixels()
    # Mended, it is the only one to be prepared, and its problem is gone.
    for name in IMAGES[1:3]:
        Picture.fromarray(picture(name)).save(dataset / f"{name}.png")
    report = prepare(dataset, workers=1, quiet=True)
    assert (report.done, report.kept, report.failed) == (2, 6, 0)
    assert rules(dataset) == []


def test_where_every_image_fails_it_is_a_failure(dataset: Path) -> None:
    prepare(dataset, workers=1, quiet=True)
    for name in IMAGES:
        (dataset / f"{name}.png").write_bytes(b"no picture")
    Picture.fromarray(np.zeros((240, 200), np.uint16)).save(dataset / f"{IMAGES[0]}.png")
    with pytest.raises(Failure, match=rf"Not one .*: not-dicom 7, no-breast 1. The first, {IMAGES[0]}: no b.*all"):
        prepare(dataset, workers=1, quiet=True)
    assert len(rules(dataset)) == 8
    with pytest.raises(InputError, match="not finished"):
        Store(dataset / "store")


def test_an_image_that_went_bad_leaves_the_store(dataset: Path) -> None:
    prepare(dataset, workers=1, quiet=True)
    (dataset / f"{IMAGES[0]}.png").write_bytes(b"no picture")
    assert prepare(dataset, workers=1, quiet=True).failed == 1
    assert not array_path(dataset / "store", IMAGES[0]).exists()
    assert not Store(dataset / "store").has(IMAGES[0])


def test_images_that_left_the_tables_leave_the_store(dataset: Path) -> None:
    prepare(dataset, workers=1, quiet=True)
    images = pl.read_csv(dataset / "images.csv").head(3)
    images.write_csv(dataset / "images.csv")
    assert prepare(dataset, workers=1, quiet=True).kept == 3
    assert len(list((dataset / "store" / "images").glob("*/*"))) == 3


def test_sources_may_lie_elsewhere_and_never_show(dataset: Path, tmp_path: Path) -> None:
    private = tmp_path / "Jane Doe"
    private.mkdir()
    lines = ["image_id,path"]
    for name in IMAGES:
        shutil.move(dataset / f"{name}.png", private / f"{name}.png")
        lines.append(f"{name},{private / name}.png")
    (dataset / "sources.csv").write_text("\n".join(lines) + "\n")
    edit(dataset, file=pl.lit(None, pl.String))
    (private / f"{IMAGES[3]}.png").write_bytes(b"no picture")
    (private / f"{IMAGES[4]}.png").unlink()
    report = prepare(dataset, workers=1, quiet=True)
    assert (report.done, report.failed) == (6, 2)
    assert [rule for rule, _ in rules(dataset)] == ["not-dicom", "missing-file"]
    for path in dataset.rglob("*"):
        assert path.name == "sources.csv" or not path.is_file() or b"Jane" not in path.read_bytes()


def test_doubts_are_said_and_not_repaired(dataset: Path) -> None:
    (dataset / "findings.csv").write_text(
        "finding_id,image_id,label,shape,coordinates\n"
        f"inside,{IMAGES[0]},malignant,circle,40 120 5\n"
        f"mirrored,{IMAGES[0]},malignant,circle,160 120 5\n"
        f"cropped away,{IMAGES[1]},malignant,point,20 3\n"
    )
    edit(dataset, faces=pl.when(pl.col("image_id") == IMAGES[7]).then(pl.lit("right")).otherwise(None))
    Picture.fromarray(np.full((240, 200), 900, np.uint16)).save(dataset / f"{IMAGES[4]}.png")
    report = prepare(dataset, workers=1, quiet=True)
    expected = [
        ("finding-on-background", "mirrored"),
        ("finding-on-background", "cropped away"),
        ("no-background", IMAGES[4]),
        ("orientation-doubt", IMAGES[7]),
    ]
    assert rules(dataset) == expected
    assert report.done == 8
    # They are said again when nothing is to be done.
    assert prepare(dataset, workers=1, quiet=True).kept == 8
    assert rules(dataset) == expected


def test_horizontal_flip_turns_a_whole_exam(dataset: Path) -> None:
    (dataset / "exams.csv").write_text("exam_id,patient_id,horizontal_flip\ne0,p0,1\ne1,p1,0\n")
    for name in IMAGES[:4]:
        Picture.fromarray(np.ascontiguousarray(picture(name)[:, ::-1])).save(dataset / f"{name}.png")
    assert prepare(dataset, workers=1, quiet=True).problems == ()
    plain = open_dataset(dataset).images
    assert [bool(image.pixels()[:, 0].any()) for image in plain] == [True] * 8


def test_the_index_says_how(dataset: Path) -> None:
    prepare(dataset, workers=1, quiet=True)
    with (dataset / "store" / "index.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image_id"] for row in rows] == list(IMAGES)
    first = rows[1]
    assert (first["file_rows"], first["file_columns"], first["faces"], first["background"]) == (
        *("240", "200", "right"),
        "zero",
    )
    assert float(first["share_background"]) == pytest.approx(np.mean(picture(IMAGES[1]) == 0), abs=1e-6)
    assert first["distance_from_starting_side"] == "0"
    record = read_record(array_path(dataset / "store", IMAGES[1]))
    assert record is not None
    assert [name for name, _ in record["steps"]] == ["decode", "bits", "scale", "background", "crop", "turn"]
    assert len(record["source"]["sha256"]) == 64


def test_no_file_and_bad_tables_are_refused(dataset: Path) -> None:
    images = pl.read_csv(dataset / "images.csv")
    images.drop("file").write_csv(dataset / "images.csv")
    with pytest.raises(InputError, match="no image of the dataset has a file"):
        prepare(dataset, workers=1, quiet=True)
    images.with_columns(side=pl.lit("X")).write_csv(dataset / "images.csv")
    with pytest.raises(ProblemsError, match="unknown-side"):
        prepare(dataset, workers=1, quiet=True)


KILLED = """
import os, signal, sys
import cadkit.prepare.image as image
real, written = image.write_array, []
def write(*arguments):
    if len(written) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    written.append(real(*arguments))
image.write_array = write
from cadkit.prepare import prepare
prepare(sys.argv[1], workers=1, quiet=True)
"""


def test_a_kill_leaves_a_state_from_which_it_goes_on(dataset: Path) -> None:
    prepare(dataset, workers=1, quiet=True)
    uninterrupted = contents(dataset)
    shutil.rmtree(dataset / "store")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(dataset)], check=False)
    assert ended.returncode == -signal.SIGKILL
    with pytest.raises(InputError, match="cadkit prepare"):
        open_dataset(dataset).images[0].pixels()
    # A kill in the middle of a write leaves a part as well.
    (dataset / "store" / ".index.csv.999999999.part").write_text("half a ta")
    report = prepare(dataset, workers=1, quiet=True)
    assert (report.done, report.kept) == (5, 3)
    assert contents(dataset) == uninterrupted


FULL = """
import resource, sys
from cadkit.errors import Failure
from cadkit.prepare import prepare
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    prepare(sys.argv[1], workers=1, quiet=True)
except Failure as error:
    print(error)
    sys.exit(error.exit_status)
"""


@pytest.mark.parametrize("limit", [20_000, 1_500])
def test_a_full_disk_is_a_failure_that_can_be_resumed(dataset: Path, limit: int) -> None:
    Picture.fromarray(picture(IMAGES[5], 480, 400)).save(dataset / f"{IMAGES[5]}.png")
    edit(dataset, rows=pl.lit(None, pl.Int64), columns=pl.lit(None, pl.Int64))
    prepare(dataset, workers=1, quiet=True)
    uninterrupted = contents(dataset)
    shutil.rmtree(dataset / "store")
    command = [sys.executable, "-c", FULL, str(dataset), str(limit)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 1, ended.stderr
    assert "could not be written: File too large. Free some space and type the same command again" in ended.stdout
    assert not list(dataset.rglob("*.part"))
    prepare(dataset, workers=1, quiet=True)
    assert contents(dataset) == uninterrupted


def test_a_worker_that_fails_is_a_failure(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise Failure("the disk is full")

    monkeypatch.setattr("cadkit.prepare.image.write_array", full)
    with pytest.raises(Failure, match="the disk is full"):
        prepare(dataset, workers=1, quiet=True)
    assert not (dataset / "store" / "index.csv").exists()
