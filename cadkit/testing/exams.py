"""Tiny exams drawn in memory, for the checks of a plugin: they have every label that it names, and no folder.

Breasts are half ellipses on black; one with a lesion has a bright disc in each view. The same arguments draw the
same exams in every process.
"""

from __future__ import annotations

import datetime as dt
import functools
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cadkit.data import Affine, Dataset, Meta
from cadkit.dicom.writing import write_mammogram
from cadkit.errors import InputError
from cadkit.plugin import ModelInfo

ROWS, COLUMNS = 320, 208
MARGIN, WIDE_MARGIN = 5, 45  # what preparing cut off each border of the file
FOUR = ("L-CC", "L-MLO", "R-CC", "R-MLO")
IMPLANT = 60000
_DAY = dt.date(2020, 1, 1)
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
        shape: rows and columns of its pictures.
        sides: `alike`: the right breast's prepared pictures are those of the left one, each with a lesion;
            `symmetric`: they are also their own mirror images.
    """

    id: str
    split: str
    turn: int
    slots: tuple[str, ...] = FOUR
    implant: bool = False
    unprepared: tuple[str, ...] = ()
    shape: tuple[int, int] = (ROWS, COLUMNS)
    sides: Literal["", "alike", "symmetric"] = ""


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
ALIKE = tuple(Plan(f"exam-alike-{number}", "test", number, sides="alike") for number in range(2))
SYMMETRIC = tuple(Plan(f"exam-symmetric-{number}", "test", number, sides="symmetric") for number in range(2))
ELONGATED = (Plan("exam-narrow", "test", 0, shape=(ROWS, 48)), Plan("exam-low", "test", 1, shape=(48, COLUMNS)))


class DrawnPixels:
    """The pictures of drawn exams, as a store would give them; what is handed out is the array itself.

    Attributes:
        pictures: by image id.
        margin: pixels that preparing cut off each border of the file.
        asked_original: whether somebody asked for what stands in the files.
    """

    fingerprint = "drawn"

    def __init__(self, pictures: dict[str, NDArray[np.uint16]], margin: int = MARGIN) -> None:
        self.pictures, self.margin = pictures, margin
        self.asked_original = False

    def shape(self, image_id: str) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self._picture(image_id).shape
        return rows, columns

    def read(self, image_id: str, box: tuple[int, int, int, int] | None) -> NDArray[np.uint16]:
        """Pixels of a part: a view, so that writing to it is seen."""
        picture = self._picture(image_id)
        top, bottom, left, right = box or (0, picture.shape[0], 0, picture.shape[1])
        return picture[top:bottom, left:right]

    def original(self, row: Mapping[str, Any]) -> NDArray[np.int32]:
        """Grey values as a file would have them: with its margin, and a right breast mirrored."""
        self.asked_original = True
        return self._stored(self._picture(row["image_id"]), row["side"]).astype(np.int32)

    def file(self, row: Mapping[str, Any]) -> Path:
        """A DICOM file of these grey values, written when it is asked for; all are 0 in one that was not prepared."""
        self.asked_original = True
        picture = self.pictures.get(row["image_id"])
        blank = np.zeros((row["rows"], row["columns"]), np.uint16)
        path = self._folder / f"{row['image_id']}.dcm"
        write_mammogram(
            path,
            blank if picture is None else self._stored(picture, row["side"]),
            side=row["side"],
            view=row["view"],
            spacing_mm=row["pixel_spacing_mm"],
            patient_id=f"woman-{row['exam_id']}",
            accession="drawn",  # it has room for 16 characters, and exams have longer names
            image_id=row["image_id"],
            date=_DAY,
            implant=bool(row["implant"]),
        )
        return path

    @functools.cached_property
    def _folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="cadkit-drawn-"))
        weakref.finalize(self, shutil.rmtree, folder, True)
        return folder

    def _stored(self, picture: NDArray[np.uint16], side: str) -> NDArray[np.uint16]:
        """With 12 bits, as `write_mammogram` has them."""
        turned = picture[:, ::-1] if side == "R" else picture
        return np.pad(turned >> 4, self.margin)

    def to_file(self, image_id: str) -> Affine:
        """The map to the pixels of the file; a right breast lies mirrored in it."""
        return _to_file(image_id, self.shape(image_id), self.margin)

    def best_center(self, image_id: str, size: tuple[int, int]) -> tuple[int, int]:
        """The middle."""
        rows, columns = self.shape(image_id)
        return rows // 2, columns // 2

    def has(self, image_id: str) -> bool:
        """Whether the picture was drawn."""
        return image_id in self.pictures

    def _picture(self, image_id: str) -> NDArray[np.uint16]:
        if image_id not in self.pictures:
            raise InputError("the image was not prepared", value=image_id, mend="Ask image.prepared first.")
        return self.pictures[image_id]


def _to_file(image_id: str, shape: tuple[int, int], margin: int) -> Affine:
    shift = Affine.shift(margin, margin)
    return shift @ Affine.mirror(shape[1]) if "-R-" in image_id else shift


def draw(
    plans: Sequence[Plan], info: ModelInfo, turned: bool = False, redrawn: str = "", margin: int = MARGIN
) -> Dataset:
    """A dataset in memory with the labels that a model names.

    Args:
        plans: the exams.
        info: of the model: its labels become columns, its findings annotations.
        turned: give every breast of the test split the truth of the first one, so that its labels and annotations
            are others and in other numbers. Nothing else differs.
        redrawn: sides (`L`, `R`, `LR`) whose images have other pixels under the same ids.
        margin: what preparing cut off each border of the files.
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
            tables["images"].append(_image_row(plan, image_id, slot, margin))
            if slot not in plan.unprepared:
                lesion, again = bool(_shown(info.labels, phase)), slot[0] in redrawn
                named, lesion = (image_id.replace("-R-", "-L-"), True) if plan.sides else (image_id, lesion)
                picture = _picture(named, lesion, plan.implant, plan.shape, again).copy()
                if plan.sides == "symmetric":
                    half = picture[:, : plan.shape[1] // 2]
                    picture = np.concatenate([half[:, ::-1], half], axis=1)
                pictures[image_id] = picture
            disc, to_file = _place(image_id, plan.shape), _to_file(image_id, plan.shape, margin)
            tables["findings"] += _findings(info, image_id, plan.id, slot[0], 0 if same else phase, disc, to_file)
    frames = {name: pl.DataFrame(rows) for name, rows in tables.items() if name != "findings"}
    frames["findings"] = pl.DataFrame(tables["findings"], schema=dict.fromkeys(_FINDINGS, pl.String))
    columns = dict.fromkeys((label.partition("=")[0] for label in info.labels), "drawn")
    return Dataset(
        Path("exams-drawn-in-memory"), Meta("drawn", columns), frames, "drawn", "open", DrawnPixels(pictures, margin)
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


def _image_row(plan: Plan, image_id: str, slot: str, margin: int) -> dict[str, Any]:
    side, view = slot.split("-")
    return {
        "image_id": image_id,
        "exam_id": plan.id,
        "side": side,
        "view": view,
        "rows": plan.shape[0] + 2 * margin,
        "columns": plan.shape[1] + 2 * margin,
        "pixel_spacing_mm": 0.5,
        "implant": int(plan.implant),
    }


def _place(image_id: str, shape: tuple[int, int]) -> tuple[int, int, int]:
    """x, y and radius of the disc of an image, in prepared pixels."""
    number = zlib.crc32(image_id.encode())
    x, y = 50 + number % 60, 110 + number // 64 % 100
    return x * shape[1] // COLUMNS, y * shape[0] // ROWS, min(12, min(shape) // 8)


@functools.lru_cache(maxsize=256)
def _picture(image_id: str, lesion: bool, implant: bool, shape: tuple[int, int], again: bool) -> NDArray[np.uint16]:
    rows, columns = shape
    rng = np.random.default_rng([zlib.crc32(image_id.encode()), *([1] if again else [])])
    y, x = np.ogrid[:rows, :columns]
    breast = (x / (0.9 * columns)) ** 2 + ((y - rows / 2) / (0.45 * rows)) ** 2 < 1
    coarse = rng.normal(0, 1, (rows // 16, columns // 16))
    tissue = np.kron(coarse, np.ones((16, 16))) * 2500 + rng.normal(0, 900, shape) + (14000 if again else 18000)
    if lesion:
        cx, cy, radius = _place(image_id, shape)
        tissue = tissue + 22000 * ((x - cx) ** 2 + (y - cy) ** 2 < radius**2)
    if implant:
        tissue = np.where((x / (0.5 * columns)) ** 2 + ((y - rows / 2) / (0.3 * rows)) ** 2 < 1, IMPLANT, tissue)
    return np.where(breast, tissue.clip(1, 65535), 0).astype(np.uint16)


def _findings(
    info: ModelInfo,
    image_id: str,
    exam_id: str,
    side: str,
    phase: int,
    place: tuple[int, int, int],
    to_file: Affine,
) -> list[dict[str, Any]]:
    """The annotation of an image, if there is one: a box in the file's frame."""
    label = _shown(info.findings or info.labels, phase)
    if not label:
        return []
    x, y, radius = place
    x0, y0, x1, y1 = to_file.box((x - radius, y - radius, x + radius, y + radius))
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
