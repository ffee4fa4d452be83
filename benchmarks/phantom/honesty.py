"""Everything in one command, on seeds that nothing was tuned on: one JSON and one Markdown table.

    python -m benchmarks.phantom honesty FOLDER --seeds 101 102 103 --real ../shared/data [--steps 2500]

The seeds are those of the training, validation and test women. FOLDER keeps pictures, weights and the results of each
step; the same command goes on after the last finished one, and does all again where the phantom's source has changed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.phantom import beside, scores, spectrum
from benchmarks.phantom.pictures import Pictures, describe, draw, recipe, settings_of
from cadkit.files import write_json, write_text

SPLITS = ("train", "validation", "test")
# Of the breasts: malignant, benign. The training women are enriched.
SHARES = {"train": (0.30, 0.35), "validation": (0.21, 0.35), "test": (0.21, 0.35)}
_BLIND_STEPS = 0.3  # of the steps of the network that sees lesions


@dataclass(frozen=True)
class Plan:
    """What to run: seeds and exams of train, validation and test, steps of training and a limit in minutes."""

    folder: Path
    seeds: tuple[int, int, int]
    exams: tuple[int, int, int]
    difficulty: str
    steps: int
    minutes: float
    workers: int
    real: Path | None

    def __post_init__(self) -> None:
        if len(set(self.seeds)) < 3:
            raise SystemExit("training, validation and test women need three different seeds")


class Steps:
    """Results of finished steps, a JSON file each, kept for one source of the phantom and one plan."""

    def __init__(self, plan: Plan) -> None:
        self._folder = plan.folder
        self._key = [recipe(), list(plan.seeds), list(plan.exams), plan.difficulty, plan.steps]
        self.minutes: dict[str, float] = {}

    def result(self, name: str, work: Callable[[], Any]) -> Any:
        """What the step found, now or in an earlier run."""
        path = self._folder / f"{name}.json"
        kept = json.loads(path.read_text()) if path.exists() else None
        if kept is None or kept["key"] != self._key:
            started = time.monotonic()
            found = work()
            kept = {"key": self._key, "minutes": round((time.monotonic() - started) / 60, 2), "found": found}
            write_json(path, kept)
        self.minutes[name] = kept["minutes"]
        return kept["found"]


def examine(plan: Plan) -> dict[str, Any]:
    """Draw, score, train, test; what honesty.json holds."""
    # Without torch, which takes seconds to import, `--help` answers at once.
    import torch

    from benchmarks.phantom import judging, unet

    plan.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(plan.workers)
    steps = Steps(plan)
    folders = {split: plan.folder / split for split in SPLITS}
    drawn: dict[str, Pictures] = {}
    for split, seed, exams in zip(SPLITS, plan.seeds, plan.exams, strict=True):
        settings = settings_of(exams, seed, *SHARES[split], plan.difficulty)
        drawn[split] = draw(folders[split], settings, plan.workers)
        print(split, describe(drawn[split]), flush=True)
    simple = steps.result("simple", lambda: _simple(folders, plan.workers))
    weights, blind = plan.folder / "network.safetensors", plan.folder / "blind.safetensors"
    trained = {
        "with lesions": steps.result(
            "trained", lambda: unet.train(drawn["train"], weights, plan.steps, minutes=plan.minutes)
        ),
        "without lesions": steps.result(
            "blind",
            lambda: unet.train(
                drawn["train"], blind, round(_BLIND_STEPS * plan.steps), False, _BLIND_STEPS * plan.minutes
            ),
        ),
    }
    network = steps.result("network", lambda: judging.judge(drawn["test"], drawn["validation"], weights, blind))
    textures = None
    if plan.real is not None:
        real = plan.real
        textures = steps.result("texture", lambda: spectrum.table(folders["test"], real))
        beside.write(folders["test"], real, plan.folder / "beside.png")
    return {
        "recipe": recipe(),
        "difficulty": plan.difficulty,
        "seeds": dict(zip(SPLITS, plan.seeds, strict=True)),
        "counts": {split: describe(drawn[split]) for split in SPLITS},
        "training": trained,
        "minutes": steps.minutes,
        "rows": simple + network,
        "texture": textures,
    }


def _simple(folders: dict[str, Path], workers: int) -> list[dict[str, Any]]:
    test, validation, train = (scores.features(folders[s], workers=workers) for s in ("test", "validation", "train"))
    return scores.compare(test, validation, train)


def page(found: dict[str, Any]) -> str:
    """The Markdown page of `examine`'s findings."""
    lines = [
        "# Honesty of the phantom",
        "",
        f"Difficulty {found['difficulty']}; seeds {found['seeds']}; percentile intervals of 95% from 2,000 bootstrap "
        "replicates of women. Scale, threshold, pooling and direction of every score were chosen on the validation "
        "women.",
        "",
        f"| split | {' | '.join(found['counts']['test'])} |",
        "|---" * (1 + len(found["counts"]["test"])) + "|",
    ]
    lines += [
        f"| {split} | {' | '.join(str(n) for n in counts.values())} |" for split, counts in found["counts"].items()
    ]
    lines += ["", scores.show(found["rows"]), ""]
    lines += [f"Trained {name}: {numbers}." for name, numbers in found["training"].items()]
    if found["texture"]:
        lines += ["", "Texture, median over images [10%, 90%]:", "", spectrum.show(found["texture"])]
    lines += ["", f"Minutes: {found['minutes']}.", ""]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Run it all; honesty.json and honesty.md lie in the folder."""
    parser = argparse.ArgumentParser(prog="honesty", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs=3, required=True, metavar=("TRAIN", "VALIDATION", "TEST"))
    parser.add_argument("--exams", type=int, nargs=3, default=(700, 150, 500), metavar=("TRAIN", "VALIDATION", "TEST"))
    parser.add_argument("--difficulty", default="standard")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--real", type=Path, help="folder with nyu-sample and mini-mias")
    options = vars(parser.parse_args(arguments))
    options["seeds"], options["exams"] = tuple(options["seeds"]), tuple(options["exams"])
    plan = Plan(**options)
    found = examine(plan)
    write_json(plan.folder / "honesty.json", found)
    write_text(plan.folder / "honesty.md", page(found))
    print(page(found))
