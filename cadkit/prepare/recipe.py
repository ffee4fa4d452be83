"""How a store is made: what, if it changes, makes every image be prepared anew."""

from __future__ import annotations

import json
from typing import Any

from cadkit.data import windows
from cadkit.dicom.pixels import MAX_PIXELS
from cadkit.files import fingerprint
from cadkit.prepare import background, crop

RECIPE: dict[str, Any] = {
    "version": 2,
    "background": background.VERSION,
    "iterations": crop.ITERATIONS,
    "buffer": crop.BUFFER,
    "spacing_mm": crop.SPACING_MM,
    "rows": crop.ROWS,
    "windows": {"gmic": list(windows.GMIC), "nyu": [list(windows.NYU_CC), list(windows.NYU_MLO)]},
    "white": 65535,
    "max_pixels": MAX_PIXELS,
}
"""The steps' versions and numbers; written to `store.toml`."""


def recipe_fingerprint() -> str:
    """Fingerprint of the recipe."""
    return fingerprint(json.dumps(RECIPE, sort_keys=True))
