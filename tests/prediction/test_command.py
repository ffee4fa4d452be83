"""Programs that are no plugins: what they are handed, what is believed of their answers, and how they are ended."""

from __future__ import annotations

import csv
import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

import cadkit
from cadkit import Failure, InputError
from cadkit.data import Dataset
from cadkit.dicom import read_pixels, write_mammogram
from cadkit.dicom.pseudonymous import write_pseudonymous
from cadkit.prediction.command import predict_command


def skipped(made: cadkit.Predictions) -> dict[str, str]:
    return {unit: reason for level, unit, reason in made.skipped().iter_rows() if level == "exam"}


def test_pictures_and_a_manifest_are_handed_over_and_scores_come_back(
    data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    keep = tmp_path / "kept"
    command = program(f"score()\nimport shutil\nshutil.copytree(exams, {str(keep)!r}, dirs_exist_ok=True)\n")
    made = predict_command(command, data, out=tmp_path / "P", format="png16", batch=2, quiet=True)
    images = {image.id: image for image in cadkit.open(data).images}
    assert set(made.scores("image")["image_id"]) == set(images)
    assert made.scores("image").columns == ["image_id", "exam_id", "malignant", "global.malignant"]
    assert made.scores("exam").height == 5
    assert made.localizes == ""
    with (keep / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        picture = np.asarray(Picture.open(keep / row["file"]))
        assert np.array_equal(picture, images[row["image_id"]].raw())
        assert (row["exam_id"], row["side"], row["view"]) == (
            images[row["image_id"]].exam.id, images[row["image_id"]].side, images[row["image_id"]].view
        )  # fmt: skip
        assert (int(row["rows"]), int(row["columns"])) == picture.shape
    assert "malignant" not in rows[0]
    assert not (tmp_path / "P" / "work").exists()


def test_dicom_is_handed_over_as_it_came_but_under_pseudonyms(
    data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    keep = tmp_path / "kept"
    command = program(f"score()\nimport shutil\nshutil.copytree(exams, {str(keep)!r}, dirs_exist_ok=True)\n")
    predict_command(command, data, out=tmp_path / "P", batch=5, quiet=True)
    made = list(keep.rglob("*.dcm"))
    assert len(made) == len(cadkit.open(data).images)
    for path in made:
        (original,) = data.rglob(path.name)
        assert np.array_equal(read_pixels(path).levels(65535), read_pixels(original).levels(65535))


@pytest.mark.parametrize("vendor", ["lut", "window"])
def test_a_pseudonymous_file_keeps_the_pixels_and_nothing_of_the_woman(vendor: str, tmp_path: Path) -> None:
    from pydicom import dcmread

    source, path = tmp_path / "a.dcm", tmp_path / "b.dcm"
    pixels = np.arange(600, dtype=np.uint16).reshape(30, 20)
    write_mammogram(
        source, pixels, side="L", view="CC", vendor=vendor, spacing_mm=0.1, patient_id="SECRET-17", accession="ACC-99",
        image_id="i", date=dt.date(2011, 12, 13), birth_date=dt.date(1951, 2, 3), patient_name="Secret^Name",
    )  # fmt: skip
    original = dcmread(source)
    original.add_new(0x00091010, "LO", "Secret^Private")
    original.ViewCodeSequence[0].add_new(0x00400555, "LO", "Secret^Nested")
    original.PatientComments = "Secret comment"
    original.save_as(source)
    size = write_pseudonymous(source, path, patient_id="p1", exam_id="e1", image_id="i1", date="2020-05-06", age=61)
    assert size == (30, 20)
    assert np.array_equal(read_pixels(path).levels(65535), read_pixels(source).levels(65535))
    for secret in (b"SECRET-17", b"ACC-99", b"Secret", b"20111213", b"19510203", original.SOPInstanceUID.encode()):
        assert secret in source.read_bytes()
        assert secret not in path.read_bytes()
    made = dcmread(path)
    assert (made.PatientID, made.StudyDate, made.PatientAge) == ("p1", "20200506", "061Y")
    assert made.ViewCodeSequence[0].CodeMeaning == original.ViewCodeSequence[0].CodeMeaning


def test_marks_come_back_in_the_frame_of_the_file(data: Path, program: Callable[[str], str], tmp_path: Path) -> None:
    marks = (
        "score()\n"
        "write('marks.csv', 'image_id,label,x,y,score', [f\"{r['image_id']},malignant,30,20,0.5\" for r in rows])\n"
    )
    in_file = predict_command(program(marks), data, out=tmp_path / "P", quiet=True).marks()
    assert set(in_file["x"]) == {30.0}
    turned = predict_command(program(marks), data, out=tmp_path / "Q", format="png16", quiet=True).marks()
    for image, x, y in turned.select("image_id", "x", "y").iter_rows():
        (there,) = [one for one in cadkit.open(data).images if one.id == image]
        a, b, c, d, e, f = there.to_file.values
        assert (x, y) == pytest.approx((30 * a + 20 * b + c, 30 * d + 20 * e + f))


FAULTS = {
    "import sys; print('no licence', file=sys.stderr); sys.exit(3)": "exit status 3: no licence",
    "os.kill(os.getpid(), 15)": "ended by SIGTERM",
    "pass": "wrote none of images.csv, breasts.csv and exams.csv",
    "write('images.csv', 'image_id,malignant', [f\"{r['image_id']},nan\" for r in rows])": "finite numbers",
    "write('images.csv', 'image_id,malignant', [f\"{r['image_id']},\" for r in rows])": "finite numbers",
    "write('images.csv', 'image_id,cancer', [f\"{r['image_id']},1\" for r in rows])": "no column of scores",
    "write('images.csv', 'image_id,x.malignant', [f\"{r['image_id']},1\" for r in rows])": "malignant is missing",
    "write('images.csv', 'image_id,malignant', ['../../x,1'])": "this image was not handed over (found: '../../x')",
    "write('images.csv', 'image_id,malignant', [f\"{rows[0]['image_id']},1\"] * 2)": "stands twice",
    "write('breasts.csv', 'exam_id,side,malignant', ['other,L,1'])": "this breast was not handed over",
    "write('exams.csv', 'exam_id,malignant', ['other,1'])": "this exam was not handed over",
    "(out / 'images.parquet').write_bytes(b'PAR1' + bytes(64) + b'PAR1')": "images.parquet: cannot be read",
    "(out / 'images.csv').write_bytes(bytes(range(256)))": "images.csv",
    "os.mkfifo(out / 'images.csv')": "images.csv: a link, no file",
    "os.mkdir(out / 'images.csv')": "images.csv: a link, no file",
    "(out / 'images.csv').symlink_to('/etc/hostname')": "images.csv: a link",
    "score(); (out / 'skipped.csv').symlink_to('/etc/hostname')": "skipped.csv: a link",
    "out.rmdir(); out.symlink_to('/etc')": "the folder for the answers was replaced by a link",
    "import shutil; shutil.rmtree(out)": "the folder for the answers is gone",
    "import shutil; shutil.rmtree(out.parent)": "the folder for the answers is gone",
    "out.rmdir(); out.touch()": "the folder for the answers is gone",
    "import shutil; shutil.rmtree(exams); exams.touch(); os.remove(out.parent / 'stderr')": "wrote none of",
    "os.truncate(os.open(out / 'images.csv', os.O_CREAT | os.O_WRONLY), 1 << 40)": "one of more than 64 MiB",
    "write('images.csv', 'image_id,malignant', ['x' * (3 << 20) + ',1'])": "images.csv: a line of more than 1 MiB",
    "(out / 'images.csv').write_bytes(b'')": "images.csv: the table cannot be read: empty CSV",
    "(out / 'images.csv').write_text('image_id,malignant', encoding='utf-16')": "images.csv: this is no text in UTF-8",
    "write('images.csv', 'image_id;malignant', ['x;0,5'])": "separated by semicolons",
    "write('images.csv', 'image_id,malignant,malignant', [f\"{rows[0]['image_id']},1,2\"])": (
        "images.csv, header: a column stands twice (found: 'malignant')"
    ),
    "write('images.csv', 'image_id,malignant', ['\"x'])": "1 field where the header has 2",
    "score(); write('marks.csv', 'image_id,label,x,y,score', [f\"{rows[0]['image_id']},malignant,5,1e6,1\"])": (
        "marks.csv, row 1: the mark lies outside its picture"
    ),
    "score(); write('marks.csv', 'image_id,label,x,y,score', [f\"{rows[0]['image_id']},malignant,inf,1,1\"])": (
        "finite numbers"
    ),
    "score(); write('marks.csv', 'image_id,label,x,y,score', [f\"{rows[0]['image_id']},mass,5,1,1\"])": "no such label",
    "score(); write('marks.csv', 'image_id,label,x,y,score', ['other,malignant,5,1,1'])": "was not handed over",
    "write('skipped.csv', 'level,id,reason', ['exam,other,no'])": "skipped.csv, row 1: this was not handed over",
    "write('exams.csv', 'exam_id,malignant', [f\"{rows[0]['exam_id']},1\"]);"
    " write('marks.csv', 'image_id,label,x,y,score', [f\"{rows[0]['image_id']},malignant,5,1,1\"])": (
        "a mark is in an image without a score"
    ),
    "write('skipped.csv', 'level,id,reason', [f\"exam,{rows[0]['exam_id']},one view is missing\"])": (
        "one view is missing"
    ),
    "write('skipped.csv', 'level,id,reason', [f'exam,{rows[0][\"exam_id\"]},\"two\\nlines \\x1b[31m\"'])": (
        "two lines  [31m"
    ),
    "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 28,) * 2); bytearray(1 << 30)": (
        "exit status 1: MemoryError"
    ),
}


@pytest.mark.parametrize("part", range(0, len(FAULTS), 4))
def test_what_is_wrong_with_an_exam_is_its_reason_and_no_other_exams(
    part: int, data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    sound, *bad = [exam.id for exam in cadkit.open(data).exams]
    faults = dict(zip(bad, list(FAULTS.items())[part : part + 4], strict=False))
    body = "".join(f"if rows[0]['exam_id'] == {exam!r}:\n    {fault}\nel" for exam, (fault, _) in faults.items())
    where = tmp_path / "P"
    made = predict_command(program(f"{body}se:\n    score()\n"), data, out=where, quiet=True)
    found = skipped(made)
    assert set(found) == set(faults)
    for exam, (fault, reason) in faults.items():
        assert reason in found[exam], fault
        assert len(found[exam].splitlines()) == 1
        assert str(where) not in found[exam]
    assert made.scores("exam")["exam_id"].to_list() == [sound, *bad[len(faults) :]]


def test_an_exam_that_fails_does_not_take_its_batch_with_it_and_its_log_is_kept(
    data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    bad = cadkit.open(data).exams[3].id
    command = program(
        f"if any(r['exam_id'] == {bad!r} for r in rows):\n    print('half way')\n"
        "    sys.exit('broken header')\nscore()\n"
    )
    made = predict_command(command, data, out=tmp_path / "P", batch=5, jobs=2, quiet=True)
    assert skipped(made) == {bad: "exit status 1: broken header"}
    log = (tmp_path / "P" / "logs" / f"{bad}.log").read_text()
    assert "exit status 1" in log
    assert "broken header" in log
    assert "half way" in log
    assert len(list((tmp_path / "P" / "logs").iterdir())) == 5


def test_a_program_that_fails_from_the_beginning_is_not_asked_on(
    data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    with pytest.raises(Failure, match=r"first 3 exams.*exit status 1: no licence"):
        predict_command(program("sys.exit('no licence')"), data, out=tmp_path / "P", quiet=True)
    made = predict_command(program("score()"), data, out=tmp_path / "P", quiet=True)
    assert skipped(made) == {}


def test_where_the_first_exams_are_at_fault_it_is_asked_on_when_told_so(
    data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    exams = [exam.id for exam in cadkit.open(data).exams]
    command = program(f"if rows[0]['exam_id'] in {exams[:4]}:\n    sys.exit('film')\nscore()\n")
    with pytest.raises(Failure, match="--keep-going"):
        predict_command(command, data, out=tmp_path / "P", quiet=True)
    made = predict_command(command, data, out=tmp_path / "P", keep_going=True, quiet=True)
    assert skipped(made) == dict.fromkeys(exams[:4], "exit status 1: film")
    assert made.scores("exam")["exam_id"].to_list() == exams[4:]


def test_several_at_once_answer_in_order(data: Path, program: Callable[[str], str], tmp_path: Path) -> None:
    # Every start waits until three run at the same time, which one after another could not.
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    command = program(
        f"place = pathlib.Path({str(meeting)!r})\n(place / str(os.getpid())).touch()\n"
        "end = time.monotonic() + 60\n"
        "while len(list(place.iterdir())) < 3 and time.monotonic() < end:\n    time.sleep(0.01)\n"
        "if len(list(place.iterdir())) < 3:\n    sys.exit('alone')\nscore()\n"
    )
    made = predict_command(command, data, out=tmp_path / "P", jobs=3, quiet=True)
    assert made.scores("exam")["exam_id"].to_list() == [exam.id for exam in cadkit.open(data).exams]


def test_the_time_limit_ends_a_program_with_its_children(
    data: Path, program: Callable[[str], str], first: Callable[[int], Path], tmp_path: Path
) -> None:
    exam, note = cadkit.open(data).exams[1].id, tmp_path / "child"
    command = program(
        f"score()\nif rows[0]['exam_id'] == {exam!r}:\n"
        f"    import subprocess\n    child = subprocess.Popen(['sleep', '600'])\n"
        f"    pathlib.Path({str(note)!r}).write_text(str(child.pid))\n    child.wait()\n"
    )
    made = predict_command(command, first(2), out=tmp_path / "P", timeout=2, quiet=True)
    assert skipped(made) == {exam: "killed after 2 s, its time limit"}
    assert _gone(int(note.read_text()))


def _gone(process: int) -> bool:
    """Whether a process has ended; one that nobody has asked about may still be listed as a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_stopped_ends_its_programs_and_goes_on_when_typed_again(
    number: signal.Signals, data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    exams, notes = [exam.id for exam in cadkit.open(data).exams], tmp_path / "notes"
    notes.mkdir()
    blocked = tmp_path / "blocked"
    blocked.touch()
    command = program(
        f"note = pathlib.Path({str(notes)!r}) / rows[0]['exam_id']\nnote.write_text(note.read_text() + 'x' if "
        "note.exists() else 'x')\n"
        f"if rows[0]['exam_id'] == {exams[2]!r} and os.path.exists({str(blocked)!r}):\n"
        f"    pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n    time.sleep(600)\nscore()\n"
    )
    words = [sys.executable, "-c", "from cadkit.cli import main; main()", "predict", "--command", command]
    words += ["--data", str(data), "--out", str(tmp_path / "P")]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(process.pid, number)
    process.communicate()
    assert process.returncode in (130, 143)
    assert _gone(int((tmp_path / "pid").read_text()))
    blocked.unlink()
    made = predict_command(command, data, out=tmp_path / "P", quiet=True)
    assert skipped(made) == {}
    asked = {exam: len((notes / exam).read_text()) for exam in exams}
    assert asked == {exam: 2 if exam == exams[2] else 1 for exam in exams}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("./model --in {exams}", "lacks the placeholder {predictions}"),
        ("true {exams} {predictions", "lacks the placeholder {predictions}"),
        ("true '{exams} {predictions}", "cannot be split into words"),
        ("true {exams} | cat > {predictions}", r"no shell reads the command, so \| has no meaning"),
        ("no-such-program {exams} {predictions}", "there is no such program"),
    ],
)
def test_commands_that_cannot_work_are_refused_before_anything_runs(
    command: str, said: str, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        predict_command(command, data, out=tmp_path / "P", quiet=True)
    assert not (tmp_path / "P").exists()


def test_a_picture_that_is_no_dicom_file_is_said(
    make_dataset: Callable[..., Dataset], program: Callable[[str], str], tmp_path: Path
) -> None:
    with pytest.raises(Failure, match=r"image e1-L-CC has no file.*png16"):
        predict_command(program("score()"), make_dataset().folder, out=tmp_path / "P", quiet=True)
    with pytest.raises(Failure, match=r"has no file"):  # nothing was answered, so that the folder is not taken
        predict_command(program("score()") + " x", make_dataset().folder, out=tmp_path / "P", quiet=True)


def test_what_a_program_does_to_what_it_was_handed_stays_there(
    first: Callable[[int], Path], program: Callable[[str], str], tmp_path: Path
) -> None:
    data = first(1)
    before = {path: path.read_bytes() for path in data.rglob("*.dcm")}
    body = (
        "score()\nfor row in rows:\n    (exams / row['file']).write_bytes(b'')\n"
        "(exams / 'new').touch()\nos.rename(exams / 'manifest.csv', exams / 'gone')\n"
    )
    assert skipped(predict_command(program(body), data, out=tmp_path / "P", quiet=True)) == {}
    assert {path: path.read_bytes() for path in data.rglob("*.dcm")} == before


def test_a_program_that_fills_the_disk_takes_no_other_exam_with_it(
    data: Path, program: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cadkit.prediction import command

    bad, written = cadkit.open(data).exams[1].id, command.write_text

    def write(path: Path, text: str) -> None:
        if list((tmp_path / "P" / "work").rglob("huge")):
            raise Failure("the disk is full")
        written(path, text)

    monkeypatch.setattr(command, "write_text", write)
    body = f"if rows[0]['exam_id'] == {bad!r}:\n    (out / 'huge').touch()\n    sys.exit('no space left')\nscore()\n"
    made = predict_command(program(body), data, out=tmp_path / "P", quiet=True)
    assert skipped(made) == {bad: "exit status 1: no space left"}


def test_a_disk_that_is_full_before_the_program_starts_is_said_and_no_exams_fault(tmp_path: Path) -> None:
    write_mammogram(tmp_path / "a.dcm", np.zeros((300, 200), np.uint16), side="L", view="CC", spacing_mm=0.1,
                    patient_id="p", accession="a", image_id="i", date=dt.date(2020, 1, 2))  # fmt: skip
    text = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "from cadkit.dicom.pseudonymous import write_pseudonymous\n"
        "write_pseudonymous('a.dcm', 'b.dcm', patient_id='p', exam_id='e', image_id='i')\n"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "cadkit.errors.Failure: b.dcm could not be written: File too large. Free some space" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.dcm"]
