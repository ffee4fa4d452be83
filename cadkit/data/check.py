"""Checks of a dataset: do its tables agree with themselves and with each other?

Every check looks at all rows and reports each fault with table, row, value and mend, so that a
dataset is mended in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import polars as pl

from cadkit.data.shapes import mask_size, parse_region
from cadkit.data.tables import BREASTS, EXAMS, FINDINGS, IMAGES, SHAPES, SIDES, SPLITS, Meta
from cadkit.errors import InputError, Problem
from cadkit.files import inside

Tables = Mapping[str, pl.DataFrame]


def check_tables(folder: Path, meta: Meta, tables: Tables) -> list[Problem]:
    """Every problem of a dataset whose tables could be read."""
    checks: tuple[Callable[[Path, Meta, Tables], Iterable[Problem]], ...] = (
        _labels,
        _references,
        _values,
        _splits,
        _files,
        _findings,
    )
    return [problem for check in checks for problem in check(folder, meta, tables)]


def _labels(folder: Path, meta: Meta, tables: Tables) -> Iterable[Problem]:
    for label in meta.labels:
        if label not in tables["breasts"].columns and label not in tables["exams"].columns:
            yield Problem(
                "label-without-column",
                f"dataset.toml names the label {label}, which is a column of neither breasts.csv nor exams.csv",
                "dataset.toml",
                mend="Add the column, or remove the label.",
            )


def _references(folder: Path, meta: Meta, tables: Tables) -> Iterable[Problem]:
    exams = set(tables["exams"]["exam_id"])
    for name, table in (("breasts", BREASTS), ("images", IMAGES)):
        for row, exam in enumerate(tables[name]["exam_id"], start=1):
            if exam not in exams:
                mend = "Add the exam to exams.csv, or remove the row."
                yield Problem("unknown-exam", "the exam is not in exams.csv", table.file, row, str(exam), mend)
    images = set(tables["images"]["image_id"])
    for row, image in enumerate(tables["findings"]["image_id"], start=1):
        if image not in images:
            mend = "Add the image to images.csv, or remove the row."
            yield Problem("unknown-image", "the image is not in images.csv", FINDINGS.file, row, str(image), mend)


def _values(folder: Path, meta: Meta, tables: Tables) -> Iterable[Problem]:
    allowed = (
        ("breasts", BREASTS.file, "side", SIDES, "unknown-side", False),
        ("images", IMAGES.file, "side", SIDES, "unknown-side", False),
        ("images", IMAGES.file, "faces", ("left", "right"), "unknown-direction", True),
        ("exams", EXAMS.file, "split", SPLITS, "unknown-split", True),
        ("exams", EXAMS.file, "density", ("A", "B", "C", "D"), "unknown-density", True),
        ("findings", FINDINGS.file, "shape", SHAPES, "unknown-shape", False),
    )
    for name, file, column, values, rule, may_be_empty in allowed:
        if column not in tables[name].columns:
            continue
        for row, value in enumerate(tables[name][column], start=1):
            if value not in values and not (may_be_empty and value is None):
                mend = f"Write {', '.join(values)}" + (" or nothing." if may_be_empty else ".")
                yield Problem(rule, f"{column} is not one of the known values", file, row, str(value), mend)
    for row, view in enumerate(tables["images"]["view"], start=1):
        if view is None:
            yield Problem("no-view", "the view is empty", IMAGES.file, row, mend="Write CC, MLO, ...")
    if "pixel_spacing_mm" in tables["images"].columns:
        for row, spacing in enumerate(tables["images"]["pixel_spacing_mm"], start=1):
            if spacing is not None and not 0.01 <= spacing <= 5:
                yield Problem(
                    "impossible-spacing",
                    "pixel_spacing_mm is not between 0.01 and 5 mm",
                    IMAGES.file,
                    row,
                    str(spacing),
                    "Write the size of a pixel in mm, or nothing.",
                )


def _splits(folder: Path, meta: Meta, tables: Tables) -> Iterable[Problem]:
    for column, parts in (("split", "splits"), ("fold", "folds")):
        if column not in tables["exams"].columns:
            continue
        first: dict[str, tuple[str, int]] = {}
        for row, (patient, part) in enumerate(tables["exams"].select("patient_id", column).iter_rows(), start=1):
            if part is None:
                continue
            seen, seen_row = first.setdefault(patient, (part, row))
            if seen != part:
                yield Problem(
                    f"patient-in-two-{parts}",
                    f"the patient is in {part} here and in {seen} in row {seen_row}",
                    EXAMS.file,
                    row,
                    patient,
                    f"Put all exams of a patient into one {column}.",
                )


def _files(folder: Path, meta: Meta, tables: Tables) -> Iterable[Problem]:
    images = tables["images"]
    if "file" not in images.columns:
        return
    owner: dict[tuple[Path, int], str] = {}
    frames = images["frame"] if "frame" in images.columns else pl.Series([None] * images.height)
    for row, (image, file, frame) in enumerate(zip(images["image_id"], images["file"], frames, strict=True), start=1):
        if file is None:
            continue
        try:
            path = inside(folder, file)
        except InputError as error:
            yield Problem("file-outside", str(error), IMAGES.file, row, file)
            continue
        key = (path, frame or 0)
        if key in owner:
            reason = f"the file is that of image {owner[key]} already"
            mend = "Give each image a file, or a frame, of its own."
            yield Problem("two-images-one-file", reason, IMAGES.file, row, file, mend)
        owner[key] = image
        if not path.is_file():
            mend = "Correct the name, put the file there, or empty the field."
            yield Problem("missing-file", "the file is not there", IMAGES.file, row, file, mend)


def _findings(folder: Path, meta: Meta, tables: Tables) -> Iterable[Problem]:
    images = {row["image_id"]: row for row in tables["images"].iter_rows(named=True)}
    breasts = {(row["exam_id"], row["side"]): row for row in tables["breasts"].iter_rows(named=True)}
    for number, row in enumerate(tables["findings"].iter_rows(named=True), start=1):
        image = images.get(row["image_id"])
        if image is None or row["shape"] not in SHAPES:
            continue
        yield from _finding_shape(folder, row, image, number)
        breast = breasts.get((image["exam_id"], image["side"]), {})
        if breast.get(row["label"]) == 0:
            yield Problem(
                "finding-contradicts-breast",
                f"a {row['label']} finding lies in a breast whose {row['label']} is 0",
                FINDINGS.file,
                number,
                row["finding_id"],
                "Correct the side, the label of the breast or the label of the finding.",
            )


def _finding_shape(folder: Path, row: Mapping[str, str], image: Mapping[str, int], number: int) -> Iterable[Problem]:
    def problem(rule: str, reason: str, mend: str) -> Problem:
        value = row.get("mask") if row["shape"] == "mask" else row.get("coordinates")
        return Problem(rule, reason, FINDINGS.file, number, str(value or ""), mend)

    mask = row.get("mask")
    try:
        path = inside(folder, mask) if mask else None
        region = parse_region(row["shape"], row.get("coordinates"), path)
    except (ValueError, InputError) as error:
        yield problem("bad-coordinates", str(error), "Correct the coordinates.")
        return
    rows, columns = image.get("rows"), image.get("columns")
    if path is not None:
        if not path.is_file():
            yield problem("missing-file", "the mask is not there", "Correct the name, or put the file there.")
            return
        size = mask_size(path)
        if size is None:
            yield problem("unreadable-mask", "the mask is not a picture", "Write it as a PNG.")
            return
        if rows is not None and columns is not None and size != (columns, rows):
            reason = f"the mask has {size[1]} rows and {size[0]} columns, its image {rows} and {columns}"
            yield problem("mask-of-another-size", reason, "Write the mask in the file's own pixel grid.")
    elif rows is not None and columns is not None:
        x, y = region.center
        if not (0 <= x <= columns and 0 <= y <= rows):
            reason = f"the finding lies outside its image of {rows} rows and {columns} columns"
            yield problem(
                "finding-outside-image", reason, "Coordinates are x to the right and y down, in pixels of the file."
            )
