"""A plugin told to a person: what it is, and its settings with kind, default, meaning and presets."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, to_jsonable_python

from cadkit.plugin.config import Config
from cadkit.plugin.contract import ModelInfo
from cadkit.plugin.registry import file_and_class, find, load

_NAMES = {"integer": "int", "number": "float", "string": "text", "boolean": "true or false", "null": "none"}
_FILES = {"path": "file or folder", "file-path": "file", "directory-path": "folder"}
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
REQUIRED = "must be given"


@dataclass(frozen=True)
class Setting:
    """A field of a configuration.

    Attributes:
        name: what `--set NAME=VALUE` takes.
        kind: type and range, such as `float > 0`.
        default: as it is typed after `--set NAME=`; none where it is left out.
        meaning: its description; empty where the author wrote none.
        presets: preset -> value, of the presets in which it is not the default.
    """

    name: str
    kind: str
    default: str
    meaning: str
    presets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """A plugin as it describes itself.

    Attributes:
        name: by which it is asked for.
        distribution, version: what was installed, or the file.
        licence: of the distribution; empty where it states none.
        text: what the class says of itself.
        info: of the model, with its defaults.
        trainable: whether cadkit trains it; others predict as they are.
        presets: names.
        settings: of its configuration.
    """

    name: str
    distribution: str
    version: str
    licence: str
    text: str
    info: ModelInfo
    trainable: bool
    presets: tuple[str, ...]
    settings: tuple[Setting, ...]


def describe(name: str) -> Description:
    """What a plugin is and can be told, of an installed one or of `path/to/file.py:Class`.

    Raises:
        InputError: there is no such plugin, or it cannot be used.
    """
    model, plugin = load(name)
    return Description(
        name,
        plugin.distribution,
        plugin.version,
        "" if file_and_class(name)[0] is not None else _licence(name),
        inspect.cleandoc(vars(model).get("__doc__") or ""),
        model.info,
        hasattr(model, "train"),
        tuple(model.Config.presets),
        tuple(settings_of(model.Config)),
    )


def _licence(name: str) -> str:
    """Of the distribution, by its metadata (PyPA, Core metadata: License-Expression, before that License)."""
    _, point = find(name)
    try:
        written = point.dist.metadata.json if point.dist else {}
    except OSError:  # a lost file in newer versions of importlib.metadata
        return ""
    stated = str(written.get("license_expression") or written.get("license") or "")
    return stated.partition("\n")[0]  # older distributions hold its whole text


def settings_of(config: type[Config]) -> list[Setting]:
    """The settings of a configuration class, in the order in which it states them, its own before inherited ones."""
    own = [name for name in config.model_fields if name in config.__annotations__]
    names = [*own, *(name for name in config.model_fields if name not in own)]
    return [_setting(config, name, config.model_fields[name]) for name in names]


def _setting(config: type[Config], name: str, about: FieldInfo) -> Setting:
    default = REQUIRED if about.is_required() else written(about.get_default(call_default_factory=True))
    values = {preset: written(given[name]) for preset, given in config.presets.items() if name in given}
    differing = {preset: value for preset, value in values.items() if value != default}
    return Setting(name, _kind(about), default, " ".join((about.description or "").split()), differing)


def written(value: object) -> str:
    """A value as it is typed after `--set key=`."""
    try:
        plain = to_jsonable_python(value)
    except PydanticSerializationError:
        return str(value)
    return "none" if plain is None else json.dumps(plain, ensure_ascii=False)


def _kind(about: FieldInfo) -> str:
    """Type and range of a field, of its JSON schema."""
    try:
        schema = TypeAdapter(about.rebuild_annotation()).json_schema()
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        return getattr(about.annotation, "__name__", str(about.annotation))
    return _words(schema, schema.get("$defs", {}))


def _words(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _words(known[str(schema["$ref"]).rpartition("/")[2]], known)
    if "anyOf" in schema:
        return " or ".join(_words(each, known) for each in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " | ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "")
    if kind == "array":
        return _array(schema, known)
    if kind == "object":
        return "table"
    bounds = [f"{sign} {schema[key]}" for key, sign in _BOUNDS.items() if key in schema]
    name = _FILES.get(schema.get("format", ""), _NAMES.get(kind, kind or "anything"))
    return " ".join([name, ", ".join(bounds)]).strip()


def _array(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        parts = [_words(part, known) for part in schema["prefixItems"]]
        return f"[{', '.join(parts)}]" if len(set(parts)) > 1 else f"list of {len(parts)}: {parts[0]}"
    items = _words(schema.get("items", {}), known)
    least = schema.get("minItems")
    return f"list: {items}" + (f", {least} or more" if least else "")
