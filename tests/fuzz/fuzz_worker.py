"""The process that gets hostile input: it reads one file at a time from a pipe and says what became of it.

Started by `fuzz_campaign.Worker`. An input that takes more than 10 seconds of processor time ends this process by
SIGXCPU, and one that makes a library crash ends it by that signal: the parent sees both. The sharpest limit
on memory lies above what is allowed, so that too much memory is found without harm to the machine.

A request is a line of JSON (`target`, `size`) and `size` bytes; the answer is a line of JSON: `outcome` (`read`,
`refused`, `crash`, `memory`, `warning`), `detail`, and `peak` in bytes.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

SECONDS = 10
MEMORY = 2 * 2**30
_HARD_MEMORY = 3 * 2**30

TABLES = {
    "dataset.toml": 'name = "d"\n[labels]\nmalignant = "by biopsy"\n',
    "exams.csv": "exam_id,patient_id,date,age,density,split\ne1,p1,2020-01-02,55,B,train\ne2,p2,2021-01-02,60,C,test\n",
    "breasts.csv": "exam_id,side,malignant,biopsied,reader_1\ne1,L,1,1,0.5\ne1,R,0,0,0.25\ne2,L,,,\n",
    "images.csv": "image_id,exam_id,side,view,rows,columns,pixel_spacing_mm\n"
    "i1,e1,L,CC,48,40,0.1\ni2,e1,R,MLO,48,40,0.1\ni3,e2,L,CC,,,\n",
    "findings.csv": "finding_id,image_id,label,shape,coordinates\nf1,i1,malignant,box,1 1 5 5\n"
    "f2,i1,malignant,circle,10 10 3\nf3,i1,malignant,polygon,1 1 9 1 9 9\n",
    "sources.csv": "image_id,path\ni1,/nowhere/a.dcm\n",
    "problems.csv": "step,rule,item,file,row,value,reason,mend\nimport,no-view,x,,,,nothing tells the view,\n",
}
"""A small dataset; a table under test takes the place of its own."""


def dicom(path: Path, work: Path) -> str:
    """Header, triage, the whole import of a folder of this one file, pixels, and the picture as prepare reads it."""
    from cadkit.dicom import Rules, classify, read_header, read_pixels
    from cadkit.errors import CadkitError
    from cadkit.importers.dicom import Settings, import_dicom
    from cadkit.prepare.reading import read_file

    said = []
    everything = Rules(allow_film=True, allow_processing=True, allow_synthesised=True, min_size=1)
    source = work / "source"
    source.mkdir()
    copy = source / "image.dcm"
    os.link(path, copy)
    steps: tuple[Callable[[], Any], ...] = (
        lambda: classify(read_header(path), Rules()),
        lambda: import_dicom(
            source, work / "D", settings=Settings(everything, shift_dates=True, project="p"), workers=1, quiet=True
        ),
        lambda: read_pixels(path),
        lambda: read_file(path, {"frame": None, "bits": None, "rows": None, "columns": None}),
    )
    for step in steps:
        try:
            _at_most_ten_seconds()
            step()
        except CadkitError as error:
            said.append(_mendable(error))
    return "; ".join(said)


def picture(path: Path, work: Path) -> str:
    """A picture as prepare reads it, and as the mask of a finding."""
    from cadkit.data import Dataset
    from cadkit.errors import CadkitError
    from cadkit.prepare.reading import read_file

    said = []
    for bits in (None, 8, 12):
        try:
            read_file(path, {"frame": None, "bits": bits, "rows": None, "columns": None})
        except CadkitError as error:
            said.append(_mendable(error))
    folder = _dataset(work, "findings.csv", b"finding_id,image_id,label,shape,mask\nf,i1,malignant,mask,m.png\n")
    os.link(path, folder / "m.png")
    data, problems = Dataset.read(folder)
    said += [problem.rule for problem in problems]
    for finding in () if problems else data.findings:
        try:
            finding.region.raster((48, 40))
        except CadkitError as error:
            said.append(_mendable(error))
    return "; ".join(said)


def table(name: str) -> Callable[[Path, Path], str]:
    """What opens a dataset whose table `name` is the input."""

    def read(path: Path, work: Path) -> str:
        from cadkit.data import Dataset
        from cadkit.data.summary import summarize
        from cadkit.data.tables import write_problems
        from cadkit.errors import CadkitError
        from cadkit.prepare import prepare

        folder = _dataset(work, name, path.read_bytes())
        said = []
        steps: tuple[Callable[[], Any], ...] = (
            lambda: Dataset.read(folder),
            lambda: summarize(folder),
            lambda: prepare(folder, workers=1, quiet=True),
            lambda: write_problems(folder, "import", []),
        )
        for step in steps:
            try:
                step()
            except CadkitError as error:
                said.append(_mendable(error))
        return "; ".join(said)

    return read


def user_table(path: Path, work: Path) -> str:
    """A hospital's table of labels, of findings and of corrections, beside one mammogram."""
    from cadkit.errors import CadkitError
    from cadkit.importers.dicom import Settings, import_dicom

    said = []
    source = work / "source"
    source.mkdir()
    (source / "image.dcm").write_bytes(_mammogram())
    plain = Settings(project="p", columns=("extra",))
    ways: tuple[dict[str, Any], ...] = (
        {"settings": plain, "labels": path},
        {"settings": plain, "findings": path},
        {"settings": replace(plain, corrections=path)},
    )
    for number, way in enumerate(ways):
        try:
            _at_most_ten_seconds()
            import_dicom(source, work / f"D{number}", workers=1, quiet=True, **way)
        except CadkitError as error:
            said.append(_mendable(error))
    return "; ".join(said)


@cache
def _mammogram() -> bytes:
    import datetime as dt

    import numpy as np

    from cadkit.dicom import stored_values, write_mammogram

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.dcm"
        pixels = stored_values(np.full((80, 72), 0.5, np.float32))
        write_mammogram(
            path, pixels, side="L", view="CC", spacing_mm=0.5, patient_id="P-1", accession="A-1", image_id="i",
            date=dt.date(2020, 1, 2),
        )  # fmt: skip
        return path.read_bytes()


def toml(path: Path, work: Path) -> str:
    """dataset.toml, run.toml and a configuration."""
    from cadkit.data.tables import read_meta
    from cadkit.errors import CadkitError
    from cadkit.files import read_toml
    from cadkit.plugin import Config, Run
    from cadkit.prepare import open_dataset

    said = []
    folder = _dataset(work, "dataset.toml", path.read_bytes())
    (folder / "store").mkdir()
    for name in ("run.toml", "store/store.toml"):
        os.link(path, folder / name)
    steps: tuple[Callable[[], Any], ...] = (
        lambda: read_meta(folder),
        lambda: open_dataset(folder),
        lambda: Run.open(folder),
        lambda: Config.make(values=read_toml(path), source="x"),
    )
    for step in steps:
        try:
            _at_most_ten_seconds()
            step()
        except CadkitError as error:
            said.append(_mendable(error))
    return "; ".join(said)


TARGETS: dict[str, Callable[[Path, Path], str]] = {
    "dicom": dicom,
    "picture": picture,
    "user-table": user_table,
    "toml": toml,
    **{name: table(name) for name in TABLES},
}


class _Unmendable(Exception):
    """An error that was raised on purpose, and says nothing or that memory ran out."""


def _mendable(error: Exception) -> str:
    text = str(error)
    if not text.strip() or "does not fit into memory" in text:
        raise _Unmendable(text) from error
    return text[:100]


def _dataset(work: Path, name: str, content: bytes) -> Path:
    folder = work / "D"
    folder.mkdir()
    for file, text in TABLES.items():
        (folder / file).write_text(text)
    (folder / name).write_bytes(content)
    return folder


def examine(target: str, content: bytes, work: Path) -> dict[str, Any]:
    """What becomes of one input."""
    path = work / "input"
    path.write_bytes(content)
    os.environ["CADKIT_CONFIG"] = str(work / "config")
    _begin()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            said = TARGETS[target](path, work)
            outcome, detail = ("refused", said) if said else ("read", "")
        except (MemoryError, _Unmendable):
            outcome, detail = "memory", traceback.format_exc()
        except BaseException:  # a panic of a compiled library is no Exception
            outcome, detail = "crash", traceback.format_exc()
    peak = max(_peak(), _child_peak())
    if outcome in ("read", "refused") and heard:
        outcome, detail = "warning", f"{heard[0].category.__name__}: {heard[0].message} ({heard[0].filename})"
    if outcome in ("read", "refused") and peak > MEMORY:
        outcome, detail = "memory", f"{peak / 2**20:.0f} MiB ({detail})"
    return {"outcome": outcome, "detail": detail, "peak": peak}


def _at_most_ten_seconds() -> None:
    """Let one command take its time from here."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + SECONDS + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _begin() -> None:
    """Begin to count the time, and the peak of memory, from here."""
    _at_most_ten_seconds()
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")


def _peak() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


_largest_child = 0


def _child_peak() -> int:
    """The peak of a decoder's process, if it is the largest one so far."""
    global _largest_child  # noqa: PLW0603
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    if largest <= _largest_child:
        return 0
    _largest_child = largest
    return largest


def _virtual() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmSize"))


def main() -> None:
    """Answer requests until the pipe is closed."""
    from cadkit.dicom.decoders import table as decoders

    decoders()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if _virtual():
        limit = _virtual() + _HARD_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    base = sys.argv[1]
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        content = sys.stdin.buffer.read(request["size"])
        work = Path(tempfile.mkdtemp(dir=base))
        try:
            answer = examine(request["target"], content, work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
