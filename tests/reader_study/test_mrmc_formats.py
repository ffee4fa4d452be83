"""Reader studies read from files, written for other programs and read again."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from cadkit.errors import InputError
from cadkit.reader_study import (
    MarkStudy,
    RatingStudy,
    analyse,
    export,
    read_imrmc,
    read_marks,
    read_ratings,
    read_rjafroc,
    write_imrmc,
    write_rjafroc,
)
from cadkit.reader_study.workbooks import write_workbook

LONG = """reader,modality,case,truth,rating
ann,film,1,0,1
ann,film,2,1,4.5
ann,film,3,0,2
ann,film,4,1,3
bob,film,1,0,1
bob,film,2,1,2
bob,film,3,0,2
bob,film,4,1,5
"""
MARKS = "reader,modality,case,rating,lesion\nann,DM,1,3,NL\nann,DM,3,4,a\nann,DM,3,5,a\nbob,BT,3,2,b\nbob,BT,2,1,NL\n"
CASES = "case,diseased,lesions\n1,0,0\n2,0,0\n3,1,2\n4,1,1\n"
LESIONS = "case,lesion,weight\n3,a,0.25\n3,b,0.75\n4,a,1\n"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def marks_of(folder: Path, marks: str = MARKS, cases: str = CASES, lesions: str = LESIONS) -> MarkStudy:
    return read_marks(
        write(folder / "marks.csv", marks), write(folder / "cases.csv", cases), write(folder / "lesions.csv", lesions)
    )


def same_ratings(a: RatingStudy, b: RatingStudy) -> None:
    assert (a.readers, a.modalities, a.cases) == (b.readers, b.modalities, b.cases)
    np.testing.assert_array_equal(a.truth, b.truth)
    np.testing.assert_array_equal(a.rating, b.rating)


def same_marks(a: MarkStudy, b: MarkStudy) -> None:
    assert (a.readers, a.modalities, a.cases) == (b.readers, b.modalities, b.cases)
    for name in (
        "lesion_case", "weight", "mark_modality", "mark_reader", "mark_case", "mark_rating", "mark_lesion",
    ):  # fmt: skip
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def test_long_table(tmp_path: Path) -> None:
    study = read_ratings(write(tmp_path / "t.csv", LONG))
    assert (study.readers, study.modalities, study.cases) == (("ann", "bob"), ("film",), ("1", "2", "3", "4"))
    assert study.truth.tolist() == [False, True, False, True]
    assert study.rating.tolist() == [[[1, 4.5, 2, 3], [1, 2, 2, 5]]]
    # Ann ranks all four pairs right, Bob three and one tied.
    assert analyse(study).values.tolist() == [[1.0, 0.875]]


def test_columns_by_other_names_and_patients(tmp_path: Path) -> None:
    text = "who,breast,cancer,score,woman\nx,1L,0,0.1,1\nx,1R,1,0.9,1\nx,2L,0,0.3,2\nx,3L,1,,3\n"
    study = read_ratings(
        write(tmp_path / "t.csv", text), reader="who", modality=None, case="breast", rating="score", truth="cancer",
        cluster="woman",
    )  # fmt: skip
    assert study.modalities == ("all",)
    assert study.cluster is not None
    assert study.cluster.tolist() == [0, 0, 1, 2]
    assert study.unread == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LONG.replace("ann,film,3,0,2", "ann,film,3,0,probably"), ("row 3", "'probably'", "not a finite number")),
        (LONG.replace("bob,film,2,1,2", "bob,film,2,0,2"), ("row 6", "truth of case 2 is 0, but 1 in row 2")),
        (LONG.replace("bob,film,2,1", "bob,film,1,0"), ("row 6", "reader bob read case 1", "row 5")),
        (LONG.replace("truth", "cancer"), ("header", "'truth'", "reader, modality, case, cancer, rating")),
        (LONG.replace("ann,film,1,0,1", "ann,film,1,2,1"), ("row 1", "neither 0 nor 1", "'2'")),
        (LONG.replace("ann,film,1,0,1", "ann,,1,0,1"), ("row 1", "the modality is missing")),
        (LONG.replace(",1,4.5", ",0,4.5").replace(",1,", ",0,"), ("no diseased cases",)),
        ("reader,modality,case,truth,rating\n", ("no readings",)),
        (LONG + "ann,film,5,0\n", ("row 9", "4 values for 5 columns")),
    ],
)
def test_mistakes_in_a_long_table(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    path = write(tmp_path / "t.csv", text)
    with pytest.raises(InputError) as error:
        read_ratings(path)
    assert str(path) in str(error.value)
    for word in words:
        assert word in str(error.value)


IMRMC = "A study, of two readers\n\nbegin data:\n-1,1,0,0\n-1,2,0,1\nann,1,film,1\nann,2,film,2.5\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (IMRMC.replace("begin", "start"), ("BEGIN DATA:",)),
        (IMRMC.replace("ann,2,film,2.5", "ann,2,film"), ("line 7", "four values")),
        (IMRMC.replace("ann,2,", "ann,3,"), ("line 7", "no truth", "'3'")),
        (IMRMC.replace("2.5", "high"), ("line 7", "'high'")),
        (IMRMC.replace("-1,2,0,1", "-1,1,0,1"), ("line 5", "truth of case 1 is 1, but 0 in line 4")),
        (IMRMC.replace("-1,2,0,1", "-1,2,film,1"), ("line 5", "modality 0 or truth")),
    ],
)
def test_mistakes_in_imrmc(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        read_imrmc(write(tmp_path / "t.imrmc", text))
    for word in words:
        assert word in str(error.value)


def test_marks(tmp_path: Path) -> None:
    study = marks_of(tmp_path)
    assert study.truth.tolist() == [False, False, True, True]
    assert study.modalities == ("DM", "BT")
    # Ann marked lesion a twice: the higher rating counts. Bob did not mark in DM, Ann not in BT.
    assert study.lesion_rating[0, 0].tolist() == [5, -np.inf, -np.inf]
    assert study.lesion_rating[1, 1].tolist() == [-np.inf, 2, -np.inf]
    assert study.false_rating[0, 0].tolist() == [3, -np.inf, -np.inf, -np.inf]
    # Case 3's weights are 1/4 and 3/4. Ann in DM: lesion a (5) beats both cases, b and 4a tie with the unmarked case 2.
    area = (2 * 0.25 + 0.5 * 0.75 + 0.5) / 4
    assert analyse(study, fom="wAFROC").values[0, 0] == pytest.approx(area, abs=1e-15)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"marks": MARKS.replace("ann,DM,3,5,a", "ann,DM,3,5,c")}, ("marks.csv, row 3", "'c'", "NL")),
        ({"marks": MARKS.replace("bob,BT,2", "bob,BT,9")}, ("marks.csv, row 5", "no such case", "'9'")),
        ({"marks": MARKS.replace("ann,DM,1,3", "ann,DM,1,high")}, ("marks.csv, row 1", "'high'")),
        ({"cases": CASES.replace("3,1,2", "3,1,3")}, ("cases.csv, row 3", "2 of case 3, not 3")),
        ({"cases": CASES.replace("2,0,0", "2,1,0")}, ("cases.csv", "case 2 is diseased and has 0")),
        ({"lesions": LESIONS.replace("0.75", "0.5")}, ("lesions.csv", "case 3 sum to 0.75")),
        ({"lesions": LESIONS.replace("3,b", "3,a")}, ("lesions.csv, row 2", "stands twice")),
        ({"marks": "reader,modality,case,rating,lesion\n"}, ("marks.csv", "no marks")),
    ],
)
def test_mistakes_in_marks(tmp_path: Path, change: dict[str, str], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        marks_of(tmp_path, **change)
    for word in words:
        assert word in str(error.value)


def crossed(seed: int, readers: int = 3, modalities: int = 2, cases: int = 20, missing: float = 0.0) -> RatingStudy:
    rng = np.random.default_rng(seed)
    truth = np.arange(cases) % 2 == 0
    rating = rng.normal(size=(modalities, readers, cases)) + truth
    rating[rng.random(rating.shape) < missing] = np.nan
    return RatingStudy(
        tuple(f"r{j}" for j in range(readers)), tuple(f"m{i}" for i in range(modalities)),
        tuple(str(k + 1) for k in range(cases)), truth, rating,
    )  # fmt: skip


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_imrmc_round_trip(tmp_path: Path, missing: float) -> None:
    study = crossed(1, missing=missing)
    write_imrmc(study, tmp_path / "s.imrmc")
    same_ratings(study, read_imrmc(tmp_path / "s.imrmc"))


def test_rjafroc_round_trip_of_ratings(tmp_path: Path) -> None:
    study = crossed(2)
    path = export(study, tmp_path, "rjafroc")
    again = read_rjafroc(path)
    assert isinstance(again, RatingStudy)
    same_ratings(study, again)
    write_rjafroc(again, tmp_path / "again.xlsx")
    assert (tmp_path / "again.xlsx").read_bytes() == path.read_bytes()


def test_rjafroc_round_trip_of_marks(tmp_path: Path) -> None:
    study = marks_of(tmp_path)
    again = read_rjafroc(export(study, tmp_path, "rjafroc"))
    assert isinstance(again, MarkStudy)
    same_marks(study, again)


def test_reference_round_trips(shared: Path, tmp_path: Path) -> None:
    folder = shared / "reference"
    numbers, words = (read_imrmc(folder / "van_dyke" / name) for name in ("ratings.imrmc", "ratings_words.imrmc"))
    table = read_ratings(folder / "van_dyke" / "ratings.csv")
    same_ratings(numbers, table)
    np.testing.assert_array_equal(words.rating, table.rating)
    nested = read_ratings(folder / "van_dyke" / "ratings.csv", case="case2")
    for name, study in (("crossed", table), ("words", words), ("nested", nested)):
        write_imrmc(study, tmp_path / name)
        same_ratings(read_imrmc(tmp_path / name), study)
    tony = folder / "tony_froc"
    for weight in ("weight", "weight_unequal"):
        study = read_marks(tony / "marks.csv", tony / "cases.csv", tony / "lesions.csv", weight=weight)
        write_rjafroc(study, tmp_path / "tony.xlsx")
        again = read_rjafroc(tmp_path / "tony.xlsx")
        assert isinstance(again, MarkStudy)
        same_marks(study, again)
        for fom in ("wafroc", "hr_auc", "max_nlf"):
            np.testing.assert_array_equal(analyse(study, fom=fom).values, analyse(again, fom=fom).values)


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one rating per case, not marks"):
        export(marks_of(tmp_path), tmp_path, "imrmc")
    with pytest.raises(InputError, match="missing"):
        export(crossed(3, missing=0.3), tmp_path, "rjafroc")
    with pytest.raises(InputError, match="no such layout"):
        export(crossed(3), tmp_path, "excel")
    comma = RatingStudy(("a,b",), ("m",), ("1", "2"), np.array([True, False]), np.array([[[1.0, 2.0]]]))
    with pytest.raises(InputError, match="'a,b'"):
        export(comma, tmp_path, "imrmc")
    with pytest.raises(InputError, match="not a readable Excel workbook"):
        read_rjafroc(write(tmp_path / "no.xlsx", "no"))


def workbook(path: Path, change: dict[str, list[list[str | float | None]]] | None = None) -> Path:
    """Two readers in one modality: case 1 without a lesion, case 7 with two, in RJafroc's other names of sheets."""
    sheets: dict[str, list[list[str | float | None]]] = {
        "Truth": [
            ["CaseID", "LesionID", "Weight", "ReaderID", "ModalityID", "Paradigm"],
            [1, 0, 0, "0, 1", "0", "FROC"],
            [7, 1, 0, "0, 1", "0", "FCTRL"],
            [7, 2, 0, "0, 1", "0", None],
        ],
        "NL": [["ReaderID", "ModalityID", "CaseID", "NLRating"], [0, 0, 1, 2.5], [1, 0, 7, 1]],
        "LL": [["ReaderID", "ModalityID", "CaseID", "LesionID", "LLRating"], [0, 0, 7, 2, 4]],
    }
    write_workbook(path, {**sheets, **(change or {})})
    return path


def test_a_workbook_by_hand(tmp_path: Path) -> None:
    study = read_rjafroc(workbook(tmp_path / "a.xlsx"))
    assert isinstance(study, MarkStudy)
    assert (study.readers, study.modalities, study.cases) == (("0", "1"), ("0",), ("1", "7"))
    assert study.weight.tolist() == [0.5, 0.5]  # weights of 0 stand for equal ones
    assert study.lesion_rating[0].tolist() == [[-np.inf, 4], [-np.inf, -np.inf]]
    assert study.false_rating[0].tolist() == [[2.5, -np.inf], [-np.inf, 1]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"LL": [["ReaderID"], [0, 0, 7, 3, 4]]}, ("sheet LL, row 2", "no such case or lesion", "'7, 3'")),
        ({"LL": [["ReaderID"], [5, 0, 7, 1, 4]]}, ("sheet LL, row 2", "reader or modality", "'5, 0'")),
        ({"NL": [["ReaderID"], [0, 0, 1, "high"]]}, ("sheet NL, row 2", "rating", "'high'")),
        ({"Truth": [["CaseID"], [1, 0, 0, "0", "0", "LROC"]]}, ("Paradigm", "LROC")),
    ],
)
def test_mistakes_in_a_workbook(
    tmp_path: Path, change: dict[str, list[list[str | float | None]]], words: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as error:
        read_rjafroc(workbook(tmp_path / "a.xlsx", change))
    for word in ("a.xlsx", *words):
        assert word in str(error.value)


def test_a_workbook_that_declares_entities_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx")
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(bomb, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, b'<!DOCTYPE a [<!ENTITY b "c">]>' + text if name.endswith("sharedStrings.xml") else text)
    with pytest.raises(InputError, match="document type"):
        read_rjafroc(bomb)


def test_cases_with_other_names_are_numbered(tmp_path: Path) -> None:
    study = crossed(4)
    named = RatingStudy(study.readers, study.modalities, tuple(f"p{k}" for k in range(20)), study.truth, study.rating)
    again = read_rjafroc(export(named, tmp_path, "rjafroc"))
    assert again.cases == tuple(str(k) for k in range(1, 21))
    assert isinstance(again, RatingStudy)
    np.testing.assert_array_equal(again.rating, study.rating)
