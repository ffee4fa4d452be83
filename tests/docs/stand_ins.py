"""What a page takes for granted and is not here: a container engine, a queue's programs, the shell typed in."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

DOCKER = """#!{python}
import os, subprocess, sys
words = sys.argv[1:]
assert words[:2] == ["run", "--rm"], words
mounts = {{}}
while words[2] == "-v":
    here, there, *mode = words[3].split(":")
    assert os.path.isabs(here) and os.path.isdir(here), here
    mounts[there] = (here, mode)
    del words[2:4]
assert words[2:] == ["vendor/cad:3"], words
assert mounts["/in"][1] == ["ro"] and mounts["/out"][1] == [], mounts
sys.exit(subprocess.call([{model!r}, "--in", mounts["/in"][0], "--out", mounts["/out"][0]]))
"""
SBATCH = """#!/bin/sh
cp "$1" "{job}"  # who submits a script may delete it at once
nohup /bin/sh "{job}" >"{job}.log" 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = '#!/bin/sh\npkill -P "$1"; kill "$1" 2>/dev/null; true\n'
SMALLER_JOBS = {
    r"jobs: 10\b": "jobs: 1",
    r"(cores|processes): 8\b": r"\1: 1",
    r"memory: 32GB": "memory: 1GB",
    r"interface: ib0": "interface: lo",
    r"source /data/venv/bin/activate": "true",
}


def stand_ins(folder: Path, model: Path) -> None:
    """Write programs: `docker`, of which `model` is the container, and Slurm's `sbatch` and `scancel`."""
    folder.mkdir()
    for name, text in {
        "docker": DOCKER.format(python=sys.executable, model=str(model)),
        "sbatch": SBATCH.format(job=folder / "job"),
        "scancel": SCANCEL,
    }.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def smaller_jobs(text: str, folder: Path) -> str:
    """The page's description of a job, as one worker of this machine; every line of it stays."""
    for pattern, replacement in SMALLER_JOBS.items():
        text, count = re.subn(pattern, replacement, text)
        assert count, f"the page does not have {pattern}"
    here = f"    local-directory: {folder}\n    shebang: '#!/bin/sh'\n"
    return text + "\n" + here + "    scheduler-options: {dashboard_address: '127.0.0.1:0', interface: lo}\n"


class Cluster(ExitStack):
    """The commands of dask, as a scheduler and a worker of this machine; they end with the block.

    Attributes:
        address: of the scheduler, once it is started.
    """

    address = ""

    def start(self, words: list[str]) -> None:
        """Start `dask scheduler`, on a port that the system chooses, or `dask worker`."""
        told, log = Path("dask-scheduler.json"), Path(f"dask-{words[1]}.log")
        ours = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told)]
        more = ours if words[1] == "scheduler" else ["--local-directory", os.getcwd()]
        program = [sys.executable, "-m", "dask", *words[1:], *more, "--dashboard-address", "127.0.0.1:0"]
        with log.open("w") as output:
            process = self.enter_context(subprocess.Popen(program, stdout=output, stderr=output))
        self.callback(process.terminate)
        end = time.monotonic() + 60
        while words[1] == "scheduler" and not self.address:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
            self.address = address_in(told)


def address_in(told: Path) -> str:
    """The address in what a scheduler wrote; empty where it has not written all of it."""
    try:
        return str(json.loads(told.read_text())["address"])
    except (FileNotFoundError, json.JSONDecodeError):
        return ""


def in_bash(words: list[str], home: Path) -> str:
    """What a command prints that is typed in bash, by a user with a home of their own."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-c", f"{shlex.join(words)}; exit $?"],
        capture_output=True, text=True, check=False, env={**os.environ, "HOME": str(home), "PATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
