"""Finding plugins: entry points of the group `cadkit.plugins`, imported only when used.

Names come from metadata alone. A plugin that raises, prints or exits when it is imported is a row in
`cadkit plugins` (`cadkit.plugin.listing`) and an error where it is asked for by name; it never ends another command.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
import io
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from cadkit.errors import InputError
from cadkit.extras import install_command
from cadkit.files import sha256_of
from cadkit.plugin.config import Config
from cadkit.plugin.contract import API, Model, ModelInfo

GROUP = "cadkit.plugins"
OWN = ("faster_rcnn", "gmic")
"""Plugins that cadkit's own authors publish, each as `cadkit-<name>`."""
UNKNOWN = "?"
"""Name and version of a distribution whose metadata are lost."""
_DETAIL = 400  # characters of an exception's text


@dataclass(frozen=True)
class Installed:
    """A plugin as its metadata tells, before it is imported.

    Attributes:
        name: by which it is asked for; `distribution:name` where two distributions share one name.
        distribution: what was installed.
        version: of the distribution.
        target: `module:Class`.
        also: further targets to which the same distribution gives this name; with any, it cannot be used.
    """

    name: str
    distribution: str
    version: str
    target: str
    also: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """Name and version of the distribution."""
        return package(self.distribution, self.version)

    @property
    def undecided(self) -> str:
        """Why it cannot be told which class is meant; empty where it can."""
        targets = " and ".join((self.target, *self.also))
        return f"its distribution gives one name to several classes: {targets}" if self.also else ""


def package(distribution: str, version: str) -> str:
    """Name and version as they are shown."""
    return "unknown distribution" if distribution == UNKNOWN else f"{distribution} {version}"


class BrokenPlugin(InputError):
    """A plugin that is there and cannot be used.

    Attributes:
        reason: why, in one sentence.
        mend: what to do about it; empty where that is not known.
    """

    def __init__(self, name: str, reason: str, mend: str) -> None:
        self.name, self.reason, self.mend = name, reason, mend
        super().__init__(f"the plugin {name} cannot be used: {reason}", mend=mend)

    def __reduce__(self) -> tuple[type[BrokenPlugin], tuple[str, str, str]]:
        return BrokenPlugin, (self.name, self.reason, self.mend)


def installed() -> dict[str, tuple[Installed, EntryPoint]]:
    """Every plugin by the name to ask for it with. Imports nothing."""
    found: dict[tuple[str, str], list[tuple[Installed, EntryPoint]]] = {}
    for point in entry_points(group=GROUP):
        distribution, version = _owner(point)
        plugin = Installed(point.name, distribution, version, point.value)
        found.setdefault((point.name, distribution), []).append((plugin, point))
    names = [name for name, _ in found]
    answer = {}
    for (name, distribution), pairs in sorted(found.items(), key=lambda item: item[0]):
        asked = f"{distribution}:{name}" if names.count(name) > 1 else name
        first, point = pairs[0]
        also = tuple(other.target for other, _ in pairs[1:])
        answer[asked] = Installed(asked, distribution, first.version, first.target, also), point
    return answer


def _owner(point: EntryPoint) -> tuple[str, str]:
    """Name and version of an entry point's distribution; ? where its metadata are damaged."""
    if point.dist is None:
        return UNKNOWN, UNKNOWN
    try:
        written = point.dist.metadata.json  # of a lost file it is empty, where `name` raises or is None
    except OSError:  # a lost file in newer versions of importlib.metadata, which other packages may put in its place
        return UNKNOWN, UNKNOWN
    return str(written.get("name", UNKNOWN)), str(written.get("version", UNKNOWN))


def load(name: str) -> tuple[type[Model], Installed]:
    """Import a plugin by name, or from a file as `path/to/file.py:Class`.

    Raises:
        InputError: there is no such plugin, or two share the name.
        BrokenPlugin: its import failed, or what it gave is no model; the message holds the reason and the
            last lines of what it printed.
    """
    model, plugin, _ = loaded(name)
    return model, plugin


def loaded(name: str) -> tuple[type[Model], Installed, str]:
    """The same, and what the import printed."""
    with _isolated(name) as said:
        made, plugin = imported(name)
    return _checked(made, name), plugin, said.getvalue().strip()


def imported(name: str) -> tuple[object, Installed]:
    """Import what a name stands for, whatever that is; what it prints, raises or exits with is the caller's.

    Raises:
        InputError: there is no such plugin, or two share the name.
    """
    path, attribute = file_and_class(name)
    if path is not None:
        made = _from_file(path, attribute)
        # A file has no version of its own: what another version of it predicted is another prediction.
        return made, Installed(name, path.name, f"sha256:{sha256_of(path)[:12]}", name)
    plugin, point = find(name)
    return point.load(), plugin


def file_and_class(name: str) -> tuple[Path | None, str]:
    """The parts of `path/to/file.py:Class`; no file and the name where it is that of an installed plugin."""
    path, colon, attribute = name.rpartition(":")
    return (Path(path), attribute) if colon and path.endswith(".py") else (None, name)


def find(name: str) -> tuple[Installed, EntryPoint]:
    """An installed plugin by name. Imports nothing.

    Raises:
        InputError: there is none, or two share the name.
    """
    known = installed()
    if name in known:
        plugin, point = known[name]
        if plugin.undecided:
            raise BrokenPlugin(name, plugin.undecided, _without(plugin, "Its author must name them apart"))
        return plugin, point
    if name.endswith(".py"):
        raise InputError("the class is missing", value=name, mend=f"Name it: {name}:Class.")
    twins = [asked for asked, (_, point) in known.items() if point.name == name]
    if twins:
        raise InputError(
            f"several installed plugins are called {name}", value=name, mend=f"Ask for {' or '.join(twins)}."
        )
    there = ", ".join(known) or "none is installed"
    near = difflib.get_close_matches(name, [*known, *OWN], n=1)
    if name in OWN:
        mend = f"It is one of cadkit's own: `pip install cadkit-{name.replace('_', '-')}`."
    else:
        mend = (
            f"Did you mean {near[0]}? " if near else ""
        ) + "See `cadkit plugins`, or name a file: path/to/file.py:Class."
    raise InputError(f"there is no plugin {name}; there are: {there}", mend=mend)


def name_of(plugin: str, distribution: str, version: str = "", file: Path | None = None) -> str:
    """The name to ask with, here and now, for the plugin that a distribution brought when a run was made.

    Args:
        plugin: as it was asked for then; `path/to/file.py:Class` stays as it is.
        distribution: that brought it; where it is not known, the name alone decides.
        version: of the distribution, for the error's sake.
        file: that tells all this, for the error's sake.

    Raises:
        InputError: that distribution does not offer it here. Another one's plugin of the same name is not taken.
    """
    if file_and_class(plugin)[0] is not None or distribution in ("", UNKNOWN):
        return plugin
    plain = plugin.rpartition(":")[2]
    there = {asked: row for asked, (row, point) in installed().items() if point.name == plain}
    for asked, row in there.items():
        if normalized(row.distribution) == normalized(distribution):
            return asked
    others = " and ".join(row.package for row in there.values())
    another = f"; the {plain} that is installed belongs to {others}" if others else ""
    wanted = f"{distribution}=={version}" if version not in ("", UNKNOWN) else distribution
    raise InputError(
        f"it was made with the plugin {plain} of {distribution} {version}".rstrip() + f", which is not here{another}",
        file=file,
        mend=f"Install that: `pip install {wanted}`.",
    )


def normalized(distribution: str) -> str:
    """A distribution's name as package indexes compare it (PyPA, Names and normalization)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _from_file(path: Path, attribute: str) -> object:
    if not path.is_file():
        raise InputError("there is no such file", file=path)
    spec = importlib.util.spec_from_file_location(f"cadkit_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError("not a Python file", file=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    # As in `python file.py`, what lies beside the file can be imported.
    sys.path.insert(0, beside := str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(beside)
    if not hasattr(module, attribute):
        raise InputError("the file has no such class", file=path, value=attribute, mend=_classes_of(path, module))
    return getattr(module, attribute)


def _classes_of(path: Path, module: ModuleType) -> str:
    """Which models a file has, as a sentence."""
    made = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Model) and value.__module__ == module.__name__
    ]
    if len(made) == 1:
        return f"It has {made[0]}: name it {path}:{made[0]}."
    return f"Its models are {', '.join(made)}." if made else "It has no subclass of cadkit.Model: write one."


@contextlib.contextmanager
def _isolated(name: str) -> Iterator[io.StringIO]:
    """Whatever an import prints, raises or exits with becomes a `BrokenPlugin`."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            yield said
    except (InputError, KeyboardInterrupt):
        raise
    except BaseException as error:
        kind = "exited" if isinstance(error, SystemExit) else f"raised {type(error).__name__}"
        text = textwrap.shorten(str(error), _DETAIL, placeholder=" ...").rstrip(".")
        printed = said.getvalue().strip().splitlines()[-3:]
        tail = f". It printed: {' / '.join(printed)}" if printed else ""
        reason = f"its import {kind}" + (f": {text}" if text else "") + tail
        raise BrokenPlugin(name, reason, install_command(error) or remedy(name, error)) from error


def remedy(name: str, error: BaseException | None = None) -> str:
    """What to do about a plugin that cannot be used, as a sentence."""
    if file_and_class(name)[0] is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return f"Install what brings the module {error.name.partition('.')[0]}, or mend the file."
        return "Mend the file."
    plugin = installed()[name][0]
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = error.name.partition(".")[0]
        if missing == plugin.target.partition(":")[0].partition(".")[0]:
            return _without(plugin, "Install it anew")
        return _without(plugin, f"Install what brings the module {missing}")
    return _without(plugin, "Mend it or tell its author")


def _without(plugin: Installed, first: str) -> str:
    if plugin.distribution == UNKNOWN:
        return f"{first}, or remove it; its own metadata are lost."
    return f"{first}, or do without: `pip uninstall {plugin.distribution}`."


def _checked(made: object, name: str) -> type[Model]:
    if not (isinstance(made, type) and issubclass(made, Model)):
        raise BrokenPlugin(name, f"it is not a subclass of cadkit.Model but {made!r}", remedy(name))
    info = getattr(made, "info", None)
    if not isinstance(info, ModelInfo):
        raise BrokenPlugin(name, f"its class states no `info = cadkit.ModelInfo(...)` (found: {info!r})", remedy(name))
    if info.api != API:
        older = "cadkit" if info.api > API else "the plugin"
        raise BrokenPlugin(
            name,
            f"it was written for version {info.api} of the plugin contract, this cadkit has {API}",
            f"Install a newer version of {older}.",
        )
    config: object = made.Config
    if not (isinstance(config, type) and issubclass(config, Config)):
        raise BrokenPlugin(name, f"its Config is not a subclass of cadkit.Config but {config!r}", remedy(name))
    if not (isinstance(config.presets, Mapping) and all(isinstance(v, Mapping) for v in config.presets.values())):
        raise BrokenPlugin(name, "its presets are not a table of settings by name", remedy(name))
    return made
