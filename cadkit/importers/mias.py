"""Importing mini-MIAS (Suckling et al. 1994): the 8-bit films at 0.2 mm with their table `Info.txt`.

Conventions, where the database leaves a choice or contradicts itself:

- Films n and n + 1 (n odd) are one woman's, patient (n + 1) // 2, and make one exam; every film is
  an MLO view.
- Side as Info.txt says: even numbers left, odd right. Some legible film markers say the opposite;
  splits by woman and labels by film do not depend on it. Even films face right, odd ones left.
- The table counts x from the left and y from the bottom, in pixels: pixel (x, y) of the table has
  its centre at (x + 0.5, 1023.5 - y) in the file's frame.
- A film is malignant if any of its rows is M, and benign if any is B (film 144 is both).
- F, G and D (fatty, fatty-glandular, dense-glandular) describe the background tissue; they are kept
  in the column `tissue` of exams.csv and are not BI-RADS densities.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cadkit.data.splits import Shares, random_split
from cadkit.data.tables import Meta
from cadkit.errors import InputError, Problem
from cadkit.files import fingerprint
from cadkit.importers.frame import ImportReport, NoSplit, Options, Target
from cadkit.progress import track

SPLIT: Shares = (0.5, 0.2, 0.3)
SIZE = 1024
SPACING_MM = 0.2
LABELS = {
    "malignant": "a row of Info.txt gives the film severity M",
    "benign": "a row of Info.txt gives the film severity B",
}
LICENCE = (
    "For research only; not to be rented, leased or sold; cite J. Suckling et al. (1994), The Mammographic Image "
    "Analysis Society Digital Mammogram Database, Excerpta Medica, International Congress Series 1069, 375-378."
)
_KINDS = {
    "CALC": "calcification",
    "CIRC": "mass",
    "SPIC": "mass",
    "MISC": "mass",
    "ARCH": "distortion",
    "ASYM": "asymmetry",
}
_LABEL_OF = {"M": "malignant", "B": "benign"}
# Prose before and after the table, and the header of some copies, do not look like this.
_ROW = re.compile(r"mdb\d{3}\s", re.IGNORECASE)
_FILM = re.compile(r"mdb(\d{3})\.(pgm|png)", re.IGNORECASE)
# Films that circulating copies of the table call normal, with what the original says.
_ORIGINAL = {212: "G CALC B 687 882 3", 214: "G CALC B 582 916 11"}


@dataclass(frozen=True)
class Row:
    """A row of Info.txt.

    Attributes:
        number: of the film.
        tissue: F, G or D, or empty if it is none of these.
        group: class of abnormality (CALC, CIRC, ...), or NORM.
        label: malignant or benign, or empty for NORM.
        place: what follows, as it stands: x, y and radius, a note, or nothing.
    """

    number: int
    tissue: str
    group: str
    label: str
    place: str

    @property
    def circle(self) -> tuple[float, float, float] | None:
        """x, y and radius in the file's frame, or None if the row gives none."""
        try:
            x, y, radius = (float(part) for part in self.place.split())
        except ValueError:
            return None
        if not (math.isfinite(x) and math.isfinite(y) and 0 < radius < math.inf):
            return None
        return x + 0.5, SIZE - 0.5 - y, radius


def from_options(source: Path, target: Path, options: Options) -> ImportReport:
    """mini-MIAS: a folder of mdb001.pgm ... or .png and Info.txt."""
    options.only("mias", "split", "seed")
    return import_mias(source, target, split=options.split or SPLIT, seed=options.seed, quiet=options.quiet)


def import_mias(
    source: str | Path, target: str | Path, *, split: Shares | NoSplit = SPLIT, seed: int = 0, quiet: bool = False
) -> ImportReport:
    """Write a dataset from a folder of mini-MIAS films, or of some of them; the films stay where they are.

    Args:
        source: folder with Info.txt and the films as .pgm or .png, in itself or in folders below.
        target: the dataset's folder (see `Target`).
        split: shares of women in train, validation and test, stratified by label; `none` leaves the column empty.
        seed: of the split.
        quiet: show no progress.

    Raises:
        InputError: no table or no film is in `source`, or `target` may not be written.
    """
    source, target = Path(source), Path(target)
    table = _table_of(source)
    text = table.read_bytes()
    problems: list[Problem] = []
    rows = read_rows(text.decode("utf-8-sig", errors="replace"), table.name, problems)
    found = _films_of(source, problems)
    names = (f"{path.relative_to(source)} {path.stat().st_size}" for path in found.values())
    contents = fingerprint(text, *names)
    claimed = Target.claim(target, "mias", source, contents)
    films = _usable(rows, found, problems, quiet)
    if not films:
        raise InputError(
            "none of the films can be used", file=source, mend="Expected are the 1024 x 1024 8-bit films of mini-MIAS."
        )
    here = {number: rows[number] for number in sorted(films)}
    findings = _findings(here, problems)
    exams, breasts = _exams(here, problems), _breasts(here)
    if split == "none":
        exams = exams.with_columns(pl.lit(None, dtype=pl.String).alias("split"))
    else:
        exams = exams.with_columns(random_split(exams, breasts, tuple(LABELS), split, seed))
    sources = {"image_id": [_id(n) for n in here], "path": [str(films[n].resolve()) for n in here]}
    meta = Meta(
        name="mini-MIAS",
        labels=LABELS,
        licence=LICENCE,
        source="The mini-MIAS database of mammograms (J. Suckling et al. 1994)",
        created_by="cadkit import mias",
        sources_fingerprint=contents,
        settings={
            "importer": "mias",
            "split": split if split == "none" else [float(share) for share in split],
            "seed": seed,
        },
    )
    return claimed.write(
        meta,
        problems,
        exams=exams,
        breasts=breasts,
        images=_images(here),
        findings=findings,
        sources=pl.DataFrame(sources),
    )


def _table_of(source: Path) -> Path:
    if not source.is_dir():
        raise InputError("there is no such folder", file=source)
    tables = sorted(path for path in source.rglob("*") if path.name.lower() == "info.txt")
    if not tables:
        raise InputError(
            "the folder holds no Info.txt", file=source, mend="Put the database's own table beside the films."
        )
    if len(tables) > 1 and tables[0].parent != source and len({path.read_bytes() for path in tables}) > 1:
        raise InputError("the folder holds several tables that differ", file=source, mend="Keep one Info.txt.")
    return next((path for path in tables if path.parent == source), tables[0])


def _films_of(source: Path, problems: list[Problem]) -> dict[int, Path]:
    films: dict[int, Path] = {}
    for path in sorted(source.rglob("*"), key=lambda p: (p.suffix.lower() != ".pgm", p)):
        match = _FILM.fullmatch(path.name)
        if match is None or not path.is_file():
            continue
        number = int(match[1])
        if number in films:
            reason = f"the film is here as {films[number].name} too, which was taken"
            mend = "Keep one of the two files."
            problems.append(Problem("two-files-one-film", reason, value=path.name, mend=mend, item=_id(number)))
        else:
            films[number] = path
    if not films:
        mend = "Expected are mdb001.pgm ... or .png."
        raise InputError("the folder holds no film of mini-MIAS", file=source, mend=mend)
    return dict(sorted(films.items()))


def read_rows(text: str, name: str, problems: list[Problem]) -> dict[int, list[Row]]:
    """The rows of Info.txt by film, or of a copy of it; lines that are none are passed over.

    A film with a row that cannot be understood is left out, as its labels are then not known.

    Args:
        text: of the table.
        name: of its file.
        problems: problems are added to it; their row is the number of the line.

    Raises:
        InputError: not one line is a row of the table.
    """
    rows: dict[int, list[Row]] = {}
    spoiled = set()
    for line_number, line in enumerate(text.splitlines(), start=1):
        if not _ROW.match(line):
            continue
        row = _parse(line)
        if row is None:
            number = int(line[3:6])
            spoiled.add(number)
            reason = "the class is not known, or the severity of an abnormality is neither B nor M"
            problems.append(
                Problem(
                    "unreadable-row",
                    reason,
                    name,
                    line_number,
                    line.strip(),
                    "Correct the row; until then the film is left out.",
                    _id(number),
                )
            )
        elif row in rows.get(row.number, []):
            reason = "the row stands in the table twice and counts once"
            problems.append(
                Problem("repeated-row", reason, name, line_number, line.strip(), "Remove one.", _id(row.number))
            )
        else:
            rows.setdefault(row.number, []).append(row)
    if not rows:
        raise InputError(
            "no line is a row of the table", file=name, mend="Expected are lines such as `mdb001 G CIRC B 535 425 197`."
        )
    return {number: rows[number] for number in sorted(rows) if number not in spoiled}


def _parse(line: str) -> Row | None:
    number, tissue, group, severity, *place = [*line.split(), "", "", ""]
    tissue, group, severity = tissue.upper(), group.upper(), severity.upper()
    if tissue not in ("F", "G", "D"):
        tissue = ""
    if group == "NORM":
        return Row(int(number[3:]), tissue, group, "", "")
    if group not in _KINDS or severity not in _LABEL_OF:
        return None
    return Row(int(number[3:]), tissue, group, _LABEL_OF[severity], " ".join(place).strip())


def _usable(
    rows: Mapping[int, list[Row]], found: Mapping[int, Path], problems: list[Problem], quiet: bool
) -> dict[int, Path]:
    """Films that are in the table and in the folder and can be read; the others become problems."""
    for number in sorted(rows.keys() - found.keys()):
        reason = "the film is in the table, but not in the folder, and was left out"
        mend = "Put the film there and import again, if you have it."
        problems.append(Problem("image-not-here", reason, mend=mend, item=_id(number)))
    films = {}
    for number, path in track(found.items(), "reading films", len(found), quiet):
        if number not in rows:
            if not any(p.item == _id(number) and p.rule == "unreadable-row" for p in problems):
                reason = "the film is in the folder, but not in the table, and was left out"
                problems.append(Problem("film-not-in-table", reason, value=path.name, item=_id(number)))
            continue
        fault = _fault(path)
        if fault is not None:
            rule, reason = fault
            mend = "Use the film as the database gives it."
            problems.append(Problem(rule, reason, value=path.name, mend=mend, item=_id(number)))
            continue
        films[number] = path
        if number in _ORIGINAL and all(row.group == "NORM" for row in rows[number]):
            reason = f"the table calls the film normal; the original one says {_ORIGINAL[number]}"
            mend = "Use the database's own Info.txt."
            problems.append(Problem("copy-differs", reason, value="NORM", mend=mend, item=_id(number)))
    return films


def _fault(path: Path) -> tuple[str, str] | None:
    """Rule and reason why a file is not a film of the database, or None."""
    from PIL import Image as Picture

    try:
        with Picture.open(path, formats=("PPM", "PNG")) as picture:
            size, mode = picture.size, picture.mode
            picture.verify()
    except (OSError, SyntaxError, ValueError, Picture.DecompressionBombError):
        return "unreadable-image", "the file is damaged or is no picture, and was left out"
    if size != (SIZE, SIZE):
        reason = f"the film has {size[1]} rows and {size[0]} columns instead of 1024, so that the table does not fit it"
        return "wrong-size", f"{reason}; it was left out"
    if mode != "L":
        return "not-8-bit-grey", f"the film is not an 8-bit grey picture (mode {mode}), and was left out"
    if path.suffix.lower() == ".pgm" and path.stat().st_size < SIZE * SIZE:
        return "unreadable-image", "the file ends before its last pixel, and was left out"
    return None


def _id(number: int) -> str:
    return f"mdb{number:03d}"


def _patient(number: int) -> int:
    return (number + 1) // 2


def _exam_id(number: int) -> str:
    return f"exam-{_patient(number):03d}"


def _side(number: int) -> str:
    return "R" if number % 2 else "L"


def _exams(films: Mapping[int, list[Row]], problems: list[Problem]) -> pl.DataFrame:
    tissues: dict[str, set[str]] = {}
    patients: dict[str, str] = {}
    for number, rows in films.items():
        patients[_exam_id(number)] = f"patient-{_patient(number):03d}"
        tissues.setdefault(_exam_id(number), set()).update(row.tissue for row in rows)
    for exam, values in tissues.items():
        if len(values) > 1 or "" in values:
            value = " ".join(sorted(values))
            reason = "the tissue is not one of F, G and D for all rows of the pair, and was left empty"
            problems.append(Problem("unknown-tissue", reason, value=value, item=exam))
    one = [next(iter(values)) if len(values) == 1 else "" for values in tissues.values()]
    return pl.DataFrame(
        {"exam_id": list(patients), "patient_id": list(patients.values()), "tissue": [v or None for v in one]},
        schema_overrides={"tissue": pl.String},
    )


def _breasts(films: Mapping[int, list[Row]]) -> pl.DataFrame:
    # Within an exam the left breast (even film) comes first, as everywhere.
    numbers = sorted(films, key=lambda n: (_patient(n), _side(n)))
    columns = {
        "exam_id": [_exam_id(n) for n in numbers],
        "side": [_side(n) for n in numbers],
        **{label: [int(any(row.label == label for row in films[n])) for n in numbers] for label in LABELS},
    }
    return pl.DataFrame(columns).with_columns(pl.lit(None, pl.Int64).alias("biopsied"))


def _images(films: Mapping[int, list[Row]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "image_id": [_id(n) for n in films],
            "exam_id": [_exam_id(n) for n in films],
            "side": [_side(n) for n in films],
            "view": ["MLO"] * len(films),
            "rows": [SIZE] * len(films),
            "columns": [SIZE] * len(films),
            "bits": [8] * len(films),
            "faces": ["left" if n % 2 else "right" for n in films],
            "pixel_spacing_mm": [SPACING_MM] * len(films),
            "laterality_source": ["Info.txt"] * len(films),
        }
    )


def _findings(films: Mapping[int, list[Row]], problems: list[Problem]) -> pl.DataFrame:
    found = []
    for number, rows in films.items():
        abnormal = [row for row in rows if row.label]
        for position, row in enumerate(abnormal, start=1):
            circle = row.circle
            if circle is None:
                reason = f"the table gives no circle for this {row.label} {_KINDS[row.group]}: the label stays"
                mend = "Draw it and add it to findings.csv, if you can."
                problems.append(Problem("finding-not-located", reason, value=row.place, mend=mend, item=_id(number)))
                continue
            if not (0 <= circle[0] <= SIZE and 0 <= circle[1] <= SIZE):
                reason = f"the circle of this {row.label} {_KINDS[row.group]} lies outside the film: the label stays"
                problems.append(Problem("finding-outside-image", reason, value=row.place, item=_id(number)))
                continue
            name = f"{_id(number)}-{position}"
            found.append(
                {
                    "finding_id": name,
                    "image_id": _id(number),
                    "lesion_id": name,
                    "label": row.label,
                    "kind": _KINDS[row.group],
                    "shape": "circle",
                    "coordinates": " ".join(f"{value:g}" for value in circle),
                    "mias_class": row.group,
                }
            )
    columns = ("finding_id", "image_id", "lesion_id", "label", "kind", "shape", "coordinates", "mias_class")
    return pl.DataFrame(found, schema=dict.fromkeys(columns, pl.String))
