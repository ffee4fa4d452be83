"""Windows by name, and what they and the crop are on the one exam of the NYU authors (data/nyu-sample/README.md)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cadkit.data.windows import window_size
from cadkit.errors import InputError
from cadkit.prepare import open_dataset, prepare

VIEWS = ("L-CC", "R-CC", "L-MLO", "R-MLO")
# Of the README's table: shape, box of the dilated mask, window, rightmost (first and last row, x), bottom row.
README = {
    "L-CC": ((2023, 801), (50, 1973, 0, 751), (0, 2023, 0, 801), (948, 957, 750), 1972),
    "R-CC": ((2144, 801), (50, 2094, 50, 801), (0, 2144, 0, 801), (1232, 1249, 751), 2093),
    "L-MLO": ((2730, 981), (12, 2680, 0, 931), (0, 2730, 0, 981), (1733, 1749, 930), 2679),
    "R-MLO": ((2650, 1006), (12, 2600, 50, 1006), (0, 2650, 0, 1006), (1571, 1648, 956), 2599),
}
# The README's last column; formats.md B2 gives the same for the other sizes. In these CC views every window is taller
# than the image, so that y is that of its middle; x is rightmost_x less half the window's width less 1.
GMIC = {"L-CC": (1011, -211), "R-CC": (1072, -210), "L-MLO": (1206, -31), "R-MLO": (1126, -5)}
NYU = {
    "L-CC": (1011, 750 - 971 - 1),
    "R-CC": (1072, 751 - 971 - 1),
    "L-MLO": (2679 - 1487 - 1, 930 - 874 - 1),
    "R-MLO": (2599 - 1487 - 1, 956 - 874 - 1),
}


def test_windows_have_names() -> None:
    assert [window_size("gmic", view) for view in ("CC", "MLO")] == [(2944, 1920)] * 2
    assert [window_size("nyu", view) for view in ("CC", "MLO", "ML")] == [(2677, 1942), (2974, 1748), (2974, 1748)]
    with pytest.raises(InputError, match=r"no window has that name .*'paper'.*Known are gmic, nyu"):
        window_size("paper", "CC")


@pytest.fixture(scope="module")
def prepared(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nyu") / "D"
    folder.mkdir()
    for view in VIEWS:
        shutil.copy(shared / "data" / "nyu-sample" / f"0_{view}.png", folder)
    (folder / "dataset.toml").write_text('name = "sample"\n[labels]\nbenign = "biopsy"\n')
    (folder / "exams.csv").write_text("exam_id,patient_id\n0,0\n")
    (folder / "breasts.csv").write_text("exam_id,side,benign\n0,L,0\n0,R,1\n")
    lines = [f"{view},0,{view[0]},{view[2:]},0_{view}.png,12\n" for view in VIEWS]
    (folder / "images.csv").write_text("image_id,exam_id,side,view,file,bits\n" + "".join(lines))
    prepare(folder, workers=1, quiet=True)
    return folder


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_of_the_readme_is_met_to_the_pixel(prepared: Path, view: str) -> None:
    index = pl.read_csv(prepared / "store" / "index.csv")
    row = index.row(by_predicate=pl.col("image_id") == view, named=True)
    shape, _, window, rightmost, bottom = README[view]
    assert (row["file_rows"], row["file_columns"]) == shape
    assert tuple(row[f"window_{edge}"] for edge in ("top", "bottom", "left", "right")) == window
    assert (row["rightmost_top"], row["rightmost_bottom"], row["rightmost_x"]) == rightmost
    assert row["bottom_row"] == bottom
    assert row["distance_from_starting_side"] == 0
    assert (row["center_row"], row["center_column"]) == GMIC[view]
    assert (row["nyu_center_row"], row["nyu_center_column"]) == NYU[view]
    assert row["background"] == "zero"


def test_a_window_is_asked_for_by_name(prepared: Path) -> None:
    for image in open_dataset(prepared).images:
        for name in ("gmic", "nyu"):
            crop = image.window(name)
            assert crop.size == window_size(name, image.view)
            same = image.window(crop.size)
            assert same.matrix == crop.matrix
        # The whole breast is in the window, and what is beyond the image is 0.
        rows, columns = image.shape
        top = (2944 - rows) // 2 if image.view == "CC" else 0
        x, y = image.window("gmic").matrix(0.0, 0.0)
        assert (float(x), float(y)) == (0.0, -top)
        assert np.count_nonzero(image.raw()) > 0
        assert columns < 1748
