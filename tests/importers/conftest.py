"""Fixtures of the importers' tests."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tests.importers.trees import four


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys of pseudonyms in a folder of the test."""
    folder = tmp_path / "config"
    monkeypatch.setenv("CADKIT_CONFIG", str(folder))
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two patients with one exam each, and a third with two."""
    folder = tmp_path / "files"
    four(folder, "A1")
    four(folder, "B1", patient_id="Meyer-2")
    four(folder, "C1", patient_id="Mohr-3")
    four(folder, "C2", patient_id="Mohr-3", date=dt.date(2022, 3, 4), age_years=57)
    return folder
