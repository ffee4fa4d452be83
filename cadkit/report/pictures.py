"""Pictures of the gallery, small enough that the page stays one file that opens at once."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.Image import Image as Picture

from cadkit.errors import InputError
from cadkit.files import inside

BUDGET = 14 * 2**20  # bytes of all pictures together; base64 makes a third more of them
_MOST = 60_000  # bytes of one picture, however few there are
_QUALITIES = (80, 70, 55, 40)  # of WebP; at the first no difference is seen at the size on the page
_MAP = 128  # cells of a map's longer side; finer ones are averaged, for drawing only
_LARGEST = 4096  # pixels of a side; what the evaluation writes is far smaller

# Dark violet to pale yellow through red, rising evenly in lightness (Smith and van der Walt's inferno at
# nine stops), opaque only where the map is high, so that the breast stays visible below it.
_STOPS = (
    (0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85),
    (227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164),
)  # fmt: skip


def allowance(count: int) -> int:
    """Bytes that each of `count` pictures may take."""
    return min(_MOST, BUDGET // max(count, 1))


def picture_uri(folder: Path, name: str, most: int) -> str:
    """A gallery picture as a data URI of at most `most` bytes of WebP.

    The quality falls first, then the size; lesions and marks are drawn over it as vectors and stay exact.

    Raises:
        InputError: the file is missing, no picture, or outside the report's folder.
    """
    picture = _open(folder, name).convert("L")
    while True:
        for quality in _QUALITIES:
            data = _webp(picture, quality)
            if len(data) <= most:
                return _uri("image/webp", data)
        if min(picture.size) < 32:
            return _uri("image/webp", data)
        picture = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS)


def saliency_uri(folder: Path, name: str, top: float) -> str:
    """A grey map (255 is 1.0) as a coloured, half-transparent PNG; `top` is drawn as the highest colour.

    Raises:
        InputError: the file is missing, no picture, or outside the report's folder.
    """
    grey = _open(folder, name).convert("L")
    if max(grey.size) > _MAP:
        scale = _MAP / max(grey.size)
        size = (max(1, round(grey.width * scale)), max(1, round(grey.height * scale)))
        grey = grey.resize(size, Image.Resampling.BOX)
    share = np.clip(np.arange(256) / 255 / max(top, 1 / 255), 0.0, 1.0)
    stops = np.linspace(0.0, 1.0, len(_STOPS))
    table = np.stack([np.interp(share, stops, [stop[c] for stop in _STOPS]) for c in range(3)], axis=1)
    coloured = Image.frombytes("P", grey.size, grey.tobytes())
    coloured.putpalette(np.rint(table).astype(np.uint8).tobytes())
    out = io.BytesIO()
    alpha = np.rint(255 * np.sqrt(share)).astype(np.uint8).tobytes()
    coloured.save(out, format="PNG", transparency=alpha)
    return _uri("image/png", out.getvalue())


def _webp(picture: Picture, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, format="WEBP", quality=quality, method=4)
    return out.getvalue()


def _open(folder: Path, name: str) -> Picture:
    path = inside(folder, name)
    try:
        picture = Image.open(path)
        if max(picture.size) > _LARGEST:
            raise InputError(f"a gallery picture of more than {_LARGEST} pixels a side", file=path, value=picture.size)
        picture.load()
    except (OSError, Image.DecompressionBombError) as error:
        raise InputError(
            f"a picture of the gallery cannot be read: {error}",
            file=path,
            mend="Make the report again with `cadkit evaluate`.",
        ) from None
    return picture


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
