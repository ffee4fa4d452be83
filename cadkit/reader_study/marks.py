"""Reading free-response studies from tables of marks, cases and lesions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cadkit.errors import InputError
from cadkit.reader_study.cells import name_of, number_of, read_csv, truth_of
from cadkit.reader_study.ratings import IntArray, MarkStudy

NO_LESION = "NL"


def read_marks(
    marks: str | Path, cases: str | Path, lesions: str | Path, *, weight: str | None = "weight"
) -> MarkStudy:
    """Read a free-response study from three tables.

    Args:
        marks: reader, modality, case, rating, lesion (the lesion hit, or NL for a mark that hits none). A reader who
            marked a lesion twice is taken at the higher rating.
        cases: case, diseased (0 or 1); where there is a column lesions, it must be their number.
        lesions: case, lesion and the column of weights, which sum to 1 within a case.
        weight: that column; None, or where there is no column `weight`: equal weights.

    Raises:
        InputError: a column is missing, a rating is no number, a mark names an unknown case or lesion, or cases and
            lesions contradict each other; names file, row, value and mend.
    """
    marks, cases, lesions = Path(marks), Path(cases), Path(lesions)
    diseased, announced = _read_cases(cases)
    names = {name: number for number, name in enumerate(diseased)}
    lesion_of, weights = _read_lesions(lesions, names, weight)
    counts = np.bincount(np.array([case for case, _ in lesion_of], dtype=np.int64), minlength=len(names))
    for name, (number, at) in announced.items():
        if counts[names[name]] != number:
            raise InputError(f"the table of lesions has {counts[names[name]]} of case {name}, not {number}", file=cases,
                             row=at, mend="Make the two tables agree.")  # fmt: skip
    for name, sick in diseased.items():
        if bool(sick) != bool(counts[names[name]]):
            raise InputError(f"case {name} is {'diseased' if sick else 'not diseased'} and has {counts[names[name]]} "
                             "lesions", file=cases, mend="A case is diseased if it has a lesion.")  # fmt: skip
    rows = _read_mark_rows(marks, names, lesion_of)
    return mark_study(
        list(dict.fromkeys(row[0] for row in rows)), list(dict.fromkeys(row[1] for row in rows)),
        list(names), list(lesion_of), weights, rows, f"{marks}",
    )  # fmt: skip


MarkRow = tuple[str, str, int, float, int]
"""Reader, modality, case, rating and lesion (-1: none)."""


def mark_study(
    readers: Sequence[str],
    modalities: Sequence[str],
    cases: Sequence[str],
    lesions: Sequence[tuple[int, str]],
    weights: Sequence[float],
    rows: Iterable[MarkRow],
    source: str,
) -> MarkStudy:
    """A study from its rows; marks are put in an order of their own, so that equal studies are equal arrays."""
    reader_at = {name: number for number, name in enumerate(readers)}
    modality_at = {name: number for number, name in enumerate(modalities)}
    keyed = sorted((modality_at[m], reader_at[r], case, lesion, rating) for r, m, case, rating, lesion in rows)

    def column(place: int) -> IntArray:
        return np.array([key[place] for key in keyed], dtype=np.int64)

    if not readers or not cases:
        raise InputError("there are no marks" if cases else "there are no cases", file=source)
    return MarkStudy(
        tuple(readers), tuple(modalities), tuple(cases), tuple(name for _, name in lesions),
        np.array([case for case, _ in lesions], dtype=np.int64), np.array(weights, dtype=np.float64),
        column(0), column(1), column(2), np.array([key[4] for key in keyed], dtype=np.float64), column(3), source,
    )  # fmt: skip


def _read_cases(path: Path) -> tuple[dict[str, int], dict[str, tuple[int, int | str]]]:
    """Truth of every case, and the announced number of lesions with its row."""
    header, rows = read_csv(path, ["case", "diseased"])
    place = {name: number for number, name in enumerate(header)}
    diseased: dict[str, int] = {}
    announced: dict[str, tuple[int, int | str]] = {}
    for at, cells in rows:
        name = name_of(path, at, cells[place["case"]], "case")
        if name in diseased:
            raise InputError("the case stands twice", file=path, row=at, value=name, mend="Keep one of the rows.")
        diseased[name] = truth_of(path, at, cells[place["diseased"]], "diseased")
        if "lesions" in place:
            announced[name] = int(number_of(path, at, cells[place["lesions"]], "lesions")), at
    return diseased, announced


def _read_lesions(
    path: Path, cases: dict[str, int], weight: str | None
) -> tuple[dict[tuple[int, str], int], list[float]]:
    """Number of every lesion by its case and name, and its weight."""
    header, rows = read_csv(path, ["case", "lesion", *([weight] if weight not in (None, "weight") else [])])
    place = {name: number for number, name in enumerate(header)}
    lesions: dict[tuple[int, str], int] = {}
    weights: list[float] = []
    for at, cells in rows:
        case = _known_case(path, at, cells[place["case"]], cases)
        key = case, name_of(path, at, cells[place["lesion"]], "lesion")
        if key in lesions or key[1].casefold() == NO_LESION.casefold():
            what = "the lesion stands twice" if key in lesions else "NL is no name of a lesion: it means none"
            raise InputError(what, file=path, row=at, value=key[1], mend="Name the lesions of a case differently.")
        lesions[key] = len(lesions)
        weights.append(number_of(path, at, cells[place[weight]], weight) if weight and weight in place else math.nan)
    owner = np.array([case for case, _ in lesions], dtype=np.int64)
    if weight is None or weight not in place:
        return lesions, [1.0 / one for one in np.bincount(owner)[owner]] if len(owner) else []
    sums = np.bincount(owner, weights, len(cases))
    wrong = (np.bincount(owner, minlength=len(cases)) > 0) & (np.abs(sums - 1) > 1e-6)
    if wrong.any() or min(weights, default=0) < 0:
        case = int(wrong.argmax()) if wrong.any() else int(owner[int(np.argmin(weights))])
        raise InputError(
            f"the weights of the lesions of case {list(cases)[case]} sum to {sums[case]:g}, or one is negative",
            file=path, row=weight, mend="They are 0 or more and sum to 1 within a case.",
        )  # fmt: skip
    return lesions, weights


def _read_mark_rows(path: Path, cases: dict[str, int], lesions: dict[tuple[int, str], int]) -> list[MarkRow]:
    header, rows = read_csv(path, ["reader", "modality", "case", "rating", "lesion"])
    place = {name: number for number, name in enumerate(header)}
    found: list[MarkRow] = []
    for at, cells in rows:
        case = _known_case(path, at, cells[place["case"]], cases)
        hit = name_of(path, at, cells[place["lesion"]], "lesion")
        lesion = -1 if hit.casefold() == NO_LESION.casefold() else lesions.get((case, hit))
        if lesion is None:
            raise InputError("the mark hits a lesion that its case does not have", file=path, row=at, value=hit,
                             mend=f"Write {NO_LESION} for a mark that hits none.")  # fmt: skip
        who = name_of(path, at, cells[place["reader"]], "reader")
        where = name_of(path, at, cells[place["modality"]], "modality")
        found.append((who, where, case, number_of(path, at, cells[place["rating"]], "rating"), lesion))
    return found


def _known_case(path: Path, at: int | str, text: str, cases: dict[str, int]) -> int:
    if text.strip() not in cases:
        raise InputError("there is no such case in the table of cases", file=path, row=at, value=text,
                         mend="Add it there, or mend its name.")  # fmt: skip
    return cases[text.strip()]
