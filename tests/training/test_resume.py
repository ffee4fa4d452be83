"""A training that is killed and resumed equals the one that was not, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from cadkit.errors import Failure, InputError
from cadkit.plugin import Run
from cadkit.training import loop
from cadkit.training.state import StateFile

SETTINGS: dict[str, Any] = {"epochs": 3, "save_every": 0.0, "accumulate": 2, "batch": 2}


def outcome(run: Run) -> tuple[bytes, bytes, bytes]:
    return (
        (run.weights / "best.safetensors").read_bytes(),
        (run.weights / "last.safetensors").read_bytes(),
        (run.folder / "history.csv").read_bytes(),
    )


def go(tiny: ModuleType, run: Run) -> None:
    model = run.untrained_model()
    model.device = "cpu"
    model.train(tiny.dataset(), run)
    run.close()


@pytest.fixture(scope="module")
def whole(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, bytes]:
    """The outcome of a training that nobody disturbs."""
    run = tiny.run_in(tmp_path_factory.mktemp("whole"), tiny.config(**SETTINGS))
    go(tiny, run)
    return outcome(run)


@pytest.mark.parametrize("moment", ["step:1", "step:10", "validation:3"])
def test_kill_9_and_resume_give_the_same_bits(
    tiny: ModuleType, tmp_path: Path, whole: tuple[bytes, bytes, bytes], moment: str
) -> None:
    run = tiny.run_in(tmp_path, tiny.config(**SETTINGS, die_at=moment))
    command = [sys.executable, tiny.__file__, str(run.folder), "go"]
    done = subprocess.run(command, check=False, env={**os.environ, "ALLOW_DEATH": "1"}, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    again = Run.open(run.folder)
    assert (again.folder / "state" / "state.pt").exists() == (moment != "step:1")
    go(tiny, again)
    assert outcome(again) == whole


class Crash(Exception):
    """Stands for a process that ends at once."""


@pytest.mark.parametrize("what", ["state", "weights"])
def test_an_end_before_any_write_and_resume_give_the_same_bits(
    tiny: ModuleType, tmp_path: Path, whole: tuple[bytes, bytes, bytes], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Ends again and again, before ever later writes of the state or of weights, each time going on from the last."""
    owner, name = (StateFile, "save") if what == "state" else (loop, "write_weights")
    real, written = getattr(owner, name), []
    ends = {n * (n + 3) // 2 for n in range(20)}  # 0, 2, 5, 9, ...: farther and farther apart

    def ending(*arguments: Any, **named: Any) -> None:
        written.append("crash" if len(written) in ends else "written")
        if written[-1] == "crash":
            raise Crash
        real(*arguments, **named)

    monkeypatch.setattr(owner, name, ending)
    run = tiny.run_in(tmp_path, tiny.config(**SETTINGS))
    for _ in range(200):
        try:
            go(tiny, Run.open(run.folder))
            break
        except Crash:
            continue
    assert written.count("crash") >= 3
    assert outcome(Run.open(run.folder)) == whole


def test_a_finished_training_is_not_done_again(tiny: ModuleType, tmp_path: Path) -> None:
    run = tiny.run_in(tmp_path, tiny.config(epochs=1))
    go(tiny, run)
    before = outcome(run)
    go(tiny, Run.open(run.folder))
    assert outcome(run) == before


def test_the_learning_rate_goes_on_where_it_was(tiny: ModuleType, tmp_path: Path) -> None:
    """The state holds optimiser and schedule: what nnU-Net's users missed."""

    class Decaying(tiny.Tiny):  # type: ignore[name-defined, misc]
        crash = False

        def optimizer(self, network: torch.nn.Module, steps: int) -> Any:
            own = torch.optim.Adam(network.parameters(), lr=self.config.lr)
            return own, torch.optim.lr_scheduler.CosineAnnealingLR(own, steps)

        def losses(self, network: torch.nn.Module, batch: Any) -> Any:
            if Decaying.crash and self._seen > 7:
                raise Crash
            self._seen += 1
            return super().losses(network, batch)

        _seen = 0

    outcomes = []
    for crash in (False, True):
        run = tiny.run_in(tmp_path, tiny.config(**SETTINGS))
        Decaying.crash = crash
        try:
            Decaying(tiny.config(**SETTINGS)).train(tiny.dataset(), run)
        except Crash:
            Decaying.crash = False
            Decaying(tiny.config(**SETTINGS)).train(tiny.dataset(), Run.open(run.folder))
        outcomes.append(outcome(run))
    assert outcomes[0] == outcomes[1]
    rates = [float(row["lr"]) for row in run.history()]
    assert rates[0] > rates[1] > rates[2]
    assert rates[2] == pytest.approx(0, abs=1e-12)


def test_a_damaged_state_is_named(tiny: ModuleType, tmp_path: Path) -> None:
    run = tiny.run_in(tmp_path, tiny.config(epochs=1))
    (run.folder / "state").mkdir()
    (run.folder / "state" / "state.pt").write_bytes(b"PK\x03\x04 nothing more")
    with pytest.raises(InputError, match=r"state.pt: the saved state cannot be read"):
        go(tiny, run)


def test_a_state_that_would_run_code_is_refused(tiny: ModuleType, tmp_path: Path) -> None:
    run = tiny.run_in(tmp_path, tiny.config(epochs=1))
    (run.folder / "state").mkdir()
    torch.save({"position": Path("x")}, run.folder / "state" / "state.pt")
    with pytest.raises(InputError, match=r"the saved state cannot be read"):
        go(tiny, run)


def test_a_full_disk_ends_it_so_that_it_can_be_resumed(
    tiny: ModuleType, tmp_path: Path, whole: tuple[bytes, bytes, bytes]
) -> None:
    run = tiny.run_in(tmp_path, tiny.config(**SETTINGS))
    script = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000));"
        f"sys.argv = ['tiny', {str(run.folder)!r}, 'go']; runpy.run_path({tiny.__file__!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    assert "Failure" in done.stderr
    assert issubclass(Failure, Exception)
    again = Run.open(run.folder)
    go(tiny, again)
    assert outcome(again) == whole
