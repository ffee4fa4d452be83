"""What is resampled: the patient, the exam, or whatever a column of exams.csv names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cadkit.data import Dataset, Exam
from cadkit.errors import InputError

PATIENT, EXAM = "patient", "exam"
_FEW = 20


def clusters_of(data: Dataset, exams: Sequence[Exam], column: str) -> Mapping[str, str]:
    """The cluster of every exam; empty where it is the patient.

    Args:
        data: the dataset.
        exams: those whose cluster must be known.
        column: `patient`, `exam` or a column of exams.csv.

    Raises:
        InputError: there is no such column, an exam has no value in it, or all have the same.
    """
    if column in (PATIENT, "patient_id"):
        return {}
    if column in (EXAM, "exam_id"):
        return {exam.id: exam.id for exam in exams}
    table = data.tables["exams"]
    if column not in table.columns:
        raise InputError(
            "there is no such column in exams.csv", row="--cluster", value=column,
            mend=f"Name {PATIENT}, {EXAM} or one of {', '.join(table.columns)}.",
        )  # fmt: skip
    wanted = {exam.id for exam in exams}
    found: dict[str, str] = {}
    for row, (exam_id, value) in enumerate(table.select("exam_id", column).iter_rows(), start=1):
        if exam_id not in wanted:
            continue
        if value is None or not str(value).strip():
            raise InputError(
                f"the cluster {column} is missing", file=data.folder / "exams.csv", row=row, value=exam_id,
                mend="Give every exam its value, or one of its own where it shares it with none.",
            )  # fmt: skip
        found[exam_id] = str(value)
    if len(set(found.values())) < 2:
        raise InputError(
            f"all exams have the same {column}: there is nothing to resample", row="--cluster", value=column,
            mend=f"Take {PATIENT}, or a column with several values.",
        )  # fmt: skip
    return found


def warning_of(exams: Sequence[Exam], clusters: Mapping[str, str], column: str) -> str:
    """What must be said of clusters that are few, or that divide patients; empty where nothing is."""
    if not clusters:
        return ""
    found = len({clusters[exam.id] for exam in exams})
    return f"{few_clusters(found, column)} {_divided(exams, clusters, column)}".strip()


def few_clusters(found: int, column: str) -> str:
    """What must be said of so few clusters; empty where they are enough."""
    if found >= _FEW:
        return ""
    return f"Only {found} clusters of {column} are resampled; intervals from so few tend to be too narrow."


def _divided(exams: Sequence[Exam], clusters: Mapping[str, str], column: str) -> str:
    several: dict[str, set[str]] = {}
    for exam in exams:
        several.setdefault(exam.patient_id, set()).add(clusters[exam.id])
    divided = sum(len(found) > 1 for found in several.values())
    if not divided:
        return ""
    return (
        f"{divided} of {len(several)} patients are in more than one cluster of {column}: what is theirs was taken as "
        "independent there, and intervals may be too narrow."
    )
