"""Exams on which a program failed: asked again on request, and nothing of the others is lost meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import typer.testing

import cadkit
from cadkit import Failure
from cadkit.data import Dataset, Exam
from cadkit.prediction import Failed, Predictions
from cadkit.prediction import predict_model as predict
from cadkit.prediction.command import predict_command


class Broken(cadkit.Model):
    """Fails on the exams of `failing`; at the exam `stops` it raises."""

    info = cadkit.ModelInfo(labels=("malignant",), scores="risk", localizes="marks")

    def __init__(self, failing: str = "", stops: str = "") -> None:
        super().__init__()
        self.failing, self.stops, self.asked = failing.split(), stops, []

    def predict(self, exams: Iterable[Exam]) -> Iterator[cadkit.ExamPrediction | cadkit.Skipped]:
        for exam in exams:
            if exam.id == self.stops:
                raise RuntimeError("stopped")
            self.asked.append(exam.id)
            if exam.id == "e2":
                yield cadkit.Skipped("no implants, please")
            elif exam.id in self.failing:
                yield Failed("no licence")
            else:
                marks = cadkit.Marks([0.5], [(1, 2)])
                yield cadkit.ExamPrediction(
                    images={i.id: cadkit.ImagePrediction({"malignant": 0.25}, marks=marks, frame="file")
                            for i in exam.images}
                )  # fmt: skip


RECORD = {"model": "broken", "split": "all"}


def test_what_failed_is_asked_again_and_the_whole_is_as_if_it_had_never_failed(
    make_dataset: Callable[..., Dataset], tmp_path: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    data = make_dataset()
    exams = [exam.id for exam in data.exams]
    made = predict(Broken("e1 e4"), data, tmp_path / "P", record=RECORD, quiet=True)
    assert made.record["failed"] == 2
    assert dict(made.skipped().select("id", "reason").iter_rows()) == {
        "e1": "no licence", "e2": "no implants, please", "e4": "no licence"
    }  # fmt: skip
    unasked = Broken()
    assert predict(unasked, data, tmp_path / "P", record=RECORD, quiet=True).was_complete
    assert unasked.asked == []
    again = Broken("e4")
    made = predict(again, data, tmp_path / "P", record=RECORD, quiet=True, retry_failed=True)
    assert again.asked == ["e1", "e4"]
    assert not made.was_complete
    assert made.record["failed"] == 1
    assert made.scores("exam")["exam_id"].to_list() == [exam for exam in exams if exam not in ("e2", "e4")]
    last = Broken()
    predict(last, data, tmp_path / "P", record=RECORD, quiet=True, retry_failed=True)
    assert last.asked == ["e4"]
    predict(Broken(), data, tmp_path / "whole", record=RECORD, quiet=True)
    assert contents(tmp_path / "P") == contents(tmp_path / "whole")
    assert predict(Broken(), data, tmp_path / "P", record=RECORD, quiet=True, retry_failed=True).was_complete


def test_what_is_stopped_while_it_asks_again_loses_nothing(
    make_dataset: Callable[..., Dataset], tmp_path: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    data = make_dataset()
    predict(Broken("e1 e4 e5"), data, tmp_path / "P", record=RECORD, quiet=True)
    before = contents(tmp_path / "P")
    stopped = Broken(stops="e4")
    with pytest.raises(Failure, match="on exam e4"):
        predict(stopped, data, tmp_path / "P", record=RECORD, quiet=True, retry_failed=True)
    assert stopped.asked == ["e1"]
    after = contents(tmp_path / "P")
    assert before.pop("journal.jsonl") != after.pop("journal.jsonl")
    assert before == after
    assert Predictions.open(tmp_path / "P").record["failed"] == 3
    with (tmp_path / "P" / "journal.jsonl").open("a") as journal:
        journal.write('{"exam": "e4", "fai')
    again = Broken()
    predict(again, data, tmp_path / "P", record=RECORD, quiet=True, retry_failed=True)
    assert again.asked == ["e4", "e5"]
    predict(Broken(), data, tmp_path / "whole", record=RECORD, quiet=True)
    assert contents(tmp_path / "P") == contents(tmp_path / "whole")


def test_tables_of_two_answers_are_never_taken_for_a_complete_prediction(
    make_dataset: Callable[..., Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cadkit.prediction import writing

    data = make_dataset()
    predict(Broken("e1"), data, tmp_path / "P", record=RECORD, quiet=True)
    with monkeypatch.context() as patch:
        patch.setattr(writing, "_write_parquet", lambda path, frame: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            predict(Broken(), data, tmp_path / "P", record=RECORD, quiet=True, retry_failed=True)
    with pytest.raises(cadkit.InputError, match="not finished"):
        Predictions.open(tmp_path / "P")
    made = predict(Broken("e1"), data, tmp_path / "P", record=RECORD, quiet=True)
    assert "failed" not in made.record
    assert "e1" in made.scores("exam")["exam_id"].to_list()


def test_what_was_stopped_before_its_end_may_ask_again_too(
    make_dataset: Callable[..., Dataset], tmp_path: Path
) -> None:
    data = make_dataset()
    with pytest.raises(Failure):
        predict(Broken("e1", stops="e4"), data, tmp_path / "P", record=RECORD, quiet=True)
    again = Broken()
    predict(again, data, tmp_path / "P", record=RECORD, quiet=True, retry_failed=True)
    assert again.asked == ["e1", "e4", "e5", "t1"]


def test_a_programs_failed_exams_are_asked_again_at_the_command_line(
    data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    from cadkit.cli.app import app

    exams, licence, asked = [exam.id for exam in cadkit.open(data).exams], tmp_path / "licence", tmp_path / "asked"
    body = (
        f"exam = rows[0]['exam_id']\nopen({str(asked)!r}, 'a').write(exam + ' ')\n"
        f"if exam == {exams[1]!r} and not os.path.exists({str(licence)!r}):\n    sys.exit('no licence')\n"
        f"if exam == {exams[2]!r}:\n    write('skipped.csv', 'level,id,reason', [f'exam,{{exam}},implant'])\n"
        "else:\n    score()\n"
    )
    words = ["predict", "--command", program(body), "--data", str(data), "--out", str(tmp_path / "P")]
    first = typer.testing.CliRunner().invoke(app, words).output
    assert "5 exams (2 skipped:" in first
    assert "A program failed on 1 of them. For passing faults, add --retry-failed" in first
    assert "with a changed program, give --out." in first
    second = typer.testing.CliRunner().invoke(app, words).output
    assert "is complete: nothing was done" in second
    assert "add --retry-failed" in second
    licence.touch()
    asked.unlink()
    third = typer.testing.CliRunner().invoke(app, [*words, "--retry-failed"]).output
    assert "5 exams (1 skipped:" in third
    assert "--retry-failed" not in third
    assert asked.read_text().split() == [exams[1]]
    made = predict_command(words[2], data, out=tmp_path / "P", retry_failed=True, quiet=True)
    assert made.was_complete
    assert made.scores("exam")["exam_id"].to_list() == [exams[n] for n in (0, 1, 3, 4)]


def test_exams_that_a_program_says_nothing_of_are_asked_about_alone_and_again_and_what_it_skips_is_not(
    data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    exams = [exam.id for exam in cadkit.open(data).exams]
    asked = tmp_path / "asked"
    silent, torn = exams[1:3], exams[3]
    command = program(
        f"here = sorted({{r['exam_id'] for r in rows}})\n"
        f"open({str(asked)!r}, 'a').write(' '.join(here) + '\\n')\n"
        f"rows = [r for r in rows if r['exam_id'] not in {silent}]\n"
        f"write('skipped.csv', 'level,id,reason', ['exam,{torn},torn'] if {torn!r} in here else [])\n"
        f"rows = [r for r in rows if r['exam_id'] != {torn!r}]\nscore()\n"
    )
    made = predict_command(command, data, out=tmp_path / "P", batch=5, quiet=True)
    assert dict(made.skipped().filter(made.skipped()["level"] == "exam").select("id", "reason").iter_rows()) == {
        **dict.fromkeys(silent, "the program gave no prediction of it"), torn: "torn"
    }  # fmt: skip
    assert made.record["failed"] == 2
    assert asked.read_text().splitlines() == [" ".join(sorted(exams)), *silent]
    assert "the program gave no prediction of it" in (tmp_path / "P" / "logs" / f"{silent[0]}.log").read_text()
    assert "no prediction" not in (tmp_path / "P" / "logs" / f"{exams[0]}.log").read_text()
    predict_command(command, data, out=tmp_path / "P", batch=1, retry_failed=True, quiet=True)
    assert asked.read_text().splitlines()[3:] == silent


def test_images_without_a_score_in_an_answered_exam_are_counted(
    data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    exam = cadkit.open(data).exams[0]
    left = [image.id for image in exam.images][1:]
    command = program(f"rows = [r for r in rows if r['image_id'] not in {left}]\nscore()\n")
    (note,) = predict_command(command, data, out=tmp_path / "P", quiet=True).notes
    assert f"no score of {len(left)} images in exams that it answered; the first is {left[0]}" in note
