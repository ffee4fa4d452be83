"""The store: where prepared pixels are read from."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cadkit.data.affine import Affine
from cadkit.data.windows import window_size
from cadkit.errors import Failure, InputError
from cadkit.files import read_toml
from cadkit.prepare.arrays import Damaged, array_path, checksum, open_array, read_part
from cadkit.prepare.centers import best_center
from cadkit.prepare.originals import read_original

Size = tuple[int, int]
_HANDLES = 16
TEXT = ("image_id", "view", "faces", "background", "sha256", "pixels_checksum")
"""Columns of index.csv that are text."""
NUMBERS = (
    *("rows", "columns", "file_rows", "file_columns", "a", "b", "c", "d", "e", "f"),
    *("rightmost_x", "bottom_row", "center_row", "center_column", "nyu_center_row", "nyu_center_column"),
)
"""Columns of index.csv that reading needs as numbers."""


class Store:
    """Prepared pictures of one dataset (`cadkit.data.PixelSource`).

    Keeps the index in memory (about 200 bytes an image) and a few files open. It may be pickled, and
    read from forked or spawned processes.

    Attributes:
        folder: the dataset's `store`.
        fingerprint: of the recipe and of all pixels.
    """

    def __init__(self, folder: str | Path) -> None:
        """Open a store.

        Raises:
            InputError: there is none, or it was not finished.
        """
        self.folder = Path(folder)
        mend = f"Type `cadkit prepare {self.folder.parent}`."
        if not (self.folder / "store.toml").is_file():
            raise InputError("the images were not prepared yet", file=self.folder.parent, mend=mend)
        state = read_toml(self.folder / "store.toml")
        if not state.get("complete"):
            raise InputError("preparing was not finished", file=self.folder, mend=mend)
        self.fingerprint = str(state.get("fingerprint", ""))
        try:
            index = pl.read_csv(self.folder / "index.csv", schema_overrides=dict.fromkeys(TEXT, pl.String))
            self._row = {image_id: number for number, image_id in enumerate(index["image_id"])}
            self._number = {name: index[name].cast(pl.Float64).to_numpy() for name in NUMBERS}
            self._text = {name: index[name].to_list() for name in ("view", "pixels_checksum")}
        except (OSError, pl.exceptions.PolarsError):
            raise InputError("the store's index cannot be read", file=self.folder / "index.csv", mend=mend) from None
        self._centers: dict[tuple[str, Size], tuple[int, int]] = {}
        self._forget()

    def _forget(self) -> None:
        self._open: OrderedDict[str, blosc2.NDArray] = OrderedDict()
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_open", "_process")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def __len__(self) -> int:
        return len(self._row)

    def has(self, image_id: str) -> bool:
        """Whether the image was prepared."""
        return image_id in self._row

    def shape(self, image_id: str) -> Size:
        """Rows and columns of the prepared image."""
        return self._whole(image_id, "rows"), self._whole(image_id, "columns")

    def file_shape(self, image_id: str) -> Size:
        """Rows and columns of the image in its file."""
        return self._whole(image_id, "file_rows"), self._whole(image_id, "file_columns")

    def to_file(self, image_id: str) -> Affine:
        """The map from prepared pixels to the pixels of the file."""
        row = self._at(image_id)
        a, b, c, d, e, f = (float(self._number[name][row]) for name in "abcdef")
        return Affine((a, b, c, d, e, f))

    def read(self, image_id: str, box: tuple[int, int, int, int] | None = None) -> NDArray[np.uint16]:
        """Pixels of the part (top, bottom, left, right), which lies inside the image; None: all.

        Raises:
            ValueError: the part does not lie inside the image.
            Failure: the file is damaged or gone.
        """
        rows, columns = self.shape(image_id)
        top, bottom, left, right = box or (0, rows, 0, columns)
        if not (0 <= top <= bottom <= rows and 0 <= left <= right <= columns):
            raise ValueError(f"image {image_id}: the part {box} does not lie in {rows} rows and {columns} columns")
        try:
            part = read_part(self._array(image_id), (top, bottom, left, right))
        except (Damaged, FileNotFoundError) as error:
            raise self._broken(image_id) from error
        if part.shape != (bottom - top, right - left):
            raise self._broken(image_id)
        return part

    def original(self, row: Mapping[str, Any]) -> NDArray[np.int32]:
        """Grey values as they stand in the file of a row of images.csv: int32, rows x columns of the file.

        Raises:
            InputError: the file is gone or cannot be read.
        """
        return read_original(self.folder.parent, row)

    def verify(self, image_id: str) -> None:
        """Read an image whole and compare its checksum.

        Raises:
            Failure: it is not what was written.
        """
        if checksum(self.read(image_id)) != self._text["pixels_checksum"][self._at(image_id)]:
            raise self._broken(image_id)

    def best_center(self, image_id: str, size: Size) -> tuple[int, int]:
        """Row and column of the centre of Wu et al.'s window of that size; it may lie outside the image."""
        view = self._text["view"][self._at(image_id)]
        for name, prefix in (("gmic", ""), ("nyu", "nyu_")):
            if tuple(size) == window_size(name, view):
                return self._whole(image_id, f"{prefix}center_row"), self._whole(image_id, f"{prefix}center_column")
        key = image_id, (int(size[0]), int(size[1]))
        if key not in self._centers:
            rightmost, bottom = self._whole(image_id, "rightmost_x"), self._whole(image_id, "bottom_row")
            self._centers[key] = best_center(self.read(image_id) > 0, view, key[1], rightmost, bottom)
        return self._centers[key]

    def _at(self, image_id: str) -> int:
        try:
            return self._row[image_id]
        except KeyError:
            raise InputError(
                "the image was not prepared",
                file=self.folder,
                value=image_id,
                mend="problems.csv says why, if it could not be; otherwise type "
                f"`cadkit prepare {self.folder.parent}`.",
            ) from None

    def _whole(self, image_id: str, name: str) -> int:
        return int(self._number[name][self._at(image_id)])

    def _array(self, image_id: str) -> blosc2.NDArray:
        if self._process != os.getpid():
            self._forget()
        array = self._open.pop(image_id, None)
        if array is None:
            array = open_array(array_path(self.folder, image_id))
            if len(self._open) >= _HANDLES:
                self._open.popitem(last=False)
        self._open[image_id] = array
        return array

    def _broken(self, image_id: str) -> Failure:
        self._open.pop(image_id, None)
        path = array_path(self.folder, image_id)
        return Failure(
            f"The prepared image {image_id} is damaged or gone ({path}). "
            f"Remove that file if it is there and type `cadkit prepare {self.folder.parent}`."
        )
