"""Finding plugins: entry points of the group `cadkit.plugins`, imported only when used.

Names come from metadata alone. A plugin that raises, prints or exits when it is imported is a row in
`cadkit plugins` and an error where it is asked for by name; it never ends another command.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from cadkit.errors import InputError
from cadkit.extras import install_command
from cadkit.files import sha256_of
from cadkit.plugin.contract import API, Model, ModelInfo
from cadkit.tasks import processors

GROUP = "cadkit.plugins"
_SECONDS_TO_IMPORT = 120
_TOGETHER = 4  # processes that may each import torch


@dataclass(frozen=True)
class Installed:
    """A plugin as its metadata tells, before it is imported.

    Attributes:
        name: by which it is asked for; `distribution:name` where two share one name.
        distribution: what was installed.
        version: of the distribution.
        target: `module:Class`.
    """

    name: str
    distribution: str
    version: str
    target: str


@dataclass(frozen=True)
class Listed:
    """A row of `cadkit plugins`: an installed plugin, and what importing it gave.

    `reason` says why it is not `ok`; of one that is, what is odd about it.
    """

    name: str
    distribution: str
    version: str
    ok: bool
    reason: str = ""
    labels: tuple[str, ...] = ()
    localizes: str = ""
    trainable: bool = False
    paper: str = ""
    presets: tuple[str, ...] = ()


def installed() -> dict[str, tuple[Installed, EntryPoint]]:
    """Every plugin by the name to ask for it with. Imports nothing."""
    found = []
    for point in entry_points(group=GROUP):
        distribution, version = _owner(point)
        found.append((Installed(point.name, distribution, version, point.value), point))
    names = [plugin.name for plugin, _ in found]
    answer = {}
    for plugin, point in sorted(found, key=lambda pair: (pair[0].name, pair[0].distribution)):
        shared = names.count(plugin.name) > 1
        name = f"{plugin.distribution}:{plugin.name}" if shared else plugin.name
        answer[name] = Installed(name, plugin.distribution, plugin.version, plugin.target), point
    return answer


def _owner(point: EntryPoint) -> tuple[str, str]:
    """Name and version of an entry point's distribution; ? where its metadata are damaged."""
    if point.dist is None:
        return "?", "?"
    try:
        written = point.dist.metadata.json  # of a lost file it is empty, where `name` raises or is None
    except OSError:  # a lost file in newer versions of importlib.metadata, which other packages may put in its place
        return "?", "?"
    return str(written.get("name", "?")), str(written.get("version", "?"))


def load(name: str) -> tuple[type[Model], Installed]:
    """Import a plugin by name, or from a file as `path/to/file.py:Class`.

    Raises:
        InputError: there is no such plugin, two share the name, or its import failed; the message
            holds the reason and the last lines of what it printed.
    """
    model, plugin, _ = _loaded(name)
    return model, plugin


def _loaded(name: str) -> tuple[type[Model], Installed, str]:
    """The same, and what the import printed."""
    with _isolated(name) as said:
        made, plugin = imported(name)
    return _checked(made, name), plugin, said.getvalue().strip()


def imported(name: str) -> tuple[object, Installed]:
    """Import what a name stands for, whatever that is; what it prints, raises or exits with is the caller's.

    Raises:
        InputError: there is no such plugin, or two share the name.
    """
    path, colon, attribute = name.rpartition(":")
    if colon and path.endswith(".py"):
        made = _from_file(Path(path), attribute)
        # A file has no version of its own: what another version of it predicted is another prediction.
        return made, Installed(name, Path(path).name, f"sha256:{sha256_of(path)[:12]}", name)
    plugin, point = find(name)
    return point.load(), plugin


def find(name: str) -> tuple[Installed, EntryPoint]:
    """An installed plugin by name. Imports nothing.

    Raises:
        InputError: there is none, or two share the name.
    """
    known = installed()
    if name in known:
        return known[name]
    if name.endswith(".py"):
        raise InputError("the class is missing", value=name, mend=f"Name it: {name}:Class.")
    twins = [key for key in known if key.endswith(f":{name}")]
    if twins:
        raise InputError(
            f"several installed plugins are called {name}", value=name, mend=f"Ask for {' or '.join(twins)}."
        )
    there = ", ".join(known) or "none is installed"
    raise InputError(
        f"there is no plugin {name}; there are: {there}",
        mend="Install it (for one of cadkit's own: `pip install cadkit-" + name + "`), or see `cadkit plugins`.",
    )


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
    return getattr(module, attribute)


@contextlib.contextmanager
def _isolated(name: str) -> Iterator[io.StringIO]:
    """Whatever an import prints, raises or exits with becomes an `InputError`."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            yield said
    except InputError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        kind = "exited" if isinstance(error, SystemExit) else f"raised {type(error).__name__}"
        printed = said.getvalue().strip().splitlines()[-3:]
        detail = f": {error}" if str(error) else ""
        tail = f" It printed: {' / '.join(printed)}" if printed else ""
        raise InputError(
            f"the plugin {name} cannot be used: its import {kind}{detail}.{tail}",
            mend=install_command(error) or "Mend or uninstall it; the other plugins are not concerned.",
        ) from error


def _checked(made: object, name: str) -> type[Model]:
    if not (isinstance(made, type) and issubclass(made, Model)):
        raise InputError(f"the plugin {name} is not a subclass of cadkit.Model", value=repr(made))
    info = getattr(made, "info", None)
    if not isinstance(info, ModelInfo):
        raise InputError(f"the plugin {name} states no `info = cadkit.ModelInfo(...)`", value=repr(info))
    if info.api != API:
        raise InputError(
            f"the plugin {name} was written for version {info.api} of the plugin contract, this cadkit has {API}",
            mend="Install the plugin and the cadkit that belong together.",
        )
    return made


def listing() -> list[Listed]:
    """Every plugin, each imported in a process of its own, a few at a time."""
    with ThreadPoolExecutor(min(_TOGETHER, processors())) as threads:
        return list(threads.map(_listed, [plugin for plugin, _ in installed().values()]))


_MARK = "cadkit-plugin:"  # begins the line of the answer; whatever else stands there was printed by the plugin
_PROBE = (
    "import sys, json\n"
    "from cadkit.plugin.registry import describe\n"
    f"print('\\n{_MARK}' + json.dumps(describe(sys.argv[1])), flush=True)\n"
)


def describe(name: str) -> dict[str, object]:
    """What `cadkit plugins` says of one plugin, imported here."""
    try:
        model, plugin, printed = _loaded(name)
    except InputError as error:
        row, _ = installed()[name]
        return asdict(Listed(name, row.distribution, row.version, False, str(error)))
    info = model.info
    listed = Listed(
        name,
        plugin.distribution,
        plugin.version,
        True,
        f"its import prints: {printed.splitlines()[-1]}" if printed else "",
        info.labels,
        info.localizes,
        hasattr(model, "train"),
        info.paper,
        tuple(model.Config.presets),
    )
    return asdict(listed)


def _listed(plugin: Installed) -> Listed:
    # -P: a file of the working directory must not be imported in place of a library.
    command = [sys.executable, "-P", "-c", _PROBE, plugin.name]
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS_TO_IMPORT,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        reason = f"its import took more than {_SECONDS_TO_IMPORT} s"
        return Listed(plugin.name, plugin.distribution, plugin.version, False, reason)
    lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if not lines:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        reason = f"its import ended the process: {last[0]}"
        return Listed(plugin.name, plugin.distribution, plugin.version, False, reason)
    answer = json.loads(lines[-1].removeprefix(_MARK))
    answer["labels"], answer["presets"] = tuple(answer["labels"]), tuple(answer["presets"])
    return Listed(**answer)
