"""What `cadkit plugin show` tells of a plugin and its settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from pydantic import ConfigDict, Field
from typer.testing import CliRunner

from cadkit import Config, InputError
from cadkit.cli.app import app
from cadkit.plugin.describing import describe, settings_of
from cadkit.training import TorchConfig


class Base(Config):
    epochs: int = Field(10, ge=1, description="Passes over the list.")
    lr: float = Field(1e-3, gt=0, lt=1)
    """Learning rate, in a string
    of two lines."""


class Own(Base):
    weights: Path
    size: tuple[int, int] = (320, 208)
    mixed: tuple[int, str] = (1, "a")
    labels: tuple[str, ...] = Field(("malignant",), min_length=1)
    share: float | None = Field(None, ge=0)
    kind: Literal["a", "b"] = "a"
    plain: bool = False
    lr: float = 0.5
    more: dict[str, int] = Field(default_factory=dict)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"size": (32, 16), "epochs": 10, "kind": "b"},
        "large": {"size": [640, 416], "epochs": 50},
    }


def test_every_setting_is_told_its_own_first() -> None:
    rows = {row.name: row for row in settings_of(Own)}
    assert list(rows) == ["lr", "weights", "size", "mixed", "labels", "share", "kind", "plain", "more", "epochs"]
    assert {name: (row.kind, row.default) for name, row in rows.items()} == {
        "weights": ("file or folder", "must be given"),
        "size": ("list of 2: int", "[320, 208]"),
        "mixed": ("[int, text]", '[1, "a"]'),
        "labels": ("list: text, 1 or more", '["malignant"]'),
        "share": ("float >= 0 or none", "none"),
        "kind": ('"a" | "b"', '"a"'),
        "plain": ("true or false", "false"),
        "lr": ("float", "0.5"),
        "more": ("table", "{}"),
        "epochs": ("int >= 1", "10"),
    }


def test_presets_stand_where_they_differ_from_the_default() -> None:
    rows = {row.name: row.presets for row in settings_of(Own)}
    assert rows["size"] == {"tiny": "[32, 16]", "large": "[640, 416]"}
    assert rows["epochs"] == {"large": "50"}
    assert rows["kind"] == {"tiny": '"b"'}
    assert rows["weights"] == {}


def test_the_meaning_is_the_description_or_the_string_below_the_field() -> None:
    assert [(row.kind, row.meaning) for row in settings_of(Base)] == [
        ("int >= 1", "Passes over the list."),
        ("float > 0, < 1", "Learning rate, in a string of two lines."),
    ]


def test_a_kind_that_has_no_schema_is_told_by_its_name() -> None:
    class Strange(Config):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        table: np.dtype = Field(np.dtype("f4"))  # type: ignore[type-arg]

    (row,) = settings_of(Strange)
    assert (row.kind, row.default) == ("dtype", "float32")


def test_every_setting_that_torch_plugins_share_has_a_meaning() -> None:
    assert [row.name for row in settings_of(TorchConfig) if not row.meaning] == []


MODEL = '''
import cadkit
class Config(cadkit.Config):
    width: int = 3
    "Channels of the only layer."
    depth: int = 2
    presets = {"wide": {"width": 64}}
class Learner(cadkit.Model):
    """Learns a little.

    And then some more.
    """
    Config = Config
    info = cadkit.ModelInfo(labels=("malignant",), scores="risk", views=("CC",), learns=("labels", "boxes"))
    def train(self, data, run): ...
'''


@pytest.fixture
def learner(tmp_path: Path) -> str:
    (tmp_path / "learner.py").write_text(MODEL)
    return f"{tmp_path / 'learner.py'}:Learner"


def test_a_plugin_in_a_file_is_shown(learner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = CliRunner().invoke(app, ["plugin", "show", learner])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert "trained     yes, from labels, boxes" in lines
    assert "scores      risk (any scale, larger is worse), of each image" in lines
    assert "views       CC" in lines
    assert lines[lines.index("width = 3  (int)") :] == [
        "width = 3  (int)",
        "    Channels of the only layer.",
        "    Presets: wide: 64",
        "",
        "depth = 2  (int)",
    ]


def test_as_json_it_is_the_same(learner: str) -> None:
    told = json.loads(CliRunner().invoke(app, ["plugin", "show", learner, "--json"]).stdout)
    assert told["text"] == "Learns a little.\n\nAnd then some more."
    assert (told["presets"], told["trainable"], told["licence"]) == (["wide"], True, "")
    assert told["settings"][0] == {
        "name": "width",
        "kind": "int",
        "default": "3",
        "meaning": "Channels of the only layer.",
        "presets": {"wide": "64"},
    }
    assert told["info"]["labels"] == ["malignant"]


def test_of_an_installed_one_the_licence_is_told(site: Path) -> None:
    metadata = site / "fake_good-1.5.dist-info" / "METADATA"
    about = describe("good")
    assert (about.distribution, about.version, about.settings, about.text) == ("fake-good", "1.5", (), "")
    assert about.licence == ""
    with metadata.open("a") as file:
        file.write("License: Apache-2.0\n        and its whole text\n")
    assert describe("good").licence == "Apache-2.0"


def test_one_that_is_broken_is_the_users_error(site: Path) -> None:
    with pytest.raises(InputError, match="no licence"):
        describe("exits")
