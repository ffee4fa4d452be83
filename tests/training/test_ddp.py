"""Two processes train as one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import torch
from safetensors.torch import load_file


def test_two_processes_equal_one_with_twice_the_batch(tiny: ModuleType, tmp_path: Path) -> None:
    values = {"epochs": 2, "norm": False, "lr": 1e-3}
    alone = tiny.run_in(tmp_path / "alone", tiny.config(batch=4, **values))
    tiny.Tiny(tiny.config(batch=4, **values)).train(tiny.dataset(), alone)
    two = tiny.run_in(tmp_path / "two", tiny.config(batch=2, **values))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, tiny.__file__, str(two.folder), "go"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "DUMP": str(tmp_path / "rank")},
    )
    assert done.returncode == 0, done.stderr
    ranks = [load_file(tmp_path / f"rank{rank}.safetensors") for rank in (0, 1)]
    one, other = (load_file(run.weights / "last.safetensors") for run in (alone, two))
    for name in one:
        assert torch.equal(ranks[0][name], ranks[1][name])
        torch.testing.assert_close(one[name], other[name], atol=1e-5, rtol=1e-4)
    expected, got = alone.history(), two.history()
    assert len(got) == 2
    for row, wanted in zip(got, expected, strict=True):
        assert abs(float(row["loss"]) - float(wanted["loss"])) < 1e-4
        assert abs(float(row["auc"]) - float(wanted["auc"])) < 0.05
    assert 'state = "complete"' in (two.folder / "run.toml").read_text()
