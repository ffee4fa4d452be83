"""Configuration of a model: a pydantic class with presets, read from TOML and `--set key=value`."""

from __future__ import annotations

import difflib
import reprlib
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from cadkit.errors import InputError

_FAULTS_SHOWN = 12  # an error fits on one screen
_SEE = "See `cadkit plugin show {}`."


class Config(BaseModel):
    """Base of every model's configuration.

    Fields state unit, range and the paper's section in their `description`, or in a string below the
    field; `cadkit plugin show` prints it. An unknown key and a value out of range are errors, never ignored.
    A field that is a `pathlib.Path`, or a tuple of them, names files such as weights: a model that is not trained
    gets absolute paths, and what the files hold is part of what its prediction is.

    Class attributes:
        presets: name -> values that differ from the fields' defaults.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, use_attribute_docstrings=True)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @classmethod
    def make(
        cls, preset: str | None = None, values: Mapping[str, Any] | None = None, source: str = "", plugin: str = ""
    ) -> Self:
        """A configuration from a preset and further values, which win.

        Args:
            preset: a name in `presets`; None for the fields' defaults.
            values: by field.
            source: the file or option that the values came from, for the error's sake.
            plugin: the model's name, for the error's sake.

        Raises:
            InputError: unknown preset or key, or a value of the wrong kind or out of range; all faults
                are listed, a line each, with the key, the value and the rule.
        """
        if preset is not None and preset not in cls.presets:
            raise InputError(
                f"there is no such preset; there are {', '.join(cls.presets) or 'none'}",
                row="--preset",
                value=preset,
                mend=_SEE.format(plugin) if plugin else "",
            )
        merged = {**(cls.presets[preset] if preset else {}), **(values or {})}
        try:
            return cls(**merged)
        except ValidationError as error:
            raise InputError(cls._explain(error, plugin), file=source or None) from None

    @classmethod
    def _explain(cls, error: ValidationError, plugin: str) -> str:
        lines = []
        strange = False
        for fault in error.errors(include_url=False):
            key = ".".join(str(part) for part in fault["loc"])
            if fault["type"] == "extra_forbidden":
                near = difflib.get_close_matches(key, cls.model_fields, n=1)
                strange |= not near
                lines.append(f"{key}: there is no such key" + (f"; did you mean {near[0]}?" if near else ""))
                continue
            rule = fault["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
            found = f" (found: {reprlib.repr(fault['input'])})" if key else ""
            lines.append(f"{key}: {rule[0].lower()}{rule[1:]}{found}" if key else rule)
        if len(lines) > _FAULTS_SHOWN:
            lines[_FAULTS_SHOWN:] = [f"... and {len(lines) - _FAULTS_SHOWN} more"]
        if strange:
            lines.append(f"The keys are {', '.join(sorted(cls.model_fields)) or 'none'}.")
        if plugin:
            lines.append(_SEE.format(plugin))
        return "the configuration is wrong:\n  " + "\n  ".join(lines) + "\n"

    def to_toml(self) -> dict[str, Any]:
        """Every field as TOML can hold it; fields that are None are left out, which is their default."""
        return {key: value for key, value in self.model_dump(mode="json").items() if value is not None}


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Values of `--set key=value` options; each value is read as TOML, or else as text.

    Raises:
        InputError: an option without `=`.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise InputError("takes key=value", row="--set", value=setting)
        try:
            values[key.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[key.strip()] = text.strip()
    return values
