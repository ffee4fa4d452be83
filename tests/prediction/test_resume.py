"""Kills, full disks and half lines: the same command finishes the work, and the bytes are the same."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from cadkit import Failure, InputError
from cadkit.data import Dataset
from cadkit.prediction import Predictions
from cadkit.prediction import predict_model as predict

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture(scope="module")
def worker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prediction_worker", WORKER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(make_dataset: Callable[..., Dataset]) -> Path:
    return make_dataset().folder


def start(folder: Path, out: Path, block_at: int = -1, limit: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, str(WORKER), str(folder), str(out), str(block_at), str(limit)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_kill_9_and_the_same_command_again_give_the_bytes_of_an_uninterrupted_run(
    folder: Path, tmp_path: Path, worker: ModuleType, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    worker.run(str(folder), str(tmp_path / "whole"))
    killed = tmp_path / "killed"
    process = start(folder, killed, block_at=3)
    journal = killed / "journal.jsonl"
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b"\n") == 3):
        assert process.poll() is None, process.stderr.read()  # type: ignore[union-attr]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    # The kill may also have cut the line that was being written, and left a file half written.
    with journal.open("ab") as file:
        file.write(b'{"exam": "e4", "ima')
    (killed / ".exams.parquet.99.part").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="not finished"):
        Predictions.open(killed)
    worker.run(str(folder), str(killed))
    (killed / ".exams.parquet.99.part").unlink()
    assert contents(killed) == contents(tmp_path / "whole")
    assert not journal.exists()
    assert len(contents(killed)) == 7 + 20  # tables, prediction.toml and skipped.csv; a map per image but e2's


def test_exams_that_are_done_are_not_asked_again(folder: Path, tmp_path: Path, worker: ModuleType) -> None:
    asked: list[str] = []

    class Counting(worker.Named):  # type: ignore[misc, name-defined]
        def predict_exam(self, exam: object) -> object:
            asked.append(exam.id)  # type: ignore[attr-defined]
            if len(asked) == 3:
                raise RuntimeError("lamp")
            return super().predict_exam(exam)

    data = Dataset.open(folder, worker.Blank())
    with pytest.raises(Failure, match="on exam e3: lamp"):
        predict(Counting(), data, tmp_path / "P", record={"model": "x"}, quiet=True)
    predict(Counting(), data, tmp_path / "P", record={"model": "x"}, quiet=True)
    assert asked == ["e1", "e2", "e3", "e3", "e4", "e5", "t1"]


def test_a_complete_prediction_is_returned_as_it_is(folder: Path, tmp_path: Path, worker: ModuleType) -> None:
    worker.run(str(folder), str(tmp_path / "P"))
    (tmp_path / "P" / "journal.jsonl").write_text("left by a kill just before the end\n")
    exams = tmp_path / "P" / "exams.parquet"
    before = exams.stat().st_mtime_ns

    class Broken(worker.Named):  # type: ignore[misc, name-defined]
        def predict(self, exams: object) -> object:
            raise AssertionError("nothing is left to predict")

    data = Dataset.open(folder, worker.Blank())
    record = {"model": "named", "split": "all"}
    made = predict(Broken(), data, tmp_path / "P", record=record, saliency=True, quiet=True)
    assert made.record["complete"]
    assert exams.stat().st_mtime_ns == before
    assert not (tmp_path / "P" / "journal.jsonl").exists()


def test_a_kill_before_the_first_record_leaves_a_folder_that_can_be_used(
    folder: Path, tmp_path: Path, worker: ModuleType
) -> None:
    (tmp_path / "P").mkdir()
    (tmp_path / "P" / ".prediction.toml.123.part").write_text("model = ")
    worker.run(str(folder), str(tmp_path / "P"))
    assert Predictions.open(tmp_path / "P").record["complete"]


@pytest.mark.parametrize(
    ("record", "saliency", "key"),
    [
        ({"model": "other"}, True, "model"),
        ({"model": "named", "split": "test"}, True, "split"),
        ({"model": "named", "split": "all", "run": "runs/a-1"}, True, "run"),
        ({"model": "named", "split": "all", "settings": {"tta": 10}}, True, "settings"),
        ({"model": "named", "split": "all", "seed": 3}, True, "seed"),
        ({"model": "named", "split": "all"}, False, "saliency"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(
    folder: Path, tmp_path: Path, worker: ModuleType, record: dict[str, object], saliency: bool, key: str
) -> None:
    worker.run(str(folder), str(tmp_path / "P"))
    data = Dataset.open(folder, worker.Blank())
    with pytest.raises(InputError, match=rf"another prediction \(differs in .*{key}.*--out"):
        predict(worker.Named(), data, tmp_path / "P", record=record, saliency=saliency, quiet=True)


def test_a_changed_dataset_in_the_same_folder_is_refused(folder: Path, tmp_path: Path, worker: ModuleType) -> None:
    worker.run(str(folder), str(tmp_path / "P"))
    path = folder / "breasts.csv"
    path.write_text(path.read_text().replace("e3,R,1,0", "e3,R,1,1"))
    with pytest.raises(InputError, match="dataset_fingerprint"):
        worker.run(str(folder), str(tmp_path / "P"))


def test_a_folder_of_something_else_is_refused(folder: Path, tmp_path: Path, worker: ModuleType) -> None:
    (tmp_path / "P").mkdir()
    (tmp_path / "P" / "thesis.docx").write_text("")
    with pytest.raises(InputError, match="not empty and holds no prediction"):
        worker.run(str(folder), str(tmp_path / "P"))


def test_a_full_disk_is_said_and_the_same_command_goes_on(
    folder: Path, tmp_path: Path, worker: ModuleType, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    process = start(folder, tmp_path / "full", limit=4000)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert "could not be written" in said
    assert "same command again" in said
    assert "Traceback" not in said
    assert (tmp_path / "full" / "journal.jsonl").stat().st_size == 4000, "the disk was full within the journal"
    worker.run(str(folder), str(tmp_path / "full"))
    worker.run(str(folder), str(tmp_path / "whole"))
    assert contents(tmp_path / "full") == contents(tmp_path / "whole")
