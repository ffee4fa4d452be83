"""The list of plugins: one that is broken in any way is a row with its reason and hurts no other."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cadkit.plugin import listing as module
from cadkit.plugin.listing import Listed, listing, listing_and_device
from cadkit.plugin.registry import installed

Only = Callable[..., None]


@pytest.fixture
def only(site: Path, monkeypatch: pytest.MonkeyPatch) -> Only:
    """A function that leaves but the named plugins installed, in that order."""

    def leave(*names: str) -> None:
        some = {name: installed()[name] for name in names}
        monkeypatch.setattr(module, "installed", lambda: some)

    return leave


def rows() -> dict[str, Listed]:
    return {row.name: row for row in listing()}


def test_the_list_has_a_row_for_every_plugin_whatever_it_does(
    only: Only, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = ("missing-library", "exits", "gone", "signal", "stdin", "twin-b:twin", "newer", "nowhere", "raises")
    works = ("trains", "bytes", "twin-a:twin", "prints")
    only(*broken, *works)
    # A file of the working directory must not take a library's place in the child process.
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')\n")
    monkeypatch.chdir(tmp_path)
    found = rows()
    assert list(found) == [*broken, *works]
    assert {name for name, row in found.items() if row.ok} == set(works)
    assert (found["prints"].note, found["prints"].reason) == ("its import prints: there", "")
    assert found["newer"].reason == "it was written for version 2 of the plugin contract, this cadkit has 1"
    assert "fk_nowhere" in found["nowhere"].reason
    assert "a_module_that_nobody_has" in found["missing-library"].reason
    assert found["exits"].reason == "its import exited: no licence. It printed: licence expired"
    assert found["gone"].reason == "its import ended the process (exit status 3); last it printed: 5"
    assert found["signal"].reason == "its import ended the process (SIGSEGV)"
    assert "EOF" in found["stdin"].reason
    assert found["raises"].reason == "its import raised RuntimeError: two lines"
    assert all("pip uninstall fake-" in found[name].mend for name in ("exits", "gone", "nowhere"))


def test_what_a_row_says_of_one_that_works(only: Only) -> None:
    only("trains", "good")
    trains, good = listing()
    assert (trains.trainable, trains.presets) == (True, ("tiny",))
    assert (good.trainable, good.presets, good.labels) == (False, (), ("malignant",))
    assert (good.localizes, good.paper, good.package) == ("marks", "Somebody 2020", "fake-good 1.5")


def test_one_name_for_two_classes_of_one_distribution_is_two_rows(only: Only) -> None:
    only("doubled", "good")
    first, second, good = listing()
    assert first == second
    assert (first.ok, good.ok) == (False, True)
    assert first.reason == "its distribution gives one name to several classes: fk_good:Good and fk_good:Trains"


def test_lost_metadata_are_told_of_a_plugin_that_works(site: Path, only: Only) -> None:
    (site / "fake_good-1.5.dist-info" / "METADATA").unlink()
    only("good")
    (row,) = listing()
    assert (row.ok, row.package) == (True, "unknown distribution")
    assert row.note == "the metadata of its distribution are lost; install it anew"


def test_what_fails_in_company_is_asked_again_alone(only: Only) -> None:
    only("good", "sociable")
    assert [row.ok for row in listing()] == [True, True]


def test_a_plugin_that_hangs_is_a_row(site: Path, only: Only, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "fk_good.py").write_text("import threading\nthreading.Event().wait()\n")
    only("good")
    monkeypatch.setattr(module, "_SECONDS_TO_IMPORT", 1)
    (row,) = listing()
    assert not row.ok
    assert row.reason == "its import took more than 1 s"


def test_one_that_disturbs_the_process_is_a_row_and_hurts_no_other(site: Path, good: str, only: Only) -> None:
    (site / "fk_prints.py").write_text(f"import json\njson.JSONEncoder.encode = lambda *_: 'nonsense'\n{good}")
    only("good", "prints", "trains")
    first, disturbing, last = listing()
    assert (first.ok, last.ok) == (True, True)
    assert disturbing.reason == "its import disturbs the process that asks: nonsense"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are Unix's")
def test_while_one_is_slow_the_others_are_asked(
    site: Path, good: str, only: Only, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The import of the first ends when another process has begun that of the second.
    os.mkfifo(pipe := site / "pipe")
    (site / "fk_good.py").write_text(f"open({str(pipe)!r}).read()\n{good}")
    (site / "fk_prints.py").write_text(f"open({str(pipe)!r}, 'w').close()\n{good}")
    only("good", "prints")
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    assert [row.ok for row in listing()] == [True, True]


def test_it_says_where_it_is(only: Only) -> None:
    only("good", "trains")
    said: list[str] = []
    listing(said.append)
    assert said == ["plugin good (0 of 2 are done)", "plugin trains (1 of 2 are done)"]


def test_an_interrupt_ends_it_and_what_hangs_is_not_asked_again(
    site: Path, good: str, only: Only, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, log = tmp_path / "started", tmp_path / "log"
    os.mkfifo(started)
    (site / "fk_signal.py").write_text(
        f"import threading\nwith open({str(log)!r}, 'a') as log:\n    log.write('asked ')\n"
        f"open({str(started)!r}, 'w').close()\nthreading.Event().wait()\n{good}"
    )
    only("good", "signal")
    monkeypatch.setattr(module, "_SECONDS_TO_IMPORT", 20)

    def interrupt() -> None:
        started.read_text()  # until the second plugin is being imported
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    other = threading.Thread(target=interrupt, daemon=True)
    other.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            listing()
    finally:
        signal.signal(signal.SIGINT, before)
    other.join(timeout=20)
    assert log.read_text() == "asked "


@pytest.mark.parametrize(
    ("torch", "device"),
    [
        ("zeros = print\nclass cuda:\n    is_available = staticmethod(lambda: False)\n", "cpu"),
        ("raise OSError('libcudnn.so.9 is missing')\n", "none: OSError: libcudnn.so.9 is missing"),
        ("import os\nos._exit(3)\n", "none: its import ended the process (exit status 3)"),
    ],
)
def test_the_device_is_asked_of_the_process_that_has_torch(
    site: Path, good: str, only: Only, torch: str, device: str
) -> None:
    log = f"with open({str(site / 'log')!r}, 'a') as log:\n    log.write('torch\\n')\n"
    (site / "torch.py").write_text(log + torch)
    (site / "torchvision.py").write_text("class ops:\n    nms = staticmethod(lambda *_: None)\n")
    (site / "fk_good.py").write_text(("import torch\n" if device == "cpu" else "") + good)
    only("good", "trains")
    found, told = listing_and_device()
    assert [(row.name, row.ok) for row in found] == [("good", True), ("trains", True)]
    assert told == device
    if device == "cpu":
        assert (site / "log").read_text() == "torch\n"
