"""Fingerprints of code: of what is installed, of files and of programs."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from cadkit import InputError
from cadkit.plugin.code import code_of, program_of

POINT = "[cadkit.plugins]\ncoded = fk_coded.deep.models:Model\nlone = fk_lone:Model\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    info = tmp_path / "fake_coded-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-coded\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINT)
    (tmp_path / "fk_coded" / "deep").mkdir(parents=True)
    (tmp_path / "fk_coded" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (tmp_path / "fk_coded" / "deep" / "models.py").write_text("x = 1\n")
    (tmp_path / "fk_lone.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_package_is_all_its_python_files_and_is_not_imported(site: Path) -> None:
    before = code_of("coded")
    lines = [
        f"{name} {hashlib.sha256((site / 'fk_coded' / name).read_bytes()).hexdigest()}\n"
        for name in ("__init__.py", "deep/models.py")
    ]
    assert before == "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
    (site / "fk_coded" / "weights.bin").write_bytes(b"1")
    assert code_of("coded") == before
    (site / "fk_coded" / "deep" / "models.py").write_text("x = 2\n")
    assert code_of("coded") != before
    assert not {"fk_coded", "fk_lone"} & sys.modules.keys()
    with pytest.raises(InputError, match="there is no plugin absent"):
        code_of("absent")


def test_a_module_is_its_file(site: Path) -> None:
    before = code_of("lone")
    (site / "beside.py").write_text("")
    assert code_of("lone") == before
    (site / "fk_lone.py").write_text("x = 2\n")
    assert code_of("lone") != before


def test_a_file_is_itself_and_those_beside_it(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("import net\n")
    (tmp_path / "net.py").write_text("x = 1\n")
    found = [code_of(f"{tmp_path}/model.py:M")]
    for name, text in (("net.py", "x = 2\n"), ("model.py", "import net as n\n")):
        (tmp_path / name).write_text(text)
        found.append(code_of(f"{tmp_path}/model.py:M"))
    assert len(set(found)) == 3
    (tmp_path / "net.py").write_text("x = 1\n")
    (tmp_path / "model.py").write_text("import net\n")
    assert code_of(f"{tmp_path}/model.py:M") == found[0]


def test_a_program_is_the_files_that_its_command_names(tmp_path: Path) -> None:
    script = tmp_path / "model.py"
    script.write_text("1")
    words = ["a-program-on-the-path", str(script), "--in", "{exams}", "--out", "{predictions}"]
    before = program_of(words)
    script.write_text("2")
    assert program_of(words) != before
    os.remove(script)
    assert program_of(words) == ""
