"""Writing a split: nothing else changes, what depends on it is asked, and what was there is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from cadkit.data import Dataset
from cadkit.data.split_column import Plan, plan_of, write_split
from cadkit.data.split_uses import record_use, split_fingerprint, uses_of_split
from cadkit.errors import InputError, ProblemsError

MakeDataset = Callable[..., Dataset]
EXAMS = "exam_id,patient_id,date,note\n" + "".join(
    f"e{n},p{n // 2},2020-01-{n + 1:02d},{' 007' if n == 3 else ''}\n" for n in range(20)
)
BREASTS = "exam_id,side,malignant,benign\n" + "".join(f"e{n},L,{int(n % 4 == 0)},\ne{n},R,0,1\n" for n in range(20))
IMAGES = "image_id,exam_id,side,view\n" + "".join(f"i{n},e{n},L,CC\n" for n in range(20))


@pytest.fixture
def folder(make_dataset: MakeDataset) -> Path:
    tables = {"exams.csv": EXAMS, "breasts.csv": BREASTS, "images.csv": IMAGES}
    return make_dataset({**tables, "findings.csv": "finding_id,image_id,label,shape\n"}, pixels=False).folder


def column(folder: Path, name: str = "split") -> list[str | None]:
    return pl.read_csv(folder / "exams.csv", infer_schema=False)[name].to_list()


def test_only_the_column_is_written(folder: Path) -> None:
    report = write_split(folder, Plan(shares=(0.5, 0.2, 0.3)))
    lines = (folder / "exams.csv").read_text().splitlines()
    assert [line.rpartition(",")[0] for line in lines] == EXAMS.splitlines()
    assert (report.column, report.kept, report.uses) == ("split", None, ())
    assert write_split(folder, Plan(by="folds", folds=5)).column == "fold"
    assert [line.rpartition(",")[0] for line in (folder / "exams.csv").read_text().splitlines()] == lines
    assert Dataset.open(folder).split("test").tables["exams"].height == 6


def test_the_balance_counts_every_part(folder: Path) -> None:
    # Ten women; those of exams 0, 4, 8, 12, 16 (every second) have a malignant breast; benign of the left is unknown.
    parts = {part.name: part for part in write_split(folder, Plan(by="folds", folds=5)).parts}
    assert list(parts) == ["0", "1", "2", "3", "4", "all"]
    assert {(p.patients, p.exams, p.breasts, p.positives["malignant"], p.known["malignant"], p.known["benign"])
            for name, p in parts.items() if name != "all"} == {(2, 4, 8, 1, 8, 4)}  # fmt: skip
    assert (parts["all"].exams, parts["all"].positives["malignant"], parts["all"].positives["benign"]) == (20, 5, 20)
    by_date = write_split(folder, Plan(by="date")).parts
    # 80, 10, 10% of ten women; of the test woman only the latest exam is in it.
    assert [(p.name, p.patients, p.exams) for p in by_date] == [
        ("train", 8, 16), ("validation", 1, 2), ("test", 1, 1), ("none", 1, 1), ("all", 10, 20)
    ]  # fmt: skip


def test_a_split_is_replaced_when_asked_and_can_be_put_back(folder: Path) -> None:
    write_split(folder, Plan(by="date"))
    first, text = column(folder), (folder / "exams.csv").read_text()
    with pytest.raises(InputError, match=r"split already.*--replace"):
        write_split(folder, Plan(seed=1))
    assert (folder / "exams.csv").read_text() == text
    report = write_split(folder, Plan(seed=1), replace=True)
    assert column(folder) != first
    assert report.kept == folder / "splits" / "split-1.csv"
    again = write_split(folder, Plan(by="table", table=report.kept), replace=True)
    assert (folder / "exams.csv").read_text() == text
    assert again.kept == folder / "splits" / "split-2.csv"


def test_a_split_in_use_needs_force(folder: Path, tmp_path: Path) -> None:
    write_split(folder)
    (tmp_path / "runs" / "gmic-1").mkdir(parents=True)
    assert record_use(folder, "run", tmp_path / "runs" / "gmic-1")
    assert record_use(folder, "prediction", tmp_path / "predictions" / "gone")
    before = (folder / "exams.csv").read_text()
    with pytest.raises(InputError, match="in use by 2 run") as caught:
        write_split(folder, Plan(seed=1), replace=True)
    assert "gmic-1" in str(caught.value)
    assert "gone" in str(caught.value)
    assert str(caught.value).count("not to be seen from here") == 1
    assert "--force" in str(caught.value)
    assert (folder / "exams.csv").read_text() == before
    # Folds are another column, which nothing was made with.
    assert write_split(folder, Plan(by="folds", folds=2)).uses == ()
    report = write_split(folder, Plan(seed=1), force=True)
    assert {use.kind: use.there for use in report.uses} == {"run": True, "prediction": False}
    assert report.kept is not None
    assert pl.read_csv(report.kept, infer_schema=False)["split"].to_list() == [
        line.split(",")[4] for line in before.splitlines()[1:]
    ]
    # The uses were of the split before; the new one is free until something is made with it.
    assert write_split(folder, Plan(seed=2), replace=True).uses == ()
    # Put back, the old split is in use again.
    write_split(folder, Plan(by="table", table=report.kept), replace=True)
    with pytest.raises(InputError, match="in use"):
        write_split(folder, Plan(seed=3), replace=True)


def test_a_use_is_noted_once_and_of_its_column(folder: Path, tmp_path: Path) -> None:
    assert not record_use(folder, "run", tmp_path / "a")  # nothing is split yet
    write_split(folder)
    write_split(folder, Plan(by="folds", folds=2))
    for _ in range(2):
        assert record_use(folder, "run", tmp_path / "a")
    assert record_use(folder, "run", tmp_path / "b" / "a", column="fold")
    exams = Dataset.open(folder).tables["exams"]
    assert [use.folder for use in uses_of_split(folder, exams)] == [tmp_path / "a"]
    assert [use.folder for use in uses_of_split(folder, exams, "fold")] == [tmp_path / "b" / "a"]


def test_the_fingerprint_is_of_the_parts_alone(folder: Path) -> None:
    write_split(folder)
    exams = Dataset.open(folder).tables["exams"]
    made = split_fingerprint(exams)
    assert made == split_fingerprint(exams.reverse().drop("date"))
    moved = exams.with_columns(pl.when(pl.col("exam_id") == "e0").then(None).otherwise("split").alias("split"))
    assert made != split_fingerprint(moved)
    assert split_fingerprint(exams.drop("split")) is None


def test_wrong_plans_change_nothing(folder: Path) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
    for plan, reason in (
        (Plan(by="folds", folds=11), "10 patients cannot"),
        (Plan(by="folds", folds=6), "only 5 patient"),
        (Plan(labels=("malignnt",)), "no such label.*malignnt.*malignant, benign"),
        (Plan(by="table", table=folder / "none.csv"), "missing"),
        (Plan(shares=(0.0, 0.0, 0.0)), "shares"),
    ):
        with pytest.raises(InputError, match=reason):
            write_split(folder, plan)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before


def test_a_wrong_table_is_refused_with_its_rows(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("patient_id,split\np0,train\np0,test\n")
    with pytest.raises(ProblemsError, match="row 2"):
        write_split(folder, Plan(by="table", table=tmp_path / "s.csv"))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"by": "date", "folds": 5}, "--by and --folds"),
        ({"folds": 5, "table": Path("s.csv")}, "--folds and --from"),
        ({"by": "age"}, "random or by date"),
        ({"folds": 5, "shares": (1.0, 1.0, 1.0)}, "--shares"),
        ({"by": "date", "labels": ["malignant"]}, "--label"),
    ],
)
def test_options_that_contradict_each_other(options: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        plan_of(**options)  # type: ignore[arg-type]


def test_options_mean_a_plan() -> None:
    assert plan_of() == Plan()
    assert plan_of(folds=3, labels=["malignant"], seed=4) == Plan("folds", None, 3, 4, ("malignant",))
    assert plan_of(table=Path("s.csv")) == Plan("table", table=Path("s.csv"))
    assert plan_of(by="date", shares=(8.0, 1.0, 1.0)) == Plan("date", (8.0, 1.0, 1.0))
