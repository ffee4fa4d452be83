"""Fixtures of all core tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cadkit.data import Affine, Dataset

Tables = Mapping[str, str]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the checkout; tests that read it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the reference material (../shared) is not here")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real browser (`tests.report.browser.Browser`); tests of pages skip where none is installed."""
    from tests.report.browser import Browser, chromium

    program = chromium()
    if program is None:
        pytest.skip("no Chromium is installed")
    made = Browser(program, tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


class FakePixels:
    """Prepared pictures in memory: 40 x 30, cut from files of 50 x 40 as prepare would.

    The file of a left breast is cut at (row 5, column 2). That of a right breast is mirrored, its
    column 40 being the picture's column 0, and cut at row 5. The breast fills the columns below 20.
    """

    def __init__(self, image_ids: list[str], missing: tuple[str, ...] = ()) -> None:
        self.arrays: dict[str, NDArray[np.uint16]] = {}
        for number, name in enumerate(image_ids):
            if name not in missing:
                picture = np.zeros((40, 30), dtype=np.uint16)
                rng = np.random.default_rng(number)
                picture[:, :20] = rng.integers(1, 65536, size=(40, 20), dtype=np.uint16)
                self.arrays[name] = picture

    def shape(self, image_id: str) -> tuple[int, int]:
        rows, columns = self.arrays[image_id].shape
        return rows, columns

    def read(self, image_id: str, box: tuple[int, int, int, int] | None) -> NDArray[np.uint16]:
        top, bottom, left, right = box or (0, 40, 0, 30)
        return self.arrays[image_id][top:bottom, left:right]

    def to_file(self, image_id: str) -> Affine:
        if "-R-" in image_id:
            return Affine((-1.0, 0.0, 40.0, 0.0, 1.0, 5.0))
        return Affine((1.0, 0.0, 2.0, 0.0, 1.0, 5.0))

    def best_center(self, image_id: str, size: tuple[int, int]) -> tuple[int, int]:
        return 20, 15

    def has(self, image_id: str) -> bool:
        return image_id in self.arrays


SPLIT = {"e1": "p1", "e2": "p1", "e3": "p2", "e4": "p3", "e5": "p4", "t1": "p9"}
HAND: Tables = {
    "dataset.toml": 'name = "hand"\n[labels]\nmalignant = "cancer"\nbenign = "benign lesion"\n',
    "exams.csv": "exam_id,patient_id,density,birads,split\n"
    + "".join(f"{e},{p},B,2,{'train' if e == 't1' else 'test'}\n" for e, p in SPLIT.items()),
    # e4-L: unknown whether malignant; e5-L: malignant, but nothing is drawn.
    "breasts.csv": "exam_id,side,malignant,benign\n"
    "e1,L,1,0\ne1,R,0,0\ne2,L,0,1\ne2,R,0,0\ne3,L,0,0\ne3,R,1,0\ne4,L,,0\ne4,R,0,0\ne5,L,1,0\ne5,R,0,0\n"
    "t1,L,0,0\nt1,R,1,0\n",
    "images.csv": "image_id,exam_id,side,view,rows,columns,pixel_spacing_mm\n"
    + "".join(f"{e}-{s}-{v},{e},{s},{v},50,40,0.5\n" for e in SPLIT for s in "LR" for v in ("CC", "MLO")),
    "findings.csv": "finding_id,image_id,lesion_id,label,kind,shape,coordinates\n"
    "f1,e1-L-CC,A,malignant,mass,box,10 10 16 16\n"
    "f2,e1-L-MLO,A,malignant,mass,circle,20 30 5\n"
    "f3,e3-R-CC,B,malignant,mass,box,4 20 12 28\n"
    "f4,e2-L-CC,C,benign,mass,box,10 10 20 20\n",
}


def write_files(folder: Path, files: Tables) -> Path:
    """Write text files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


MakeDataset = Callable[..., Dataset]


@pytest.fixture
def make_dataset(tmp_path: Path) -> MakeDataset:
    """`make_dataset(changes, pixels=True, missing=())`: the dataset above, some of its tables replaced."""

    def make(changes: Tables | None = None, pixels: bool = True, missing: tuple[str, ...] = ()) -> Dataset:
        folder = write_files(tmp_path / "D", {**HAND, **(changes or {})})
        data = Dataset.open(folder)
        if not pixels:
            return data
        return Dataset.open(folder, FakePixels(data.tables["images"]["image_id"].to_list(), missing))

    return make


@pytest.fixture
def write() -> Callable[[Path, Tables], Path]:
    """`write(folder, {name: text})`."""
    return write_files
