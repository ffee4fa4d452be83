"""What a person may name: where a folder has the name of an installed plugin, the plugin is meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import cadkit
from cadkit import InputError
from cadkit.prediction.sources import dataset_for, predictions_of


@pytest.fixture
def plugin(install: Callable[[str, str], Path], plain: str) -> str:
    """An installed plugin, and in the working folder the one in which it was written."""
    install("named", plain)
    Path("named").mkdir()
    Path("named/pyproject.toml").write_text("")
    return "named"


def test_a_folder_of_its_name_does_not_hide_a_plugin(plugin: str, data: Path) -> None:
    made = predictions_of(plugin, cadkit.open(data))
    assert made.folder == Path("predictions/named-test")
    assert set(made.scores("exam")["malignant"]) == {0.25}
    with pytest.raises(InputError, match="no source says what dataset it is of"):
        dataset_for([plugin], None)


def test_another_folder_is_refused(plugin: str, data: Path) -> None:
    Path("other").mkdir()
    with pytest.raises(InputError, match=r"^other: neither a run, a prediction folder nor the name of an installed"):
        predictions_of("other", cadkit.open(data))
