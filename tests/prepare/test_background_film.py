"""A digitised film: grey air, a tilted white frame, a marker, a blacked-out box, in two lossy codings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cadkit.dicom import read_pixels
from cadkit.prepare.background import zero_background
from cadkit.prepare.crop import Scale


@pytest.mark.parametrize("name", ["MG1_J2KI.dcm", "MG1_JPLY.dcm"])
def test_the_air_of_a_film_becomes_zero(shared: Path, name: str) -> None:
    shown = read_pixels(shared / "data" / "mg-dicom" / name).array
    picture, found = zero_background((shown * 65535).astype(np.uint16), Scale.of(None, shown.shape[0]))
    assert found.method == "air"
    # Air of 490 to 720 of 4095 lies right of the breast, whose furthest point is the nipple at column 2060.
    assert not picture[500:4300, 2200:].any()
    assert (picture[1200:4000, 100:1200] > 0).all()
