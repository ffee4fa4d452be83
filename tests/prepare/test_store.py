"""The store: windows, damage, odd ids, other processes."""

from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest

from cadkit.data import PixelSource
from cadkit.errors import Failure, InputError
from cadkit.files import write_toml
from cadkit.prepare import Store
from cadkit.prepare.arrays import array_path, checksum, read_record, write_array
from cadkit.prepare.centers import best_center

IDS = ("plain", "a/b c", "..", "ä" * 80)
NAMES = ("image_id", "view", "rows", "columns", "file_rows", "file_columns", "a", "b", "c", "d", "e", "f")
OTHERS = ("rightmost_x", "bottom_row", "center_row", "center_column")
NYU = ("nyu_center_row", "nyu_center_column", "pixels_checksum")


def pictures() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.integers(0, 65536, (700 + n, 600 - n)).astype(np.uint16) for n, name in enumerate(IDS)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    folder = tmp_path / "D" / "store"
    lines = [",".join(NAMES + OTHERS + NYU)]
    for name, pixels in pictures().items():
        write_array(array_path(folder, name), pixels, {"image_id": name})
        rows, columns = pixels.shape
        lines.append(
            f"{name},CC,{rows},{columns},900,800,-1,0,{columns + 5},0,1,7,500,600,11,-12,13,-14,{checksum(pixels)}"
        )
    (folder / "index.csv").write_text("\n".join(lines) + "\n")
    write_toml(folder / "store.toml", {"complete": True, "fingerprint": "f"})
    return Store(folder)


def test_it_is_a_source_of_pixels(store: Store) -> None:
    source: PixelSource = store
    assert [source.shape(name) for name in IDS] == [(700, 600), (701, 599), (702, 598), (703, 597)]
    assert source.has("..")
    assert not source.has("unknown")
    assert len(store) == 4
    assert store.file_shape("plain") == (900, 800)
    # Mirrored: column 0 of the prepared picture is the last of the crop.
    assert [float(v) for v in source.to_file("plain")(0, 0)] == [605, 7]


def test_windows_are_those_of_the_picture(store: Store) -> None:
    for name, pixels in pictures().items():
        np.testing.assert_array_equal(store.read(name), pixels)
        for box in [(0, 1, 0, 1), (510, 515, 126, 514), (3, 700, 0, 597), (5, 5, 4, 9)]:
            top, bottom, left, right = box
            np.testing.assert_array_equal(store.read(name, box), pixels[top:bottom, left:right])
        store.verify(name)


@pytest.mark.parametrize("box", [(-1, 5, 0, 5), (0, 701, 0, 5), (0, 5, 0, 601), (5, 4, 0, 5)])
def test_a_window_outside_is_an_error(store: Store, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="does not lie"):
        store.read("plain", box)


def test_best_centres(store: Store) -> None:
    assert store.best_center("plain", (2944, 1920)) == (11, -12)
    assert store.best_center("plain", (2677, 1942)) == (13, -14)
    expected = best_center(pictures()["plain"] > 0, "CC", (300, 200), 500, 600)
    assert store.best_center("plain", (300, 200)) == expected
    array_path(store.folder, "plain").unlink()
    assert store.best_center("plain", (300, 200)) == expected, "it is remembered"


def test_an_image_that_is_not_there(store: Store) -> None:
    with pytest.raises(InputError, match=r"not prepared.*unknown.*cadkit prepare"):
        store.shape("unknown")


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "text", "middle"])
def test_damage_names_the_image_and_the_mend(store: Store, damage: str) -> None:
    path = array_path(store.folder, "plain")
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "middle":
        path.write_bytes(content[:2000] + b"\xff" * 200_000 + content[202_000:])
    else:
        path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "text": b"no array" * 99}[damage])
    with pytest.raises(Failure, match=r"plain is damaged or gone .*cadkit prepare"):
        store.verify("plain")
    store.verify("a/b c")


def test_a_changed_pixel_is_found(store: Store) -> None:
    pixels = pictures()["plain"]
    pixels[3, 4] += 1
    write_array(array_path(store.folder, "plain"), pixels, {})
    with pytest.raises(Failure, match="damaged"):
        store.verify("plain")


def test_files_have_safe_names_in_few_folders(store: Store) -> None:
    paths = [array_path(store.folder, name) for name in IDS]
    assert all(path.is_file() and path.parent.parent == store.folder / "images" for path in paths)
    assert all(len(path.parent.name) == 2 and len(path.name) < 200 for path in paths)
    assert len({array_path(store.folder, f"i{n}").parent for n in range(3000)}) == 256
    assert array_path(store.folder, "x" * 300) != array_path(store.folder, "x" * 301)


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    pixels = pictures()["plain"]
    for name in "ab":
        write_array(tmp_path / name, pixels, {"image_id": "plain", "steps": [1, 2.5, "ä"]})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_record(tmp_path / "a") == {"image_id": "plain", "steps": [1, 2.5, "ä"]}
    assert read_record(tmp_path / "c") is None


def total(store: Store) -> int:
    return int(store.read("plain", (0, 50, 0, 50)).sum())


def test_other_processes_read_it(store: Store) -> None:
    expected = total(store)
    assert total(pickle.loads(pickle.dumps(store))) == expected
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(total, (store,)) == expected


def test_an_unfinished_store_is_not_opened(store: Store) -> None:
    write_toml(store.folder / "store.toml", {"complete": False})
    with pytest.raises(InputError, match=r"not finished.*cadkit prepare"):
        Store(store.folder)
    with pytest.raises(InputError, match=r"not prepared yet.*cadkit prepare"):
        Store(store.folder.parent / "elsewhere")
