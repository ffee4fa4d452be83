"""The tables of a phantom: what `population` planned, in the columns of a dataset."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from cadkit.data.splits import random_split
from cadkit.data.tables import Meta, write_tables
from cadkit.dicom.writing import vendor_of
from cadkit.phantom.mix import ceiling, mix_of
from cadkit.phantom.population import ExamPlan
from cadkit.phantom.projection import VIEWS, frame_of
from cadkit.phantom.readers import reader_columns
from cadkit.phantom.settings import PhantomSettings

LABELS = {
    "malignant": "a cancer, seen or occult, found by this exam or within 24 months after it (interval_cancer)",
    "benign": "a lesion with a benign biopsy, seen or occult, high-risk ones among them",
}
HIGH_RISK = {"high_risk": "a lesion with a high-risk biopsy, seen or occult; its breast is benign, too"}
_LICENCE = "CC0-1.0: simulated, no person was imaged"
Value = str | int | float | dt.date | None


def labels_of(settings: PhantomSettings) -> dict[str, str]:
    """The label columns and their meaning; `high_risk` only where the mix has such lesions."""
    return {**LABELS, **(HIGH_RISK if mix_of(settings.difficulty).high_risk else {})}


def image_file(exam: ExamPlan, side: str, view: str) -> str:
    """Path of an image in the phantom's folder."""
    return f"images/{exam.folder}/{exam.image_id(side, view)}.dcm"


def mask_file(exam: ExamPlan, finding_id: str) -> str:
    """Path of a finding's mask in the phantom's folder."""
    return f"masks/{exam.folder}/{finding_id}.png"


def write(folder: Path, settings: PhantomSettings, exams: Sequence[ExamPlan]) -> None:
    """Write all tables; `dataset.toml`, which makes the folder a dataset, last."""
    labels = labels_of(settings)
    breasts = pl.DataFrame(breast_columns(settings, exams))
    table = _exams(exams)
    split = random_split(table, breasts, list(labels), settings.split, settings.seed)
    meta = Meta(
        name=f"phantom-{settings.difficulty}-{settings.seed}",
        labels=labels,
        licence=_LICENCE,
        source="simulated mammograms",
        created_by="cadkit phantom",
        settings={**settings.recorded(), **_stated_ceiling(settings)},
    )
    write_tables(
        folder,
        meta,
        exams=table.with_columns(split),
        breasts=breasts,
        images=_images(settings, exams),
        findings=_findings(exams),
    )


def breast_columns(settings: PhantomSettings, exams: Sequence[ExamPlan]) -> dict[str, Sequence[Value]]:
    """Columns of breasts.csv, exam by exam and L before R."""
    rows = [(exam, breast) for exam in exams for breast in exam.breasts]
    truth: dict[str, Sequence[Value]] = {
        label: [int(getattr(breast, label)) for _, breast in rows] for label in labels_of(settings)
    }
    return {
        "exam_id": [exam.exam_id for exam, _ in rows],
        "side": [breast.side for _, breast in rows],
        **truth,
        "biopsied": [int(breast.biopsied) for _, breast in rows],
        "interval_cancer": [int(breast.interval_cancer) for _, breast in rows],
        **reader_columns(settings, exams),
    }


def _stated_ceiling(settings: PhantomSettings) -> dict[str, float]:
    """Where a reader who sees all that is visible stops; nothing where a label is asked for in no breast."""
    stop = ceiling(mix_of(settings.difficulty), settings.malignant, settings.benign, settings.interval_share)
    areas = {"auc_ceiling_malignant": stop.malignant, "auc_ceiling_malignant_against_benign": stop.against_benign}
    return {name: round(area, 3) for name, area in areas.items() if area == area}


def _exams(exams: Sequence[ExamPlan]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "exam_id": [exam.exam_id for exam in exams],
            "patient_id": [exam.patient_id for exam in exams],
            "date": [exam.date for exam in exams],
            "age": [exam.age for exam in exams],
            "density": [exam.density for exam in exams],
            "birads": [str(exam.birads) for exam in exams],
            "site": [exam.site for exam in exams],
            "vendor": [vendor_of(exam.vendor).manufacturer for exam in exams],
        }
    )


def _images(settings: PhantomSettings, exams: Sequence[ExamPlan]) -> pl.DataFrame:
    frame = frame_of(settings.rows, settings.columns)
    rows = [(exam, breast.side, view) for exam in exams for breast in exam.breasts for view in VIEWS]
    return pl.DataFrame(
        {
            "image_id": [exam.image_id(side, view) for exam, side, view in rows],
            "exam_id": [exam.exam_id for exam, _, _ in rows],
            "side": [side for _, side, _ in rows],
            "view": [view for _, _, view in rows],
            "file": [image_file(exam, side, view) for exam, side, view in rows],
            "faces": ["right" if side == "L" else "left" for _, side, _ in rows],
            "manufacturer": [vendor_of(exam.vendor).manufacturer for exam, _, _ in rows],
        }
    ).select(
        *("image_id", "exam_id", "side", "view", "file"),
        pl.lit(0).alias("frame"),
        pl.lit(frame.rows).alias("rows"),
        pl.lit(frame.columns).alias("columns"),
        "faces",
        pl.lit(frame.spacing_mm).alias("pixel_spacing_mm"),
        "manufacturer",
        pl.lit("ImageLaterality").alias("laterality_source"),
    )


def _findings(exams: Sequence[ExamPlan]) -> pl.DataFrame:
    columns = ("finding_id", "image_id", "lesion_id", "label", "kind", "shape", "coordinates", "mask", "form")
    rows = []
    for exam in exams:
        for breast in exam.breasts:
            for lesion in breast.findings:
                for view in VIEWS:
                    finding = exam.finding_id(breast.side, view, lesion)
                    rows.append(
                        (
                            finding,
                            exam.image_id(breast.side, view),
                            exam.lesion_id(breast.side, lesion),
                            lesion.label,
                            lesion.kind,
                            "mask",
                            None,
                            mask_file(exam, finding),
                            lesion.form,
                        )
                    )
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
