"""The list of plugins: one that is broken in any way is a row with its reason and hurts no other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cadkit.plugin import listing as module
from cadkit.plugin.listing import Listed, listing
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


def test_an_interrupt_ends_it(only: Only) -> None:
    only("good", "trains")

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        listing(interrupt)
