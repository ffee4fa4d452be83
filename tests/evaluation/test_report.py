"""report.json: its shape, its reproducibility, its cases, and what it refuses and warns of."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import numpy as np
import pytest
from PIL import Image as Picture

from cadkit import InputError, Predictions
from cadkit.data import Dataset
from cadkit.evaluation import FrocRule, Settings
from cadkit.evaluation import evaluate_predictions as evaluate
from cadkit.evaluation.cohort import Rows
from cadkit.evaluation.gallery import choose_cases
from cadkit.evaluation.schema import Report
from cadkit.prediction import FileSaliency
from cadkit.prediction.folder import saliency_path, write_saliency

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]
SETTINGS = Settings(split="test", levels=("breast", "exam"), bootstrap=40, cases=2, froc=FrocRule())


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, float):
        yield value


def faults(value: Any, kind: Any, where: str) -> Iterator[str]:
    """Where a value of JSON differs from a type made of TypedDict, list, dict, Literal and plain types."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return
    if is_typeddict(kind):
        if not isinstance(value, dict):
            yield f"{where}: no object"
            return
        hints = get_type_hints(kind, include_extras=True)
        needed = {name for name, hint in hints.items() if get_origin(hint) is not NotRequired}
        yield from (f"{where}.{key} is missing" for key in needed - value.keys())
        for key, item in value.items():
            hint = hints.get(key)
            inner = get_args(hint)[0] if get_origin(hint) is NotRequired else hint
            yield from faults(item, inner, f"{where}.{key}") if key in hints else [f"{where}.{key} is not known"]
    elif origin is list:
        for number, item in enumerate(value if isinstance(value, list) else [where]):
            yield from faults(item, parts[0], f"{where}[{number}]")
    elif origin is dict:
        for key, item in value.items():
            yield from faults(item, parts[1], f"{where}.{key}")
    elif origin is Literal:
        if value not in parts:
            yield f"{where}: {value!r} is not one of {parts}"
    elif origin in (UnionType, Union):
        if all(list(faults(value, part, where)) for part in parts):
            yield f"{where}: {value!r} is not {kind}"
    else:
        plain = {float: (int, float), NoneType: type(None)}.get(kind, kind)
        if not isinstance(value, plain) or (isinstance(value, bool) and kind is not bool):
            yield f"{where}: {value!r} is not {kind}"


@pytest.fixture
def mapped(hand: Hand) -> Predictions:
    """The vendor's marks, and maps of two images besides."""
    made = hand("mapped")
    values = np.zeros((2, 5, 4), np.float32)
    values[0, 1, 2], values[1, 0, 0] = 1.0, 0.5
    for name in ("e1-L-CC", "e3-R-CC"):
        write_saliency(saliency_path(made.folder, name), FileSaliency(values, (4.0, 5.0, 36.0, 45.0)))
    return made


def check(report: Any) -> None:
    """Exactly of the stated shape, and every number finite."""
    assert list(faults(report, Report, "report")) == []
    assert all(math.isfinite(number) for number in numbers(report))


def test_the_report_has_the_shape_that_is_documented(
    make_dataset: MakeDataset, mapped: Predictions, hand: Hand, tmp_path: Path
) -> None:
    other = {"breasts.csv": (mapped.folder / "breasts.csv").read_text(), "skipped.csv": "level,id,reason\nexam,e4,x\n"}
    settings = Settings(split="test", levels=("breast", "exam"), bootstrap=40, froc=FrocRule(), localization=True)
    report = evaluate(
        [mapped, hand("other", other)], make_dataset(), tmp_path / "R", settings, command="cadkit evaluate"
    )
    written = json.loads((tmp_path / "R" / "report.json").read_text())
    assert json.loads(json.dumps(report)) == written
    check(written)
    assert written["schema"] == "cadkit.report/1"
    assert written["command"] == "cadkit evaluate"
    assert [model["kind"] for model in written["models"]] == ["predictions", "predictions"]
    assert [row["kind"] for row in written["inputs"]] == ["dataset", "predictions", "predictions"]


def test_a_report_of_hardly_anything_has_the_shape_too(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    data = make_dataset(
        {
            "breasts.csv": "exam_id,side,malignant,benign\ne1,L,,0\n",
            "findings.csv": "finding_id,image_id,label,shape,coordinates\n",
        }
    )
    model = hand("few", {"breasts.csv": "exam_id,side,malignant,benign\ne1,L,0,0\n",
                         "skipped.csv": "level,id,reason\n" + "".join(f"exam,e{n},x\n" for n in range(2, 6)),
                         "marks.csv": "image_id,label,x,y,score\n"})  # fmt: skip
    report = evaluate([model], data, tmp_path / "R", SETTINGS)
    check(json.loads(json.dumps(report)))
    assert all(row["value"] is None and row["reason"] for row in report["results"])
    assert [curve for curve in report["curves"] if curve["kind"] != "froc"] == []


def test_the_same_inputs_give_the_same_bytes_but_for_the_date(
    make_dataset: MakeDataset, mapped: Predictions, tmp_path: Path
) -> None:
    made = []
    for name in ("R", "R", "S"):
        evaluate([mapped], make_dataset(), tmp_path / name, SETTINGS)
        lines = (tmp_path / name / "report.json").read_text().splitlines()
        made.append([line for line in lines if not line.startswith(' "created"')])
        assert len(lines) == len(made[-1]) + 1
    assert made[0] == made[1] == made[2]
    pictures = [sorted((tmp_path / name / "gallery").iterdir()) for name in ("R", "S")]
    assert [p.read_bytes() for p in pictures[0]] == [p.read_bytes() for p in pictures[1]]
    other = evaluate([mapped], make_dataset(), tmp_path / "R", Settings(**{**SETTINGS.__dict__, "seed": 1}))
    assert json.dumps(other["results"]) != json.dumps(json.loads("\n".join(made[0]))["results"])


def test_a_folder_of_something_else_is_refused(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    (tmp_path / "R").mkdir()
    (tmp_path / "R" / "thesis.docx").write_text("")
    with pytest.raises(InputError, match="not empty and holds no report"):
        evaluate([hand()], make_dataset(), tmp_path / "R", SETTINGS)
    assert [path.name for path in (tmp_path / "R").iterdir()] == ["thesis.docx"]


@pytest.mark.parametrize(
    "there", [["gallery/x.png"], [".report.json.7.part"], ["gallery/x.png", ".report.json.7.part"]]
)
def test_an_evaluation_that_was_killed_can_be_repeated(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path, write: Callable[..., Path], there: list[str]
) -> None:
    write(tmp_path / "R", dict.fromkeys(there, "half"))
    evaluate([hand()], make_dataset(), tmp_path / "R", SETTINGS)
    assert not (tmp_path / "R" / "gallery" / "x.png").exists()


def test_an_evaluation_that_fails_leaves_the_earlier_report_as_it_was(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    evaluate([hand()], make_dataset(), tmp_path / "R", SETTINGS)

    def bytes_there() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in (tmp_path / "R").rglob("*") if path.is_file()}

    before = bytes_there()
    assert len(before) > 5
    wrong = hand("wrong", {"breasts.csv": "exam_id,side,malignant\ne1,L,nan\n"})
    plain = hand("plain", {"breasts.csv": (hand().folder / "breasts.csv").read_text()})
    for model in (wrong, plain):
        with pytest.raises(InputError):
            evaluate([model], make_dataset(), tmp_path / "R", SETTINGS)
        assert bytes_there() == before


def test_tables_changed_after_the_prediction_are_told(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    data = make_dataset()
    model = hand()
    toml = model.folder / "prediction.toml"
    toml.write_text(f'dataset_fingerprint = "{data.fingerprint}"\n')
    same = evaluate([Predictions.open(model.folder)], data, tmp_path / "R", SETTINGS)
    assert not [w for w in same["warnings"] if w["id"].startswith("dataset-changed")]
    changed = make_dataset({"breasts.csv": (data.folder / "breasts.csv").read_text().replace("e3,L,0,0", "e3,L,1,0")})
    report = evaluate([Predictions.open(model.folder)], changed, tmp_path / "R", SETTINGS)
    (text,) = [w["text"] for w in report["warnings"] if w["id"] == "dataset-changed-vendor"]
    assert "hand were changed after vendor was predicted" in text


def test_fingerprints_name_what_was_evaluated(make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    data, model = make_dataset(), hand()
    report = evaluate([model], data, tmp_path / "R", SETTINGS)
    assert [row["fingerprint"] for row in report["inputs"]] == [data.fingerprint, model.fingerprint]
    assert str(tmp_path) not in (tmp_path / "R" / "report.json").read_text()


def test_the_cases_are_the_best_hits_the_worst_misses_and_the_worst_false_alarms(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    report = evaluate([hand()], make_dataset(), tmp_path / "R", SETTINGS)
    shown = [
        (case["why"], case["rank"], case["exam_id"], case["side"])
        for case in report["cases"]
        if case["label"] == "malignant" and case["view"] == "CC"
    ]
    # Positives 0.9 e1-L, 0.7 e5-L, 0.4 e3-R; negatives 0.6 e2-L, 0.4 e4-R, ...; e4-L (0.95) is of unknown truth.
    assert shown == [
        ("hit", 1, "e1", "L"),
        ("hit", 2, "e5", "L"),
        ("miss", 1, "e3", "R"),
        ("false alarm", 1, "e2", "L"),
        ("false alarm", 2, "e4", "R"),
    ]
    notes = {case["image_id"]: case["note"] for case in report["cases"] if case["label"] == "malignant"}
    assert notes["e5-L-CC"] == "no malignant finding is drawn here"
    assert notes["e1-L-CC"] == notes["e2-L-CC"] == ""


@pytest.mark.parametrize(
    ("each", "hits", "misses", "alarms"),
    [(1, "a", "e", "x"), (2, "ab", "ed", "xy"), (9, "abc", "ed", "xyz")],
)
def test_no_case_is_both_a_hit_and_a_miss(each: int, hits: str, misses: str, alarms: str) -> None:
    ids, truth = list("xaybczde"), [0, 1, 0, 1, 1, 0, 1, 1]
    score = np.array([[0.95, 0.9, 0.85, 0.8, 0.7, 0.65, 0.6, 0.5]])
    rows = Rows(ids, np.array(truth), score, np.array(ids), 0, 0)
    chosen = choose_cases(rows, each)
    assert ["".join(i for why, _, i in chosen if why == kind) for kind in ("hit", "miss", "false alarm")] == [
        hits,
        misses,
        alarms,
    ]
    assert [rank for why, rank, _ in chosen if why == "hit"] == list(range(1, len(hits) + 1))


def test_a_case_is_drawn_in_the_files_frame(make_dataset: MakeDataset, mapped: Predictions, tmp_path: Path) -> None:
    data = make_dataset()
    report = evaluate([mapped], data, tmp_path / "R", SETTINGS)
    cases = {case["image_id"]: case for case in report["cases"] if case["label"] == "malignant"}
    left, right = cases["e1-L-CC"], cases["e3-R-CC"]
    assert (left["rows"], left["columns"], left["spacing_mm"]) == (50, 40, 0.5)
    assert (left["truth"], left["breast_scores"]) == (
        {"malignant": 1.0, "benign": 0.0},
        {"malignant": 0.9, "benign": 0.45},
    )
    assert [(f["id"], f["outline"], f.get("detected")) for f in left["findings"]] == [
        ("f1", [[10, 10], [16, 10], [16, 16], [10, 16]], True)
    ]
    assert [(m["x"], m["y"], m["score"], m["hit"], m["box"]) for m in left["marks"]] == [
        (12, 12, 0.9, True, None),
        (13, 13, 0.7, True, None),
    ]
    assert [(m["x"], m["hit"]) for m in right["marks"]] == [(11.9, True), (12, False)]
    circle = np.array(cases["e1-L-MLO"]["findings"][0]["outline"])
    assert np.hypot(circle[:, 0] - 20, circle[:, 1] - 30) == pytest.approx(5, abs=0.01)
    # The pictures are the prepared ones turned back: a left one as it is, a right one mirrored.
    assert (left["picture"]["window"], right["picture"]["window"]) == ([2, 5, 32, 45], [10, 5, 40, 45])
    for case, breast in ((left, np.s_[:, :20]), (right, np.s_[:, 10:])):
        with Picture.open(tmp_path / "R" / case["picture"]["file"]) as picture:
            grey = np.asarray(picture)
        assert grey.shape == (40, 30)
        assert (grey[breast] > 0).all()
        assert np.count_nonzero(grey) == 40 * 20
    prepared = data.pixel_source.read("e3-R-CC", None).astype(float)[:, ::-1]
    assert np.corrcoef(prepared[:, 10:].ravel(), grey[:, 10:].ravel())[0, 1] > 0.99
    (map_,) = [m for m in right["saliency"] if m["label"] == "malignant"]
    assert (map_["window"], map_["maximum"]) == ([4, 5, 36, 45], 1.0)
    with Picture.open(tmp_path / "R" / map_["file"]) as picture:
        np.testing.assert_array_equal(np.argwhere(np.asarray(picture)), [[1, 2]])
    assert cases["e2-L-CC"]["saliency"] == []


def test_maps_of_different_models_and_labels_never_share_a_file(
    make_dataset: MakeDataset, mapped: Predictions, tmp_path: Path
) -> None:
    other = Predictions.open(shutil.copytree(mapped.folder, tmp_path / "predictions" / "other"))
    report = evaluate([mapped, other], make_dataset(), tmp_path / "R", SETTINGS)
    files = {(c["image_id"], c["model"], m["label"]): m["file"] for c in report["cases"] for m in c["saliency"]}
    assert len(files) >= 4
    assert len(set(files.values())) == len(files)


def test_an_image_that_was_not_prepared_stands_without_a_picture(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    report = evaluate([hand()], make_dataset(missing=("e1-L-CC",)), tmp_path / "R", SETTINGS)
    pictures = {case["image_id"]: case["picture"] for case in report["cases"]}
    assert pictures["e1-L-CC"] is None
    assert pictures["e1-L-MLO"] is not None


def test_no_file_shows_more_than_the_tables_hold(
    make_dataset: MakeDataset, mapped: Predictions, tmp_path: Path
) -> None:
    """Paths of sources.csv may show identities; neither the report nor a file's name does."""
    data = make_dataset({"sources.csv": "image_id,path\ne1-L-CC,/archive/JANE-DOE-1951/1.dcm\n"})
    evaluate([mapped], data, tmp_path / "R", SETTINGS)
    for path in (tmp_path / "R").rglob("*"):
        assert "JANE" not in path.name
        assert not path.is_file() or b"JANE" not in path.read_bytes()
