"""Simulated reports, and what the tests of reports share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cadkit.report import write_report
from tests.report.simulated import build, write


@pytest.fixture(scope="session")
def build_report() -> Callable[..., dict[str, Any]]:
    return build


@pytest.fixture(scope="session")
def write_result() -> Callable[[Path, dict[str, Any]], None]:
    return write


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder whose report was drawn, and its result; for reading only."""
    folder = tmp_path_factory.mktemp("drawn") / "report"
    report = build(folder)
    write_report(folder)
    return folder, report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a result and its gallery: two models, two labels, 24 images."""
    build(tmp_path / "report")
    return tmp_path / "report"
