"""Atomic writing: a reader sees the old file or the whole new one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cadkit.errors import InputError
from cadkit.files import atomic, inside, read_toml, refuse_file, spreadsheet_text, write_json, write_text, write_toml


def test_an_error_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def interrupted() -> None:
        with atomic(tmp_path / "a.txt") as part:
            part.write_text("half")
            raise RuntimeError

    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError):
        interrupted()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_full_disk_is_a_failure_that_names_the_file_and_keeps_the_old_one(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    program = (
        "import resource, sys\n"
        "from cadkit.files import write_bytes\n"
        "from cadkit.errors import Failure\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_bytes(sys.argv[1], bytes(10_000))\n"
        "except Failure as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.txt")], check=True, capture_output=True, text=True
    )
    assert "a.txt could not be written" in done.stdout
    assert "type the same command again" in done.stdout.lower()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_toml_leaves_none_out_and_comes_back(tmp_path: Path) -> None:
    write_toml(tmp_path / "a.toml", {"a": 1, "b": None, "c": {"d": None, "e": [1.5, 2.5]}})
    assert read_toml(tmp_path / "a.toml") == {"a": 1, "c": {"e": [1.5, 2.5]}}


def test_a_broken_toml_file_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("a = 1\nb = = 2\n")
    with pytest.raises(InputError, match=r"a\.toml: not a TOML file.*line 2"):
        read_toml(tmp_path / "a.toml")


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize("name", ["../b.png", "/etc/passwd", "c/../../b.png"])
def test_a_name_from_a_table_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="inside the dataset's folder"):
        inside(tmp_path / "d", name)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="inside the dataset's folder"):
        inside(tmp_path / "d", "link/secret.png")


def test_a_file_is_no_place_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a")
    for folder in (tmp_path / "table.csv", tmp_path / "table.csv" / "report"):
        with pytest.raises(InputError, match=r"table\.csv: is a file, and a folder is to be written"):
            refuse_file(folder)
    for folder in (tmp_path, tmp_path / "new" / "report", Path("new")):
        refuse_file(folder)


@pytest.mark.parametrize(
    ("text", "written"),
    [("=u", "'=u"), ("+1", "'+1"), ("@a", "'@a"), ("-a", "'-a"), ("-0.5", "-0.5"), ("a=b", "a=b"), ("", "")],
)
def test_no_text_of_a_csv_is_run_as_a_formula(text: str, written: str) -> None:
    assert spreadsheet_text(text) == written
