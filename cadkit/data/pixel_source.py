"""Where the pixels of images come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cadkit.data.affine import Affine
from cadkit.data.crop import Size


class PixelSource(Protocol):
    """Where prepared pixels come from: the store of `cadkit prepare`."""

    def shape(self, image_id: str) -> Size:
        """Rows and columns of the prepared image."""
        ...

    def read(self, image_id: str, box: tuple[int, int, int, int] | None) -> NDArray[np.uint16]:
        """Pixels of the part (top, bottom, left, right), which lies inside the image; None: all."""
        ...

    def to_file(self, image_id: str) -> Affine:
        """The map from prepared pixels to the pixels of the file."""
        ...

    def original(self, row: Mapping[str, Any]) -> NDArray[np.int32]:
        """Grey values as they stand in the file of a row of images.csv."""
        ...

    def best_center(self, image_id: str, size: Size) -> tuple[int, int]:
        """Row and column of the centre of Wu et al.'s window of that size."""
        ...

    def has(self, image_id: str) -> bool:
        """Whether the image was prepared."""
        ...
