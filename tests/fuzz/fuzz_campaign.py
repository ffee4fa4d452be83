"""Giving mutated inputs to a worker, a number of them or for a time, and judging its answers."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import hypothesis
from fuzz_mutations import Mutation, mutated, mutations
from fuzz_seeds import FINDINGS, LABELS, TOML
from fuzz_worker import TABLES
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

FINE = ("read", "refused")
_STUCK_S = 60
"""For how long a process may take no processor time and give no answer either."""
_MEMORY = "/dev/shm"  # a file system in memory, where there is one
_SCRIPT = Path(__file__).with_name("fuzz_worker.py")


@dataclass(frozen=True)
class Answer:
    """What became of an input; `outcome` is that of the worker, or `hang` or `died`."""

    outcome: str
    detail: str
    peak: int

    @property
    def fine(self) -> bool:
        return self.outcome in FINE

    @property
    def kind(self) -> str:
        """What two inputs with the same fault have in common: outcome, exception and the place that raised it."""
        lines = [line.strip() for line in self.detail.splitlines() if line.strip()]
        own = [line for line in lines if line.startswith("File") and "/cadkit/" in line]
        return " | ".join([self.outcome, *own[-1:], lines[-1][:100] if lines else ""])


class Worker:
    """A process that is used again until it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = ""
        self.seen: Counter[str] = Counter()
        self.highest = 0

    def __call__(self, target: str, content: bytes) -> Answer:
        answer = self._ask(target, content)
        self.seen[answer.outcome] += 1
        self.highest = max(self.highest, answer.peak)
        return answer

    def _ask(self, target: str, content: bytes) -> Answer:
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"target": target, "size": len(content)}).encode() + b"\n" + content)
        process.stdin.flush()
        line = process.stdout.readline() if self._answers(process) else None
        if line:
            answer = json.loads(line)
            return Answer(answer["outcome"], answer["detail"], answer["peak"])
        status = self.close()
        if line is None or status == -signal.SIGXCPU:
            return Answer("hang", "more than ten seconds of processor time" if line is not None else "no answer", 0)
        return Answer("died", f"exit status {status}", 0)

    @staticmethod
    def _answers(process: subprocess.Popen[bytes]) -> bool:
        """Wait for an answer; False if the process does nothing and gives none.

        One that works is ended by its own limit, however slow the machine is.
        """
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            used = -1.0
            while not selector.select(_STUCK_S):
                before, used = used, _processor_seconds(process.pid)
                if used == before:
                    return False
        return True

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            self._folder = tempfile.mkdtemp(prefix="cadkit-fuzz-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)
            self._process = subprocess.Popen(
                [sys.executable, str(_SCRIPT), self._folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        return self._process

    def close(self) -> int | None:
        """End the process; its exit status, if it has ended by itself."""
        process, self._process = self._process, None
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            return process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


def _processor_seconds(process: int) -> float:
    """Processor time that a process has used, where the system tells it; else the time, so that it never stands."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return time.monotonic()
    fields = stat.read_text().rpartition(")")[2].split()
    # A process that waits for a processor is not stuck either.
    return time.monotonic() if fields[0] == "R" else float(fields[11]) + float(fields[12])


@dataclass
class Campaign:
    """Inputs of one kind, drawn by hypothesis.

    Attributes:
        worker: gets them.
        target: of the worker.
        seeds: what the mutations begin with.
        kind: of the mutations.
        findings: an input of each kind of fault.
    """

    worker: Worker
    target: str
    seeds: dict[str, bytes]
    kind: str
    findings: dict[str, tuple[str, list[Mutation], Answer]] = field(default_factory=dict)

    def examples(self, number: int) -> None:
        """Give a number of inputs, the same ones each time, and raise the first bad one.

        It is not made small: where the fault is that an input takes 10 s, so would each smaller one.
        """

        def judge(seed: str, steps: list[Mutation]) -> None:
            answer = self.worker(self.target, mutated(self.seeds[seed], steps))
            assert answer.fine, f"{answer.outcome}: {answer.detail}"

        self._drawn(judge, number, derandomize=True, phases=(Phase.generate,))

    def for_seconds(self, seconds: float, keep: Path) -> None:
        """Give inputs for a time, and keep one of each kind of fault in a folder."""
        end = time.monotonic() + seconds
        start = time.time_ns() % 2**32

        def judge(seed: str, steps: list[Mutation]) -> None:
            if time.monotonic() > end:
                return
            content = mutated(self.seeds[seed], steps)
            answer = self.worker(self.target, content)
            if not answer.fine and answer.kind not in self.findings:
                self.findings[answer.kind] = (seed, steps, answer)
                keep.mkdir(parents=True, exist_ok=True)
                name = f"{self.target.replace('/', '-')}-{sha256(content).hexdigest()[:12]}"
                (keep / name).write_bytes(content)
                (keep / f"{name}.txt").write_text(
                    f"{self.target}\n{seed}\n{steps}\n{answer.outcome}\n{answer.detail}\n"
                )

        turn = 0
        while time.monotonic() < end:
            self._drawn(hypothesis.seed(start + turn)(judge), 200, derandomize=False, phases=(Phase.generate,))
            turn += 1

    def _drawn(self, judge: object, number: int, derandomize: bool, phases: tuple[Phase, ...]) -> None:
        drawn = given(st.sampled_from(sorted(self.seeds)), mutations(self.kind))(judge)  # type: ignore[arg-type]
        settings(
            max_examples=number,
            deadline=None,
            database=None,
            derandomize=derandomize,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        )(drawn)()


def text_seeds() -> dict[str, dict[str, bytes]]:
    """Tables and TOML files by target."""
    seeds = {name: {name: text.encode()} for name, text in TABLES.items()}
    seeds["user-table"] = {"labels": LABELS.encode(), "findings": FINDINGS.encode()}
    seeds["toml"] = {"toml": TOML.encode(), "dataset.toml": TABLES["dataset.toml"].encode()}
    return seeds
