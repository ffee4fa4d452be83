"""What cannot be asked of the steps as functions is said before anything is read or written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import cadkit
from cadkit import InputError


def half(image: cadkit.Image) -> float:
    return 0.5


@pytest.mark.parametrize(
    ("model", "words", "said"),
    [
        ("spots", {"labels": "malignant"}, "labels and scores are said of functions; runs and plugins state their own"),
        ("spots", {"scores": "probability"}, "labels and scores are said of functions"),
        (7, {}, r"a model is a run, a plugin's name or a function of an image.*7"),
        (half, {}, r"a function is given a dataset\. cadkit\.predict\(function, data\)"),
        (
            half,
            {"data": "D", "window": (4, 4), "size": 3},
            r"a function takes no window, size, which .*\(4, 4\).*quiet",
        ),
        (half, {"data": "D", "preset": "tiny"}, "a function takes no preset, .*tiny"),
        (half, {"data": "D", "saliency": True, "device": "cpu"}, "a function takes no saliency, device"),
        (half, {"data": "D", "retry_failed": True}, "a function takes no retry_failed"),
        (half, {"data": 7}, "data is a dataset or its folder"),
    ],
)
def test_a_prediction_that_cannot_be_is_refused(
    model: Any, words: Mapping[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said):
        cadkit.predict(model, **words)
    assert list(tmp_path.iterdir()) == []


def test_a_data_frame_is_no_source_of_a_report() -> None:
    with pytest.raises(InputError, match=r"a data frame is no source.*frame\.write_csv\(\"scores\.csv\"\)"):
        cadkit.evaluate(pl.DataFrame({"image_id": ["a"], "malignant": [0.5]}), data="D")
