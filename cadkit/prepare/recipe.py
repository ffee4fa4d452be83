"""How a store is made: what, if it changes, makes every image be prepared anew."""

from __future__ import annotations

import json
from typing import Any

from cadkit.dicom.pixels import MAX_PIXELS
from cadkit.files import fingerprint
from cadkit.prepare import background, crop

WINDOW = (2944, 1920)
"""Rows and columns of the window whose best centre is kept in the index (Shen et al. 2021, section 3.1)."""

RECIPE: dict[str, Any] = {
    "version": 1,
    "background": background.VERSION,
    "iterations": crop.ITERATIONS,
    "buffer": crop.BUFFER,
    "spacing_mm": crop.SPACING_MM,
    "rows": crop.ROWS,
    "window": list(WINDOW),
    "white": 65535,
    "max_pixels": MAX_PIXELS,
}
"""The steps' versions and numbers; written to `store.toml`."""


def recipe_fingerprint() -> str:
    """Fingerprint of the recipe."""
    return fingerprint(json.dumps(RECIPE, sort_keys=True))
