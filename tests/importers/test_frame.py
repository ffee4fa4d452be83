"""The folder that an importer writes to, and how importers are found."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import polars as pl
import pytest

from cadkit.data import Dataset, Meta
from cadkit.data.tables import read_problems, write_problems
from cadkit.errors import InputError, Problem
from cadkit.importers import ImportReport, Options, Target, find, import_dataset, listing, names

META = Meta("toy", {"malignant": ""})


def tables(malignant: int = 0) -> dict[str, pl.DataFrame]:
    return {
        "exams": pl.DataFrame({"exam_id": ["e"], "patient_id": ["p"]}),
        "breasts": pl.DataFrame({"exam_id": ["e"], "side": ["L"], "malignant": [malignant]}),
        "images": pl.DataFrame({"image_id": ["i"], "exam_id": ["e"], "side": ["L"], "view": ["CC"]}),
        "findings": pl.DataFrame(schema=dict.fromkeys(("finding_id", "image_id", "label", "shape"), pl.String)),
    }


def write(folder: Path, source: Path, malignant: int = 0, importer: str = "toy", contents: str = "c") -> ImportReport:
    problems = [Problem("left-out", "it was left out", item="x")]
    return Target.claim(folder, importer, source, contents).write(META, problems, **tables(malignant))


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir() if p.suffix in (".csv", ".toml")}


def test_writing_the_same_again_touches_no_table(tmp_path: Path) -> None:
    first = write(tmp_path / "D", tmp_path)
    before = snapshot(tmp_path / "D")
    again = write(tmp_path / "D", tmp_path)
    assert (first.unchanged, again.unchanged) == (False, True)
    changed = {name for name, state in snapshot(tmp_path / "D").items() if state != before[name]}
    assert changed <= {"problems.csv", ".import.toml"}
    assert again.problems == {"left-out": 1}
    assert Dataset.open(tmp_path / "D").exams[0].truth("malignant") == 0


def test_a_changed_source_replaces_what_the_importer_wrote(tmp_path: Path) -> None:
    write(tmp_path / "D", tmp_path)
    write_problems(tmp_path / "D", "prepare", [Problem("of-prepare", "stays")])
    write(tmp_path / "D", tmp_path, malignant=1, contents="other")
    assert Dataset.open(tmp_path / "D").exams[0].truth("malignant") == 1
    assert set(read_problems(tmp_path / "D")["rule"]) == {"left-out", "of-prepare"}


@pytest.mark.parametrize("name", ["exams.csv", "findings.csv", "dataset.toml"])
def test_an_edited_table_is_not_overwritten(tmp_path: Path, name: str) -> None:
    write(tmp_path / "D", tmp_path)
    path = tmp_path / "D" / name
    path.write_text(path.read_text() + "\n")
    edited = path.read_text()
    with pytest.raises(InputError, match="edited") as caught:
        write(tmp_path / "D", tmp_path, malignant=1)
    assert name in str(caught.value)
    assert path.read_text() == edited
    path.unlink()
    write(tmp_path / "D", tmp_path)
    assert Dataset.open(tmp_path / "D").exams


def test_folders_of_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(InputError, match="not empty"):
        write(tmp_path / "mine", tmp_path)
    with pytest.raises(InputError, match="is a file"):
        write(tmp_path / "mine" / "thesis.txt", tmp_path)
    write(tmp_path / "D", tmp_path)
    with pytest.raises(InputError, match="another importer"):
        write(tmp_path / "D", tmp_path, importer="dicom")
    with pytest.raises(InputError, match="another source"):
        write(tmp_path / "D", tmp_path / "elsewhere", contents="other")
    assert write(tmp_path / "D", tmp_path / "moved").unchanged


KILLED = """
import os, sys
from pathlib import Path
import polars as pl
from cadkit.data import Meta
from cadkit.importers import Target
count, folder = int(sys.argv[1]), Path(sys.argv[2])
replace = os.replace
def dying(source, target):
    global count
    if count == 0:
        os.kill(os.getpid(), 9)
    count -= 1
    replace(source, target)
os.replace = dying
T = {"exams": pl.DataFrame({"exam_id": ["e"], "patient_id": ["p"]}),
     "breasts": pl.DataFrame({"exam_id": ["e"], "side": ["L"], "malignant": [1]}),
     "images": pl.DataFrame({"image_id": ["i"], "exam_id": ["e"], "side": ["L"], "view": ["CC"]}),
     "findings": pl.DataFrame(schema=dict.fromkeys(("finding_id", "image_id", "label", "shape"), pl.String))}
Target.claim(folder, "toy", folder.parent, "c").write(Meta("toy", {"malignant": ""}), [], **T)
"""


@pytest.mark.parametrize(("earlier", "count"), [(False, 0), (False, 4), (False, 9), (True, 7), (True, 9)])
def test_a_kill_between_two_files_leaves_no_half_dataset(tmp_path: Path, earlier: bool, count: int) -> None:
    folder = tmp_path / "D"
    if earlier:
        write(folder, tmp_path, malignant=0)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(count), str(folder)], check=False)
    assert killed.returncode == -9
    assert not (folder / "dataset.toml").exists()
    write(folder, tmp_path, malignant=1)
    assert Dataset.open(folder).exams[0].truth("malignant") == 1
    assert not (folder / ".import").exists()


def install(folder: Path, distribution: str, lines: str, **modules: str) -> None:
    info = folder / f"{distribution}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[cadkit.importers]\n{lines}\n")
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_another_package_adds_an_importer(site: Path, tmp_path: Path) -> None:
    text = """
    from pathlib import Path
    from cadkit.importers import ImportReport
    def run(source, target, options):
        "Toy images.\\n\\nMore."
        return ImportReport(target, options.seed, 0, 0, 0, {})
    """
    module = "\n".join(line[4:] for line in text.splitlines())
    install(site, "toy-package", "toysource = toy_importer_module:run", toy_importer_module=module)
    assert "toysource" in names()
    assert "toy_importer_module" not in sys.modules
    report = import_dataset("toysource", site, tmp_path / "D", Options(seed=7))
    assert (report.exams, report.next_command) == (7, f"cadkit prepare {tmp_path / 'D'}")
    row = next(row for row in listing() if row.name == "toysource")
    assert (row.distribution, row.about, row.reason) == ("toy-package", "Toy images.", "")
    with pytest.raises(InputError, match="no such file"):
        import_dataset("toysource", tmp_path / "nowhere", tmp_path / "D")


def test_a_broken_importer_is_a_row_with_its_reason(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(
        site,
        "broken-package",
        "raises = toy_raises:run\nexits = toy_exits:run\nabsent = toy_absent:run\nnumber = toy_number:run",
        toy_raises="print('noise')\nraise RuntimeError('no licence file\\nsecond line')",
        toy_exits="import sys\nsys.exit('bye')",
        toy_number="run = 3",
    )
    reasons = {row.name: row.reason for row in listing() if row.distribution == "broken-package"}
    assert reasons.keys() == {"raises", "exits", "absent", "number"}
    assert reasons["raises"] == "RuntimeError: no licence file"
    assert reasons["exits"] == "SystemExit: bye"
    assert "toy_absent" in reasons["absent"]
    assert "not a function" in reasons["number"]
    assert capsys.readouterr().out == ""
    with pytest.raises(InputError, match=r"no licence file.*broken-package"):
        find("raises")


def test_two_importers_of_one_name_are_told_apart(site: Path) -> None:
    for package in ("one-package", "other-package"):
        module = f"toy_{package[:3]}"
        text = f"def run(source, target, options):\n    'From {package}.'\n"
        install(site, package, f"twin = {module}:run", **{module: text})
    assert "twin" not in names()
    with pytest.raises(InputError, match="one-package:twin, other-package:twin"):
        find("twin")
    assert find("other-package:twin").__doc__ == "From other-package."


def test_an_unknown_importer_is_said_with_those_that_are_there() -> None:
    with pytest.raises(InputError, match="no importer of this name"):
        find("no-such-importer")


def test_the_project_announces_an_importer_that_is_there() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    announced = project["project"]["entry-points"]["cadkit.importers"]
    assert announced["mias"] == "cadkit.importers.mias:from_options"
