"""No identity of the source in any byte that is written, `sources.csv` alone excepted, nor on the terminal."""

from __future__ import annotations

import base64
import gzip
import io
import json
import shutil
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import blosc2
import numpy as np
import polars as pl
import pytest
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo
from privacy_search import Searcher
from privacy_source import POISONED, WOMEN, secrets, write_findings, write_labels, write_source
from safetensors.numpy import save

from cadkit.data.tables import read_problems

PLUGIN = Path(__file__).parents[1] / "training" / "tiny.py"


@dataclass(frozen=True)
class Written:
    """A source, and the folder in which everything that came of it lies, the terminal's output too."""

    source: Path
    work: Path


@pytest.fixture(scope="module")
def searcher() -> Searcher:
    return Searcher(secrets())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    """Import, check, prepare, train, predict, evaluate, report, info; each word and byte below `work`."""
    base = tmp_path_factory.mktemp("privacy")
    source, work = base / "source", base / "work"
    write_source(source)
    write_labels(base / "labels.csv")
    write_findings(base / "findings.csv", source)
    (work / "temporary").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(work)
        patch.setenv("CADKIT_CONFIG", str(work / "config"))
        patch.setenv("TMPDIR", str(work / "temporary"))
        patch.setattr(tempfile, "tempdir", None)
        patch.setenv("COLUMNS", "250")
        _key(work / "config")
        said = _Terminal(work / "terminal.txt", patch)
        tables = ["--labels", str(base / "labels.csv"), "--findings", str(base / "findings.csv")]
        said("import", "dicom", str(source), "D", *tables, "--workers", "1")
        said("check", "D")
        gone = sorted((source / WOMEN[1].folder).rglob("*.dcm"))
        gone[0].rename(base / "moved.dcm")
        gone[1].write_bytes(gone[1].read_bytes()[:-9000])
        said("prepare", "D", "--workers", "1")
        said("check", "D", "--pixels", "--workers", "1")
        said("info", "D")
        said("info", "D", "--html", "info.html")
        settings = ["epochs=1", "batch=4", "window=[40, 28]", "noise=3.0", "workers=0"]
        said("train", f"{PLUGIN}:Tiny", "--data", "D", "--device", "cpu", *(w for s in settings for w in ("--set", s)))
        said("predict", "runs/Tiny-1", "--saliency", "--device", "cpu", "--out", "P")
        said("evaluate", "P", "--froc", "--localization", "--bootstrap", "20", "--out", "R")
        (base / "moved.dcm").rename(gone[0])
        # One woman's folder, named by the user: that is on the terminal, which she typed, and nowhere else.
        _Terminal(base / "typed.txt", patch)("import", "dicom", str(source / WOMEN[5].folder), "E", "--workers", "1")
        yield Written(source, work)
    tempfile.tempdir = None


def _key(config: Path) -> None:
    """A key of pseudonyms that is the same each time, so that no digits of chance look like an identity."""
    for name in "DE":
        path = config / "keys" / f"{name}.key"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("5a" * 32)


class _Terminal:
    """Runs commands as the program does, and keeps what they print in a file."""

    def __init__(self, file: Path, patch: pytest.MonkeyPatch) -> None:
        self._file, self._patch = file, patch

    def __call__(self, *words: str) -> None:
        from cadkit.cli import main

        out = io.StringIO()
        for stream in ("stdout", "stderr"):
            self._patch.setattr(sys, stream, out)
        self._patch.setattr(sys, "argv", ["cadkit", *words])
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = _shown
            with pytest.raises(SystemExit) as ended:
                main()
        for stream in ("stdout", "stderr"):
            self._patch.setattr(sys, stream, getattr(sys, f"__{stream}__"))
        text = out.getvalue()
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"$ {words[0]}\n{text}\n")
        expected = (0, 1) if words[0] == "check" else (0, None)
        assert ended.value.code in expected, text


def _shown(message: Warning | str, kind: type[Warning], file: str, line: int, *_: object) -> None:
    """What a library warns of stands on the terminal too."""
    print(warnings.formatwarning(message, kind, file, line), file=sys.stderr)


def test_the_source_tells_everything(written: Written, searcher: Searcher) -> None:
    assert set(secrets()) <= set(searcher.tree(written.source))


@pytest.fixture(scope="module")
def found(written: Written, searcher: Searcher) -> dict[str, set[str]]:
    """Everything found in what was written, each identity with the files."""
    return searcher.tree(written.work)


def test_no_byte_that_was_written_tells_anything(found: dict[str, set[str]]) -> None:
    """But for the one table that may: it shows that a path would be found."""
    assert set().union(*found.values()) == {"D/sources.csv", "E/sources.csv"}
    assert {f"folder {number}" for number in range(len(WOMEN))} <= set(found)


def test_everything_was_written(written: Written) -> None:
    """What is searched is what a user gets: every kind of file, every rule of a bad file."""
    work = written.work
    for pattern in ("D/store/images/*/*.b2nd", "runs/*/weights/*.safetensors", "runs/*/events/*", "runs/*/train.log",
                    "P/*.parquet", "P/saliency/**/*.b2*", "R/report.json", "R/report.html", "R/figures/*.svg",
                    "info.html", "D/problems.csv", "terminal.txt"):  # fmt: skip
        assert list(work.glob(pattern)), pattern
    problems = read_problems(work / "D")
    rules = set(problems["rule"])
    assert {
        "not-dicom",
        "empty-file",
        "truncated",
        "hidden-file",
        "quality-control",
        "burned-in",
        "missing-file",
    } <= rules
    assert {"label-not-joined", "finding-not-joined"} <= rules
    assert problems.height > len(POISONED)
    assert "Wrote R" in (work / "terminal.txt").read_text()


NAME = "Überreuther"
PLAIN = f'{{"file": "/data/{NAME}/1.dcm"}}'


def _blosc2_note(data: bytes) -> bytes:
    array = blosc2.asarray(np.zeros((4, 4), np.uint16))
    array.schunk.vlmeta["cadkit"] = data.decode()
    return bytes(array.to_cframe())


def _png_text(data: bytes) -> bytes:
    text, buffer = PngInfo(), io.BytesIO()
    text.add_text("Comment", data.decode(), zip=True)
    Picture.new("L", (4, 4)).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def _parquet(data: bytes) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"image_id": [data.decode()] * 100}).write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _page(data: bytes) -> bytes:
    return b'<img src="data:image/png;base64,' + base64.b64encode(_png_text(data)) + b'">'


PLANTS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda data: data,
    "latin-1": lambda data: data.decode().encode("latin-1"),
    "utf-16": lambda data: b"x" + data.decode().encode("utf-16-le"),
    "upper case": lambda data: data.decode().upper().encode(),
    "json": lambda data: json.dumps(data.decode()).encode(),
    "html": lambda data: data.decode().replace("Ü", "&Uuml;").encode(),
    "url": lambda data: b"file:///data/%C3%9Cberreuther/1.dcm",
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "base64": base64.b64encode,
    "note of an array": _blosc2_note,
    "pixels of an array": lambda data: bytes(blosc2.asarray(np.frombuffer(data, np.uint8)).to_cframe()),
    "text of a PNG": _png_text,
    "parquet": _parquet,
    "weights": lambda data: save({"a": np.zeros(2)}, metadata={"note": data.decode()}),
    "picture in a page": _page,
    "digest of the number": lambda data: sha256(WOMEN[0].patient_id.encode()).hexdigest().encode(),
}


@pytest.mark.parametrize("how", PLANTS)
def test_an_identity_that_is_planted_is_found(how: str, written: Written, searcher: Searcher, tmp_path: Path) -> None:
    report = tmp_path / "R"
    shutil.copytree(written.work / "R" / "tables", report)
    assert searcher.tree(report) == {}
    (report / "planted").write_bytes(PLANTS[how](PLAIN.encode()))
    wanted = "digest of id 0" if how.startswith("digest") else "name 0"
    assert searcher.tree(report) == {wanted: {"planted"}}


def test_a_name_of_a_file_is_found(searcher: Searcher, tmp_path: Path) -> None:
    (tmp_path / f"{NAME.lower()}.csv").write_text("x")
    assert set(searcher.tree(tmp_path)) == {"name 0"}
