"""What a trained network knows on test breasts: of malignancy, of its kind, and of breasts without their lesions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from benchmarks.phantom.network import UNIT, Network, evidence, top_mean
from benchmarks.phantom.pictures import Pictures
from benchmarks.phantom.scores import row, value_of
from cadkit import metrics

CELLS = (1, 4, 16, 64, 256)
MAPS = ("malignant", "benign", "lesion")
LEAST_POSITIVES = 40
Candidates = dict[str, NDArray[np.float64]]


def load(weights: Path) -> Network:
    """The network of a file of weights, ready to test."""
    network = Network()
    network.load_state_dict(load_file(weights))
    return network.to(memory_format=torch.channels_last).eval()


@torch.inference_mode()
def pooled(network: Network, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Numbers of every picture: means of the highest cells of each map, and malignant against benign where lesions are.

    Each is the mean of the picture and the picture upside down; air around the breast is cut off.
    """
    found: dict[str, list[torch.Tensor]] = {}
    for image in images:
        pixels = torch.from_numpy(_cut(image)).float()[None, None] / 255
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(torch.cat([pixels, pixels.flip(2)]))
        maps = evidence(logits)
        numbers = {
            f"{name} {cells}": top_mean(maps[:, [k]], cells)[:, 0] for k, name in enumerate(MAPS) for cells in CELLS
        }
        attention = torch.softmax(maps[:, 2].flatten(1), dim=1)
        versus = (logits[:, 2] - logits[:, 1]).float().flatten(1)
        numbers["versus"] = (attention * versus).sum(1)
        for name, value in numbers.items():
            found.setdefault(name, []).append(value.mean())
    return {name: torch.stack(parts).double().numpy() for name, parts in found.items()}


def _cut(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The breast's box, its sides enlarged to multiples of what the network folds."""
    spans = []
    for axis in (1, 0):
        filled = np.flatnonzero((image > 0).any(axis=axis))
        length = -(-(int(filled[-1]) + 1 - int(filled[0])) // UNIT) * UNIT
        start = max(0, min(int(filled[0]), image.shape[1 - axis] - length))
        spans.append(slice(start, start + length))
    return np.array(image[spans[0], spans[1]])


def pooled_clean(
    network: Network, pictures: Pictures, shown: dict[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Numbers of the pictures without lesions; those of breasts without any are taken from `shown`."""
    changed = np.array([bool(breast.malignant_forms or breast.other_forms) for breast in pictures.breasts]).repeat(2)
    again = pooled(network, pictures.clean[changed])
    numbers = {name: value.copy() for name, value in shown.items()}
    for name, value in again.items():
        numbers[name][changed] = value
    return numbers


def candidates(numbers: dict[str, NDArray[np.float64]]) -> Candidates:
    """Numbers of pictures, pooled over the two views of a breast by mean and by maximum."""
    pairs = {name: value.reshape(-1, 2) for name, value in numbers.items()}
    means = {f"{name}, mean": pair.mean(axis=1) for name, pair in pairs.items()}
    return means | {f"{name}, highest": pair.max(axis=1) for name, pair in pairs.items()}


def for_malignant(found: Candidates) -> Candidates:
    """Scores of malignant against the rest."""
    return {name: value for name, value in found.items() if name.startswith("malignant")}


def for_lesion(found: Candidates) -> Candidates:
    """Scores of any labelled lesion."""
    return {name: value for name, value in found.items() if name.startswith("lesion")}


def for_kind(found: Candidates) -> Candidates:
    """Scores of malignant against benign."""
    scores = {name: value for name, value in found.items() if name.startswith(("malignant", "versus"))}
    for name, value in found.items():
        if name.startswith("benign"):
            other = name.replace("benign", "malignant", 1)
            for share in (0.5, 1.0):
                scores[f"{other} minus {share:g} {name}"] = found[other] - share * value
    return scores


def best(scores: Candidates, truth: NDArray[Any]) -> tuple[str, float]:
    """The candidate with the best AUC."""
    values = {name: value_of(truth, score) for name, score in scores.items()}
    name = max(values, key=lambda key: values[key])
    return name, values[name]


class Comparison:
    """Rows of AUC on test breasts, each by the candidate that is best on validation breasts."""

    def __init__(self, test: Pictures, validation: Pictures) -> None:
        self.test, self.validation = test, validation
        self.replicates = metrics.Replicates(test.column("patient"))

    def row(
        self,
        title: str,
        score: NDArray[np.float64],
        truth: NDArray[Any],
        rows: NDArray[np.bool_],
        chosen: str = "",
        **bars: Any,
    ) -> dict[str, Any]:
        """AUC on the chosen rows of the test breasts."""
        patient = self.test.column("patient")[rows]
        if len(set(truth[rows].tolist())) < 2:
            result = metrics.Result("auc", None, n=int(rows.sum()), positives=int(truth[rows].sum()))
        else:
            result = metrics.auc(truth[rows], score[rows], cluster=patient, bootstrap=self.replicates)
        return row(title, result, chosen, **bars)

    def sighted(self, network: Network) -> list[dict[str, Any]]:
        """What the network knows where lesions are drawn; then what it still says where they are removed."""
        shown, known = pooled(network, self.test.shown), candidates(pooled(network, self.validation.shown))
        found = candidates(shown)
        questions: list[tuple[str, Callable[[Candidates], Candidates], str, dict[str, Any]]] = [
            ("malignant against the rest", for_malignant, "all", {"above": 0.80, "least": 0.75}),
            ("malignant against benign", for_kind, "one", {"above": 0.75}),
            ("malignant or benign against neither", for_lesion, "any", {}),
        ]
        rows, names = [], []
        for title, made, cohort, bars in questions:
            truth, kept = _cohort(self.validation, cohort)
            name, value = best({key: score[kept] for key, score in made(known).items()}, truth[kept])
            truth, kept = _cohort(self.test, cohort)
            chosen = f"{name}; validation {value:.3f}"
            rows.append(self.row(f"network: {title}", made(found)[name], truth, kept, chosen, **bars))
            names.append(name)
        score = for_malignant(found)[names[0]]
        clean = for_malignant(candidates(pooled_clean(network, self.test, shown)))[names[0]]
        return [*rows, *self._by_form(score), *self._removed("network trained with lesions", clean, names[0])]

    def _by_form(self, score: NDArray[np.float64]) -> list[dict[str, Any]]:
        """Malignant breasts of one form against the rest; then all malignant breasts against the benign of one form."""
        malignant = self.test.column("malignant")
        forms = {
            label: [getattr(breast, f"{label}_forms") or ("occult",) for breast in self.test.breasts]
            for label in ("malignant", "other")
        }
        rows = []
        for label, words in (("malignant", "malignant {} against the rest"), ("other", "malignant against benign {}")):
            labelled = malignant == 1 if label == "malignant" else (self.test.column("benign") == 1) & (malignant == 0)
            kinds = sorted({form for shown, yes in zip(forms[label], labelled, strict=True) if yes for form in shown})
            for form in kinds:
                has = labelled & np.array([form in shown for shown in forms[label]])
                kept = has | (malignant != (label == "malignant"))
                rows.append(self.row(f"network: {words.format(form)}", score, malignant, kept))
        return rows

    def blind(self, network: Network) -> list[dict[str, Any]]:
        """What a network that was trained on labels alone says of breasts whose lesions are removed."""
        known = for_malignant(candidates(pooled(network, self.validation.clean)))
        name, value = best(known, _cohort(self.validation, "all")[0])
        score = for_malignant(candidates(pooled(network, self.test.clean)))[name]
        return self._removed("network trained without lesions", score, f"{name}; validation {value:.3f}")

    def _removed(self, title: str, score: NDArray[np.float64], chosen: str) -> list[dict[str, Any]]:
        """Lesions removed, labels kept: of all breasts and of every stratum."""
        truth, everyone = _cohort(self.test, "all")
        rows = [self.row(f"lesions removed, {title}", score, truth, everyone, chosen, chance=True)]
        for column in ("vendor", "density", "site"):
            for words, kept in strata(self.test.column(column), truth):
                rows.append(self.row(f"lesions removed, {title}: {column} {words}", score, truth, kept, chance=True))
        return rows


def strata(values: NDArray[Any], truth: NDArray[Any]) -> list[tuple[str, NDArray[np.bool_]]]:
    """Strata with at least 40 positives, and the rest pooled."""
    large, rest = [], []
    for value in sorted(set(values.tolist())):
        enough = int(truth[values == value].sum()) >= LEAST_POSITIVES
        (large if enough else rest).append(value)
    groups = [[value] for value in large] + ([rest] if rest else [])
    return [(" and ".join(group), np.isin(values, group)) for group in groups]


def _cohort(pictures: Pictures, cohort: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Truth of every breast, and which breasts count: `all`, `any` (truth: any label) or `one` (exactly one label)."""
    malignant, benign = pictures.column("malignant"), pictures.column("benign")
    everyone = np.ones(len(malignant), dtype=bool)
    if cohort == "any":
        return np.maximum(malignant, benign), everyone
    return malignant, (malignant + benign == 1) if cohort == "one" else everyone


def judge(test: Pictures, validation: Pictures, weights: Path, blind: Path | None = None) -> list[dict[str, Any]]:
    """All rows of the network trained with lesions and of the one trained without (`blind`)."""
    comparison = Comparison(test, validation)
    rows = comparison.sighted(load(weights))
    if blind is not None:
        rows += comparison.blind(load(blind))
    return rows
