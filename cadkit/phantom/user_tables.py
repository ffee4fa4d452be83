"""Labels and findings of a phantom as a user would keep them beside a folder of DICOM files.

With the bare files under `images/` they are what `cadkit import dicom` is given: it knows nothing of
the phantom's tables.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl

from cadkit.data.tables import write_table
from cadkit.dicom.writing import instance_uid
from cadkit.files import atomic
from cadkit.phantom.making import read_settings
from cadkit.phantom.population import ExamPlan, population
from cadkit.phantom.projection import VIEWS
from cadkit.phantom.settings import PhantomSettings
from cadkit.phantom.tables import breast_columns, mask_file


def export_user_tables(dataset_folder: str | os.PathLike[str], out_folder: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write `labels.csv`, `findings.csv` and the masks that it names.

    - `labels.csv`: patient_id and accession (as in the files), age, density, birads, split, side, and the
      labels, `biopsied`, `interval_cancer`, reader and recall columns of breasts.csv; a row per breast.
    - `findings.csv`: sop_instance_uid, lesion_id, label, kind, shape (`mask`), mask (relative to the
      table's folder, where the masks are copied to); a row per finding.

    Args:
        dataset_folder: a phantom (`make_phantom`).
        out_folder: where to write; what is there of the same name is replaced.

    Returns:
        The paths of the two tables.

    Raises:
        InputError: the folder is no phantom.
    """
    source, target = Path(dataset_folder), Path(out_folder)
    settings = read_settings(source)
    exams = population(settings)
    labels, findings = target / "labels.csv", target / "findings.csv"
    target.mkdir(parents=True, exist_ok=True)
    write_table(labels, _labels(settings, exams, _splits(source)))
    marked = []
    for exam in exams:
        marked += _finding_rows(exam)
        _copy_masks(exam, source, target)
    columns = ("sop_instance_uid", "lesion_id", "label", "kind", "shape", "mask")
    write_table(findings, pl.DataFrame(marked, schema=dict.fromkeys(columns, pl.String)))
    return labels, findings


def _splits(folder: Path) -> dict[str, str | None]:
    table = pl.read_csv(folder / "exams.csv", infer_schema=False)
    return dict(zip(table["exam_id"], table["split"], strict=True))


def _labels(settings: PhantomSettings, exams: list[ExamPlan], splits: dict[str, str | None]) -> pl.DataFrame:
    rows = [exam for exam in exams for _ in exam.breasts]
    columns = breast_columns(settings, exams)
    del columns["exam_id"]
    return pl.DataFrame(
        {
            "patient_id": [exam.patient_id for exam in rows],
            "accession": [exam.accession for exam in rows],
            "age": [exam.age for exam in rows],
            "density": [exam.density for exam in rows],
            "birads": [str(exam.birads) for exam in rows],
            "split": [splits[exam.exam_id] for exam in rows],
            **columns,
        }
    )


def _finding_rows(exam: ExamPlan) -> list[dict[str, str]]:
    return [
        {
            "sop_instance_uid": instance_uid(exam.patient_id, exam.accession, exam.image_id(breast.side, view)),
            "lesion_id": exam.lesion_id(breast.side, lesion),
            "label": lesion.label,
            "kind": lesion.kind,
            "shape": "mask",
            "mask": mask_file(exam, exam.finding_id(breast.side, view, lesion)),
        }
        for breast in exam.breasts
        for lesion in breast.findings
        for view in VIEWS
    ]


def _copy_masks(exam: ExamPlan, source: Path, target: Path) -> None:
    for breast in exam.breasts:
        for lesion in breast.findings:
            for view in VIEWS:
                name = mask_file(exam, exam.finding_id(breast.side, view, lesion))
                with atomic(target / name) as part:
                    shutil.copyfile(source / name, part)
