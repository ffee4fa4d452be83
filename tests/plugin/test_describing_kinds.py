"""Kinds of settings in words, and licences as distributions state them."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from cadkit import Config
from cadkit.plugin.describing import describe, settings_of


class Mode(enum.Enum):
    FAST = "fast"
    FINE = "fine"


class Layer(BaseModel):
    width: int = 3


class Settings(Config):
    mode: Mode = Mode.FAST
    modes: tuple[Mode, ...] = ()
    only: Literal["a"] = "a"
    whatever: Any = 1
    numbers: list[float] = Field(default_factory=list)
    layer: Layer = Layer()
    steps: Annotated[int, Field(gt=0, le=9)] = 1
    name: str = "ä"


def test_kinds_in_words() -> None:
    assert {row.name: (row.kind, row.default) for row in settings_of(Settings)} == {
        "mode": ('"fast" | "fine"', '"fast"'),
        "modes": ('list: "fast" | "fine"', "[]"),
        "only": ('"a"', '"a"'),
        "whatever": ("anything", "1"),
        "numbers": ("list: float", "[]"),
        "layer": ("table", '{"width": 3}'),
        "steps": ("int > 0, <= 9", "1"),
        "name": ("text", '"ä"'),
    }


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        ("License-Expression: MIT\n", "MIT"),
        ("License: its whole text\nLicense-Expression: MIT OR Apache-2.0\n", "MIT OR Apache-2.0"),
        ("License: BSD\n", "BSD"),
    ],
)
def test_the_expression_comes_before_the_older_field(site: Path, lines: str, licence: str) -> None:
    with (site / "fake_good-1.5.dist-info" / "METADATA").open("a") as file:
        file.write(lines)
    assert describe("good").licence == licence
