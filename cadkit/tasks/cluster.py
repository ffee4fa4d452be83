"""Tasks on dask.distributed: a scheduler that is there, or the jobs of a queue (docs/clusters.md).

A bounded number of tasks is with the scheduler at any time, so that a million items need no more memory
than a thousand. The scheduler hands the tasks of a worker that died to another one.
"""

from __future__ import annotations

import pickle
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cadkit import __version__
from cadkit.errors import Failure, InputError

if TYPE_CHECKING:
    from distributed import Client, Future

Item = TypeVar("Item")
Answer = TypeVar("Answer")
_LEAST_AHEAD = 32
_AHEAD = 4
_SECONDS_TO_CONNECT = 20
_SECONDS_FOR_A_WORKER = 60
_SECONDS_BETWEEN_LOOKS, _LOOKS = 30, 10
_QUEUES = {
    "htcondor": "HTCondorCluster",
    "lsf": "LSFCluster",
    "moab": "MoabCluster",
    "oar": "OARCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "slurm": "SLURMCluster",
}


def run_there(
    function: Callable[[Item], Answer], items: Iterable[Item], where: str, ordered: bool = True
) -> Iterator[Answer]:
    """Apply `function` to every item on a cluster and yield the answers (`cadkit.tasks.run`).

    Args:
        function: importable by the workers.
        items: read lazily, some four for each thread of the cluster ahead of the answers.
        where: a scheduler's address, or the path of a YAML file that describes jobs.
        ordered: answers in the order of the items.
    """
    with _connected(where) as client:
        from distributed import CancelledError
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        try:
            packed = (pickle.dumps((function, item)) for item in items)
            for kind, answer in _answers(client, _caller(__version__), function.__name__, packed, ordered):
                if kind == "unable":
                    raise _unable(answer)
                yield answer
        except KilledWorker as error:
            raise Failure(
                f"A task was tried {error.allowed_failures + 1} times and its worker was killed each time, most likely "
                "because memory ran out. Type the same command again with more memory for each worker; what was "
                "finished is kept."
            ) from error
        except (CancelledError, CommClosedError) as error:
            raise Failure(
                f"The dask scheduler {where} was lost. Type the same command again when it is back; what was "
                "finished is kept."
            ) from error


def _caller(wanted: str) -> Callable[[bytes], tuple[str, Any]]:
    """What a worker does with a packed task: `answered` and the answer, or `unable` and the reason.

    A function inside a function is sent as code. So it works, and can say what is the matter, where cadkit is missing
    or another; and the scheduler, which only hands it on, needs no cadkit.
    """

    def call(packed: bytes) -> tuple[str, Any]:
        import pickle

        try:
            from cadkit import __version__ as here

            if here != wanted:
                return "unable", f"it has cadkit {here}, and {wanted} sent the task"
            function, item = pickle.loads(packed)
        except (ImportError, AttributeError) as error:
            return "unable", str(error)
        return "answered", function(item)

    return call


def _unable(reason: str) -> InputError:
    return InputError(
        f"a worker of the cluster cannot do the task: {reason}",
        row="--dask",
        mend="Start the scheduler and all workers in an environment like this one.",
    )


def _answers(
    client: Client, call: Callable[[bytes], Answer], name: str, packed: Iterator[bytes], ordered: bool
) -> Iterator[Answer]:
    flying: deque[Future[Answer]] = deque()
    while True:
        room = max(_LEAST_AHEAD, _AHEAD * sum(client.nthreads().values())) - len(flying)
        if more := list(islice(packed, max(0, room))):
            flying.extend(client.map(call, more, pure=False, key=name))
        if not flying:
            return
        yield from _gathered(client, _finished(client, flying, ordered))


def _finished(client: Client, flying: deque[Future[Answer]], ordered: bool) -> list[Future[Answer]]:
    """Take the futures that may be answered now out of those in flight; waits for one at least."""
    _wait(client, [flying[0]] if ordered else list(flying))
    done: list[Future[Answer]] = []
    if ordered:
        while flying and flying[0].done():
            done.append(flying.popleft())
        return done
    for _ in range(len(flying)):
        future = flying.popleft()
        (done if future.done() else flying).append(future)
    return done


def _wait(client: Client, futures: list[Future[Answer]]) -> None:
    """Wait for one of the futures, unless no worker is left that could bring it and none comes.

    Raises:
        Failure: there was no worker for five minutes.
    """
    from distributed import wait

    looks = 0
    while looks < _LOOKS:
        try:
            with client.as_current():
                wait(futures, timeout=_SECONDS_BETWEEN_LOOKS, return_when="FIRST_COMPLETED")
            return
        except TimeoutError:
            looks = 0 if client.nthreads() or client.cluster is not None else looks + 1
    raise Failure(
        "The dask cluster has no worker any more. Start some, with more memory each if that was what they died of, and "
        "type the same command again; what was finished is kept."
    )


def _gathered(client: Client, done: list[Future[Answer]]) -> Iterable[Answer]:
    """The answers in one message, or one by one up to that which is an exception."""
    if any(future.status != "finished" for future in done):
        return (future.result() for future in done)
    answers: list[Answer] = client.gather(done)
    return answers


@contextmanager
def _connected(where: str) -> Iterator[Client]:
    _require("distributed")
    from distributed import Client

    if where.endswith((".yaml", ".yml")):
        with _jobs(Path(where)) as cluster, Client(cluster, set_as_default=False) as client:
            print(f"waiting for the first job; the scheduler is {cluster.scheduler_address}", file=sys.stderr)
            client.wait_for_workers(1)
            yield client
        return
    try:
        client = Client(where, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            "no dask scheduler answers at this address",
            row="--dask",
            value=where,
            mend="Start one with `dask scheduler` and give the address that it prints, such as tcp://host:8786; a "
            "queue's description is a file that ends in .yaml.",
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_SECONDS_FOR_A_WORKER)
        except TimeoutError:
            raise InputError(
                "the dask scheduler has no worker",
                row="--dask",
                value=where,
                mend=f"Start some with `dask worker {where} --nworkers auto --nthreads 1`.",
            ) from None
        yield client


@contextmanager
def _jobs(path: Path) -> Iterator[Any]:
    """A scheduler in this process whose workers are jobs of a queue, as a YAML file describes them."""
    queue, number, described = read_jobs(path)
    _require("dask_jobqueue")
    import dask
    import dask_jobqueue

    # A job reads its options when it is submitted, which may be much later than the cluster is made.
    with dask.config.set(dask.config.merge(dask.config.config, {"jobqueue": {queue: described}})):
        try:
            cluster = getattr(dask_jobqueue, _QUEUES[queue])()
        except (TypeError, ValueError) as error:
            raise InputError(f"not a description of jobs of {queue}: {error}", file=path) from error
        with cluster:
            cluster.adapt(minimum_jobs=number, maximum_jobs=number)
            yield cluster


def read_jobs(path: Path) -> tuple[str, int, dict[str, Any]]:
    """Read the description of a queue's jobs.

    Args:
        path: YAML as dask-jobqueue reads it, `jobqueue: {slurm: {cores: 8, ...}}`, and beside it the
            number of jobs, `jobs: 4`.

    Returns:
        Name of the queue's kind, number of jobs, and the options of each.

    Raises:
        InputError: the file is missing or describes something else.
    """
    _require("yaml")
    import yaml

    mend = "docs/clusters.md has an example."
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", file=path) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"not a YAML file: {error}", file=path, mend=mend) from None
    described = content.get("jobqueue") if isinstance(content, dict) else None
    if not isinstance(described, dict) or len(described) != 1 or set(content) - {"jobqueue", "jobs"}:
        raise InputError("the file holds `jobqueue:` with one queue in it, and `jobs:`", file=path, mend=mend)
    queue, options = next(iter(described.items()))
    if queue not in _QUEUES or not isinstance(options, dict):
        raise InputError(f"a queue is one of {', '.join(_QUEUES)}", file=path, row="jobqueue", value=queue, mend=mend)
    number = content.get("jobs", 1)
    if not isinstance(number, int) or number < 1:
        raise InputError("the number of jobs is 1 or more", file=path, row="jobs", value=number)
    return queue, number, options


def _require(module: str) -> None:
    """Say how to install what --dask needs, if it is not there."""
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise InputError(
            f"{module} is not installed", row="--dask", mend="Install it with: pip install 'cadkit[dask]'."
        )
