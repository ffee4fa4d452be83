"""Datasets whose tables are written by hand: the NYU sample with its files in place, and the example of the docs."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image as Picture

from cadkit.data import Dataset, Mask
from cadkit.data import tables as data_tables

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_dataset" / "README.md"

NYU = {
    "dataset.toml": 'name = "NYU sample"\n[labels]\nmalignant = "cancer"\nbenign = "benign lesion"\n',
    "exams.csv": "exam_id,patient_id,horizontal_flip,split\n0,0,0,test\n",
    "breasts.csv": "exam_id,side,malignant,benign\n0,L,0,0\n0,R,0,1\n",
    "images.csv": (
        "image_id,exam_id,side,view,rows,columns,bits\n"
        "0_L-CC,0,L,CC,2023,801,12\n"
        "0_R-CC,0,R,CC,2144,801,12\n"
        "0_L-MLO,0,L,MLO,2730,981,12\n"
        "0_R-MLO,0,R,MLO,2650,1006,12\n"
    ),
    "findings.csv": (
        "finding_id,image_id,lesion_id,label,kind,shape,coordinates,mask\n"
        "cc,0_R-CC,,benign,,mask,,masks/cc.png\n"
        "mlo,0_R-MLO,,benign,,mask,,masks/mlo.png\n"
    ),
}


def write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def cut_mask(path: Path, top: int, rows: int, columns: int) -> np.ndarray:
    """The mask in the file's own grid: its picture lies mirrored, with row 0 at `top`, in the window."""
    with Picture.open(path) as picture:
        window = np.asarray(picture)
    inside = window[top : top + rows, :columns]
    assert np.count_nonzero(inside) == np.count_nonzero(window), "the whole lesion lies inside the image"
    return np.ascontiguousarray(inside[:, ::-1])


@pytest.fixture(scope="module")
def nyu(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sample = shared / "data" / "nyu-sample"
    folder = tmp_path_factory.mktemp("nyu") / "D"
    names = ("0_L-CC", "0_R-CC", "0_L-MLO", "0_R-MLO")
    sources = "".join(f"{name},{sample / name}.png\n" for name in names)
    write(folder, {**NYU, "sources.csv": "image_id,path\n" + sources})
    (folder / "masks").mkdir()
    for view, top, rows, columns in (("CC", 400, 2144, 801), ("MLO", 0, 2650, 1006)):
        mask = cut_mask(sample / f"0_R-{view}_benign.png", top, rows, columns)
        Picture.fromarray(mask).save(folder / "masks" / f"{view.lower()}.png")
    return folder


def test_the_nyu_sample_is_a_dataset_with_its_files_in_place(nyu: Path, shared: Path) -> None:
    data = Dataset.open(nyu)
    (exam,) = data.exams
    assert {side: breast.truth("benign") for side, breast in exam.breasts.items()} == {"L": 0, "R": 1}
    assert exam.truth("malignant") == 0
    assert [(f.image_id, f.lesion_id, f.label) for f in data.findings] == [
        ("0_R-CC", "cc", "benign"),
        ("0_R-MLO", "mlo", "benign"),
    ]
    for finding in data.findings:
        assert isinstance(finding.region, Mask)
        with Picture.open(shared / "data" / "nyu-sample" / f"{finding.image_id}.png") as picture:
            pixels = np.asarray(picture)
        # Background is exactly 0, so that a lesion on tissue has no zero under it.
        assert pixels[finding.region.raster(pixels.shape)].min() > 0


def test_the_nyu_sample_is_prepared(nyu: Path) -> None:
    pytest.importorskip("cadkit.prepare.preparing", reason="the room prepare is not there")
    prepare = importlib.import_module("cadkit.prepare")
    prepare.prepare(nyu, workers=1, quiet=True)
    data = prepare.open_dataset(nyu)
    assert data_tables.read_problems(nyu).height == 0
    # The files are cropped to the breast already: nothing more is cut (data/nyu-sample/README.md).
    assert {i.id: i.shape for i in data.images} == {
        "0_L-CC": (2023, 801),
        "0_R-CC": (2144, 801),
        "0_L-MLO": (2730, 981),
        "0_R-MLO": (2650, 1006),
    }
    for image in data.images:
        for finding in image.findings:
            x, y = finding.center
            assert image.pixels()[int(y), int(x)] > 0


def example_files() -> dict[str, str]:
    """The fenced blocks of the README, each preceded by the name of its file."""
    found = re.findall(r"`([a-z]+\.(?:csv|toml))`:\n\n```\w+\n(.*?)```", EXAMPLE.read_text(), flags=re.DOTALL)
    return dict(found)


def example(folder: Path) -> Path:
    write(folder, example_files())
    for row in pl.read_csv(folder / "images.csv").iter_rows(named=True):
        breast = np.zeros((row["rows"], row["columns"]), np.uint16)
        half = slice(0, 300) if row["faces"] == "right" else slice(180, 480)
        breast[40:560, half] = 2000
        (folder / row["file"]).parent.mkdir(exist_ok=True)
        Picture.fromarray(breast).save(folder / row["file"])
    return folder


def test_the_example_of_the_docs_opens_as_printed(tmp_path: Path) -> None:
    assert set(example_files()) == {"dataset.toml", "exams.csv", "breasts.csv", "images.csv", "findings.csv"}
    data = Dataset.open(example(tmp_path / "mydata"))
    assert [(e.id, len(e.images), e.truth("malignant")) for e in data.exams] == [("a-2019", 4, 1), ("b-2020", 1, 0)]
    unknown = data.exams[1].breasts["L"].truth("benign")
    assert unknown != unknown
    assert [f.lesion_id for f in data.findings] == ["lesion1", "lesion1"]
    assert data.findings[1].center == (140, 210.5)


def test_the_example_names_every_column_that_is_known() -> None:
    text = EXAMPLE.read_text()
    for table in data_tables.TABLES.values():
        assert f"`{table.file}`" in text
        for column in table.types:
            assert f"`{column}`" in text, f"{table.file}: {column}"


def test_the_example_needs_no_pixels_to_be_a_dataset(tmp_path: Path) -> None:
    folder = tmp_path / "mydata"
    write(folder, example_files())
    pl.read_csv(folder / "images.csv").drop("file").write_csv(folder / "images.csv")
    assert len(Dataset.open(folder).images) == 5


def test_the_example_is_prepared(tmp_path: Path) -> None:
    pytest.importorskip("cadkit.prepare.preparing", reason="the room prepare is not there")
    prepare = importlib.import_module("cadkit.prepare")
    folder = example(tmp_path / "mydata")
    prepare.prepare(folder, workers=1, quiet=True)
    data = prepare.open_dataset(folder)
    for image in data.images:
        pixels = image.pixels()
        # Facing right: tissue at the left edge, background at the right one.
        assert pixels[pixels.shape[0] // 2, 0] == pytest.approx(2000 / 4095, abs=1e-4)
        assert pixels[:, -1].max() == 0
