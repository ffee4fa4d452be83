"""Reading reader studies: long tables and iMRMC's files.

Readers, modalities and cases stand in the order in which they first appear.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cadkit.errors import InputError
from cadkit.reader_study.cells import name_of, number_of, read_csv, text_of, truth_of
from cadkit.reader_study.ratings import RatingStudy

ONE_MODALITY = "all"


def read_ratings(
    path: str | Path,
    *,
    reader: str = "reader",
    modality: str | None = "modality",
    case: str = "case",
    rating: str = "rating",
    truth: str = "truth",
    cluster: str | None = None,
) -> RatingStudy:
    """Read a long table: a CSV with a row per reading.

    Args:
        path: of the CSV (UTF-8, a header line).
        reader, modality, case, rating, truth: columns. A modality of None: there is one only, called `all`. A row whose
            rating is empty is a reading that was not made. The truth is 0 or 1.
        cluster: column of the patient, where the cases of one patient are not independent.

    Raises:
        InputError: a column is missing, a rating is no number, a reading stands twice, or the truth or the patient
            differs within a case; names file, row, value and mend.
    """
    path = Path(path)
    wanted = [reader, case, rating, truth, *([] if modality is None else [modality])]
    wanted += [] if cluster is None else [cluster]
    header, rows = read_csv(path, wanted)
    place = {name: header.index(name) for name in wanted}
    reads: list[Reading] = []
    truths, patients = _Facts(path, truth), _Facts(path, cluster or "cluster")
    for at, cells in rows:
        which = name_of(path, at, cells[place[case]], case)
        truths.add(at, which, truth_of(path, at, cells[place[truth]], truth))
        if cluster is not None:
            patients.add(at, which, name_of(path, at, cells[place[cluster]], cluster))
        who = name_of(path, at, cells[place[reader]], reader)
        where = ONE_MODALITY if modality is None else name_of(path, at, cells[place[modality]], modality)
        value = number_of(path, at, cells[place[rating]], rating) if cells[place[rating]].strip() else math.nan
        reads.append((at, who, where, which, value))
    return rating_study(path, reads, truths.values, patients.values if cluster is not None else None)


def read_imrmc(path: str | Path) -> RatingStudy:
    """Read an `.imrmc` file: free text up to BEGIN DATA:, then lines of reader, case, modality, score.

    Rows of reader -1 and modality 0, or of reader and modality `truth`, hold the truth of a case.

    Raises:
        InputError: the file is not such a one; names the line.
    """
    path = Path(path)
    lines = text_of(path).splitlines()
    begin = next((n for n, line in enumerate(lines) if line.strip().rstrip(",").casefold() == "begin data:"), None)
    if begin is None:
        raise InputError("there is no line BEGIN DATA:", file=path, mend="An iMRMC file has one before its numbers.")
    reads: list[Reading] = []
    truths = _Facts(path, "truth")
    for number, line in enumerate(lines[begin + 1 :], begin + 2):
        cells = [cell.strip() for cell in line.split(",")]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        at = f"line {number}"
        if len(cells) != 4:
            raise InputError("the line has not four values", file=path, row=at, value=line[:80],
                             mend="They are reader, case, modality, score.")  # fmt: skip
        who, which, where, score = cells
        if who.casefold() in ("-1", "truth"):
            if where.casefold() not in ("0", "truth"):
                raise InputError("the truth has modality 0 or truth", file=path, row=at, value=where,
                                 mend="Reader -1 is kept for the truth; give a reader another name.")  # fmt: skip
            truths.add(at, which, truth_of(path, at, score, "score"), twice=True)
        else:
            reads.append((at, who, where, which, number_of(path, at, score, "score")))
    for place, _, _, which, _ in reads:
        if which not in truths.values:
            raise InputError("the case has no truth", file=path, row=place, value=which,
                             mend="Add a line of reader -1 and modality 0 for it.")  # fmt: skip
    return rating_study(path, reads, truths.values)


Reading = tuple[int | str, str, str, str, float]
"""Where it stands, reader, modality, case, rating (NaN: not made)."""


class _Facts:
    """What is one per case, told by every row of the case."""

    def __init__(self, path: Path, column: str) -> None:
        self.path, self.column = path, column
        self.values: dict[str, int | str] = {}
        self._where: dict[str, int | str] = {}

    def add(self, at: int | str, case: str, value: int | str, *, twice: bool = False) -> None:
        known = self.values.setdefault(case, value)
        first = self._where.setdefault(case, at)
        if known != value:
            place = f"row {first}" if isinstance(first, int) else first
            raise InputError(
                f"the {self.column} of case {case} is {value}, but {known} in {place}", file=self.path, row=at,
                value=value, mend=f"A case has one {self.column}.",
            )  # fmt: skip
        if twice and first != at:
            raise InputError("the truth of the case stands twice", file=self.path, row=at, value=case,
                             mend="Keep one of the lines.")  # fmt: skip


def rating_study(
    path: Path,
    reads: Sequence[Reading],
    truths: Mapping[str, int | str],
    patients: Mapping[str, int | str] | None = None,
    *,
    readers: Sequence[str] = (),
    modalities: Sequence[str] = (),
) -> RatingStudy:
    """A study from its readings; readers and modalities that are named stand first, in that order."""
    if not reads:
        raise InputError("there are no readings", file=path)
    readers = list(dict.fromkeys([*readers, *(read[1] for read in reads)]))
    modalities = list(dict.fromkeys([*modalities, *(read[2] for read in reads)]))
    cases = list(truths)
    at = [{name: number for number, name in enumerate(names)} for names in (modalities, readers, cases)]
    rating = np.full((len(modalities), len(readers), len(cases)), np.nan)
    seen: dict[tuple[int, int, int], int | str] = {}
    for row, who, where, which, value in reads:
        cell = at[0][where], at[1][who], at[2][which]
        if cell in seen:
            first = seen[cell]
            raise InputError(
                f"reader {who} read case {which} in modality {where} already in "
                f"{f'row {first}' if isinstance(first, int) else first}",
                file=path, row=row, mend="Keep one of the two readings.",
            )  # fmt: skip
        seen[cell] = row
        rating[cell] = value
    cluster = None
    if patients is not None:
        codes = {name: number for number, name in enumerate(dict.fromkeys(patients.values()))}
        cluster = np.array([codes[patients[case]] for case in cases], dtype=np.int64)
    truth = np.array([truths[case] == 1 for case in cases])
    for wanted, word in ((truth, "diseased"), (~truth, "non-diseased")):
        if not wanted.any():
            raise InputError(f"there are no {word} cases", file=path, mend="A study needs cases of both kinds.")
    return RatingStudy(tuple(readers), tuple(modalities), tuple(cases), truth, rating, cluster, str(path))
