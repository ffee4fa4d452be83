"""Exam, breast and image: what a plugin sees of the data.

An exam is a woman's visit, a breast one side of it, an image a view of a breast, a finding an
annotation in an image. Pixels are those of the prepared store. Truth (labels, biopsied, BI-RADS,
interval cancers, readers, recalls, findings) is hidden from a model that predicts, and that of the
test split always: asking for it raises `TruthHidden`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cadkit.data.affine import Affine
from cadkit.data.crop import Crop, Size, place_window, starts
from cadkit.data.finding import Finding
from cadkit.data.pixel_source import PixelSource
from cadkit.data.truth import Columns, TruthHidden, truth_columns
from cadkit.data.windows import window_size
from cadkit.errors import InputError

if TYPE_CHECKING:
    from cadkit.data.dataset import Dataset


def _label_value(row: Mapping[str, Any], label: str) -> float | None:
    """The label in a row: NaN if unknown, None if the row has no such column."""
    name, equals, wanted = label.partition("=")
    if name not in row:
        return None
    value = row[name]
    if value is None:
        return math.nan
    return float(str(value) == wanted) if equals else float(value)


class Exam:
    """A woman's visit.

    Attributes:
        id: of the exam.
        columns: its row of exams.csv.
        images: its images, in the order of images.csv.
        breasts: its breasts by side; a side that has images but no row in breasts.csv is there too.
    """

    def __init__(self, data: Dataset, exam_id: str) -> None:
        self._data, self.id = data, exam_id
        self._row = data.exam_row(exam_id)
        self._hides = data.hides_truth_of(exam_id)
        self.columns = self._columns(self._row, f"exam {exam_id}")

    def _columns(self, row: Mapping[str, Any], owner: str) -> Columns:
        hidden = truth_columns(tuple(row), tuple(self._data.meta.labels)) if self._hides else frozenset()
        return Columns(row, hidden, owner)

    @cached_property
    def images(self) -> tuple[Image, ...]:
        return tuple(Image(self, row) for row in self._data.image_rows(self.id))

    @cached_property
    def breasts(self) -> dict[str, Breast]:
        rows = self._data.breast_rows(self.id)
        sides = [s for s in ("L", "R") if s in rows or any(i.side == s for i in self.images)]
        return {side: Breast(self, side, rows.get(side, {"exam_id": self.id, "side": side})) for side in sides}

    @property
    def patient_id(self) -> str:
        """Pseudonym of the woman."""
        return str(self._row["patient_id"])

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the dataset's labels."""
        return tuple(self._data.meta.labels)

    def truth(self, label: str) -> float:
        """1, 0 or NaN (unknown): a label of the exam, or the maximum over its breasts.

        Raises:
            TruthHidden: truth is hidden here.
            InputError: no table has such a column.
        """
        self._check_truth(label)
        own = _label_value(self._row, label)
        if own is not None and label not in self._data.breast_columns:
            return own
        values = [breast.truth(label) for breast in self.breasts.values()]
        if 1.0 in values:
            return 1.0
        return math.nan if not values or any(map(math.isnan, values)) else 0.0

    def lacks_pixels(self, image_id: str) -> bool:
        """Whether one of its images could not be prepared (problems.csv says why)."""
        return self._data.lacks_pixels(image_id)

    def _check_truth(self, label: str) -> None:
        if self._hides:
            raise TruthHidden(f"exam {self.id}: the label {label} is truth, which is hidden here.")

    def __repr__(self) -> str:
        return f"Exam({self.id!r}, {len(self.images)} images)"

    def _repr_html_(self) -> str:
        from cadkit import html
        from cadkit.data.display import exam_html

        return html.shown(lambda: exam_html(self))


def _positive(name: str, size: Size) -> None:
    if min(size) <= 0:
        raise ValueError(f"{name} is two numbers above 0, rows and columns, not {size}")


def folder_of(exam: Exam) -> Path:
    """Folder of the dataset that an exam stands in, for rooms that read files; an exam does not show it to a model."""
    return exam._data.folder


def drawn_file_of(image: Image) -> Path | None:
    """The file that the source of an image's pixels makes of it, as that of exams in memory does; None of others."""
    make = getattr(image.exam._data.pixel_source, "file", None) if image.exam._data.prepared else None
    return None if make is None else Path(make(image._row))


class Breast:
    """One side of an exam.

    Attributes:
        exam: the exam.
        side: L or R.
        columns: its row of breasts.csv.
    """

    def __init__(self, exam: Exam, side: str, row: Mapping[str, Any]) -> None:
        self.exam, self.side, self._row = exam, side, row
        self.columns = exam._columns(row, f"exam {exam.id}, side {side}")

    @property
    def id(self) -> str:
        """`<exam_id>/<side>`."""
        return f"{self.exam.id}/{self.side}"

    @property
    def images(self) -> tuple[Image, ...]:
        """The images of this side."""
        return tuple(image for image in self.exam.images if image.side == self.side)

    def truth(self, label: str) -> float:
        """1, 0 or NaN (unknown).

        Raises:
            TruthHidden: truth is hidden here.
            InputError: no table has such a column.
        """
        self.exam._check_truth(label)
        value = _label_value(self._row, label)
        if value is None:
            value = _label_value(self.exam._row, label)
        if value is None and label.partition("=")[0] in self.exam._data.breast_columns:
            return math.nan
        if value is None:
            raise InputError(
                f"no column gives the label {label}", file="breasts.csv", mend="Add it to breasts.csv or exams.csv."
            )
        return value

    def __repr__(self) -> str:
        return f"Breast({self.id!r}, {len(self.images)} images)"

    def _repr_html_(self) -> str:
        from cadkit import html
        from cadkit.data.display import breast_html

        return html.shown(lambda: breast_html(self))


class Image:
    """A view of a breast, with the pixels of the prepared store.

    Attributes:
        id: of the image.
        exam: the exam.
        side: L or R.
        view: CC, MLO, ...
        columns: its row of images.csv.
    """

    def __init__(self, exam: Exam, row: Mapping[str, Any]) -> None:
        self.exam, self._row = exam, row
        self.id, self.side, self.view = str(row["image_id"]), str(row["side"]), str(row["view"])
        self.columns = exam._columns(row, f"image {self.id}")

    @property
    def breast(self) -> Breast:
        """The breast that it shows."""
        return self.exam.breasts[self.side]

    @property
    def _source(self) -> PixelSource:
        return self.exam._data.pixel_source

    @property
    def prepared(self) -> bool:
        """Whether its pixels are at hand."""
        return self.exam._data.has_pixels(self.id)

    @property
    def shape(self) -> Size:
        """Rows and columns of the prepared picture."""
        return self._source.shape(self.id)

    @property
    def spacing_mm(self) -> float | None:
        """Size of a pixel in the plane of the breast, in mm, or None if unknown."""
        value = self._row.get("pixel_spacing_mm")
        return None if value is None else float(value)

    @property
    def to_file(self) -> Affine:
        """The map from prepared pixels to those of the file."""
        return self._source.to_file(self.id)

    def pixels(self, window: tuple[int, int, int, int] | None = None) -> NDArray[np.float32]:
        """The prepared picture: float32, rows x columns, 0 (background) to 1, facing right.

        Args:
            window: (top, bottom, left, right) in prepared pixels, inside the image; None for all.
        """
        return np.divide(self._source.read(self.id, window), np.float32(65535), dtype=np.float32)

    def raw(self, window: tuple[int, int, int, int] | None = None) -> NDArray[np.uint16]:
        """The same as stored: uint16, 65535 for 1."""
        return self._source.read(self.id, window)

    def original(self) -> NDArray[np.int32]:
        """Grey values as they stand in its file, before anything was done to them: int32, rows x columns of the file.

        Of a DICOM file the stored values of its frame: neither rescaled, windowed nor inverted, and turned as they
        are. Places in them are answered with `frame="file"`.

        Raises:
            InputError: the file is gone or cannot be read.
        """
        return self._source.original(self._row)

    def whole(self, size: Size | None = None, *, width: int | None = None) -> Crop:
        """The whole picture: at its own size, stretched to `size`, or to `width` with its proportions."""
        rows, columns = self.shape
        crop = Crop(self, (rows, columns), Affine())
        if width is not None:
            return crop.at((max(1, round(rows * width / columns)), width))
        return crop if size is None else crop.at(size)

    def window(self, size: Size | str, rng: np.random.Generator | None = None, *, noise: float = 100) -> Crop:
        """Wu et al.'s window about the best centre; with `rng`, with noise in place and size.

        Args:
            size: rows and columns, in prepared pixels; or a name, `gmic` or `nyu` (`cadkit.data.windows`).
            rng: generator of the noise; None for none.
            noise: largest displacement of the window and of each of its borders, in prepared pixels.

        Raises:
            InputError: no window has that name.
        """
        if isinstance(size, str):
            size = window_size(size, self.view)
        center = self._source.best_center(self.id, size)
        place = place_window(self.view, size, center, self.shape, rng, noise)
        matrix = Affine((place.width / size[1], 0.0, place.left, 0.0, place.height / size[0], place.top))
        return Crop(self, size, matrix)

    def around(self, center: tuple[float, float], size: Size, to: Size | None = None, *, angle: float = 0) -> Crop:
        """A patch of `size` prepared pixels about `center` (x, y), turned by `angle` degrees, on a grid `to`."""
        turn = np.deg2rad(angle)
        linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        offset = np.asarray(center, dtype=np.float64) - linear @ np.array([size[1] / 2, size[0] / 2])
        if angle == 0:
            linear = np.eye(2)
        crop = Crop(self, size, Affine.of(np.column_stack([linear, offset])))
        return crop if to is None else crop.at(to)

    def fitted(self, size: Size) -> Crop:
        """The whole picture, with its proportions, in the middle of a grid of `size` (rows, columns).

        Raises:
            ValueError: `size` is not positive.
        """
        _positive("size", size)
        rows, columns = self.shape
        scale = max(rows / size[0], columns / size[1])
        left, top = (columns - scale * size[1]) / 2, (rows - scale * size[0]) / 2
        return Crop(self, size, Affine((scale, 0.0, left, 0.0, scale, top)))

    def as_filed(self) -> Crop:
        """The picture as it lies in its file: neither turned nor cut to the breast; 0 where preparing cut it off."""
        rows, columns = self.shape
        _, _, right, bottom = self.to_file.box((0, 0, columns, rows))
        size = int(self._row.get("rows") or round(bottom)), int(self._row.get("columns") or round(right))
        return Crop(self, size, self.to_file.inverse())

    def tiles(self, size: Size, step: Size | None = None) -> list[list[Crop]]:
        """Crops of `size` prepared pixels that cover the picture, in rows from the top and columns from the left.

        Args:
            size: rows and columns of each.
            step: from one to the next; None: their size. The last of a row or column is moved back to end with the
                picture; in a picture smaller than a tile there is one, which reaches beyond.

        Raises:
            ValueError: `size` or `step` is not positive.
        """
        _positive("size", size)
        _positive("step", step or size)
        rows, columns = (starts(*axis) for axis in zip(self.shape, size, step or size, strict=True))
        return [[Crop(self, size, Affine.shift(left, top)) for left in columns] for top in rows]

    def truth(self, label: str) -> float:
        """The label of its breast: 1, 0 or NaN (unknown)."""
        return self.breast.truth(label)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Its findings in prepared pixels.

        Raises:
            TruthHidden: truth is hidden here.
        """
        self.exam._check_truth("findings")
        back = self.to_file.inverse()
        return tuple(
            Finding(f.id, f.image_id, f.lesion_id, f.label, f.kind, f.region.moved(back))
            for f in self.exam._data.findings_of(self.id)
        )

    def mask(self, label: str) -> NDArray[np.bool_]:
        """The union of its findings of a label, in prepared pixels (rows x columns).

        Raises:
            TruthHidden: truth is hidden here.
        """
        out = np.zeros(self.shape, dtype=bool)
        for finding in self.findings:
            if finding.label == label:
                out |= finding.region.raster(self.shape)
        return out

    def export(self, folder: str | Path, format: Literal["png16"] = "png16") -> Path:
        """Write the prepared picture as a 16-bit PNG named after the image, for another program to read.

        Returns:
            The file, `<image>.png`. A character of an id that no file name should have is replaced.
        """
        from PIL import Image as Picture

        from cadkit.files import atomic, safe_name

        path = Path(folder) / f"{safe_name(self.id)}.png"
        with atomic(path) as part:
            Picture.fromarray(self.raw()).save(part, format="PNG")
        return path

    def __repr__(self) -> str:
        return f"Image({self.id!r}, {self.side}-{self.view})"

    def _repr_html_(self) -> str:
        from cadkit import html
        from cadkit.data.display import image_html

        return html.shown(lambda: image_html(self))
