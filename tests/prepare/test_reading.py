"""Reading pictures of every kind to one scale, and refusing what is not one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from cadkit.prepare.reading import Unreadable, read_file

DARK = np.array([[0, 1, 4095], [100, 200, 300]], dtype=np.uint16)


def png(folder: Path, array: np.ndarray, name: str = "a.png") -> Path:
    Picture.fromarray(array).save(folder / name)
    return folder / name


def refused(path: Path, **row: Any) -> str:
    with pytest.raises(Unreadable) as caught:
        read_file(path, row)
    assert str(path.parent) not in str(caught.value), "a path may show an identity"
    assert caught.value.reason
    return caught.value.rule


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_bits_say_what_is_white(tmp_path: Path, suffix: str) -> None:
    reading = read_file(png(tmp_path, DARK, f"a.{suffix}"), {"bits": 12, "rows": 2, "columns": 3})
    assert reading.pixels.dtype == np.uint16
    # round(v * 65535 / 4095), by hand
    assert reading.pixels.tolist() == [[0, 16, 65535], [1600, 3201, 4801]]
    assert reading.padding is None
    assert reading.notes == ()
    assert reading.steps[1:] == (("bits", {"used": 12}), ("scale", {"range": [0, 4095]}))


def test_sixteen_bits_are_taken_as_they_are_and_darkness_is_noted(tmp_path: Path) -> None:
    reading = read_file(png(tmp_path, DARK), {})
    assert reading.pixels.tolist() == DARK.tolist()
    assert [(note.rule, "bits = 12" in note.mend) for note in reading.notes] == [("bits-not-said", True)]
    assert read_file(png(tmp_path, DARK * np.uint16(16)), {}).notes == ()


def test_eight_bits_need_a_word(tmp_path: Path) -> None:
    path = png(tmp_path, np.array([[0, 1, 255]], dtype=np.uint8))
    assert refused(path) == "eight-bits"
    assert read_file(path, {"bits": 8}).pixels.tolist() == [[0, 257, 65535]]


def test_values_above_the_bits_are_refused(tmp_path: Path) -> None:
    assert refused(png(tmp_path, DARK), bits=10) == "bits-exceeded"
    assert refused(png(tmp_path, DARK), bits=17) == "impossible-bits"
    assert refused(png(tmp_path, DARK), bits=0) == "impossible-bits"


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        (b"P5\n# made by hand\n3 1\n65535\n", {"bits": 12}, [0, 16, 65535]),
        (b"P5 3 1 4095\n", {}, [0, 16, 65535]),
        (b"P5 3 1 65535\n", {"bits": 16}, [0, 1, 4095]),
    ],
)
def test_pgm_of_sixteen_bits(tmp_path: Path, header: bytes, row: dict[str, int], expected: list[int]) -> None:
    path = tmp_path / "a.pgm"
    path.write_bytes(header + DARK[:1].astype(">u2").tobytes())
    assert read_file(path, row).pixels.tolist() == [expected]


def test_pgm_of_eight_bits(tmp_path: Path) -> None:
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5 3 1 255\n" + bytes([0, 1, 255]))
    assert refused(path) == "eight-bits"
    assert read_file(path, {"bits": 8}).pixels.tolist() == [[0, 257, 65535]]


def test_a_frame_of_many(tmp_path: Path) -> None:
    frames = [Picture.fromarray(DARK + np.uint16(n)) for n in range(3)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    assert read_file(tmp_path / "a.tif", {"frame": 2, "bits": 16}).pixels[0, 0] == 2
    assert refused(tmp_path / "a.tif", frame=3) == "no-frame"


def test_a_size_that_differs_from_the_table_is_refused(tmp_path: Path) -> None:
    path = png(tmp_path, DARK)
    assert refused(path, bits=12, rows=3) == "size-differs"
    assert refused(path, bits=12, columns=2) == "size-differs"


def test_colour_floats_and_others_are_refused(tmp_path: Path) -> None:
    assert refused(png(tmp_path, np.zeros((4, 4, 3), np.uint8))) == "not-monochrome"
    assert refused(png(tmp_path, np.zeros((4, 4), np.float32), "a.tif")) == "not-monochrome"
    Picture.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "image.dcm", format="JPEG")
    assert refused(tmp_path / "image.dcm") == "not-a-picture"
    (tmp_path / "text.png").write_text("no picture at all")
    assert refused(tmp_path / "text.png") == "not-dicom"
    (tmp_path / "empty.png").write_bytes(b"")
    assert refused(tmp_path / "empty.png")
    assert refused(tmp_path / "absent.png") == "missing-file"


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = png(tmp_path, np.random.default_rng(0).integers(0, 65535, (64, 64), dtype=np.uint16))
    path.write_bytes(path.read_bytes()[:3000])
    assert refused(path) == "unreadable"


def test_a_header_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.pgm"
    path.write_bytes(b"P5 60000 60000 65535\n\0\0")
    assert refused(path) == "too-large"
    with pytest.raises(Unreadable, match="claims 6 pixels"):
        read_file(png(tmp_path, DARK), {}, max_pixels=5)
