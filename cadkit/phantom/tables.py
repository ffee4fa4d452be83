"""The tables of a phantom: what `population` planned, in the columns of a dataset."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from cadkit.data.splits import random_split
from cadkit.data.tables import Meta, write_tables
from cadkit.dicom.writing import vendor_of
from cadkit.phantom.population import ExamPlan
from cadkit.phantom.projection import VIEWS, frame_of
from cadkit.phantom.settings import Settings

LABELS = {
    "malignant": "a malignant lesion, seen or occult, at this exam",
    "benign": "a benign lesion that was biopsied, seen or occult",
}
_LICENCE = "CC0-1.0: simulated, no person was imaged"


def image_file(exam: ExamPlan, side: str, view: str) -> str:
    """Path of an image in the phantom's folder."""
    return f"images/{exam.folder}/{exam.image_id(side, view)}.dcm"


def mask_file(exam: ExamPlan, finding_id: str) -> str:
    """Path of a finding's mask in the phantom's folder."""
    return f"masks/{exam.folder}/{finding_id}.png"


def write(folder: Path, settings: Settings, exams: list[ExamPlan]) -> None:
    """Write all tables; `dataset.toml`, which makes the folder a dataset, last."""
    breasts = _breasts(exams)
    table = _exams(exams)
    split = random_split(table, breasts, list(LABELS), settings.split, settings.seed)
    meta = Meta(
        name=f"phantom-{settings.difficulty}-{settings.seed}",
        labels=LABELS,
        licence=_LICENCE,
        source="simulated mammograms",
        created_by="cadkit phantom",
        settings=settings.recorded(),
    )
    write_tables(
        folder,
        meta,
        exams=table.with_columns(split),
        breasts=breasts,
        images=_images(settings, exams),
        findings=_findings(exams),
    )


def _exams(exams: list[ExamPlan]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "exam_id": exam.exam_id,
                "patient_id": exam.patient_id,
                "date": exam.date,
                "age": exam.age,
                "density": exam.density,
                "birads": str(exam.birads),
                "vendor": vendor_of(exam.vendor).manufacturer,
            }
            for exam in exams
        ]
    )


def _breasts(exams: list[ExamPlan]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "exam_id": exam.exam_id,
                "side": breast.side,
                "malignant": int(breast.malignant),
                "benign": int(breast.benign),
                "biopsied": int(breast.malignant or breast.benign),
            }
            for exam in exams
            for breast in exam.breasts
        ]
    )


def _images(settings: Settings, exams: list[ExamPlan]) -> pl.DataFrame:
    frame = frame_of(settings.rows, settings.columns)
    return pl.DataFrame(
        [
            {
                "image_id": exam.image_id(breast.side, view),
                "exam_id": exam.exam_id,
                "side": breast.side,
                "view": view,
                "file": image_file(exam, breast.side, view),
                "frame": 0,
                "rows": frame.rows,
                "columns": frame.columns,
                "faces": "right" if breast.side == "L" else "left",
                "pixel_spacing_mm": frame.spacing_mm,
                "manufacturer": vendor_of(exam.vendor).manufacturer,
                "laterality_source": "ImageLaterality",
            }
            for exam in exams
            for breast in exam.breasts
            for view in VIEWS
        ]
    )


def _findings(exams: list[ExamPlan]) -> pl.DataFrame:
    columns = ("finding_id", "image_id", "lesion_id", "label", "kind", "shape", "coordinates", "mask", "form")
    rows = []
    for exam in exams:
        for breast in exam.breasts:
            for lesion in breast.lesions:
                for view in VIEWS:
                    finding = exam.finding_id(breast.side, view, lesion)
                    rows.append(
                        {
                            "finding_id": finding,
                            "image_id": exam.image_id(breast.side, view),
                            "lesion_id": exam.lesion_id(breast.side, lesion),
                            "label": lesion.label,
                            "kind": lesion.kind,
                            "shape": "mask",
                            "coordinates": None,
                            "mask": mask_file(exam, finding),
                            "form": lesion.form,
                        }
                    )
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String))
