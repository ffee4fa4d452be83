"""The plugin under check: its cheap configuration, its trained model, its answers; each made once, when asked for."""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from cadkit.data import Dataset, Exam, TruthHidden
from cadkit.errors import Failure, InputError
from cadkit.files import read_toml
from cadkit.plugin import Config, ExamPrediction, Model, Run, Skipped
from cadkit.plugin.pooling import check_kinds
from cadkit.plugin.raised import told
from cadkit.plugin.registry import installed, load
from cadkit.plugin.setting_files import with_files
from cadkit.testing import exams
from cadkit.testing.check import Blocked, Fails, NotApplicable
from cadkit.testing.watching import Diary, Interrupted, globals_kept, truth_asked_for, watched

Answer = ExamPrediction | Skipped
Made = TypeVar("Made")
_SEED = 1
# What a training of seconds takes. The plugin's preset decides the rest; the user's settings win over the second group.
_FIXED = {"epochs": 2, "workers": 0, "patience": 0, "validate_every": 1, "init_from": ()}
_CHEAP = {"batch": 2, "accumulate": 1, "tta": 1}


@dataclass
class Trained:
    """A training that came to its end.

    Attributes:
        run: its folder.
        model: the object that was trained.
        diary: what happened, of a torch model.
    """

    run: Run
    model: Model
    diary: Diary


def _once(function: Callable[[Any], Made]) -> Callable[[Any], Made]:
    """Remember what a method without arguments gave or raised."""

    @functools.wraps(function)
    def remembered(self: Any) -> Made:
        memory: dict[str, tuple[bool, Any]] = self.__dict__.setdefault("_memory", {})
        if function.__name__ not in memory:
            try:
                memory[function.__name__] = True, function(self)
            except (Fails, NotApplicable, Blocked) as reason:
                memory[function.__name__] = False, reason
        well, value = memory[function.__name__]
        if not well:
            raise value
        return value  # type: ignore[no-any-return]

    return remembered


class Subject:
    """The plugin under check.

    Attributes:
        name: as it is shown.
        model_class: the plugin.
        reference: by which another process loads it; '' where none can.
        config: cheap settings.
        settings: where they come from, in words.
        folder: for runs; removed with the subject.
        printed: what it wrote to standard output while it was asked.
        tellers: id of the check that tells what blocks others, by the id of the check whose matter that is.
    """

    def __init__(
        self, plugin: str | type[Model], preset: str | None, settings: Mapping[str, Any] | None, train: bool
    ) -> None:
        if isinstance(plugin, str):
            self.reference = _lasting(plugin)
            self.model_class, _ = load(self.reference)
            self.name = plugin
        else:
            self.model_class, self.reference, self.name = plugin, _reference(plugin), plugin.__name__
        if preset is None and "tiny" in self.model_class.Config.presets:
            preset = "tiny"
        self.config = _cheap(self.model_class.Config, preset, settings or {})
        changed = "".join(f", {name}={value!r}" for name, value in (settings or {}).items())
        self.settings = (f"preset {preset}" if preset else "its defaults") + changed
        self.may_train = train
        self.printed, self.tellers = io.StringIO(), dict[str, str]()
        self.folder = Path(tempfile.mkdtemp(prefix="cadkit-check-"))
        self._remove = weakref.finalize(self, shutil.rmtree, self.folder, True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    @property
    def trainable(self) -> bool:
        """Whether the plugin is trained."""
        return hasattr(self.model_class, "train")

    @property
    def torch(self) -> bool:
        """Whether it is a `TorchModel`. Imports no torch."""
        return any(base.__module__ == "cadkit.training.model" for base in self.model_class.__mro__)

    def new_model(self, **changes: Any) -> Model:
        """A model with the cheap settings, on the CPU.

        Args:
            changes: of the settings.
        """
        try:
            model = self.model_class(self.config.model_copy(update=changes))
        except Exception as error:  # whatever a plugin raises
            raise Blocked("static-config", f"it cannot be made: {told(error, self.model_class)}") from error
        model.device, model.wants = "cpu", frozenset({"marks", "rois", "saliency"})
        return model

    def data(self, plans: Sequence[exams.Plan] = exams.ORDINARY, **drawn: Any) -> Dataset:
        """Drawn exams with the labels of the model; `drawn` as `cadkit.testing.exams.draw` takes it."""
        return exams.draw(plans, self.new_model().info, **drawn)

    def handed(self, plans: Sequence[exams.Plan] = exams.ORDINARY, **drawn: Any) -> tuple[Exam, ...]:
        """Drawn exams as a model sees them that predicts."""
        return self.data(plans, **drawn).view(access="prediction").exams

    # Predicting ------------------------------------------------------------------------------------

    @_once
    def ready(self) -> Model:
        """A model that can predict: trained, or as it is if it is not trained."""
        return self.loaded(self.new_model())

    def loaded(self, model: Model) -> Model:
        """Give a model what was learnt."""
        if not self.trainable:
            try:
                model.config, _ = with_files(model.config)
            except InputError as error:
                raise Blocked("predict-each-once", str(error)) from error
            return model
        if self.may_train:
            run = self.trained().run
        elif self.torch:
            run = self._random_run()
        else:
            raise NotApplicable("it must be trained before it predicts, and training was left out")
        with _quiet(), globals_kept():
            config = type(model.config).make(values=read_toml(run.folder / "config.toml"))  # the scale was chosen
            model.config = model.config.model_copy(update={"scale": config.scale}) if self.torch else model.config
            try:
                model.load(run)
            except Exception as error:
                raise Blocked("train-save-load", f"load raised {told(error, self.model_class)}") from error
        return model

    def _random_run(self) -> Run:
        """A run whose weights are as `network()` makes them."""
        from cadkit.training.checks import fitting_scale
        from cadkit.training.weights import write_weights

        scale = self.config.scale or fitting_scale(self.data().split("train"), self.config.window)  # type: ignore[attr-defined]
        run = self._new_run(self.config.model_copy(update={"scale": scale}))
        with globals_kept():
            write_weights(run.weights / "best.safetensors", self.new_model().network())  # type: ignore[attr-defined]
        return run

    def answers(self, model: Model, handed: Sequence[Exam]) -> list[Answer]:
        """What a model answers.

        Raises:
            Fails: it raised, or did not answer each exam once.
        """
        given: list[Answer] = []
        try:
            with _quiet(self.printed), globals_kept():
                given.extend(model.predict(iter(handed)))
        except (Exception, SystemExit) as error:
            where = f"exam {handed[len(given)].id}" if len(given) < len(handed) else "the end"
            raise Fails(f"it raised {told(error, self.model_class, f'at {where}')}") from error
        if len(given) != len(handed):
            raise Fails(f"it gave {len(given)} answers for {len(handed)} exams")
        for exam, answer in zip(handed, given, strict=True):
            try:
                check_kinds(exam, answer)
            except Failure as found:
                raise Fails(str(found)) from found
        return given

    @_once
    def ordinary(self) -> list[Answer]:
        """Answers for the ordinary exams."""
        try:
            return self.answers(self.ready(), self.handed())
        except Fails as reason:
            raise Blocked("predict-each-once", str(reason)) from reason

    @_once
    def ordinary_again(self) -> list[Answer]:
        """Answers for the ordinary exams, asked about a second time."""
        self.ordinary()
        return self.answers(self.ready(), self.handed())

    # Training --------------------------------------------------------------------------------------

    @_once
    def trained(self) -> Trained:
        """The model after two epochs over two exams.

        Raises:
            Blocked: training did not come to its end.
        """
        if not self.trainable:
            raise NotApplicable("the model is not trained")
        if not self.may_train:
            raise NotApplicable("training was left out")
        return self.train(self.data())

    def train(self, data: Dataset, run: Run | None = None, stop: bool = False) -> Trained:
        """Train from the start, or from where a run stands.

        Args:
            data: exams with their splits.
            run: to go on with; None for a new one.
            stop: end it after the first epoch, as a kill would.

        Raises:
            Blocked: it raised, or asked for truth that is hidden.
        """
        diary = Diary(stop=stop)
        run = run or self._new_run(self.config)
        model = self.new_model()
        if self.torch:
            model = watched(self.model_class, diary)(self.config)
            model.device = "cpu"
        with _quiet(), globals_kept(), truth_asked_for() as asked:
            try:
                model.train(data.view(access="training"), run)  # type: ignore[attr-defined]
            except Interrupted:
                pass
            except TruthHidden as error:
                raise Blocked("train-test-truth", str(error)) from error
            except (Exception, SystemExit) as error:
                raise Blocked(_matter_of(diary), f"it raised {told(error, self.model_class)}") from error
            finally:
                run.close()
        if asked:
            raise Blocked("train-test-truth", asked[0])
        if not stop:
            run.update(state="complete")
        return Trained(run, model, diary)

    def _new_run(self, config: Config) -> Run:
        record = {"plugin": self.reference, "seed": _SEED, "labels": list(self.new_model().info.labels)}
        return Run.create(self.folder, "check", config, record)

    def run_for_others(self) -> Run:
        """A new run that processes are to train which load the plugin by name."""
        if not self.reference:
            raise NotApplicable("another process cannot load the class by a name")
        return self._new_run(self.config)


def _matter_of(diary: Diary) -> str:
    """The check that a training is a matter of that raised."""
    return "train-finite-losses" if any(not finite(step) for step in diary.losses) else "train-ends"


def finite(values: Mapping[str, float]) -> bool:
    """Whether every one is a finite number."""
    return all(abs(value) < float("inf") for value in values.values())


def _cheap(config_class: type[Config], preset: str | None, settings: Mapping[str, Any]) -> Config:
    fields = config_class.model_fields
    values = {**_CHEAP, **settings, **_FIXED}
    return config_class.make(preset, {k: v for k, v in values.items() if k in fields or k in settings})


def _lasting(name: str) -> str:
    """The name as it still means the same in another working folder."""
    path, colon, attribute = name.rpartition(":")
    return f"{Path(path).resolve()}:{attribute}" if colon and path.endswith(".py") else name


def _reference(model_class: type[Model]) -> str:
    """A name by which another process loads a class: of the plugin that it is, or `file.py:Class`."""
    package = model_class.__module__.partition(".")[0]
    for name, (row, point) in installed().items():
        if row.target.partition(":")[0].partition(".")[0] == package and point.load() is model_class:
            return name
    try:
        file = inspect.getsourcefile(model_class)
    except (OSError, TypeError):
        return ""
    nested = "." in model_class.__qualname__
    return "" if file is None or nested else f"{Path(file).resolve()}:{model_class.__qualname__}"


def environment(**more: str) -> dict[str, str]:
    """The environment of another process that can import what this one can."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **more}


@contextlib.contextmanager
def _quiet(printed: io.StringIO | None = None) -> Iterator[None]:
    """Neither progress nor lines of a log; standard output is kept in `printed`."""
    with contextlib.redirect_stdout(printed or io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
