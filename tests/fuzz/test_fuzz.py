"""Mutated files: each is read or refused in words; nothing crashes, hangs for 10 s or takes 2 GiB.

`make test` gives a few hundred inputs, the same ones each time. With `CADKIT_FUZZ_SECONDS` (`make fuzz`: ten
minutes) new ones are drawn for so long, and an input of each kind of fault is kept in `CADKIT_FUZZ_KEEP`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz_campaign import Campaign, Worker, text_seeds
from fuzz_seeds import dicom_seeds, picture_seeds

SECONDS = float(os.environ.get("CADKIT_FUZZ_SECONDS", "0"))
KEEP = Path(os.environ.get("CADKIT_FUZZ_KEEP", "fuzz-findings"))
TEXTS = text_seeds()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


def run(campaign: Campaign, examples: int, share: float) -> None:
    """Give a campaign its number of examples, or its share of the time."""
    if not SECONDS:
        campaign.examples(examples)
        return
    campaign.for_seconds(SECONDS * share, KEEP)
    print(f"{campaign.target}: {dict(campaign.worker.seen)} so far, at most {campaign.worker.highest / 2**20:.0f} MiB")
    assert not campaign.findings, "\n".join(f"{kind}: {steps}" for kind, (_, steps, _) in campaign.findings.items())


def test_dicom_files(worker: Worker) -> None:
    run(Campaign(worker, "dicom", dicom_seeds(), "dicom"), 120, 0.5)


def test_the_public_samples(worker: Worker, shared: Path) -> None:
    run(Campaign(worker, "dicom", dicom_seeds(shared), "dicom"), 60, 0.2)


def test_pictures(worker: Worker) -> None:
    run(Campaign(worker, "picture", picture_seeds(), "bytes"), 60, 0.1)


@pytest.mark.parametrize("target", TEXTS)
def test_tables_and_toml(target: str, worker: Worker) -> None:
    run(Campaign(worker, target, TEXTS[target], "text"), 12, 0.2 / len(TEXTS))


def test_what_is_not_mutated_is_read(worker: Worker) -> None:
    """The seeds are good files, so that what is refused is refused for its mutations."""
    for name, content in dicom_seeds().items():
        answer = worker("dicom", content)
        assert answer.fine
        assert answer.outcome == "read" or name == "frames", f"{name}: {answer.detail}"
