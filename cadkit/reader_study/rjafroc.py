"""RJafroc's workbooks (`newExcelFileFormat = TRUE`): sheets TRUTH, TP (or LL) and FP (or NL)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cadkit.errors import InputError
from cadkit.reader_study.cells import Row, number_of
from cadkit.reader_study.formats import Reading, rating_study
from cadkit.reader_study.marks import MarkRow, mark_study
from cadkit.reader_study.ratings import MarkStudy, RatingStudy, Study
from cadkit.reader_study.workbooks import Cell, read_workbook, write_workbook


def write_rjafroc(study: Study, path: str | Path) -> None:
    """Write an RJafroc workbook: sheets TRUTH, TP and FP (`newExcelFileFormat = TRUE`).

    Cases are numbered where their names are no whole numbers, lesions always, within their case.

    Raises:
        InputError: readings are missing, or a name holds a comma.
    """
    for name in (*study.readers, *study.modalities):
        if "," in name or name != name.strip():
            raise InputError("an RJafroc workbook cannot hold this name", row="--export", value=name,
                             mend="Take out commas and blanks around it.")  # fmt: skip
    if isinstance(study, RatingStudy) and study.unread:
        raise InputError("an RJafroc workbook is written of a fully crossed study only", row="--export",
                         value=f"{study.unread} readings are missing", mend="Use --export imrmc.")  # fmt: skip
    plain = all(name.isascii() and name.isdigit() and str(int(name)) == name for name in study.cases)
    ids = [int(name) for name in study.cases] if plain else list(range(1, len(study.cases) + 1))
    truth: list[list[Cell]] = [["CaseID", "LesionID", "Weight", "ReaderID", "ModalityID", "Paradigm"]]
    tp: list[list[Cell]] = [["ReaderID", "ModalityID", "CaseID", "LesionID", "TP_Rating"]]
    fp: list[list[Cell]] = [["ReaderID", "ModalityID", "CaseID", "FP_Rating"]]
    who, where = ", ".join(study.readers), ", ".join(study.modalities)
    paradigm: Sequence[Cell] = ["ROC" if isinstance(study, RatingStudy) else "FROC", "FCTRL"]
    for case, number, weight in _truth_rows(study):
        word = paradigm[len(truth) - 1] if len(truth) <= len(paradigm) else None
        truth.append([ids[case], number, weight, who, where, word])
    if isinstance(study, RatingStudy):
        for i, j, k in np.ndindex(study.rating.shape):
            head: list[Cell] = [_cell(study.readers[j]), _cell(study.modalities[i]), ids[k]]
            rating = float(study.rating[i, j, k])
            (tp if study.truth[k] else fp).append([*head, 1, rating] if study.truth[k] else [*head, rating])
    else:
        numbers = _lesion_numbers(study)
        for at in range(len(study.mark_case)):
            reader, modality = study.readers[study.mark_reader[at]], study.modalities[study.mark_modality[at]]
            head = [_cell(reader), _cell(modality), ids[study.mark_case[at]]]
            rating, lesion = float(study.mark_rating[at]), int(study.mark_lesion[at])
            (fp if lesion < 0 else tp).append([*head, rating] if lesion < 0 else [*head, numbers[lesion], rating])
    write_workbook(path, {"TRUTH": truth, "TP": tp, "FP": fp})


def _cell(name: str) -> Cell:
    """A name as a number where it is one, as RJafroc writes it."""
    return int(name) if name.isascii() and name.isdigit() and str(int(name)) == name else name


def _truth_rows(study: Study) -> list[tuple[int, int, float]]:
    """Case, number of the lesion and its weight; a case without a lesion has number 0."""
    if isinstance(study, RatingStudy):
        return [(case, int(sick), float(sick)) for case, sick in enumerate(study.truth)]
    numbers = _lesion_numbers(study)
    rows = [(case, 0, 0.0) for case in np.flatnonzero(~study.truth).tolist()]
    rows += [
        (case, number, weight)
        for case, number, weight in zip(study.lesion_case.tolist(), numbers, study.weight.tolist(), strict=True)
    ]
    return sorted(rows, key=lambda row: row[0])


def _lesion_numbers(study: MarkStudy) -> list[int]:
    """Number of every lesion within its case, from 1."""
    counts = [0] * len(study.cases)
    numbers = []
    for case in study.lesion_case.tolist():
        counts[case] += 1
        numbers.append(counts[case])
    return numbers


def read_rjafroc(path: str | Path) -> Study:
    """Read an RJafroc workbook (`newExcelFileFormat = TRUE`, fully crossed): ratings of ROC, marks of FROC.

    Raises:
        InputError: the workbook is not such a one; names sheet and row.
    """
    path = Path(path)
    sheets = {name.casefold(): rows for name, rows in read_workbook(path).items()}
    truth, tp, fp = (
        _table(path, sheets, names, width) for names, width in ((("truth",), 6), (("tp", "ll"), 5), (("fp", "nl"), 4))
    )
    paradigm = [row[5].upper() for _, row in truth[:2]]
    if len(paradigm) < 2 or paradigm[0] not in ("ROC", "FROC") or paradigm[1] != "FCTRL":
        raise InputError("the paradigm is not ROC or FROC, FCTRL", file=path, row="TRUTH, column Paradigm",
                         value=", ".join(paradigm), mend="Fully crossed studies of these two are read.")  # fmt: skip
    readers, modalities = ([part.strip() for part in truth[0][1][place].split(",")] for place in (3, 4))
    for at, row in (*tp, *fp):
        if row[0] not in readers or row[1] not in modalities:
            raise InputError("the reader or modality is not in the sheet TRUTH", file=path, row=at,
                             value=f"{row[0]}, {row[1]}", mend="Its ReaderID and ModalityID list all.")  # fmt: skip
    if paradigm[0] == "ROC":
        truths = {row[0]: int(number_of(path, at, row[1], "LesionID") > 0) for at, row in truth}
        reads: list[Reading] = [(at, r[0], r[1], r[2], number_of(path, at, r[-1], "rating")) for at, r in (*tp, *fp)]
        return rating_study(path, reads, truths, readers=readers, modalities=modalities)
    cases = {name: number for number, name in enumerate(dict.fromkeys(row[0] for _, row in truth))}
    lesions: dict[tuple[int, str], int] = {}
    weights: list[float] = []
    for at, row in truth:
        if number_of(path, at, row[1], "LesionID") > 0:
            lesions[cases[row[0]], row[1]] = len(lesions)
            weights.append(number_of(path, at, row[2], "weight"))
    marks = [_mark(path, at, row, cases, lesions) for at, row in tp]
    marks += [_mark(path, at, [*row[:3], "", row[3]], cases, lesions) for at, row in fp]
    return mark_study(readers, modalities, list(cases), list(lesions), _weights(lesions, weights), marks, str(path))


def _table(path: Path, sheets: dict[str, list[list[str]]], names: tuple[str, ...], width: int) -> list[Row]:
    """The numbered rows of a sheet, below its header."""
    name = next((name for name in names if name in sheets), None)
    if name is None:
        raise InputError(f"there is no sheet {names[0].upper()}", file=path, mend="It has TRUTH, TP and FP.")
    rows = [[cell.strip() for cell in [*row, *[""] * width][:width]] for row in sheets[name]]
    return [(f"sheet {name.upper()}, row {n}", row) for n, row in enumerate(rows[1:], 2) if any(row)]


def _mark(
    path: Path, at: int | str, row: list[str], cases: dict[str, int], lesions: dict[tuple[int, str], int]
) -> MarkRow:
    """A row of the sheets TP (with a LesionID) or FP (without)."""
    case = cases.get(row[2])
    lesion = -1 if case is None or not row[3] else lesions.get((case, row[3]))
    if case is None or lesion is None:
        raise InputError("the sheet TRUTH has no such case or lesion", file=path, row=at, value=", ".join(row[2:4]),
                         mend="Add it there, or mend its number.")  # fmt: skip
    return row[0], row[1], case, number_of(path, at, row[4], "rating"), lesion


def _weights(lesions: dict[tuple[int, str], int], weights: list[float]) -> list[float]:
    """The weights as given, or equal ones where they are all 0, as RJafroc takes them."""
    if any(weights):
        return weights
    counts = np.bincount(np.array([case for case, _ in lesions], dtype=np.int64))
    return [1.0 / float(counts[case]) for case, _ in lesions]
