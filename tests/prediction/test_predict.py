"""Running a model: the smallest plugin, hidden truth, answers in the file's frame, defects that name the exam."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image as Picture

from cadkit import (
    ExamPrediction,
    Failure,
    ImagePrediction,
    InputError,
    Marks,
    Model,
    ModelInfo,
    Predictions,
    Saliency,
    Skipped,
    TruthHidden,
)
from cadkit.data import Dataset, Exam, Image
from cadkit.evaluation import Settings, evaluate_sources
from cadkit.plugin.registry import load
from cadkit.prediction import predict_model as predict
from cadkit.prediction import predict_with
from cadkit.prepare import prepare

EXAMPLE = Path(__file__).parents[2] / "examples" / "smallest_plugin" / "mean_intensity.py"
ONE = ModelInfo(labels=("malignant",), scores="risk")
TWO = ModelInfo(labels=("malignant", "benign"), scores="probability")
MakeDataset = Callable[..., Dataset]


def answering(answer: Callable[[Image], Any], info: ModelInfo = ONE) -> Model:
    """A model that answers every image with `answer(image)`."""

    class Answering(Model):
        def predict_image(self, image: Image) -> Any:
            return answer(image)

    Answering.info = info
    return Answering()


def answering_exams(answer: Callable[[Iterable[Exam]], Any], info: ModelInfo = ONE) -> Model:
    class Answering(Model):
        def predict(self, exams: Iterable[Exam]) -> Any:
            return answer(exams)

    Answering.info = info
    return Answering()


def run(model: Model, data: Dataset, out: Path, **options: Any) -> Predictions:
    return predict(model, data, out, record={"model": "test"}, quiet=True, **options)


def test_the_smallest_plugin_is_as_the_design_prints_it(shared: Path) -> None:
    def code(text: str) -> list[str]:
        lines = [re.sub(r"\s*#.*", "", line).strip() for line in text.splitlines()]
        return [line for line in lines if line]

    printed = (shared / "design.md").read_text().split("The smallest one:\n")[1].split("\nA method that")[0]
    assert code(EXAMPLE.read_text()) == code(printed)


def test_the_smallest_plugin_means_what_it_says(
    make_dataset: MakeDataset, tmp_path: Path, rows: Callable[..., Any]
) -> None:
    data = make_dataset()
    model, _ = load(f"{EXAMPLE}:MeanIntensity")
    made = run(model(), data, tmp_path / "P")
    image, breast, exam = (rows(made, level) for level in ("image", "breast", "exam"))
    assert (len(image), len(breast), len(exam)) == (24, 12, 6)
    expected = {}
    for name in image:
        picture = data.pixel_source.read(str(name), None)
        expected[name] = picture[:, :20].mean() / 65535
        assert image[name]["malignant"] == pytest.approx(expected[name], rel=1e-5)
    left, right = ((expected[f"e3-{side}-CC"] + expected[f"e3-{side}-MLO"]) / 2 for side in "LR")
    assert breast["e3", "L"]["malignant"] == pytest.approx(left, rel=1e-5)
    assert exam["e3"]["malignant"] == pytest.approx(max(left, right), rel=1e-5)
    assert made.localizes == ""
    assert made.labels == ("malignant",)
    assert made.record["pooling"] == {"views": "mean", "breasts": "max"}


def test_the_smallest_plugin_from_pictures_to_a_report(tmp_path: Path, write: Callable[..., Path]) -> None:
    """Four exams of PNG files; the malignant ones are brighter, so the AUC is 1."""
    folder = tmp_path / "D"
    exams = [f"x{n}" for n in range(4)]
    write(
        folder,
        {
            "dataset.toml": 'name = "bright"\n[labels]\nmalignant = ""\n',
            "exams.csv": "exam_id,patient_id,split\n" + "".join(f"{e},p{e},test\n" for e in exams),
            "breasts.csv": "exam_id,side,malignant\n" + "".join(f"{e},L,{n % 2}\n" for n, e in enumerate(exams)),
            "images.csv": "image_id,exam_id,side,view,file,bits\n"
            + "".join(f"{e}-L-CC,{e},L,CC,{e}.png,12\n" for e in exams),
        },
    )
    for number, name in enumerate(exams):
        y, x = np.mgrid[:200, :120]
        inside = (y - 100) ** 2 + x**2 < 80**2
        level = 1000 + 1500 * (number % 2)
        texture = np.random.default_rng(number).integers(0, 300, inside.shape)
        Picture.fromarray(np.where(inside, level + texture, 0).astype(np.uint16)).save(folder / f"{name}.png")
    prepare(folder, workers=1, quiet=True)
    made = predict_with(f"{EXAMPLE}:MeanIntensity", data=folder, out=tmp_path / "P", quiet=True)
    assert made.record["exams"] == 4
    settings = Settings(bootstrap=50, cases=1)
    report, where = evaluate_sources([str(tmp_path / "P")], data=folder, out=tmp_path / "report", settings=settings)
    values = {row["metric"]: row["value"] for row in report["results"]}
    assert values == {"auc": 1.0, "prauc": 1.0}
    assert {case["why"] for case in report["cases"]} == {"hit", "miss", "false alarm"}
    assert all((where / case["picture"]["file"]).is_file() for case in report["cases"] if case["picture"])


@pytest.mark.parametrize(
    "peek",
    [
        lambda image: image.truth("malignant"),
        lambda image: image.breast.truth("benign"),
        lambda image: image.exam.truth("malignant"),
        lambda image: image.breast.columns["malignant"],
        lambda image: image.exam.columns["birads"],
        lambda image: image.findings,
        lambda image: image.mask("malignant"),
    ],
    ids=["image truth", "breast truth", "exam truth", "label column", "birads", "findings", "mask"],
)
def test_truth_is_hidden_from_a_model_that_predicts(
    make_dataset: MakeDataset, tmp_path: Path, peek: Callable[[Image], Any]
) -> None:
    def answer(image: Image) -> ImagePrediction:
        assert image.exam.columns["density"] == "B", "other columns may be read"
        peek(image)
        return ImagePrediction({"malignant": 0.0})

    with pytest.raises(TruthHidden, match="e1"):
        run(answering(answer), make_dataset(), tmp_path / "P")


def test_truth_does_not_show_where_columns_are_listed(make_dataset: MakeDataset, tmp_path: Path) -> None:
    def answer(image: Image) -> ImagePrediction:
        assert not {"malignant", "benign"} & set(image.breast.columns)
        assert "birads" not in dict(image.exam.columns)
        return ImagePrediction({"malignant": 0.0})

    run(answering(answer), make_dataset(), tmp_path / "P")


class Lamp(OSError):
    """An error that is no full disk."""


@pytest.mark.parametrize(
    "error", [ValueError("no lamp"), Lamp("no lamp"), FileNotFoundError(2, "no lamp"), KeyError(1)]
)
def test_a_model_that_raises_is_named_with_the_exam_and_the_error(
    make_dataset: MakeDataset, tmp_path: Path, error: Exception
) -> None:
    def answer(image: Image) -> ImagePrediction:
        if image.exam.id == "e3":
            raise error
        return ImagePrediction({"malignant": 0.0})

    with pytest.raises(Failure, match=rf"Answering raised {type(error).__name__} on exam e3") as caught:
        run(answering(answer), make_dataset(), tmp_path / "P")
    assert caught.value.exit_status == 1
    assert "could not be written" not in str(caught.value)


def three(exams: Iterable[Exam]) -> Iterator[ExamPrediction]:
    for _, _ in zip(exams, range(3), strict=False):
        yield ExamPrediction({"malignant": 0.0})


def seven(exams: Iterable[Exam]) -> Iterator[ExamPrediction]:
    yield from [ExamPrediction({"malignant": 0.0})] * (1 + len(list(exams)))


@pytest.mark.parametrize(
    ("answer", "pattern"),
    [
        (three, "3 answers for 6 exams; the first without is e4"),
        (seven, "more answers than the 6 exams"),
        (lambda exams: [0.5 for _ in exams], "Exam e1: the model answered float"),
        (lambda exams: None, "raised TypeError"),
    ],
)
def test_answers_are_one_per_exam(make_dataset: MakeDataset, tmp_path: Path, answer: Any, pattern: str) -> None:
    with pytest.raises(Failure, match=pattern):
        run(answering_exams(answer), make_dataset(), tmp_path / "P")
    with pytest.raises(InputError, match="not finished"):
        Predictions.open(tmp_path / "P")


def test_a_model_may_read_ahead(make_dataset: MakeDataset, tmp_path: Path, rows: Callable[..., Any]) -> None:
    def answer(exams: Iterable[Exam]) -> list[ExamPrediction | Skipped]:
        return [Skipped("e2") if e.id == "e2" else ExamPrediction({"malignant": float(e.id[1])}) for e in list(exams)]

    made = run(answering_exams(answer), make_dataset(), tmp_path / "P")
    assert {name: row["malignant"] for name, row in rows(made, "exam").items()} == {
        "e1": 1.0, "e3": 3.0, "e4": 4.0, "e5": 5.0, "t1": 1.0,
    }  # fmt: skip
    assert made.skipped().rows() == [("exam", "e2", "e2")]
    assert made.scores("image").height == made.scores("breast").height == 0


def test_a_model_of_some_views_skips_the_others(make_dataset: MakeDataset, tmp_path: Path) -> None:
    info = ModelInfo(labels=("malignant",), scores="risk", views=("MLO",))
    made = run(answering(lambda image: ImagePrediction({"malignant": 1.0}), info), make_dataset(), tmp_path / "P")
    assert set(made.scores("image")["image_id"].str.slice(-3)) == {"MLO"}
    assert ("image", "e1-L-CC", "view CC: the model scores MLO only") in made.skipped().rows()


def test_an_image_that_could_not_be_prepared_is_skipped(make_dataset: MakeDataset, tmp_path: Path) -> None:
    model = answering(lambda image: ImagePrediction({"malignant": float(image.pixels().max())}))
    made = run(model, make_dataset(missing=("e1-L-CC",)), tmp_path / "P")
    assert ("image", "e1-L-CC", "the image could not be prepared") in made.skipped().rows()
    assert made.scores("breast").height == 12


def test_sums_over_fewer_views_or_breasts_are_told(make_dataset: MakeDataset, tmp_path: Path) -> None:
    data = make_dataset()
    images = (data.folder / "images.csv").read_text().splitlines()
    left = [line for line in images if not line.startswith(("e1-L-MLO", "e2-R"))]
    findings = "finding_id,image_id,label,shape\n"
    breasts = (data.folder / "breasts.csv").read_text().replace("e2,R,0,0\n", "")
    data = make_dataset({"images.csv": "\n".join(left) + "\n", "findings.csv": findings, "breasts.csv": breasts})
    info = ModelInfo(labels=("malignant",), scores="risk", pooling=("sum", "sum"))
    made = run(answering(lambda image: ImagePrediction({"malignant": 1.0}), info), data, tmp_path / "P")
    assert made.skipped().rows() == [
        ("warning", "e1/L", "a sum over 1 views where others have 2"),
        ("warning", "e2", "a sum over 1 breasts where others have 2"),
    ]
    mean = run(answering(lambda image: ImagePrediction({"malignant": 1.0})), data, tmp_path / "Q")
    assert mean.skipped().height == 0


def test_marks_and_regions_are_written_in_the_files_frame(make_dataset: MakeDataset, tmp_path: Path) -> None:
    def answer(image: Image) -> ImagePrediction:
        return ImagePrediction(
            {"malignant": 0.5},
            marks=Marks([0.9, 0.8], points=[[3, 4], [10, 20]], boxes=[[1, 2, 5, 8], [9, 19, 12, 22]]),
            rois=Marks([0.25], boxes=[[0, 0, 10, 6]]),
        )

    made = run(answering(answer), make_dataset(), tmp_path / "P")
    by_image = {key[0]: group.drop("image_id").rows() for key, group in made.marks().group_by("image_id")}
    # Left: x + 2, y + 5. Right: 40 - x, y + 5, the box's x edges changing places.
    assert by_image["e1-L-CC"] == [
        ("malignant", 5.0, 9.0, 3.0, 7.0, 7.0, 13.0, 0.9),
        ("malignant", 12.0, 25.0, 11.0, 24.0, 14.0, 27.0, 0.8),
    ]
    assert by_image["e1-R-CC"] == [
        ("malignant", 37.0, 9.0, 35.0, 7.0, 39.0, 13.0, 0.9),
        ("malignant", 30.0, 25.0, 28.0, 24.0, 31.0, 27.0, 0.8),
    ]
    rois = made.rois().filter(pl.col("image_id") == "e1-R-MLO").rows()
    assert rois == [("e1-R-MLO", 35.0, 8.0, 30.0, 5.0, 40.0, 11.0, 0.25)]


def test_answers_in_the_files_frame_stay_as_they_are(make_dataset: MakeDataset, tmp_path: Path) -> None:
    def answer(image: Image) -> ImagePrediction:
        values = np.arange(4.0).reshape(1, 2, 2) / 4
        return ImagePrediction(
            {"malignant": 0.5}, marks=Marks([0.9], points=[[3, 4]]), saliency=Saliency(values), frame="file"
        )

    made = run(answering(answer), make_dataset(), tmp_path / "P", saliency=True)
    assert set(made.marks().select("x", "y").rows()) == {(3.0, 4.0)}
    saliency = made.saliency("e1-R-CC")
    assert saliency is not None
    assert saliency.window == (0.0, 0.0, 40.0, 50.0)
    np.testing.assert_array_equal(saliency.values[0], [[0, 0.25], [0.5, 0.75]])


def test_a_map_is_turned_with_its_picture(make_dataset: MakeDataset, tmp_path: Path) -> None:
    values = np.arange(6.0).reshape(1, 2, 3) / 8

    def answer(image: Image) -> ImagePrediction:
        window = None if image.view == "CC" else (3.0, 10.0, 18.0, 30.0)
        return ImagePrediction({"malignant": 0.5}, saliency=Saliency(values, window))

    made = run(answering(answer), make_dataset(), tmp_path / "P", saliency=True)
    left, right, part = (made.saliency(name) for name in ("e1-L-CC", "e1-R-CC", "e1-R-MLO"))
    assert left is not None
    assert right is not None
    assert part is not None
    assert left.window == (2.0, 5.0, 32.0, 45.0)
    np.testing.assert_array_equal(left.values, values.astype(np.float32))
    assert right.window == (10.0, 5.0, 40.0, 45.0)
    np.testing.assert_array_equal(right.values[0], np.array([[2, 1, 0], [5, 4, 3]]) / 8)
    assert part.window == (22.0, 15.0, 37.0, 35.0)
    assert made.saliency("nobody") is None


def test_uneven_cells_keep_their_edges(make_dataset: MakeDataset, tmp_path: Path) -> None:
    values = np.arange(6.0).reshape(1, 2, 3) / 8
    saliency = Saliency(values, edges=([0, 10, 40], [0, 4, 20, 30]))
    model = answering(lambda image: ImagePrediction({"malignant": 0.5}, saliency=saliency))
    made = run(model, make_dataset(), tmp_path / "P", saliency=True).saliency("e1-R-CC")
    assert made is not None
    assert made.edges is not None
    np.testing.assert_array_equal(made.edges[0], [5, 15, 45])
    np.testing.assert_array_equal(made.edges[1], [10, 20, 36, 40])
    assert made.window == (10.0, 5.0, 40.0, 45.0)
    np.testing.assert_array_equal(made.values[0], np.array([[2, 1, 0], [5, 4, 3]]) / 8)


def test_maps_are_written_only_where_asked_for(make_dataset: MakeDataset, tmp_path: Path) -> None:
    wanted = []

    def answer(image: Image) -> ImagePrediction:
        return ImagePrediction({"malignant": 0.5}, saliency=Saliency(np.zeros((1, 2, 2))))

    for saliency in (False, True):
        model = answering(answer)
        made = run(model, make_dataset(), tmp_path / f"P{saliency}", saliency=saliency)
        assert made.has_saliency is saliency
        wanted.append(model.wants)
    assert wanted == [{"marks", "rois"}, {"marks", "rois", "saliency"}]


def test_marks_of_several_labels(make_dataset: MakeDataset, tmp_path: Path) -> None:
    def answer(image: Image) -> ImagePrediction:
        if image.view == "CC":
            marks = Marks([0.9, 0.8], points=[[3, 4], [5, 6]], labels=[1, 0])
        else:
            marks = Marks([[0.1, 0.2]], points=[[3, 4]])
        return ImagePrediction({"malignant": 0.5, "benign": 0.5}, marks=marks)

    made = run(answering(answer, TWO), make_dataset(), tmp_path / "P").marks()
    cc = made.filter(pl.col("image_id") == "e1-L-CC").select("label", "score").rows()
    mlo = made.filter(pl.col("image_id") == "e1-L-MLO").select("label", "score").rows()
    assert cc == [("benign", 0.9), ("malignant", 0.8)]
    assert mlo == [("malignant", 0.1), ("benign", 0.2)]


@pytest.mark.parametrize(("info", "given", "pattern"), [
    (ONE, {"marks": Marks([np.nan], points=[[1, 1]])}, "not finite"),
    (ONE, {"marks": Marks([1.0], points=[[np.inf, 1]])}, "not finite"),
    (ONE, {"marks": Marks([1.0], boxes=[[5, 1, 2, 3]])}, "x0 <= x1"),
    (ONE, {"marks": Marks([1.0], points=[[1, 1]], labels=[1])}, r"1 label\(s\); a mark's label is 1"),
    (TWO, {"marks": Marks([1.0], points=[[1, 1]], labels=[-1])}, "label is -1"),
    (TWO, {"marks": Marks([1.0], points=[[1, 1]])}, "need labels"),
    (TWO, {"marks": Marks([[1.0, 0.5, 0.1]], points=[[1, 1]])}, "3 scores a mark"),
    (TWO, {"rois": Marks([[1.0, 0.5]], points=[[1, 1]])}, "one attention"),
    (TWO, {"saliency": Saliency(np.zeros((1, 2, 2)))}, "gave 1 saliency maps"),
    (ONE, {"saliency": Saliency(np.full((1, 2, 2), np.nan))}, "between 0 and 1"),
    (ONE, {"saliency": Saliency(np.full((1, 2, 2), 3.5))}, "3.5"),
    (ONE, {"marks": [(1, 2)]}, "cannot be read"),
])  # fmt: skip
def test_places_that_make_no_sense_are_the_models_defect(
    make_dataset: MakeDataset, tmp_path: Path, info: ModelInfo, given: dict[str, Any], pattern: str
) -> None:
    model = answering(lambda image: ImagePrediction(dict.fromkeys(info.labels, 0.5), **given), info)
    with pytest.raises(Failure, match=f"Exam e1.*{pattern}"):
        run(model, make_dataset(), tmp_path / "P", saliency=True)


def test_places_in_a_crop_of_another_image_are_the_models_defect(make_dataset: MakeDataset, tmp_path: Path) -> None:
    def answer(image: Image) -> ImagePrediction:
        first = image.exam.images[0].whole()
        return ImagePrediction({"malignant": 0.5}, marks=Marks([1.0], points=[(1, 1)]), frame=first)

    with pytest.raises(Failure, match=r"Exam e1, image e1-L-MLO: its places are .* a crop of image e1-L-CC"):
        run(answering(answer), make_dataset(), tmp_path / "P")


def test_further_scores_that_only_some_images_have(
    make_dataset: MakeDataset, tmp_path: Path, rows: Callable[..., Any]
) -> None:
    def answer(image: Image) -> ImagePrediction:
        return ImagePrediction({"malignant": 0.5}, {"world": {"malignant": 0.25}} if image.side == "L" else {})

    made = run(answering(answer), make_dataset(), tmp_path / "P")
    assert rows(made, "breast")["e1", "L"] == {"malignant": 0.5, "world.malignant": 0.25}
    assert rows(made, "breast")["e1", "R"]["world.malignant"] is None
    assert made.labels == ("malignant",)


def test_a_trained_plugin_is_not_predicted_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(EXAMPLE.read_text() + "\n    def train(self, data, run): ...\n")
    with pytest.raises(InputError, match="must be trained before it predicts"):
        predict_with(f"{path}:MeanIntensity", data=tmp_path)
