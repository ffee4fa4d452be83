"""The list of installed plugins with what each is, or why it cannot be used.

A process of its own imports one plugin after the other, so that what takes the time, torch, is imported once. Whatever
fails there is asked again alone, in a process that has seen no other plugin, and that answer counts. One that ends the
process or takes too long costs the others a new process at most.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from cadkit.errors import InputError
from cadkit.plugin.registry import UNKNOWN, BrokenPlugin, Installed, installed, loaded, package, remedy

_SECONDS_TO_IMPORT = 120  # torch from a cold network file system takes a minute and more
_PATIENCE = 20.0  # seconds without an answer after which the other plugins are asked by a further process
_TOGETHER = 4  # processes that may each import torch
_DEVICE = Installed("", "", "", "")  # asked like a plugin, of a process that has torch already; none has this name


@dataclass(frozen=True)
class Listed:
    """A row of `cadkit plugins`: an installed plugin, and what importing it gave.

    Attributes:
        name: by which it is asked for.
        distribution, version: what was installed.
        ok: whether it can be used.
        reason: why not.
        mend: what to do about it.
        note: what is odd about one that can be used.
        labels, localizes, paper: of its `ModelInfo`.
        trainable: whether cadkit trains it; others predict as they are.
        presets: of its configuration.
    """

    name: str
    distribution: str
    version: str
    ok: bool
    reason: str = ""
    mend: str = ""
    note: str = ""
    labels: tuple[str, ...] = ()
    localizes: str = ""
    trainable: bool = False
    paper: str = ""
    presets: tuple[str, ...] = ()

    @property
    def package(self) -> str:
        """Name and version of the distribution."""
        return package(self.distribution, self.version)


def listing(tell: Callable[[str], object] = str) -> list[Listed]:
    """Every plugin, by name; a name that one distribution gives to several classes has a row for each.

    Args:
        tell: told how far this has come, in a few words, whenever that changes.
    """
    asked = [plugin for plugin, _ in installed().values()]
    return _rows(asked, _Questions(asked, tell).answers())


def listing_and_device(tell: Callable[[str], object] = str) -> tuple[list[Listed], str]:
    """The same, and the device for training: the GPU's name, `cpu`, or `none` and why; torch is imported once."""
    asked = [plugin for plugin, _ in installed().values()]
    answers = _Questions([*asked, _DEVICE], tell).answers()
    device = answers[_DEVICE.name]
    return _rows(asked, answers), device.note if device.ok else f"none: {device.reason}"


def _rows(asked: list[Installed], answers: dict[str, Listed]) -> list[Listed]:
    return [row for plugin in asked for row in [answers[plugin.name]] * (1 + len(plugin.also))]


def listed(name: str) -> Listed:
    """What `cadkit plugins` says of one plugin, which is imported here; without a name, what torch would train on."""
    if name == _DEVICE.name:
        return _device()
    row, _ = installed()[name]
    try:
        model, _, printed = loaded(name)
    except BrokenPlugin as error:
        return _broken(row, error.reason, error.mend)
    except InputError as error:
        return _broken(row, str(error), "")
    info = model.info
    notes = [f"its import prints: {printed.splitlines()[-1]}"] if printed else []
    if row.distribution == UNKNOWN:
        notes.append("the metadata of its distribution are lost; install it anew")
    return Listed(
        name,
        row.distribution,
        row.version,
        True,
        note="; ".join(notes),
        labels=tuple(map(str, info.labels)),
        localizes=info.localizes,
        trainable=hasattr(model, "train"),
        paper=str(info.paper),
        presets=tuple(map(str, model.Config.presets)),
    )


def _device() -> Listed:
    """The device as a note. A torchvision that does not fit its torch fails here, or ends the process."""
    try:
        torch, torchvision = importlib.import_module("torch"), importlib.import_module("torchvision")
        torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
        name = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    except Exception as error:  # whatever a damaged installation raises
        return _broken(_DEVICE, f"{type(error).__name__}: {error}", "")
    return Listed(_DEVICE.name, "", "", True, note=name)


def _broken(plugin: Installed, reason: str, mend: str) -> Listed:
    return Listed(plugin.name, plugin.distribution, plugin.version, False, reason, mend)


class _Questions:
    """Plugins that are to be asked, by a process that is replaced when it ends, and a further one when it is slow."""

    def __init__(self, plugins: list[Installed], tell: Callable[[str], object]) -> None:
        self._total, self._left, self._tell = len(plugins), deque(plugins), tell
        self._current: dict[str, None] = {}
        self._rows: dict[str, Listed] = {}
        self._processes: set[_Process] = set()
        self._stopped = threading.Event()

    def answers(self) -> dict[str, Listed]:
        """Rows by name."""
        with ThreadPoolExecutor(_TOGETHER) as threads:
            working = {threads.submit(self._ask_all)}
            try:
                while working:
                    known = len(self._rows)
                    done, working = wait(working, _PATIENCE, FIRST_COMPLETED)
                    for each in done:
                        each.result()
                    stuck = not done and len(self._rows) == known
                    if stuck and self._left and len(working) < _TOGETHER:
                        working.add(threads.submit(self._ask_all))
            except BaseException:
                self._stopped.set()
                self._left.clear()
                for process in list(self._processes):
                    process.kill()
                raise
        return self._rows

    def _ask_all(self) -> None:
        with _Process(self._processes, self._stopped) as process:
            while True:
                try:
                    plugin = self._left.popleft()
                except IndexError:
                    return
                self._current[plugin.name] = None
                self._say()
                in_company = process.asked > 0
                row = process.ask(plugin)
                if not row.ok and in_company and not process.timed_out and not self._stopped.is_set():
                    with _Process(self._processes, self._stopped) as alone:
                        row = alone.ask(plugin)
                self._rows[plugin.name] = row
                del self._current[plugin.name]

    def _say(self) -> None:
        names = ", ".join(filter(None, list(self._current)))
        what = f"plugin {names}" if names else "the device"
        self._tell(f"{what} ({len(self._rows)} of {self._total} are done)")


# Names come and answers go through copies of the two ends, so that a plugin can neither read the one nor write to the
# other; what it prints goes where errors go. -P: a file of the working directory must not stand for a library.
_PROGRAM = """
import dataclasses, json, os
names, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
from cadkit.plugin.listing import listed
for name in names:
    print(json.dumps(dataclasses.asdict(listed(name.rstrip("\\n")))), file=answers, flush=True)
"""


def _read(answer: str) -> Listed | None:
    """The row that a process wrote; None where it ended, or where a plugin made it write something else."""
    try:
        row = json.loads(answer)
        return Listed(**{**row, "labels": tuple(row["labels"]), "presets": tuple(row["presets"])})
    except (ValueError, TypeError, KeyError):
        return None


class _Process:
    """A process that imports plugins and says what they are; started at the first question, anew after it ended.

    Attributes:
        asked: how many plugins the running process was asked for.
        timed_out: whether the last one took too long.
    """

    def __init__(self, known: set[_Process], stopped: threading.Event) -> None:
        self._known, self._stopped = known, stopped
        self._child: subprocess.Popen[str] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed in __exit__)
        self.asked, self.timed_out = 0, False

    def __enter__(self) -> Self:
        self._known.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._known.discard(self)
        self._end()
        self._errors.close()

    def ask(self, plugin: Installed) -> Listed:
        """What the plugin is, or why that is not to be learnt."""
        child = self._child or self._start()
        self.asked += 1
        self.timed_out = False
        limit = threading.Timer(_SECONDS_TO_IMPORT, self._too_long)
        limit.start()
        answer = ""
        with suppress(OSError):  # a process that has ended reads nothing
            print(plugin.name, file=child.stdin, flush=True)
            answer = child.stdout.readline() if child.stdout else ""
        limit.cancel()
        if row := _read(answer):
            return row
        reason = f"its import took more than {_SECONDS_TO_IMPORT} s" if self.timed_out else self._last_words(answer)
        self._end()
        return _broken(plugin, reason, remedy(plugin.name) if plugin.name else "")

    def kill(self) -> None:
        """End the process and what it started, at once."""
        child = self._child
        if child is None:
            return
        if os.name == "posix":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()

    def _start(self) -> subprocess.Popen[str]:
        self._errors.seek(0)
        self._errors.truncate()
        self.asked = 0
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
            start_new_session=True,
        )
        if self._stopped.is_set():  # since the others were killed
            self.kill()
        return self._child

    def _too_long(self) -> None:
        self.timed_out = True
        self.kill()

    def _last_words(self, answer: str) -> str:
        if answer:
            return f"its import disturbs the process that asks: {answer[:80].strip()}"
        status = self._child.wait() if self._child else 0
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        with suppress(ValueError):
            how = signal.Signals(-status).name
        return f"its import ended the process ({how})" + (f"; last it printed: {lines[-1]}" if lines else "")

    def _end(self) -> None:
        if (child := self._child) is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        try:
            child.wait(1)
        except subprocess.TimeoutExpired:
            self.kill()
            child.wait()
        self._child = None
