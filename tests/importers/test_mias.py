"""mini-MIAS: the real films of ../shared, and small folders with every quirk of the database and its copies."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image as Picture

from cadkit.data import Circle, Dataset
from cadkit.data.tables import read_problems
from cadkit.errors import InputError
from cadkit.importers import Options
from cadkit.importers.mias import from_options, import_mias

PROSE = """              MAMMOGRAPHIC IMAGE ANALYSIS SOCIETY
1st column: MIAS database reference number.
mdb is how each number begins
=================================================================

"""
RULE = "\n=================================================================\n"


def film(path: Path, value: int = 100, size: tuple[int, int] = (1024, 1024)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".pgm":
        path.write_bytes(b"P5\n%d %d\n255\n" % (size[1], size[0]) + bytes([value]) * (size[0] * size[1]))
    else:
        Picture.fromarray(np.full(size, value, np.uint8)).save(path, format="PNG")


def folder_of(tmp_path: Path, table: str, films: str, suffix: str = ".pgm") -> Path:
    source = tmp_path / "films"
    for number in films.split():
        film(source / f"mdb{number}{suffix}")
    source.mkdir(exist_ok=True)
    (source / "Info.txt").write_text(table)
    return source


def problems(target: Path) -> dict[tuple[str, str], dict[str, str]]:
    return {(row["rule"], row["item"]): row for row in read_problems(target).iter_rows(named=True)}


def imported(tmp_path: Path, table: str, films: str, suffix: str = ".pgm") -> Dataset:
    import_mias(folder_of(tmp_path, table, films, suffix), tmp_path / "D", quiet=True)
    return Dataset.open(tmp_path / "D")


@pytest.fixture(scope="module")
def real(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    target = tmp_path_factory.mktemp("mias") / "D"
    report = import_mias(shared / "data" / "mini-mias", target, quiet=True)
    assert (report.exams, report.breasts, report.images) == (50, 100, 100)
    return Dataset.open(target)


def test_real_counts_are_those_of_its_readme(real: Dataset) -> None:
    # 107 rows of the table are of these films: 63 normal, 28 benign, 16 malignant; 059 (benign) and 216
    # (malignant) have no circle.
    by_label = dict(real.tables["findings"].group_by("label").len().iter_rows())
    assert by_label == {"benign": 27, "malignant": 15}
    breasts = real.tables["breasts"]
    assert breasts.filter((pl.col("malignant") == 0) & (pl.col("benign") == 0)).height == 63
    rules = dict(read_problems(real.folder).group_by("rule").len().iter_rows())
    assert rules == {"image-not-here": 222, "finding-not-located": 2}
    assert {i for r, i in problems(real.folder) if r == "finding-not-located"} == {"mdb059", "mdb216"}


def test_real_split_is_by_woman_and_stratified(real: Dataset) -> None:
    exams = real.tables["exams"]
    assert exams["patient_id"].n_unique() == 50
    assert dict(exams.group_by("split").len().iter_rows()) == {"train": 25, "validation": 10, "test": 15}
    malignant = {split: sum(e.truth("malignant") == 1 for e in real.split(split).exams) for split in SPLIT_NAMES}
    assert sum(malignant.values()) == 15
    # 15 women at 50/20/30 are 7.5, 3 and 4.5.
    assert malignant["train"] in (7, 8)
    assert malignant["validation"] == 3
    assert malignant["test"] in (4, 5)


SPLIT_NAMES = ("train", "validation", "test")


def test_real_circles_are_where_the_table_says(real: Dataset) -> None:
    # mdb028 F CIRC M 338 314 56: row 1023 - 314 = 709, whose centre is 709.5; column 338, centre 338.5.
    # mdb111 D ASYM M 505 575 107: row 448.
    circles = {f.image_id: f.region for f in real.findings}
    assert circles["mdb028"] == Circle(338.5, 709.5, 56)
    assert circles["mdb111"] == Circle(505.5, 448.5, 107)


def test_real_film_with_both_labels_and_films_with_several_rows(real: Dataset) -> None:
    exam = next(e for e in real.exams if any(i.id == "mdb144" for i in e.images))
    assert exam.patient_id == "patient-072"
    assert exam.breasts["L"].truth("malignant") == exam.breasts["L"].truth("benign") == 1
    assert exam.breasts["R"].truth("malignant") == exam.breasts["R"].truth("benign") == 0
    of_144 = {(f.label, f.kind): f.id for f in real.findings if f.image_id == "mdb144"}
    assert of_144.keys() == {("benign", "mass"), ("malignant", "mass")}
    count = {image: len(real.findings_of(image)) for image in ("mdb005", "mdb132", "mdb223", "mdb226", "mdb249")}
    assert count == {"mdb005": 2, "mdb132": 2, "mdb223": 2, "mdb226": 3, "mdb249": 2}


def test_a_film_becomes_an_image_with_what_is_known_of_it(tmp_path: Path) -> None:
    table = PROSE + "mdb003 D NORM \nmdb004 D CIRC B 500 300 20\n" + RULE
    data = imported(tmp_path, table, "003 004", ".png")
    assert data.tables["images"].rows() == [
        ("mdb003", "exam-002", "R", "MLO", 1024, 1024, 8, "left", 0.2, "Info.txt"),
        ("mdb004", "exam-002", "L", "MLO", 1024, 1024, 8, "right", 0.2, "Info.txt"),
    ]
    assert data.tables["exams"].select("exam_id", "patient_id", "tissue").rows() == [("exam-002", "patient-002", "D")]
    assert "density" not in data.tables["exams"].columns
    assert data.tables["breasts"].select("side", "malignant", "benign").rows() == [("L", 0, 1), ("R", 0, 0)]
    assert data.tables["breasts"]["biopsied"].to_list() == [None, None]
    sources = pl.read_csv(data.folder / "sources.csv")
    assert sources["path"].to_list() == [str(tmp_path / "films" / f"mdb00{n}.png") for n in (3, 4)]
    assert (data.folder / "sources.csv").stat().st_mode & 0o077 == 0
    assert data.meta.labels.keys() == {"malignant", "benign"}
    assert "research only" in data.meta.licence


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CALC", "calcification"),
        ("CIRC", "mass"),
        ("SPIC", "mass"),
        ("MISC", "mass"),
        ("ARCH", "distortion"),
        ("ASYM", "asymmetry"),
    ],
)
def test_class_gives_the_kind_and_is_kept(tmp_path: Path, name: str, kind: str) -> None:
    data = imported(tmp_path, f"mdb001 G {name} M 535 425 197\n", "001")
    assert data.tables["findings"].select("kind", "label", "mias_class").rows() == [(kind, "malignant", name)]


def test_a_row_without_circle_gives_the_label_and_a_problem(tmp_path: Path) -> None:
    table = "mdb059 F CIRC B\nmdb060 F NORM \nmdb216 D CALC M *NOTE 3* \nmdb245 F CALC M   \n"
    data = imported(tmp_path, table, "059 060 216 245")
    assert data.findings == ()
    assert {(b.id, b.truth("malignant"), b.truth("benign")) for b in data.breasts} == {
        ("exam-030/R", 0, 1),
        ("exam-030/L", 0, 0),
        ("exam-108/L", 1, 0),
        ("exam-123/R", 1, 0),
    }
    found = problems(data.folder)
    assert {item for rule, item in found if rule == "finding-not-located"} == {"mdb059", "mdb216", "mdb245"}
    assert found["finding-not-located", "mdb216"]["value"] == "*NOTE 3*"


def test_a_circulating_copy_is_read_and_its_differences_said(tmp_path: Path) -> None:
    table = (
        "\ufeffREFNUM BG CLASS SEVERITY X Y RADIUS\r\nmdb211 G CALC M 680 327 13\r\nmdb212 G NORM\r\n"
        "mdb213 G CALC M 547 520 45 \r\nmdb214 G CALC B 582 916 11\r\n"
    )
    data = imported(tmp_path, table, "211 212 213 214", ".PGM")
    assert [f.image_id for f in data.findings] == ["mdb211", "mdb213", "mdb214"]
    found = problems(data.folder)
    assert [item for rule, item in found if rule == "copy-differs"] == ["mdb212"]
    assert "CALC B 687 882 3" in found["copy-differs", "mdb212"]["reason"]


def test_first_line_behind_a_byte_order_mark_is_a_row(tmp_path: Path) -> None:
    assert len(imported(tmp_path, "\ufeffmdb001 G NORM\nmdb002 G NORM\n", "001 002").images) == 2


def test_films_and_rows_that_do_not_meet_are_said(tmp_path: Path) -> None:
    data = imported(tmp_path, "mdb001 G CIRC M 535 425 197\nmdb002 G NORM\nmdb003 D NORM\n", "001 003 007")
    assert [i.id for i in data.images] == ["mdb001", "mdb003"]
    # Film 002 is not here: nothing is claimed of that breast.
    assert [b.id for b in data.breasts] == ["exam-001/R", "exam-002/R"]
    assert problems(data.folder).keys() == {("image-not-here", "mdb002"), ("film-not-in-table", "mdb007")}


def test_rows_that_cannot_be_understood_leave_the_film_out(tmp_path: Path) -> None:
    table = (
        "mdb001 G BLOB M 535 425 197\nmdb001 G CIRC B 1 2 3\nmdb002 G CIRC X 5 4 1\nmdb003 X NORM\n"
        "mdb004 X CIRC B 500 1500 20\nmdb005 G CIRC B 500 500 0\nmdb006 G CIRC B 5 5 5\nmdb006 G CIRC B 5 5 5\n"
    )
    data = imported(tmp_path, table, "001 002 003 004 005 006")
    assert [i.id for i in data.images] == ["mdb003", "mdb004", "mdb005", "mdb006"]
    assert [f.id for f in data.findings] == ["mdb006-1"]
    found = problems(data.folder)
    assert found.keys() == {
        ("unreadable-row", "mdb001"),
        ("unreadable-row", "mdb002"),
        ("unknown-tissue", "exam-002"),
        ("finding-outside-image", "mdb004"),
        ("finding-not-located", "mdb005"),
        ("repeated-row", "mdb006"),
    }
    assert found["unreadable-row", "mdb002"]["row"] == "3"
    assert data.exams[1].columns["tissue"] == "G"
    assert data.exams[0].columns["tissue"] is None


def test_files_that_are_no_films_of_the_database_are_left_out(tmp_path: Path) -> None:
    numbers = ["001", "002", "003", "004", "005", "006"]
    source = folder_of(tmp_path, "".join(f"mdb{n} G NORM\n" for n in numbers), "001")
    film(source / "mdb002.png", size=(512, 512))
    Picture.new("RGB", (1024, 1024)).save(source / "mdb003.png")
    (source / "mdb004.png").write_bytes(b"no picture")
    film(source / "mdb005.pgm")
    os.truncate(source / "mdb005.pgm", 900_000)
    film(source / "mdb006.png")
    os.truncate(source / "mdb006.png", (source / "mdb006.png").stat().st_size - 30)
    report = import_mias(source, tmp_path / "D", quiet=True)
    assert report.images == 1
    assert report.problems == {"wrong-size": 1, "not-8-bit-grey": 1, "unreadable-image": 3}
    assert {i for r, i in problems(tmp_path / "D") if r == "unreadable-image"} == {"mdb004", "mdb005", "mdb006"}
    for row in read_problems(tmp_path / "D").iter_rows(named=True):
        assert str(tmp_path) not in " ".join(str(v) for v in row.values())


def test_pgm_is_taken_where_both_formats_are_here(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "mdb001 G NORM\nmdb002 G NORM\n", "001 002")
    film(source / "copies" / "mdb001.png")
    import_mias(source, tmp_path / "D", quiet=True)
    assert pl.read_csv(tmp_path / "D" / "sources.csv")["path"][0].endswith("mdb001.pgm")
    assert problems(tmp_path / "D").keys() == {("two-files-one-film", "mdb001")}


def test_the_split_follows_seed_and_shares(tmp_path: Path) -> None:
    table = "".join(f"mdb{n:03d} G {'CIRC M 500 500 9' if n % 8 == 1 else 'NORM'}\n" for n in range(1, 41))
    source = folder_of(tmp_path, table, " ".join(f"{n:03d}" for n in range(1, 41)))

    def split(name: str, **options: object) -> list[str]:
        from_options(source, tmp_path / name, Options(quiet=True, **options))  # type: ignore[arg-type]
        return Dataset.open(tmp_path / name).tables["exams"]["split"].to_list()

    first = split("a")
    assert split("b", seed=0) == first
    assert split("c", seed=1) != first
    assert sorted(split("d", split=(0.75, 0.0, 0.25))) == ["test"] * 5 + ["train"] * 15


@pytest.mark.parametrize(
    ("table", "films", "said"),
    [
        (None, "001", "Info.txt"),
        ("only prose\n", "001", "no line is a row"),
        ("mdb001 G NORM\n", "", "no film"),
        ("mdb001 G NORM\n", "005", "none of the films"),
    ],
)
def test_a_folder_that_is_not_the_database_is_refused(tmp_path: Path, table: str | None, films: str, said: str) -> None:
    source = folder_of(tmp_path, table or "", films)
    if table is None:
        (source / "Info.txt").unlink()
    with pytest.raises(InputError, match=said):
        import_mias(source, tmp_path / "D", quiet=True)
    assert not (tmp_path / "D").exists()


def test_an_option_without_use_is_refused(tmp_path: Path) -> None:
    source = folder_of(tmp_path, "mdb001 G NORM\n", "001")
    with pytest.raises(InputError, match="keep_ids"):
        from_options(source, tmp_path / "D", Options(keep_ids=True))
    with pytest.raises(InputError, match="colour"):
        from_options(source, tmp_path / "D", Options(more={"colour": "no"}))
