"""Splitting patients into train, validation and test: at random, by date, from a table, or into folds.

A split is a column of exams.csv, so that people can see and edit it. All exams of a patient fall
into one part. Here are the ways of making one; `cadkit.data.split_column` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cadkit.data.csv_lines import refuse_ragged
from cadkit.data.tables import SPLITS
from cadkit.errors import InputError, Problem, ProblemsError

Shares = tuple[float, float, float]
FloatArray = NDArray[np.float64]


def patient_strata(exams: pl.DataFrame, breasts: pl.DataFrame, labels: Sequence[str]) -> dict[str, str]:
    """The combination of labels that each patient has in any breast or exam, as text such as `malignant`."""
    of_breast = [label for label in labels if label in breasts.columns]
    of_exam = [label for label in labels if label in exams.columns and label not in of_breast]
    here = [label for label in labels if label in (*of_breast, *of_exam)]
    joined = exams.select("exam_id", "patient_id", *of_exam).join(
        breasts.select("exam_id", *of_breast), on="exam_id", how="left"
    )
    grouped = joined.group_by("patient_id").agg(pl.col(label).max() for label in here)
    return {
        row["patient_id"]: "+".join(label for label in here if row[label] == 1) or "none"
        for row in grouped.iter_rows(named=True)
    }


def _rarest_first(strata: Mapping[str, str]) -> list[list[str]]:
    """The patients of each stratum in the order of their ids; small strata come first."""
    members: dict[str, list[str]] = {}
    for patient in sorted(strata):
        members.setdefault(strata[patient], []).append(patient)
    return [members[name] for name in sorted(members, key=lambda name: (len(members[name]), name))]


def random_split(
    exams: pl.DataFrame,
    breasts: pl.DataFrame,
    labels: Sequence[str],
    shares: Shares = (0.6, 0.2, 0.2),
    seed: int = 0,
) -> pl.Series:
    """Patients at random, stratified by the combination of labels; the column `split` for exams.csv.

    Within each stratum, and from the rarest to the commonest, patients are shuffled and dealt to the
    part that lies furthest below its share of all patients dealt so far: the totals come out right
    to within a patient or so, and each stratum nearly so.

    Args:
        exams, breasts: the tables.
        labels: the label columns.
        shares: of train, validation and test; they are divided by their sum.
        seed: of the shuffling.

    Raises:
        InputError: a share is negative or all are 0.
    """
    if not all(share >= 0 for share in shares) or not 0 < sum(shares) < float("inf"):
        raise InputError("the shares of a split must be at least 0 and not all 0", value=shares)
    strata = patient_strata(exams, breasts, labels)
    rng = np.random.default_rng(seed)
    wanted = np.asarray(shares, dtype=np.float64) / sum(shares)
    part: dict[str, str] = {}
    dealt = np.zeros(3)
    for patients in _rarest_first(strata):
        rng.shuffle(patients)
        in_stratum = np.zeros(3)
        for number, patient in enumerate(patients, start=1):
            # First the stratum's own balance, then that of all patients so far.
            lack = wanted * number - in_stratum
            lack_overall = wanted * (dealt.sum() + 1) - dealt
            chosen = int(np.argmax(np.round(lack, 9) + 1e-3 * lack_overall - 1e6 * (wanted == 0)))
            in_stratum[chosen] += 1
            dealt[chosen] += 1
            part[patient] = SPLITS[chosen]
    return pl.Series("split", [part[patient] for patient in exams["patient_id"]])


def split_by_date(exams: pl.DataFrame, shares: Shares = (0.8, 0.1, 0.1)) -> pl.Series:
    """Patients by the date of their latest exam: the first 80% train, then validation, then test.

    Of a test patient only the latest exam gets a split; her earlier ones are left empty (Shen et al.
    2021, section 3.1).

    Raises:
        InputError: an exam has no date.
    """
    if "date" not in exams.columns or exams["date"].null_count():
        raise InputError(
            "a split by date needs a date for every exam", file="exams.csv", row="date", mend="Split at random instead."
        )
    last = exams.group_by("patient_id").agg(pl.col("date").max().alias("last")).sort("last", "patient_id")
    ends = np.round(np.cumsum(np.asarray(shares) / sum(shares)) * last.height).astype(int)
    part = {p: SPLITS[int(np.searchsorted(ends, n, side="right"))] for n, p in enumerate(last["patient_id"])}
    latest = dict(zip(last["patient_id"], last["last"], strict=True))
    chosen: list[str | None] = []
    taken: set[str] = set()
    for patient, date in exams.select("patient_id", "date").iter_rows():
        split = part[patient]
        if split == "test" and (date != latest[patient] or patient in taken):
            chosen.append(None)
            continue
        if split == "test":
            taken.add(patient)
        chosen.append(split)
    return pl.Series("split", chosen, dtype=pl.String)


def folds(
    exams: pl.DataFrame, breasts: pl.DataFrame, labels: Sequence[str], number: int = 5, seed: int = 0
) -> pl.Series:
    """Number of the fold (0 to `number` - 1) of each exam: grouped by patient, stratified by label.

    Patients are dealt stratum by stratum (the combination of labels that a patient ever had), the
    rarest first, in rounds that give every fold one patient: folds differ by at most one patient, in
    all and in every stratum. Within a round a patient goes where exams and positives are fewest so
    far, patients with many of them first, which keeps those even too. The order is otherwise random;
    the answer depends on the seed and not on the order of the rows.

    Raises:
        InputError: fewer patients than folds, or a label with fewer positive patients than folds.
    """
    strata = patient_strata(exams, breasts, labels)
    if not 2 <= number <= len(strata):
        raise InputError(f"{len(strata)} patients cannot be put into folds", row="--folds", value=number)
    names, weights = _patient_weights(exams, breasts, labels)
    table = np.array([weights[patient] for patient in sorted(weights)])
    for name, positive in zip(names[1:], (table[:, 1:] > 0).sum(axis=0), strict=True):
        if 0 < positive < number:
            raise InputError(
                f"only {positive} patient(s) are positive for {name}, so that a fold would have none",
                row="--folds",
                value=number,
                mend="Take fewer folds, or name with --label the labels that are to be spread.",
            )
    total = table.sum(axis=0)
    scale = np.where(total > 0, total, 1.0) ** -2
    rng = np.random.default_rng(seed)
    patients, load = np.zeros(number, dtype=np.int64), np.zeros((number, len(scale)))
    fold: dict[str, int] = {}
    for members in _rarest_first(strata):
        rng.shuffle(members)
        members.sort(key=lambda patient: -float(weights[patient] ** 2 @ scale))
        for first in range(0, len(members), number):
            dealt, free = members[first : first + number], list(range(number))
            for patient in dealt:
                # A round that is not full must not fill a fold that has a patient more than another.
                most = patients.max() if len(dealt) == number else patients[free].min()
                cost = {f: float(load[f] * scale @ weights[patient]) for f in free if patients[f] <= most}
                chosen = min(cost, key=lambda f: (cost[f], f))
                free.remove(chosen)
                patients[chosen] += 1
                load[chosen] += weights[patient]
                fold[patient] = chosen
    return pl.Series("fold", [fold[patient] for patient in exams["patient_id"]], dtype=pl.Int64)


def _patient_weights(
    exams: pl.DataFrame, breasts: pl.DataFrame, labels: Sequence[str]
) -> tuple[list[str], dict[str, FloatArray]]:
    """Exams of each patient, and her positive breasts (or exams) of each label, with the names of these."""
    joined = exams.group_by("patient_id").agg(pl.len().alias("exams"))
    names = ["exams"]
    for label in labels:
        table = breasts if label in breasts.columns else exams
        if label in table.columns:
            positive = table.filter(pl.col(label) == 1).select("exam_id")
            counted = positive.join(exams.select("exam_id", "patient_id"), on="exam_id", how="inner")
            names.append(label)
            joined = joined.join(
                counted.group_by("patient_id").agg(pl.len().alias(f"label {label}")), on="patient_id", how="left"
            )
    numbers = joined.drop("patient_id").fill_null(0).to_numpy().astype(np.float64)
    return names, dict(zip(joined["patient_id"], numbers, strict=True))


def split_from_table(exams: pl.DataFrame, path: Path) -> pl.Series:
    """The column `split` (train, validation, test or nothing) or `fold` (0, 1, ...) that a CSV file gives.

    The file names patients (column `patient_id` or `patient`), or exams (`exam_id`, which goes first),
    and must name each that the dataset has; an empty field leaves them out on purpose. Whether it is a
    split or folds is said by the name of its other column.

    Raises:
        InputError: the file is missing, not a CSV file, or lacks a column.
        ProblemsError: an unknown or missing patient or exam, a patient in two parts, or a value that is
            no part; every one is listed with its row.
    """
    table, key, column = _read_parts(path)
    what, ids = ("exam", exams["exam_id"]) if key == "exam_id" else ("patient", exams["patient_id"])
    owner = dict(zip(ids, exams["patient_id"], strict=True))
    problems = list(_wrong_parts(table, path.name, what, key, column, owner))
    given = dict(table.select(key, column).iter_rows())
    for missing in sorted(set(ids) - set(given)):
        reason = f"the {what} is in the dataset and not in the file"
        mend = f"Add a row; leave its {column} empty to leave it out."
        problems.append(Problem(f"missing-{what}", reason, path.name, value=missing, mend=mend))
    if problems:
        raise ProblemsError(f"{path}: the split has", problems)
    parts = [given[identity] for identity in ids]
    if column == "fold":
        return pl.Series("fold", [None if part is None else int(part) for part in parts], dtype=pl.Int64)
    return pl.Series("split", parts, dtype=pl.String)


def _read_parts(path: Path) -> tuple[pl.DataFrame, str, str]:
    """The table as text with the names of its column of ids and of its column of parts."""
    try:
        refuse_ragged(path)
        table = pl.read_csv(path, infer_schema=False)
    except FileNotFoundError:
        raise InputError("the file is missing", file=path) from None
    except (pl.exceptions.PolarsError, UnicodeDecodeError, IsADirectoryError) as error:
        raise InputError(f"not a readable CSV file: {str(error).splitlines()[0]}", file=path) from None
    table = table.rename({name: name.strip() for name in table.columns})
    table = table.with_columns(pl.all().str.strip_chars().replace("", None))
    keys = [name for name in ("exam_id", "patient_id", "patient") if name in table.columns]
    columns = [name for name in ("split", "fold") if name in table.columns]
    if not keys:
        raise InputError(
            "the column patient_id (or exam_id) is missing",
            file=path,
            row="header",
            value=", ".join(table.columns),
            mend="Its values are those of exams.csv.",
        )
    if len(columns) != 1:
        wrong = "has both a column split and a column fold" if columns else "lacks a column split, or fold"
        raise InputError(f"the file {wrong}", file=path, row="header", mend="Give it one of them.")
    return table, keys[0], columns[0]


def _wrong_parts(
    table: pl.DataFrame, file: str, what: str, key: str, column: str, owner: Mapping[str, str]
) -> Iterator[Problem]:
    """What is wrong with single rows, and patients that stand in two parts.

    An id that the dataset does not have is not shown: it may be an identity of which the tables know nothing.
    """
    seen: dict[tuple[str, str], tuple[str | None, int]] = {}
    for row, (identity, part) in enumerate(table.select(key, column).iter_rows(), start=1):
        if identity is None:
            yield Problem("empty-key", f"the {what} is empty", file, row, mend="Fill it in, or remove the row.")
            continue
        if identity not in owner:
            mend = "Write its id as exams.csv has it, or remove the row."
            yield Problem(f"unknown-{what}", f"the {what} is not in the dataset", file, row, mend=mend)
            continue
        before, first = seen.setdefault((what, identity), (part, row))
        if before == part is not None:
            before, first = seen.setdefault(("patient", owner[identity]), (part, row))
        if before != part:
            reason = f"the patient is in {part or 'no part'} here and in {before or 'no part'} in row {first}"
            mend = "Put all exams of a patient into one part."
            yield Problem("patient-in-two-splits", reason, file, row, identity, mend)
        elif part is not None and not (part.isascii() and part.isdigit() if column == "fold" else part in SPLITS):
            mend = f"Write {'a whole number from 0' if column == 'fold' else ', '.join(SPLITS)}, or nothing."
            yield Problem(f"unknown-{column}", f"{column} is not one of the known values", file, row, part, mend)
