"""Splitting patients into train, validation and test: at random, by date, or into folds.

A split is a column of exams.csv, so that people can see and edit it. All exams of a patient fall
into one part.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from cadkit.data.tables import SPLITS, write_table
from cadkit.errors import InputError, ProblemsError

Shares = tuple[float, float, float]


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
    for name in sorted(set(strata.values()), key=lambda s: (list(strata.values()).count(s), s)):
        patients = sorted(patient for patient, stratum in strata.items() if stratum == name)
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

    Raises:
        InputError: fewer patients than folds.
    """
    from sklearn.model_selection import StratifiedKFold

    strata = patient_strata(exams, breasts, labels)
    patients = sorted(strata)
    if not 2 <= number <= len(patients):
        raise InputError(f"{len(patients)} patients cannot be put into folds", value=number)
    of_patient = [strata[p] for p in patients]
    # A stratum with fewer patients than folds cannot be stratified: such patients are pooled, and where they are
    # still too few they join the largest stratum.
    pooled = [s if of_patient.count(s) >= number else "rare" for s in of_patient]
    if 0 < pooled.count("rare") < number:
        largest = max(sorted(set(pooled)), key=pooled.count)
        pooled = [largest if s == "rare" else s for s in pooled]
    splitter = StratifiedKFold(number, shuffle=True, random_state=seed)
    fold = {}
    for index, (_, members) in enumerate(splitter.split(patients, pooled)):
        fold.update({patients[m]: index for m in members})
    return pl.Series("fold", [fold[patient] for patient in exams["patient_id"]])


def write_split(folder: Path, by: str, shares: Shares, seed: int, replace: bool) -> dict[str, int]:
    """Write the column `split` of a dataset's exams.csv; nothing else in the table changes.

    Args:
        folder: of the dataset.
        by: `random` or `date`.
        shares: of train, validation and test.
        seed: of the random split.
        replace: overwrite a split that is there.

    Returns:
        Number of exams in each part.

    Raises:
        InputError: there is a split already and `replace` is not set, or the way is not known.
    """
    from cadkit.data.dataset import Dataset

    data, problems = Dataset.read(folder)
    if problems := [p for p in problems if p.rule not in ("patient-in-two-splits", "unknown-split")]:
        raise ProblemsError(f"{folder}: the dataset has", problems)
    exams = data.tables["exams"]
    if not replace and "split" in exams.columns and exams["split"].null_count() < exams.height:
        raise InputError(
            "the dataset is split already", file=folder / "exams.csv", mend="Give --replace to split it anew."
        )
    if by == "random":
        made = random_split(exams, data.tables["breasts"], tuple(data.meta.labels), shares, seed)
    elif by == "date":
        made = split_by_date(exams, shares)
    else:
        raise InputError("a split is made by random or by date", row="--by", value=by)
    text = pl.read_csv(folder / "exams.csv", infer_schema=False)
    write_table(folder / "exams.csv", text.with_columns(made))
    counts = made.value_counts().iter_rows()
    return {split: n for split, n in sorted(counts, key=str) if split is not None}
