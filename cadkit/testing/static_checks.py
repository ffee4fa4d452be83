"""Checks of what a plugin says of itself, without asking it anything."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import tomli_w

from cadkit.errors import InputError
from cadkit.plugin import Config, ModelInfo
from cadkit.plugin.contract import API
from cadkit.testing.check import Fails, NotApplicable, check
from cadkit.testing.subject import Subject, environment

_SECONDS = 300
_LOAD = "import sys\nfrom cadkit.plugin.registry import imported\n{before}imported(sys.argv[1])\n"
_LEARNT = {"labels", "points", "boxes", "masks"}


def _loaded_elsewhere(subject: Subject, before: str = "") -> subprocess.CompletedProcess[str]:
    """Load the plugin in a process of its own."""
    if not subject.reference:
        raise NotApplicable("another process cannot load the class by a name")
    try:
        return subprocess.run(
            [sys.executable, "-P", "-W", "ignore", "-c", _LOAD.format(before=before), subject.reference],
            check=False,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            env=environment(),
            cwd=Path(subject.folder),
        )
    except subprocess.TimeoutExpired:
        raise Fails(f"its import took more than {_SECONDS} s") from None


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["without a word"])[-1]


@check(
    "static-loads",
    "The plugin is imported in a clean process, in another folder, and prints nothing.",
    "State every library in pyproject.toml, open files next to the module and not in the working folder, and leave "
    "printing out.",
)
def loads(subject: Subject) -> None:
    done = _loaded_elsewhere(subject)
    if done.returncode != 0:
        raise Fails(f"its import failed: {_last_line(done.stderr or done.stdout)}")
    if printed := (done.stdout + done.stderr).strip():
        raise Fails(f"its import printed: {_last_line(printed)}")


@check(
    "static-no-torch",
    "A model that is no TorchModel is imported without torch, so that a list of plugins takes no seconds.",
    "Import torch in the method that needs it, such as `load`.",
)
def no_torch(subject: Subject) -> None:
    if subject.torch:
        raise NotApplicable("a TorchModel brings torch with it")
    if _loaded_elsewhere(subject).returncode != 0:
        raise NotApplicable("it cannot be imported: see static-loads")
    done = _loaded_elsewhere(subject, "sys.modules['torch'] = None\n")
    if done.returncode != 0:
        raise Fails(f"its import needs torch: {_last_line(done.stderr)}")


@check(
    "static-info",
    "`info` says all that the core must know, in the right types, for a contract that this cadkit has.",
    "Correct `info = cadkit.ModelInfo(...)`; a tuple of one name is written ('CC',).",
)
def info(subject: Subject) -> None:
    for which in (subject.model_class.info, subject.new_model().info):
        if not isinstance(which, ModelInfo):
            raise Fails(f"info is {which!r}, no cadkit.ModelInfo")
        if which.api != API:
            raise Fails(f"info.api is {which.api}; this cadkit has version {API} of the contract")
        for name in ("labels", "views", "learns", "findings", "maps"):
            value = getattr(which, name)
            if not isinstance(value, tuple) or not all(isinstance(entry, str) and entry.strip() for entry in value):
                raise Fails(f"info.{name} is {value!r}, not a tuple of names")
            if len(set(value)) != len(value):
                raise Fails(f"info.{name} names something twice: {value!r}")
        if which.unit not in ("image", "breast", "exam"):
            raise Fails(f"info.unit is {which.unit!r}, not image, breast or exam")
        if strange := set(which.learns) - _LEARNT:
            raise Fails(f"info.learns has {sorted(strange)}; it takes {', '.join(sorted(_LEARNT))}")


@check(
    "static-config",
    "The model can be made; every preset is valid; and a configuration written to TOML and read again is the same.",
    "Give each field a type that TOML has. None is not written: it must be the default of its field.",
)
def config(subject: Subject) -> None:
    subject.new_model()
    config_class: type[Config] = subject.model_class.Config
    for preset in (None, *config_class.presets):
        where = f"the preset {preset}" if preset else "the defaults"
        try:
            before = config_class.make(preset)
            after = config_class.make(values=tomllib.loads(tomli_w.dumps(before.to_toml())), source="config.toml")
        except (InputError, TypeError, ValueError) as error:
            raise Fails(f"{where}: {error}") from error
        if before != after:
            differs = [n for n in config_class.model_fields if getattr(before, n) != getattr(after, n)]
            pairs = ", ".join(f"{n} {getattr(before, n)!r} came back as {getattr(after, n)!r}" for n in differs)
            raise Fails(f"{where}: {pairs}")


@check(
    "static-unknown-key",
    "A setting that the model does not know is refused.",
    "Leave `extra` of the model_config as cadkit.Config has it ('forbid').",
)
def unknown_key(subject: Subject) -> None:
    config_class: type[Config] = subject.model_class.Config
    try:
        config_class.make(values={"no_such_setting": 1})
    except InputError:
        return
    raise Fails("the key no_such_setting was taken without a word")
