"""The same tasks on dask.distributed: order, errors, lazy items, killed workers, and clusters that are not there."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cadkit import tasks
from cadkit.errors import Failure, InputError, Problem, ProblemsError
from cadkit.tasks.cluster import read_jobs

distributed = pytest.importorskip("distributed", reason="pip install 'cadkit[dask]'")


def _square(number: int) -> int:
    return number * number


def _fail_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is not allowed")
    return number


def _mistaken(number: int) -> int:
    raise InputError("no such number", file="numbers.csv", row=number, value=number, mend="Count again.")


def _many_mistakes(number: int) -> int:
    raise ProblemsError("the tables contradict each other:", [Problem("odd", "odd number", row=number)] * 2)


def _dies_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return mark.name


def _dies(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _cluster(**more: object) -> distributed.LocalCluster:
    return distributed.LocalCluster(
        threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="CRITICAL", **more
    )


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of two threads, which is quickly there."""
    with _cluster(n_workers=2, processes=False) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def processes() -> Iterator[str]:
    """A cluster of two processes, which may be killed."""
    import dask

    with dask.config.set({"distributed.scheduler.allowed-failures": 1}), _cluster(n_workers=2) as cluster:
        yield cluster.scheduler_address


def test_answers_come_in_the_order_of_the_items(address: str) -> None:
    assert list(tasks.run(_square, range(100), workers=address)) == [n * n for n in range(100)]


def test_unordered_answers_are_all_there(address: str) -> None:
    found = list(tasks.run(_square, range(100), workers=address, ordered=False))
    assert sorted(found) == [n * n for n in range(100)]


def test_nothing_to_do_is_done(address: str) -> None:
    assert list(tasks.run(_square, [], workers=address)) == []


def test_items_are_read_a_few_ahead(address: str) -> None:
    read = []

    def items() -> Iterator[int]:
        for number in range(10_000):
            read.append(number)
            yield number

    answers = tasks.run(_square, items(), workers=address)
    assert [next(answers) for _ in range(40)] == [n * n for n in range(40)]
    assert len(read) <= 40 + 2 * 32
    answers.close()  # type: ignore[attr-defined]


def test_an_error_arrives_as_it_is_after_the_answers_before_it(address: str) -> None:
    answers = tasks.run(_fail_at_three, range(6), workers=address)
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three is not allowed"):
        next(answers)


@pytest.mark.parametrize("workers", ["cluster", 2])
def test_input_errors_arrive_with_their_text(address: str, workers: str | int) -> None:
    where = address if workers == "cluster" else workers
    with pytest.raises(InputError) as caught:
        list(tasks.run(_mistaken, [7, 7], workers=where))
    assert str(caught.value) == "numbers.csv, row 7: no such number (found: 7). Count again."
    with pytest.raises(ProblemsError, match=r"2 problem\(s\):\n  row 5: odd number. \[odd\]\n"):
        list(tasks.run(_many_mistakes, [5, 5], workers=where))


def test_another_version_is_refused(processes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadkit.tasks.cluster.__version__", "99.0")
    with pytest.raises(InputError, match=r"a worker .* cannot do the task: it has cadkit .*, and 99.0 sent"):
        list(tasks.run(_square, [1], workers=processes))


def test_code_that_the_cluster_lacks_is_another_version(
    processes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("def double(number):\n    return 2 * number\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here  # type: ignore[import-not-found]

    with pytest.raises(InputError, match=r"a worker .* cannot do the task: No module named 'only_here'.*like this one"):
        list(tasks.run(only_here.double, [1], workers=processes))


def test_a_killed_workers_tasks_go_to_another(processes: str, tmp_path: Path) -> None:
    marks = [tmp_path / "a", tmp_path / "b"]
    marks[1].touch()
    assert list(tasks.run(_dies_once, marks, workers=processes)) == ["a", "b"]


def test_a_task_that_kills_every_worker_is_a_failure(processes: str) -> None:
    with pytest.raises(Failure, match=r"2 times and its worker was killed each time.*more memory"):
        list(tasks.run(_dies, [1], workers=processes))


def test_a_cluster_that_loses_its_last_worker_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadkit.tasks.cluster._SECONDS_BETWEEN_LOOKS", 0.1)
    with _cluster(n_workers=1, processes=False) as cluster:

        def items() -> Iterator[int]:
            workers = list(cluster.scheduler.workers)
            cluster.sync(cluster.scheduler.retire_workers, workers=workers, close_workers=True)
            yield 1

        with pytest.raises(Failure, match="has no worker any more"):
            list(tasks.run(_square, items(), workers=cluster.scheduler_address))


def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cadkit.tasks.cluster._SECONDS_TO_CONNECT", 0.5)
    for where in ("tcp://127.0.0.1:9", "nonsense", "odd://host:1"):
        with pytest.raises(InputError, match=r"no dask scheduler answers.*Start one with `dask scheduler`"):
            list(tasks.run(_square, [1], workers=where))


def test_one_place_for_tasks() -> None:
    assert tasks.chosen(None, None) is None
    assert tasks.chosen(3, None) == 3
    assert tasks.chosen(None, "tcp://host:8786") == "tcp://host:8786"
    with pytest.raises(InputError, match="Give one of them"):
        tasks.chosen(3, "tcp://host:8786")


JOBS = "jobs: 3\njobqueue:\n  slurm:\n    cores: 8\n    memory: 32GB\n"


def test_jobs_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "slurm.yaml"
    path.write_text(JOBS)
    assert read_jobs(path) == ("slurm", 3, {"cores": 8, "memory": "32GB"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("jobs: [1", "not a YAML file"),
        ("- 1", "holds `jobqueue:`"),
        ("jobqueue: {slurm: {}, pbs: {}}", "with one queue"),
        (JOBS + "walltime: 1\n", "holds `jobqueue:`"),
        ("jobqueue: {nqs: {cores: 1}}", "a queue is one of htcondor, .*nqs"),
        ("jobqueue: {slurm: 8}", "a queue is one of"),
        (JOBS.replace("3", "0"), "the number of jobs is 1 or more"),
        (JOBS.replace("3", "many"), "the number of jobs is 1 or more"),
    ],
)
def test_a_file_that_describes_no_jobs(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "slurm.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_jobs(path)
    with pytest.raises(InputError, match="cannot be read"):
        list(tasks.run(_square, [1], workers=str(tmp_path / "none.yaml")))


SBATCH = """#!/bin/sh
cp "$1" "{log}.sh"  # who submits a script may delete it at once
nohup /bin/sh "{log}.sh" >"{log}" 2>&1 &
echo $! >>"{pids}"
echo "Submitted batch job $!"
"""


@pytest.mark.slow
def test_jobs_of_slurm_do_the_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sbatch` and `scancel` are stood in for by two scripts that start and stop the job's script."""
    pytest.importorskip("dask_jobqueue", reason="pip install 'cadkit[dask]'")
    scripts = {
        "sbatch": SBATCH.format(log=tmp_path / "job.log", pids=tmp_path / "pids"),
        "scancel": '#!/bin/sh\npkill -P "$1"; kill "$1" 2>/dev/null; true\n',
    }
    for name, text in scripts.items():
        path = tmp_path / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    path = tmp_path / "slurm.yaml"
    path.write_text(
        "jobqueue:\n  slurm:\n    cores: 1\n    memory: 1GB\n    interface: lo\n"
        f"    local-directory: {tmp_path}\n    shebang: '#!/bin/sh'\n"
        "    scheduler-options: {dashboard_address: null, interface: lo}\n"
    )
    assert list(tasks.run(_square, range(50), workers=str(path))) == [n * n for n in range(50)]
    assert len((tmp_path / "pids").read_text().split()) == 1
