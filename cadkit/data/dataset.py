"""A dataset: the tables of a folder, checked, and the exams in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from cadkit.data.exam import Breast, Exam, Image
from cadkit.data.finding import Finding
from cadkit.data.pixel_source import PixelSource
from cadkit.data.shapes import parse_region
from cadkit.data.tables import BREASTS, EXAMS, FINDINGS, IMAGES, Meta, dataset_fingerprint, read_meta, read_table
from cadkit.data.truth import Access
from cadkit.errors import InputError, Problem, ProblemsError


class Dataset:
    """Exams with their breasts, images and findings, read from the tables of a folder.

    Attributes:
        folder: where the tables lie.
        meta: what dataset.toml says.
        tables: `exams`, `breasts`, `images` and `findings` as polars frames.
        access: what of the truth the exams show: `open` all, `training` all but the test split's,
            `prediction` none.
    """

    def __init__(
        self,
        folder: Path,
        meta: Meta,
        tables: Mapping[str, pl.DataFrame],
        fingerprint: str,
        access: Access = "open",
        pixel_source: PixelSource | None = None,
    ) -> None:
        self.folder, self.meta, self.tables, self.fingerprint = folder, meta, dict(tables), fingerprint
        self.access: Access = access
        self._pixel_source = pixel_source

    @classmethod
    def open(cls, folder: str | Path, pixel_source: PixelSource | None = None) -> Dataset:
        """Read and check the tables of a folder.

        Raises:
            InputError: it is not a dataset.
            ProblemsError: its tables contradict themselves or each other; every problem is listed.
        """
        folder = Path(folder)
        data, problems = cls.read(folder, pixel_source)
        if problems:
            raise ProblemsError(f"{folder}: the dataset has", problems)
        return data

    @classmethod
    def read(cls, folder: Path, pixel_source: PixelSource | None = None) -> tuple[Dataset, list[Problem]]:
        """Read a folder and list the problems of its tables, without raising for them."""
        from cadkit.data.check import check_tables

        meta = read_meta(folder)
        labels = tuple(meta.labels)
        tables, problems = {}, []
        for name, table in (("exams", EXAMS), ("breasts", BREASTS), ("images", IMAGES), ("findings", FINDINGS)):
            tables[name], found = read_table(folder, table, labels)
            problems += found
            if name in ("exams", "images") and not (folder / table.file).exists():
                problems.append(Problem("missing-table", "the table is missing", table.file, mend="Write it."))
        problems = problems or check_tables(folder, meta, tables)
        return cls(folder, meta, tables, dataset_fingerprint(folder), pixel_source=pixel_source), problems

    def view(self, exam_ids: Iterable[str] | None = None, access: Access | None = None) -> Dataset:
        """The same dataset restricted to some exams, or with other access to the truth."""
        tables = self.tables
        if exam_ids is not None:
            exams = tables["exams"].filter(pl.col("exam_id").is_in(list(exam_ids)))
            images = tables["images"].join(exams.select("exam_id"), on="exam_id", how="semi", maintain_order="left")
            tables = {
                "exams": exams,
                "breasts": tables["breasts"].join(
                    exams.select("exam_id"), on="exam_id", how="semi", maintain_order="left"
                ),
                "images": images,
                "findings": tables["findings"].join(
                    images.select("image_id"), on="image_id", how="semi", maintain_order="left"
                ),
            }
        return Dataset(self.folder, self.meta, tables, self.fingerprint, access or self.access, self._pixel_source)

    def split(self, name: str) -> Dataset:
        """The exams of one split (`train`, `validation`, `test`), or `all`.

        Raises:
            InputError: exams.csv has no split column, or no exam of that split.
        """
        if name == "all":
            return self
        exams = self.tables["exams"]
        if "split" not in exams.columns or exams["split"].null_count() == exams.height:
            raise InputError(
                "the dataset is not split",
                file=self.folder / EXAMS.file,
                mend=f"Type `cadkit split {self.folder}`, or fill the column split by hand.",
            )
        ids = exams.filter(pl.col("split") == name)["exam_id"].to_list()
        if not ids:
            there = ", ".join(sorted(exams["split"].drop_nulls().unique()))
            raise InputError(f"no exam is in the split {name}; there are {there}", file=self.folder / EXAMS.file)
        return self.view(ids)

    @property
    def pixel_source(self) -> PixelSource:
        """Where the pixels come from.

        Raises:
            InputError: the dataset was not prepared.
        """
        if self._pixel_source is None:
            raise InputError(
                "the images were not prepared yet",
                file=self.folder,
                mend=f"Type `cadkit prepare {self.folder}`.",
            )
        return self._pixel_source

    @property
    def prepared(self) -> bool:
        """Whether it has a store of pixels."""
        return self._pixel_source is not None

    @property
    def store_fingerprint(self) -> str | None:
        """Fingerprint of the prepared pixels; None where nothing was prepared."""
        return getattr(self._pixel_source, "fingerprint", None)

    def has_pixels(self, image_id: str) -> bool:
        """Whether an image was prepared."""
        return self._pixel_source is not None and self._pixel_source.has(image_id)

    def lacks_pixels(self, image_id: str) -> bool:
        """Whether the store was made without this image (problems.csv says why)."""
        return self._pixel_source is not None and not self._pixel_source.has(image_id)

    @cached_property
    def exams(self) -> tuple[Exam, ...]:
        """Every exam, in the order of exams.csv."""
        return tuple(Exam(self, exam_id) for exam_id in self.tables["exams"]["exam_id"])

    @property
    def breasts(self) -> tuple[Breast, ...]:
        """Every breast, exam by exam."""
        return tuple(breast for exam in self.exams for breast in exam.breasts.values())

    @property
    def images(self) -> tuple[Image, ...]:
        """Every image, exam by exam."""
        return tuple(image for exam in self.exams for image in exam.images)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding in the file's frame. Read by the evaluation; a model asks its images."""
        return tuple(finding for rows in self._findings.values() for finding in rows)

    @cached_property
    def breast_columns(self) -> tuple[str, ...]:
        """Column names of breasts.csv."""
        return tuple(self.tables["breasts"].columns)

    def exam_row(self, exam_id: str) -> Mapping[str, Any]:
        """The row of an exam."""
        return self._exam_rows[exam_id]

    def breast_rows(self, exam_id: str) -> Mapping[str, Mapping[str, Any]]:
        """The rows of an exam's breasts by side."""
        return self._breast_rows.get(exam_id, {})

    def image_rows(self, exam_id: str) -> list[Mapping[str, Any]]:
        """The rows of an exam's images."""
        return self._image_rows.get(exam_id, [])

    def findings_of(self, image_id: str) -> list[Finding]:
        """The findings of an image in the file's frame."""
        return self._findings.get(image_id, [])

    def hides_truth_of(self, exam_id: str) -> bool:
        """Whether the truth of an exam is hidden in this view."""
        if self.access == "open":
            return False
        return self.access == "prediction" or self._exam_rows[exam_id].get("split") == "test"

    @cached_property
    def _exam_rows(self) -> dict[str, Mapping[str, Any]]:
        return {row["exam_id"]: row for row in self.tables["exams"].iter_rows(named=True)}

    @cached_property
    def _breast_rows(self) -> dict[str, dict[str, Mapping[str, Any]]]:
        rows: dict[str, dict[str, Mapping[str, Any]]] = {}
        for row in self.tables["breasts"].iter_rows(named=True):
            rows.setdefault(row["exam_id"], {})[row["side"]] = row
        return rows

    @cached_property
    def _image_rows(self) -> dict[str, list[Mapping[str, Any]]]:
        rows: dict[str, list[Mapping[str, Any]]] = {}
        for row in self.tables["images"].iter_rows(named=True):
            rows.setdefault(row["exam_id"], []).append(row)
        return rows

    @cached_property
    def _findings(self) -> dict[str, list[Finding]]:
        rows: dict[str, list[Finding]] = {}
        for row in self.tables["findings"].iter_rows(named=True):
            mask = self.folder / row["mask"] if row.get("mask") else None
            finding = Finding(
                row["finding_id"],
                row["image_id"],
                row.get("lesion_id") or row["finding_id"],
                row["label"],
                row.get("kind") or "",
                parse_region(row["shape"], row.get("coordinates"), mask),
            )
            rows.setdefault(row["image_id"], []).append(finding)
        return rows

    def __repr__(self) -> str:
        exams, prepared = self.tables["exams"], "" if self.prepared else ", not prepared"
        return (
            f"Dataset({self.meta.name!r}: {exams['patient_id'].n_unique():,} patients, {exams.height:,} exams, "
            f"{self.tables['images'].height:,} images{prepared})"
        )

    def _repr_html_(self) -> str:
        from cadkit import html
        from cadkit.data.display import dataset_html

        return html.shown(lambda: dataset_html(self))
