"""The run folder: what a training was, what it learnt, and where it stands.

runs/<plugin>-<n>/
  run.toml       plugin, versions, dataset and store fingerprints, seed, device, state
  config.toml    every setting; `cadkit train --config` takes it back
  weights/       best.safetensors, last.safetensors, or whatever the model writes
  state/         optimiser and position, for an exact resume
  patients.csv   pseudonyms of the patients that it learnt from and was chosen on
  history.csv    a row per epoch
  events/        TensorBoard
  train.log
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cadkit.errors import Failure, InputError
from cadkit.files import read_toml, write_text, write_toml
from cadkit.plugin.config import Config
from cadkit.plugin.contract import Model
from cadkit.plugin.registry import load, name_of

State = Literal["started", "complete"]
_BEFORE_TRAINING = ("run.toml", "config.toml", "train.log")


class Run:
    """A run folder.

    Attributes:
        folder: where it lies.
        record: what run.toml says.
    """

    def __init__(self, folder: Path, record: Mapping[str, Any]) -> None:
        self.folder, self.record = folder, dict(record)
        self._rows: list[dict[str, Any]] | None = None
        self._events: Any = None

    @classmethod
    def create(cls, parent: Path, plugin: str, config: Config, record: Mapping[str, Any]) -> Run:
        """Make the next free `<plugin>-<n>` below `parent` with its configuration and record."""
        parent.mkdir(parents=True, exist_ok=True)
        stem = plugin.rpartition(":")[2] if plugin.endswith(".py") or ":" in plugin else plugin
        number = 1
        while True:
            folder = parent / f"{stem}-{number}"
            try:
                folder.mkdir()
                break
            except FileExistsError:
                number += 1
        write_toml(folder / "config.toml", config.to_toml())
        now = datetime.now(UTC).isoformat(timespec="microseconds")  # runs made in one second keep their order
        run = cls(folder, {"plugin": plugin, "created": now, "state": "started", **record})
        run.write_record()
        return run

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Read a run folder.

        Raises:
            InputError: it is not one.
        """
        folder = Path(folder)
        if not (folder / "run.toml").is_file():
            raise InputError("not a run folder: it holds no run.toml", file=folder)
        return cls(folder, read_toml(folder / "run.toml"))

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.resolve().name

    @property
    def plugin(self) -> str:
        """The name to ask with for the plugin that made the run: that of its distribution, whatever others share it.

        Raises:
            InputError: run.toml names none, or what is installed under the name is another distribution's.
        """
        file, known = self.folder / "run.toml", self.record
        if "plugin" not in known:
            raise InputError("the key is missing", file=file, row="plugin")
        return name_of(
            str(known["plugin"]), str(known.get("distribution", "")), str(known.get("version", "")), file=file
        )

    @property
    def seed(self) -> int:
        """Seed of everything random in the run."""
        return int(self.record["seed"])

    @property
    def weights(self) -> Path:
        """Folder of the weights."""
        folder = self.folder / "weights"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def complete(self) -> bool:
        """Whether training ended."""
        return bool(self.record.get("state") == "complete")

    def update(self, **values: Any) -> None:
        """Set values in run.toml."""
        self.record.update(values)
        self.write_record()

    def write_record(self) -> None:
        """Write run.toml."""
        write_toml(self.folder / "run.toml", self.record)

    def model(self) -> Model:
        """The model of this run, with its configuration and what it learnt.

        Raises:
            InputError: the plugin is not installed or its configuration has changed.
        """
        made = self.untrained_model()
        self.load_into(made)
        return made

    def load_into(self, model: Model) -> None:
        """Give a model of this run what was learnt.

        Raises:
            InputError: nothing was learnt yet.
        """
        if not self.complete and not any(self.weights.iterdir()):
            raise InputError(
                "the run has no weights yet",
                file=self.folder,
                mend=f"Finish it with `cadkit train --resume {self.folder}`.",
            )
        model.load(self)

    def untrained_model(self) -> Model:
        """The model of this run with its configuration, as before training."""
        model_class, _ = load(self.plugin)
        path = self.folder / "config.toml"
        return model_class(model_class.Config.make(values=read_toml(path), source=str(path)))

    def log(self, values: Mapping[str, float], **where: int) -> None:
        """Add numbers to history.csv and TensorBoard.

        Args:
            values: by name.
            where: place of the row, such as stage and epoch; a row of the same place is replaced, so
                that an epoch done twice after a kill stands once.
        """
        if self._rows is None:
            self._rows = self._read_history()
        place = {key: str(value) for key, value in where.items()}
        row = {**place, **{key: repr(float(value)) for key, value in values.items()}}
        same = (
            [n for n, old in enumerate(self._rows) if all(old.get(k) == v for k, v in place.items())] if place else []
        )
        if same:
            self._rows[same[0]] = {**self._rows[same[0]], **row}
        else:
            self._rows.append(row)
        columns = list(dict.fromkeys(key for old in self._rows for key in old))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        write_text(self.folder / "history.csv", text.getvalue())
        self._log_events(values, int(next(reversed(where.values()), len(self._rows))))

    def history(self) -> list[dict[str, str]]:
        """The rows of history.csv."""
        return list(self._read_history())

    def _read_history(self) -> list[dict[str, Any]]:
        path = self.folder / "history.csv"
        if not path.exists():
            return []
        with path.open(newline="", encoding="utf-8") as file:
            return [{k: v for k, v in row.items() if v != ""} for row in csv.DictReader(file)]

    def _log_events(self, values: Mapping[str, float], step: int) -> None:
        try:
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.compat.proto.summary_pb2 import Summary
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError:
            return  # TensorBoard comes with cadkit[torch]; history.csv holds the same numbers
        if self._events is None:
            self._events = EventFileWriter(str(self.folder / "events"))
        entries = [Summary.Value(tag=name, simple_value=float(value)) for name, value in values.items()]
        now = datetime.now(UTC).timestamp()
        self._events.add_event(Event(step=step, wall_time=now, summary=Summary(value=entries)))
        self._events.flush()

    def note(self, line: str) -> None:
        """Add a line with the time to train.log."""
        now = datetime.now().isoformat(timespec="seconds", sep=" ")
        try:
            with (self.folder / "train.log").open("a", encoding="utf-8") as log:
                log.write(f"{now}  {line}\n")
        except OSError as error:
            raise Failure(f"{self.folder / 'train.log'} could not be written: {error.strerror}.") from error

    def discard_if_empty(self) -> bool:
        """Remove a run that holds nothing but what it was to be, so that no command takes it for the newest."""
        begun = [path for path in self.folder.rglob("*") if path.is_file() and path.name not in _BEFORE_TRAINING]
        if not begun:
            shutil.rmtree(self.folder, ignore_errors=True)
        return not begun

    def close(self) -> None:
        """End the TensorBoard file."""
        if self._events is not None:
            self._events.close()
            self._events = None

    def __fspath__(self) -> str:
        return os.fspath(self.folder)

    def __repr__(self) -> str:
        from cadkit.plugin.display import run_text

        return run_text(self)

    def _repr_html_(self) -> str:
        from cadkit import html
        from cadkit.plugin.display import run_html

        return html.shown(lambda: run_html(self))


def newest_run(parent: Path) -> Run:
    """The run below `parent` that was made last.

    Raises:
        InputError: there is none.
    """
    folders = [path.parent for path in parent.glob("*/run.toml")]
    if not folders:
        raise InputError(f"there is no run in {parent}", mend="Train one: `cadkit train gmic`.")
    runs = [Run.open(folder) for folder in folders]
    return max(runs, key=lambda run: (str(run.record.get("created", "")), run.folder.stat().st_mtime_ns))
