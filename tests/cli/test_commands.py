"""The command line as a user meets it: help, errors, exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cadkit.cli.app import app
from cadkit.plugin import Config, Run

HEAVY = ("torch", "polars", "pydicom", "altair", "numpy", "sklearn")


def cadkit(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = "from cadkit.cli import main; main()"
    return subprocess.run([sys.executable, "-c", program, *words], check=False, capture_output=True, text=True, cwd=cwd)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "D"
    folder.mkdir()
    (folder / "dataset.toml").write_text('name = "small"\n[labels]\nmalignant = "by biopsy"\n')
    exams = "".join(f"e{n},p{n // 2},2020-01-{n + 1:02d}\n" for n in range(20))
    (folder / "exams.csv").write_text("exam_id,patient_id,date\n" + exams)
    breasts = "".join(f"e{n},L,{int(n % 4 == 0)}\ne{n},R,0\n" for n in range(20))
    (folder / "breasts.csv").write_text("exam_id,side,malignant\n" + breasts)
    images = "".join(f"e{n}_{s},e{n},{s},MLO\n" for n in range(20) for s in "LR")
    (folder / "images.csv").write_text("image_id,exam_id,side,view\n" + images)
    return folder


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["evaluate", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys\n"
        f"sys.argv = ['cadkit', *{words!r}]\n"
        "from cadkit.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_importing_cadkit_imports_nothing_heavy() -> None:
    program = f"import cadkit, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_users_mistake_is_a_line_on_standard_error_and_status_2(tmp_path: Path) -> None:
    done = cadkit("info", str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert "there is no such dataset folder" in done.stderr
    assert "cadkit phantom" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stdout == ""


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = cadkit("--debug", "info", str(tmp_path / "nothing"))
    assert "Traceback" in done.stderr
    assert "InputError" in done.stderr
    assert "typer" not in done.stderr
    assert done.returncode == 2


def test_check_lists_every_problem_and_exits_with_2(dataset: Path) -> None:
    assert cadkit("check", str(dataset)).returncode == 0
    text = (dataset / "breasts.csv").read_text()
    (dataset / "breasts.csv").write_text(text.replace("e0,L,1", "e0,L,yes").replace("e3,R,0", "e3,X,0"))
    done = cadkit("check", str(dataset))
    assert done.returncode == 2
    assert "breasts.csv, row 1: malignant is neither 0, 1 nor empty (found: 'yes')" in done.stdout
    (dataset / "breasts.csv").write_text(text.replace("e0,L,1", "e99,L,1").replace("e3,R,0", "e3,X,0"))
    found = json.loads(cadkit("check", str(dataset), "--json").stdout)
    assert {(row["rule"], row["row"], row["value"]) for row in found} == {
        ("unknown-exam", 1, "e99"),
        ("unknown-side", 8, "X"),
    }


def test_split_writes_the_column_once_and_replaces_it_only_when_asked(dataset: Path) -> None:
    before = (dataset / "exams.csv").read_text()
    done = cadkit("split", str(dataset), "--shares", "50/20/30")
    assert done.returncode == 0, done.stderr
    text = (dataset / "exams.csv").read_text()
    assert [line.rpartition(",")[0] for line in text.splitlines()] == before.splitlines()
    again = cadkit("split", str(dataset), "--seed", "1")
    assert again.returncode == 2
    assert "--replace" in again.stderr
    assert (dataset / "exams.csv").read_text() == text
    assert cadkit("split", str(dataset), "--seed", "1", "--replace").returncode == 0


def test_info_counts_by_split(dataset: Path) -> None:
    cadkit("split", str(dataset), "--by", "date", "--shares", "80/10/10")
    summary = json.loads(cadkit("info", str(dataset), "--json").stdout)
    # Ten patients of two exams: eight train, one validation, one test of whom only the latest exam counts.
    assert {row["name"]: (row["patients"], row["exams"]) for row in summary["groups"]["split"]} == {
        "train": (8, 16),
        "validation": (1, 2),
        "test": (1, 1),
        "none": (1, 1),
    }
    assert summary["whole"]["labels"]["malignant"]["positives"] == 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["phantom", "D", "--size", "1024"], "ROWSxCOLUMNS"),
        (["split", "D", "--shares", "a/b"], "three numbers"),
        (["evaluate", "--fpi", "one"], "numbers separated by commas"),
        (["evaluate", "--fpi", "0"], "above 0"),
        (["train"], "cadkit train gmic"),
        (["evaluate"], "cadkit train gmic"),
        (["train", "nobody", "--data", "D"], "there is no plugin nobody"),
        (["predict", "nobody", "--data", "D"], "there is no plugin nobody"),
    ],
)
def test_wrong_words_are_explained(tmp_path: Path, words: list[str], expected: str) -> None:
    done = cadkit(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_runs_of_an_empty_folder_are_an_empty_list(tmp_path: Path) -> None:
    assert json.loads(cadkit("runs", "--json", cwd=tmp_path).stdout) == []


def test_a_wrong_word_is_said_before_the_phantom_is_made(tmp_path: Path) -> None:
    pytest.importorskip("cadkit_gmic")
    done = cadkit("train", "gmic", "--preset", "nothing", cwd=tmp_path)
    assert done.returncode == 2
    assert "--preset: there is no such preset; there are paper, small, tiny (found: 'nothing')" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_complete_is_said_to_be_so(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "gmic", Config(), {"plugin": "gmic"})
    run.update(state="complete")
    run.close()
    done = CliRunner().invoke(app, ["train", "--resume", str(run.folder)])
    assert done.stdout.splitlines()[0] == f"{run.folder} is complete: nothing was done."
