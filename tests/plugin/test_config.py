"""Configurations: presets, `--set`, TOML, and errors that name the key and fit on a screen."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import pytest
import tomli_w
from pydantic import Field, model_validator

from cadkit import Config, InputError
from cadkit.plugin.config import parse_settings


class Toy(Config):
    epochs: int = Field(50, ge=1, le=1000)
    lr: float = Field(1e-3, gt=0)
    optimizer: Literal["adam", "sgd"] = "adam"
    window: tuple[int, int] = (2944, 1920)
    init_from: str | None = None
    note: str = ""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"tiny": {"epochs": 3, "window": (320, 208)}}

    @model_validator(mode="after")
    def _fits(self) -> Toy:
        if self.optimizer == "sgd" and self.lr > 1:
            raise ValueError("SGD diverges with lr above 1")
        return self


def message(**values: Any) -> str:
    with pytest.raises(InputError) as caught:
        Toy.make(values=values, source="config.toml")
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_a_preset_changes_what_it_names_and_values_win_over_it() -> None:
    made = Toy.make("tiny", {"epochs": 7})
    assert (made.epochs, made.window, made.lr) == (7, (320, 208), 1e-3)
    assert Toy.make() == Toy()


def test_an_unknown_preset_names_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"--preset.*there are tiny.*'huge'"):
        Toy.make("huge")


def test_an_unknown_key_names_the_near_match_and_the_file() -> None:
    text = message(epoch=3)
    assert text.startswith("config.toml: ")
    assert "epoch: there is no such key; did you mean epochs?" in text


def test_an_unknown_key_without_a_near_match_lists_the_keys_once() -> None:
    text = message(qqqqqq=1, zzzzzz=2)
    assert text.count("epochs, init_from, lr, note, optimizer, window") == 1


def test_of_a_plugin_it_is_said_what_shows_its_settings() -> None:
    with pytest.raises(InputError, match=r"epoch: .*\n  See `cadkit plugin show toy`\."):
        Toy.make(values={"epoch": 3}, plugin="toy")
    with pytest.raises(InputError, match=r"no such preset.* See `cadkit plugin show toy`\.$"):
        Toy.make("huge", plugin="toy")


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("epochs", 0, "greater than or equal to 1"),
        ("epochs", 1001, "less than or equal to 1000"),
        ("lr", 0.0, "greater than 0"),
        ("optimizer", "lion", "'adam' or 'sgd'"),
        ("epochs", "many", "valid integer"),
    ],
)
def test_a_value_out_of_range_names_key_value_and_rule(key: str, value: Any, rule: str) -> None:
    text = message(**{key: value})
    assert f"{key}: " in text
    assert rule in text
    assert repr(value) in text


def test_all_faults_are_told_at_once() -> None:
    text = message(epochs=0, lr=-1.0, epochz=2)
    assert [line.split(":")[0].strip() for line in text.splitlines() if line.startswith("  ")] == [
        "epochs",
        "lr",
        "epochz",
    ]


def test_faults_of_a_whole_other_configuration_still_fit_on_a_screen() -> None:
    text = message(**{f"key_{n}_of_another_model": list(range(10_000)) for n in range(200)}, note=list(range(10_000)))
    assert len(text.splitlines()) < 24
    assert max(map(len, text.splitlines())) < 300
    assert "and 189 more" in text


def test_a_rule_between_fields_is_told_in_its_own_words() -> None:
    text = message(optimizer="sgd", lr=3.0)
    assert "SGD diverges with lr above 1" in text
    assert "Value error" not in text


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Toy().epochs = 3  # type: ignore[misc]


@pytest.mark.parametrize("made", [Toy(), Toy.make("tiny", {"lr": 3e-5, "init_from": "a", "note": 'x"\n'})])
def test_toml_gives_the_same_configuration_back(made: Toy) -> None:
    text = tomli_w.dumps(made.to_toml())
    assert Toy.make(values=tomllib.loads(text)) == made
    assert {"epochs", "lr", "optimizer", "window", "note"} <= tomllib.loads(text).keys()


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("epochs=3", "epochs", 3),
        ("lr=1e-4", "lr", 1e-4),
        ("tta = true", "tta", True),
        ("window=[320, 208]", "window", [320, 208]),
        ("optimizer=sgd", "optimizer", "sgd"),
        ('note="5"', "note", "5"),
        ("init_from=runs/a=b", "init_from", "runs/a=b"),
        ("note=", "note", ""),
    ],
)
def test_set_reads_toml_or_else_text(setting: str, key: str, value: Any) -> None:
    assert parse_settings([setting]) == {key: value}


@pytest.mark.parametrize("setting", ["epochs", "=3", " =3"])
def test_set_without_a_key_or_an_equals_sign_is_refused(setting: str) -> None:
    with pytest.raises(InputError, match=r"^--set: takes key=value"):
        parse_settings([setting])


def test_the_last_of_two_settings_of_one_key_wins() -> None:
    assert parse_settings(["a=1", "b=2", "a=3"]) == {"a": 3, "b": 2}
