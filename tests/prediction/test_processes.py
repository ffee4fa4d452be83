"""Other people's programs: how they ended, and that nothing they started outlives them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cadkit import InputError
from cadkit.prediction import processes, run_program
from cadkit.prediction.processes import Processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="supervised on Linux only")
ORPHAN = "setsid -f sh -c 'echo $$ > {note}; exec sleep 600'; while [ ! -s {note} ]; do sleep 0.01; done"
"""Starts a process in a session of its own, whose parent ends at once; waits until its number is noted."""


def gone(process: int, within: float = 0) -> bool:
    """Whether a process has ended within some seconds; a zombie has."""
    try:
        there = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([there], [], [], within)[0])
    finally:
        os.close(there)


def read_when_there(note: Path) -> int:
    end = time.monotonic() + 60
    while not (note.exists() and note.read_text().endswith("\n")):
        assert time.monotonic() < end, "the program did not start"
        time.sleep(0.01)
    return int(note.read_text())


def test_a_child_in_a_session_of_its_own_ends_with_its_program(tmp_path: Path) -> None:
    note = tmp_path / "note"
    ended = Processes().run(["sh", "-c", f"{ORPHAN.format(note=note)}; exit 3"], tmp_path, 60)
    assert ended is not None
    assert ended.status == 3
    assert gone(int(note.read_text()))


def test_a_child_in_a_session_of_its_own_ends_at_the_time_limit(tmp_path: Path) -> None:
    note = tmp_path / "note"
    ended = Processes().run(["sh", "-c", f"{ORPHAN.format(note=note)}; exec sleep 600"], tmp_path, 3)
    assert ended is not None
    assert str(ended) == "killed after 3 s, its time limit"
    assert gone(int(note.read_text()))


def test_a_child_in_a_session_of_its_own_ends_when_all_is_stopped(tmp_path: Path) -> None:
    note, found = tmp_path / "note", Processes()
    command = ["sh", "-c", f"{ORPHAN.format(note=note)}; exec sleep 600"]
    answers = []
    thread = threading.Thread(target=lambda: answers.append(found.run(command, tmp_path, 600)))
    thread.start()
    child = read_when_there(note)
    found.stop()
    thread.join()
    assert answers == [None]
    assert gone(child)


def test_a_program_ends_when_cadkit_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "note"
    command = ["sh", "-c", f"{ORPHAN.format(note=note)}; exec sleep 600"]
    text = f"from cadkit.prediction import run_program; run_program({command!r}, 600)"
    killed = subprocess.Popen([sys.executable, "-c", text])
    child = read_when_there(note)
    killed.kill()
    killed.wait()
    assert gone(child, within=60)


def test_a_program_that_heeds_no_request_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_GRACE_S", 0.2)
    note = tmp_path / "note"
    text = f"trap '' TERM; echo $$ > {note}; while true; do sleep 0.1; done"
    ended = Processes().run(["sh", "-c", text], tmp_path, 2)
    assert ended is not None
    assert ended.status is None
    assert gone(int(note.read_text()))


def test_a_program_that_is_asked_may_tidy_up(tmp_path: Path) -> None:
    ended = Processes().run(["sh", "-c", "trap 'echo tidy; exit 0' TERM; while true; do sleep 0.1; done"], tmp_path, 2)
    assert ended is not None
    assert (ended.status, ended.output) == (None, "tidy\n")


@pytest.mark.parametrize(
    ("asked", "status"),
    [("trap 'exit 0' TERM", -signal.SIGTERM), ("trap 'exit 3' TERM", 3), ("trap '' TERM", -signal.SIGKILL)],
)
def test_a_program_whose_supervisor_is_asked_to_end_has_not_done_its_work(
    asked: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_GRACE_S", 0.5)
    text = f"{asked}; kill -TERM $PPID; while true; do sleep 0.1; done"
    ended = Processes().run(["sh", "-c", text], tmp_path, 60)
    assert ended is not None
    assert ended.status == status


def test_a_program_is_asked_to_end_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "note"
    ended = Processes().run(["sh", "-c", f"echo $$ > {note}; kill -KILL $PPID; exec sleep 600"], tmp_path, 60)
    assert ended is not None
    assert ended.status == -signal.SIGKILL
    assert gone(int(note.read_text()), within=60)


@pytest.fixture
def children_ignored() -> Iterator[None]:
    """As in a process whose parent ignored SIGCHLD."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGCHLD, before)


@pytest.mark.usefixtures("children_ignored")
@pytest.mark.parametrize("supervised", [True, False])
def test_how_a_program_ended_is_known_where_children_are_ignored(
    supervised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not supervised:
        monkeypatch.setattr(processes, "SUPERVISOR", ())
    assert run_program(["sh", "-c", "exit 3"], 60).status == 3
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN


@pytest.mark.usefixtures("children_ignored")
@pytest.mark.parametrize(("text", "status"), [("exit 3", 3), ("kill -KILL $PPID", -signal.SIGKILL)])
def test_a_supervisor_knows_where_children_are_ignored(text: str, status: int, tmp_path: Path) -> None:
    ended = Processes().run(["sh", "-c", text], tmp_path, 20)  # as from a thread, which may not change signals
    assert ended is not None
    assert ended.status == status


def test_a_program_is_supervised_without_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "no_proc.py"
    script.write_text(
        "import os, runpy\n"
        "def listdir(path):\n    raise FileNotFoundError(path)\n"
        f"os.listdir = listdir\nrunpy.run_path({processes.SUPERVISOR[-1]!r}, run_name='__main__')\n"
    )
    monkeypatch.setattr(processes, "SUPERVISOR", (*processes.SUPERVISOR[:-1], str(script)))
    ended = Processes().run(["sh", "-c", "echo done"], tmp_path, 60)
    assert ended is not None
    assert (ended.status, ended.output, ended.errors) == (0, "done\n", "")


@pytest.mark.parametrize("put", ["mkfifo {}", "ln -s secret {}", "rm -f {}", "mkdir {}"])
def test_what_a_program_puts_in_place_of_its_outputs_is_not_read(put: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    text = "; ".join(f"echo {name}; rm {name}; {put.format(name)}" for name in ("stdout", "stderr"))
    ended = Processes().run(["sh", "-c", f"cd {tmp_path}; {text}; echo err >&2"], tmp_path, 60)
    assert ended is not None
    assert (ended.status, ended.output, ended.errors) == (0, "stdout\nstderr\n", "err\n")


def test_of_much_output_the_end_is_kept(tmp_path: Path) -> None:
    text = "import sys; sys.stdout.write('x' * 100 + 'y' * (64 * 1024 - 1) + 'z')"
    ended = Processes().run([sys.executable, "-c", text], tmp_path, 60)
    assert ended is not None
    assert ended.output == "[100 bytes before this are left out]\n" + "y" * (64 * 1024 - 1) + "z"


@pytest.mark.parametrize("supervised", [True, False])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 0", "exit status 0"),
        ("exit 200", "exit status 200"),
        ("kill -SEGV $$", "ended by SIGSEGV"),
        ("kill -KILL $$", "ended by SIGKILL, as where memory runs out"),
        ("kill -PIPE $$", "ended by SIGPIPE"),
    ],
)
def test_how_a_program_ended_is_told_alike_with_and_without_a_supervisor(
    supervised: bool, text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not supervised:
        monkeypatch.setattr(processes, "SUPERVISOR", ())
    ended = Processes().run(["sh", "-c", f"echo out; echo err >&2; {text}"], tmp_path, 60)
    assert ended is not None
    assert (str(ended), ended.output, ended.errors) == (said, "out\n", "err\n")


@pytest.mark.parametrize("supervised", [True, False])
def test_a_program_that_cannot_be_started_is_said(
    supervised: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not supervised:
        monkeypatch.setattr(processes, "SUPERVISOR", ())
    bare = tmp_path / "bare"
    bare.write_bytes(b"\x00\x01")
    bare.chmod(0o755)
    with pytest.raises(InputError, match=r"cannot be started: Exec format error.*#!/bin/sh"):
        Processes().run([str(bare)], tmp_path, 60)
    with pytest.raises(InputError, match=r"cannot be started: No such file.*/no/such"):
        run_program(["/no/such"], 60)


def test_signals_that_python_ignores_are_not_ignored_by_the_program(tmp_path: Path) -> None:
    ended = Processes().run(["sh", "-c", "grep -i sig /proc/self/status"], tmp_path, 60)
    assert ended is not None
    masks = dict(line.split(":") for line in ended.output.splitlines())
    for mask in ("SigBlk", "SigIgn"):
        assert not int(masks[mask], 16) & sum(1 << (n - 1) for n in (signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD))
