"""How often a program is started, with how much time, and what its log holds; nothing is really started."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import cadkit
from cadkit import InputError
from cadkit.prediction.command import predict_command
from cadkit.prediction.processes import Ended, Processes

COMMAND = "true {exams} {predictions}"


@pytest.mark.parametrize(
    ("option", "value"),
    [("timeout", 0), ("timeout", -1), ("timeout", float("inf")), ("timeout", float("nan")), ("jobs", 0), ("batch", 0)],
)
def test_numbers_that_cannot_be_are_refused_before_anything_runs(
    option: str, value: float, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"--{option}.*above 0.*{value}"):
        predict_command(COMMAND, data, out=tmp_path / "P", quiet=True, **{option: value})
    assert not (tmp_path / "P").exists()


def test_a_start_has_time_for_each_of_its_exams_and_those_that_fail_together_are_asked_about_alone(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[float] = []

    def run(self: Processes, words: Sequence[str], folder: Path, timeout: float) -> Ended:
        starts.append(timeout)
        return Ended(3, 1.25, "no licence\n", "half way\n")

    monkeypatch.setattr(Processes, "run", run)
    made = predict_command(
        COMMAND, data, out=tmp_path / "P", format="png16", timeout=7, batch=2, keep_going=True, quiet=True
    )
    assert starts == [14, 7, 7, 14, 7, 7, 7]  # of five exams the last is alone from the beginning
    exams = [exam.id for exam in cadkit.open(data).exams]
    reasons = made.skipped()
    assert dict(reasons.filter(reasons["level"] == "exam").select("id", "reason").iter_rows()) == dict.fromkeys(
        exams, "exit status 3: no licence"
    )
    assert (tmp_path / "P" / "logs" / f"{exams[0]}.log").read_text().splitlines() == [
        "true '{exams}' '{predictions}'",
        f"exams: {exams[0]}",
        "exit status 3, 1.2 s",
        "--- standard error",
        "no licence",
        "",
        "--- standard output",
        "half way",
        "",
    ]
