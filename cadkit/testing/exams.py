"""Tiny exams drawn in memory, for the checks of a plugin: they have every label that it names, and no folder.

Breasts are half ellipses on black; one with a lesion has a bright disc in each view. The same arguments draw the
same exams in every process.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cadkit.data import Affine, Dataset, Meta
from cadkit.plugin import ModelInfo

ROWS, COLUMNS = 320, 208
FILE = Affine.shift(4, 6)  # what preparing cut off the file above and at the left
FOUR = ("L-CC", "L-MLO", "R-CC", "R-MLO")
IMPLANT = 60000
_FINDINGS = ("finding_id", "image_id", "lesion_id", "label", "kind", "shape", "coordinates")


@dataclass(frozen=True)
class Plan:
    """One exam to draw.

    Attributes:
        id: of the exam, and of its woman.
        split: train, validation or test.
        turn: shifts which breast has which label, so that every label has both classes over a few exams.
        slots: its images as `side-view`; one that stands there twice is taken twice.
        implant: whether both breasts hold one.
        unprepared: slots of which only the row in images.csv is there.
    """

    id: str
    split: str
    turn: int
    slots: tuple[str, ...] = FOUR
    implant: bool = False
    unprepared: tuple[str, ...] = ()


ORDINARY = tuple(
    Plan(f"exam-{number}", split, number)
    for number, split in enumerate(("train", "train", "validation", "validation", "test", "test"))
)
MISSING_VIEW = (
    Plan("exam-left-only", "test", 0, ("L-CC", "L-MLO")),
    Plan("exam-without-cc", "test", 1, ("L-MLO", "R-MLO")),
    Plan("exam-without-l-mlo", "test", 2, ("L-CC", "R-CC", "R-MLO")),
)
EXTRA_IMAGE = (
    Plan("exam-cc-twice", "test", 0, ("L-CC", "L-CC", "L-MLO", "R-CC", "R-MLO")),
    Plan("exam-other-view", "test", 1, ("L-CC", "L-MLO", "L-ML", "R-CC", "R-MLO")),
)
WITH_IMPLANT = (Plan("exam-implant", "test", 0, implant=True),)
UNPREPARED = (Plan("exam-unprepared", "test", 0, unprepared=("L-CC",)),)


class DrawnPixels:
    """The pictures of drawn exams, as a store would give them; what is handed out is the array itself."""

    fingerprint = "drawn"

    def __init__(self, pictures: dict[str, NDArray[np.uint16]]) -> None:
        self.pictures = pictures

    def shape(self, image_id: str) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.pictures[image_id].shape
        return rows, columns

    def read(self, image_id: str, box: tuple[int, int, int, int] | None) -> NDArray[np.uint16]:
        """Pixels of a part: a view, so that writing to it is seen."""
        top, bottom, left, right = box or (0, ROWS, 0, COLUMNS)
        return self.pictures[image_id][top:bottom, left:right]

    def to_file(self, image_id: str) -> Affine:
        """The map to the pixels of the file; a right breast lies mirrored in it."""
        return FILE @ Affine.mirror(COLUMNS) if "-R-" in image_id else FILE

    def best_center(self, image_id: str, size: tuple[int, int]) -> tuple[int, int]:
        """The middle."""
        return ROWS // 2, COLUMNS // 2

    def has(self, image_id: str) -> bool:
        """Whether the picture was drawn."""
        return image_id in self.pictures


def draw(plans: Sequence[Plan], info: ModelInfo, turned: bool = False) -> Dataset:
    """A dataset in memory with the labels that a model names.

    Args:
        plans: the exams.
        info: of the model: its labels become columns, its findings annotations.
        turned: give every breast of the test split the truth of the first one, so that its labels and annotations
            are others and in other numbers. Nothing else differs.
    """
    tables: dict[str, list[dict[str, Any]]] = {"exams": [], "breasts": [], "images": [], "findings": []}
    pictures: dict[str, NDArray[np.uint16]] = {}
    for plan in plans:
        same = turned and plan.split == "test"
        birads = str(0 if same else plan.turn % 3)
        tables["exams"].append(
            {"exam_id": plan.id, "patient_id": f"woman-{plan.id}", "age": 60.0, "split": plan.split, "birads": birads}
        )
        for place, side in enumerate("LR"):
            phase = 0 if same else plan.turn + place
            labels = _labels(info.labels, phase)
            tables["breasts"].append({"exam_id": plan.id, "side": side, "biopsied": phase % 2, **labels})
        for image_id, slot in _images(plan):
            phase = plan.turn + "LR".index(slot[0])
            tables["images"].append(_image_row(plan, image_id, slot))
            if slot not in plan.unprepared:
                pictures[image_id] = _picture(image_id, bool(_shown(info.labels, phase)), plan.implant).copy()
            tables["findings"] += _findings(info, image_id, plan.id, slot[0], 0 if same else phase)
    frames = {name: pl.DataFrame(rows) for name, rows in tables.items() if name != "findings"}
    frames["findings"] = pl.DataFrame(tables["findings"], schema=dict.fromkeys(_FINDINGS, pl.String))
    columns = dict.fromkeys((label.partition("=")[0] for label in info.labels), "drawn")
    return Dataset(
        Path("exams-drawn-in-memory"), Meta("drawn", columns), frames, "drawn", "open", DrawnPixels(pictures)
    )


def _shown(names: Sequence[str], phase: int) -> str:
    """Which of the names a breast shows, or ''."""
    return [*names, ""][phase % (len(names) + 1)]


def _labels(names: Sequence[str], phase: int) -> dict[str, int | str]:
    """Columns of one breast: in phase n the n-th 0/1 column is 1, in the last phase none is; and of `column=value`
    labels one value after the other."""
    columns = [name for name in names if "=" not in name]
    row: dict[str, int | str] = {name: int(_shown(columns, phase) == name) for name in columns}
    values: dict[str, list[str]] = {}
    for name in names:
        column, equals, value = name.partition("=")
        if equals:
            values.setdefault(column, []).append(value)
    for column, options in values.items():
        choices = options if len(options) > 1 else [*options, f"not {options[0]}"]
        row[column] = choices[phase % len(choices)]
    return row


def _images(plan: Plan) -> list[tuple[str, str]]:
    """(image id, slot) of an exam's images; the second of a view has another id."""
    named = [f"{plan.id}-{slot}" for slot in plan.slots]
    return [
        (f"{name}-again" if name in named[:number] else name, slot)
        for number, (name, slot) in enumerate(zip(named, plan.slots, strict=True))
    ]


def _image_row(plan: Plan, image_id: str, slot: str) -> dict[str, Any]:
    side, view = slot.split("-")
    return {
        "image_id": image_id,
        "exam_id": plan.id,
        "side": side,
        "view": view,
        "rows": ROWS + 10,
        "columns": COLUMNS + 8,
        "pixel_spacing_mm": 0.5,
        "implant": int(plan.implant),
    }


def _place(image_id: str) -> tuple[int, int, int]:
    """x, y and radius of the disc of an image, in prepared pixels."""
    number = zlib.crc32(image_id.encode())
    return 50 + number % 60, 110 + number // 64 % 100, 12


@functools.lru_cache(maxsize=256)
def _picture(image_id: str, lesion: bool, implant: bool) -> NDArray[np.uint16]:
    rng = np.random.default_rng(zlib.crc32(image_id.encode()))
    y, x = np.ogrid[:ROWS, :COLUMNS]
    breast = (x / (0.9 * COLUMNS)) ** 2 + ((y - ROWS / 2) / (0.45 * ROWS)) ** 2 < 1
    coarse = rng.normal(0, 1, (ROWS // 16, COLUMNS // 16))
    tissue = np.kron(coarse, np.ones((16, 16))) * 2500 + rng.normal(0, 900, (ROWS, COLUMNS)) + 18000
    if lesion:
        cx, cy, radius = _place(image_id)
        tissue = tissue + 22000 * ((x - cx) ** 2 + (y - cy) ** 2 < radius**2)
    if implant:
        tissue = np.where((x / (0.5 * COLUMNS)) ** 2 + ((y - ROWS / 2) / (0.3 * ROWS)) ** 2 < 1, IMPLANT, tissue)
    return np.where(breast, tissue.clip(1, 65535), 0).astype(np.uint16)


def _findings(info: ModelInfo, image_id: str, exam_id: str, side: str, phase: int) -> list[dict[str, Any]]:
    """The annotation of an image, if there is one: a box in the file's frame."""
    label = _shown(info.findings or info.labels, phase)
    if not label:
        return []
    x, y, radius = _place(image_id)
    pixels = DrawnPixels({})
    x0, y0, x1, y1 = pixels.to_file(image_id).box((x - radius, y - radius, x + radius, y + radius))
    row = {
        "finding_id": f"finding-{image_id}",
        "image_id": image_id,
        "lesion_id": f"lesion-{exam_id}-{side}",
        "label": label,
        "kind": "mass",
        "shape": "box",
        "coordinates": f"{x0:g} {y0:g} {x1:g} {y1:g}",
    }
    return [row]
