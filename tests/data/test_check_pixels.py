"""Checksums of files and of the store: a flipped byte is found, what has no checksum is said."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from cadkit.prepare import prepare
from cadkit.prepare.arrays import array_path
from cadkit.prepare.verifying import PixelReport, verify_pixels


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images: one file in the dataset with a checksum of its own, two without, one listed in sources.csv."""
    folder = tmp_path_factory.mktemp("sound") / "D"
    (folder / "files").mkdir(parents=True)
    outside = folder.parent / "Doe^Jane"
    outside.mkdir()
    rows = []
    for number in range(4):
        rng = np.random.default_rng(number)
        picture = np.zeros((300, 200), np.uint16)
        picture[40:260, :120] = rng.integers(20000, 60000, (220, 120))
        path = outside / "mammogram.png" if number == 3 else folder / "files" / f"{number}.png"
        Picture.fromarray(picture).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest().upper() if number == 0 else ""
        rows.append(f"i{number},e{number},L,MLO,{'' if number == 3 else f'files/{number}.png'},{digest}\n")
    (folder / "dataset.toml").write_text('name = "small"\n[labels]\nmalignant = ""\n')
    (folder / "exams.csv").write_text("exam_id,patient_id\n" + "".join(f"e{n},p{n}\n" for n in range(5)))
    (folder / "breasts.csv").write_text("exam_id,side,malignant\n" + "".join(f"e{n},L,0\n" for n in range(5)))
    (folder / "images.csv").write_text("image_id,exam_id,side,view,file,sha256\n" + "".join(rows) + "i4,e4,L,CC,,\n")
    (folder / "sources.csv").write_text(f"image_id,path\ni3,{outside / 'mammogram.png'}\n")
    prepare(folder, workers=1, quiet=True)
    return folder


def verify(folder: Path) -> PixelReport:
    return verify_pixels(folder, workers=1, quiet=True)


class Damage:
    """Change a file, and put it back as it was."""

    def __init__(self) -> None:
        self._before: dict[Path, tuple[bytes, os.stat_result]] = {}

    def keep(self, path: Path) -> bytes:
        self._before[path] = path.read_bytes(), path.stat()
        return self._before[path][0]

    def flip(self, path: Path, place: int) -> None:
        data = bytearray(self.keep(path))
        data[place] ^= 0xFF
        path.write_bytes(data)

    def mend(self) -> None:
        for path, (data, state) in self._before.items():
            path.write_bytes(data)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


@pytest.fixture
def damage() -> Damage:
    return Damage()


@pytest.fixture(autouse=True)
def _mended(damage: Damage) -> object:
    yield
    damage.mend()


def test_a_sound_dataset(prepared: Path) -> None:
    report = verify(prepared)
    assert report.problems == ()
    assert report.as_row() == {
        "files": 4, "files_without_checksum": 0, "images_without_file": 1, "stored": 4, "images": 5, "store": "complete"
    }  # fmt: skip
    assert verify_pixels(prepared, workers=2, quiet=True) == report


@pytest.mark.parametrize("name", ["files/0.png", "files/2.png", "../Doe^Jane/mammogram.png"])
def test_a_flipped_byte_of_a_file(prepared: Path, damage: Damage, name: str) -> None:
    path = prepared / name
    damage.flip(path, path.stat().st_size // 2)
    found = verify(prepared).problems
    image = {"0.png": "i0", "2.png": "i2", "mammogram.png": "i3"}[path.name]
    # The first image has a checksum in both tables, and both are right about it.
    tables = ["images.csv", "store/index.csv"] if image == "i0" else ["store/index.csv"]
    assert [(p.rule, p.item, p.file, p.row) for p in found] == [
        ("file-changed", image, t, int(image[1]) + 1) for t in tables
    ]
    assert "Doe" not in " ".join(map(str, found))


def test_a_flipped_byte_of_the_store(prepared: Path, damage: Damage) -> None:
    """Bytes all over an array's file: in the chunks each is found, and in all of the file nearly all."""
    path = array_path(prepared / "store", "i1")
    size = path.stat().st_size
    chunks = range(size // 4, size * 3 // 4, size // 12)
    for place in chunks:
        damage.flip(path, place)
        found = verify(prepared).problems
        damage.mend()
        assert [(p.item, p.file, p.row) for p in found] == [("i1", "store/index.csv", 2)], place
        assert found[0].rule in ("array-changed", "damaged-array")


def test_everything_is_found_at_once(prepared: Path, damage: Damage) -> None:
    (prepared / "files" / "1.png").rename(prepared / "files" / "kept.png")
    array = array_path(prepared / "store", "i2")
    damage.keep(array)
    array.unlink()
    index = damage.keep(prepared / "store" / "index.csv").decode()
    lines = index.splitlines(keepends=True)
    fields = lines[1].split(",")
    fields[3] = str(int(fields[3]) + 1)  # columns of the first image
    (prepared / "store" / "index.csv").write_text("".join([lines[0], ",".join(fields), *lines[2:]]))
    found = verify(prepared).problems
    (prepared / "files" / "kept.png").rename(prepared / "files" / "1.png")
    assert [(p.rule, p.item) for p in found] == [
        ("missing-file", "i1"),
        ("array-changed", "i0"),
        ("missing-array", "i2"),
    ]
    assert "columns" in found[1].reason


def test_what_has_no_checksum_is_said_and_does_not_fail(prepared: Path, damage: Damage) -> None:
    (prepared / "store").rename(prepared / "elsewhere")
    report = verify(prepared)
    (prepared / "elsewhere").rename(prepared / "store")
    assert report.problems == ()
    assert (report.files, report.files_without_checksum, report.store, report.stored) == (1, 3, "none", 0)
    assert "3 have no checksum yet" in " ".join(report.lines())
    assert "there is none" in " ".join(report.lines())


def test_the_command(prepared: Path, damage: Damage) -> None:
    def cadkit(*words: str) -> subprocess.CompletedProcess[str]:
        program = "from cadkit.cli import main; main()"
        command = [sys.executable, "-c", program, "check", str(prepared), "--pixels", "--workers", "1", *words]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    sound = cadkit()
    assert sound.returncode == 0, sound.stderr
    assert "Files: 4 compared" in sound.stdout
    assert "4 of 5 images" in sound.stdout
    damage.flip(prepared / "files" / "2.png", 100)
    failed = cadkit("--json")
    assert failed.returncode == 1
    answer = json.loads(failed.stdout)
    assert [(row["rule"], row["item"]) for row in answer["problems"]] == [("file-changed", "i2")]
    assert answer["verified"]["files"] == 4
