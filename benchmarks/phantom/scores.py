"""What simple scores know of malignancy: brightness, contrast, texture, blobs, and all of them together.

    python -m benchmarks.phantom scores TEST VALIDATION [--train TRAIN] [--out scores.json]

Each argument is a folder of `pictures`. Every score is taken inside the breast, eroded from the skin line, as the mean
or the maximum of the breast's two views. Scale, threshold, pooling and direction are chosen on the validation breasts;
the AUC of malignant against the rest is that of the test breasts.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.phantom.pictures import open_pictures
from cadkit import metrics, progress, tasks
from cadkit.files import write_json

EROSION_MM = 5.0
DISC_RADII_MM = (2.0, 3.0, 5.0, 8.0, 12.0)
BLOB_SIGMAS_MM = (0.5, 0.75, 1.1, 1.7, 2.6, 4.0, 6.0)
BLOB_LEVELS = (0.01, 0.02, 0.035, 0.05, 0.07, 0.1)  # response that counts as a peak, display units
BANDS_MM = ((0.0, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.0))  # between two Gaussian blurs
FAMILIES = {
    "mean intensity": "mean",
    "maximum intensity": "maximum",
    "local contrast, disc minus ring": "disc",
    "fine texture (RMS)": "texture",
    "Laplacian of Gaussian: highest": "blob highest",
    "Laplacian of Gaussian: number of peaks": "blob peaks",
    "Laplacian of Gaussian: mean of the five highest": "blob five",
}
_PAD = 32
Floats = NDArray[np.floating[Any]]


def measure(picture: NDArray[np.uint8], spacing_mm: float) -> dict[str, float]:
    """All scores of one picture that faces right (air is 0).

    Air is filled with the breast's mean before filtering, and what lies within 5 mm of it is not counted.
    """
    rows, columns = (np.flatnonzero((picture > 0).any(axis=axis)) for axis in (1, 0))
    display = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32) / 255
    inside = display > 0
    region = _eroded(inside, EROSION_MM / spacing_mm)
    if not region.any():
        region = inside
    filtered = _filtered(np.where(inside, display, display[region].mean()), spacing_mm)
    scores = {
        "mean": float(display[region].mean()),
        "maximum raw": float(display[region].max()),
        "maximum blurred": float(filtered["blurred"][region].max()),
    }
    for name, field in filtered.items():
        if name.startswith("disc"):
            scores[name] = float(field[region].max())
        elif name.startswith("texture"):
            scores[name] = float(np.sqrt(np.mean(field[region] ** 2)))
        elif name.startswith("blob"):
            scores.update(_blobs(name.removeprefix("blob "), field, region))
    return scores


def _blobs(name: str, field: Floats, region: NDArray[np.bool_]) -> dict[str, float]:
    """Highest response, mean of the five highest peaks, and number of peaks above each level."""
    peaks = np.sort(field[region & _summits(field)])[::-1]
    highest = float(field[region].max())
    scores = {f"blob highest {name}": highest, f"blob five {name}": float(peaks[:5].mean()) if len(peaks) else highest}
    for level in BLOB_LEVELS:
        scores[f"blob peaks {name} over {level:g}"] = float((peaks > level).sum())
    return scores


def _summits(field: Floats) -> NDArray[np.bool_]:
    """Pixels that none of their eight neighbours exceeds; the border has none."""
    found = np.zeros(field.shape, dtype=bool)
    middle = field[1:-1, 1:-1]
    summit = np.ones(middle.shape, dtype=bool)
    rows, columns = field.shape
    for down in (0, 1, 2):
        for right in (0, 1, 2):
            summit &= middle >= field[down : rows - 2 + down, right : columns - 2 + right]
    found[1:-1, 1:-1] = summit
    return found


def _eroded(inside: NDArray[np.bool_], pixels: float) -> NDArray[np.bool_]:
    """Inside and farther from air than so many pixels; of the picture's borders only the chest wall is no air."""
    padded = np.pad(inside, ((1, 1), (0, 1)))
    return np.asarray(ndimage.distance_transform_edt(padded)[1:-1, :-1] > pixels)


def _filtered(filled: Floats, spacing_mm: float) -> dict[str, Floats]:
    """One field for each filter, all from one Fourier transform of the picture with its border mirrored."""
    rows, columns = filled.shape
    # Few sizes, so that the filters are made once for many pictures.
    extra = tuple(64 - side % 64 for side in filled.shape)
    padded = np.pad(filled, [(_PAD, _PAD + more) for more in extra], mode="symmetric")
    waves = scipy.fft.rfft2(padded)
    return {
        name: scipy.fft.irfft2(waves * gain, s=padded.shape)[_PAD : _PAD + rows, _PAD : _PAD + columns]
        for name, gain in _gains(padded.shape, spacing_mm).items()
    }


@lru_cache(maxsize=24)
def _gains(shape: tuple[int, int], spacing_mm: float) -> dict[str, Floats]:
    """Transfer functions of the filters."""
    fy = scipy.fft.fftfreq(shape[0], spacing_mm)[:, None]
    fx = scipy.fft.rfftfreq(shape[1], spacing_mm)[None, :]
    squared = (2 * np.pi) ** 2 * (fy**2 + fx**2)

    def blur(sigma: float) -> Floats:
        return np.exp(-0.5 * sigma**2 * squared)

    gains: dict[str, Floats] = {"blurred": blur(1.0)}
    for radius in DISC_RADII_MM:
        gains[f"disc {radius:g}"] = _disc_gain(shape, radius / spacing_mm)
    for low, high in BANDS_MM:
        gains[f"texture {low:g} to {high:g}"] = blur(low) - blur(high)
    for sigma in BLOB_SIGMAS_MM:
        gains[f"blob {sigma:g}"] = sigma**2 * squared * blur(sigma)
    return {name: gain.astype(np.float32) for name, gain in gains.items()}


def _disc_gain(shape: tuple[int, int], radius: float) -> Floats:
    """Mean over a disc minus mean over the ring around it, out to 1.6 radii."""
    y = scipy.fft.fftfreq(shape[0], 1 / shape[0])[:, None]
    x = scipy.fft.fftfreq(shape[1], 1 / shape[1])[None, :]
    distance = np.hypot(y, x)
    disc = (distance <= radius).astype(np.float64)
    ring = ((distance > radius) & (distance <= 1.6 * radius)).astype(np.float64)
    return np.asarray(scipy.fft.rfft2(disc / disc.sum() - ring / ring.sum()).real)


@dataclass(frozen=True)
class Features:
    """Scores of a population's breasts: `values` is breasts x names, a name being score and pooling."""

    names: list[str]
    values: NDArray[np.float64]
    truth: NDArray[np.int64]
    patient: NDArray[np.str_]


def features(folder: Path, clean: bool = False, workers: int = 2) -> Features:
    """Scores of every picture of a folder of `pictures`, pooled over the two views of a breast."""
    pictures = open_pictures(folder)
    parts = np.array_split(np.arange(len(pictures.shown)), max(1, len(pictures.shown) // 64))
    work = [(folder, clean, int(part[0]), int(part[-1]) + 1) for part in parts]
    done = progress.track(tasks.run(_measure_part, work, workers=workers), f"scores of {folder.name}", len(work))
    rows = [row for part in done for row in part]
    single = np.array([list(row.values()) for row in rows])
    views = single.reshape(len(pictures.breasts), 2, -1)
    names = [f"{name}, {pool}" for pool in ("mean", "highest") for name in rows[0]]
    values = np.concatenate([views.mean(axis=1), views.max(axis=1)], axis=1)
    return Features(names, values, pictures.column("malignant"), pictures.column("patient"))


def _measure_part(task: tuple[Path, bool, int, int]) -> list[dict[str, float]]:
    folder, clean, first, last = task
    pictures = open_pictures(folder)
    source = pictures.clean if clean else pictures.shown
    return [measure(source[number], pictures.spacing_mm) for number in range(first, last)]


@dataclass(frozen=True)
class Choice:
    """The candidate of a family with the best AUC on validation; `sign` is -1 where low scores are suspicious."""

    name: str
    column: int
    sign: int
    validation: float


def choose(family: str, validation: Features) -> Choice:
    """Scale, threshold, pooling and direction of a family of scores."""
    best = Choice("", -1, 1, -1.0)
    for column, name in enumerate(validation.names):
        if name.startswith(family):
            found = value_of(validation.truth, validation.values[:, column])
            sign = 1 if found >= 0.5 else -1
            if max(found, 1 - found) > best.validation:
                best = Choice(name, column, sign, max(found, 1 - found))
    return best


def value_of(truth: NDArray[Any], score: NDArray[np.float64]) -> float:
    """AUC, 0.5 where it is undefined."""
    value = metrics.auc(truth, score, bootstrap=0).value
    return 0.5 if value is None else value


def compare(test: Features, validation: Features, train: Features | None, bar: float = 0.65) -> list[dict[str, Any]]:
    """A row for every simple score, and for their logistic regressions, on the test breasts."""
    replicates = metrics.Replicates(test.patient)
    rows = []
    for title, family in FAMILIES.items():
        choice = choose(family, validation)
        result = metrics.auc(
            test.truth, choice.sign * test.values[:, choice.column], cluster=test.patient, bootstrap=replicates
        )
        chosen = f"{'' if choice.sign > 0 else 'minus '}{choice.name}; validation {choice.validation:.3f}"
        rows.append(row(title, result, chosen, below=bar))
    for title, score in _regressions(test, train):
        result = metrics.auc(test.truth, score, cluster=test.patient, bootstrap=replicates)
        rows.append(row(title, result, f"{len(test.names)} features", below=bar))
    return rows


def _regressions(test: Features, train: Features | None) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Out-of-fold scores on the test breasts, and the scores of a regression that was fitted on other women."""
    from sklearn.model_selection import StratifiedGroupKFold

    score = np.zeros(len(test.truth))
    for kept, left in StratifiedGroupKFold(10).split(test.values, test.truth, test.patient):
        fitted = _fit(test.values[kept], test.truth[kept], test.patient[kept])
        score[left] = fitted.decision_function(test.values[left])
    yield "all of these, logistic regression, cross-validated", score
    if train is not None:
        fitted = _fit(train.values, train.truth, train.patient)
        yield "all of these, logistic regression, fitted on the training women", fitted.decision_function(test.values)


def _fit(values: NDArray[np.float64], truth: NDArray[np.int64], patient: NDArray[np.str_]) -> Any:
    """Logistic regression; how much its weights are held down is chosen by an inner cross-validation of women."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    strengths = {"logisticregression__C": [1e-3, 1e-2, 1e-1, 1.0]}
    return GridSearchCV(pipeline, strengths, scoring="roc_auc", cv=StratifiedGroupKFold(5)).fit(
        values, truth, groups=patient
    )


def row(
    title: str,
    result: metrics.Result,
    chosen: str = "",
    below: float | None = None,
    above: float | None = None,
    least: float | None = None,
    chance: bool = False,
) -> dict[str, Any]:
    """A row of the honesty table.

    Args:
        title, result, chosen: what was scored, its AUC, and what validation chose.
        below: the interval must end below this.
        above, least: the AUC must exceed the first, the interval's lower end the second.
        chance: the interval must contain 0.5.

    Returns:
        title, auc, low, high, n, positives, chosen, bar (in words) and met (None without a bar or an interval).
    """
    low, high = result.low, result.high
    bars, met = [], []
    for wanted, words, holds in (
        (below is not None, f"upper end < {below}", high is not None and high < (below or 0)),
        (above is not None, f"> {above}", result.value is not None and result.value > (above or 0)),
        (least is not None, f"lower end > {least}", low is not None and low > (least or 0)),
        (chance, "contains 0.5", low is not None and high is not None and low <= 0.5 <= high),
    ):
        if wanted:
            bars.append(words)
            met.append(holds)
    counts = {"n": result.n, "positives": result.positives}
    verdict = all(met) if met and low is not None else None
    return {
        "title": title, "auc": result.value, "low": low, "high": high, **counts,
        "chosen": chosen, "bar": ", ".join(bars), "met": verdict,
    }  # fmt: skip


def show(rows: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table."""
    lines = ["| score | AUC [95% interval] | positives of n | bar | met |", "|---|---|---|---|---|"]
    for item in rows:
        value = "undefined" if item["auc"] is None else f"{item['auc']:.3f}"
        interval = "" if item["low"] is None else f" [{item['low']:.3f}, {item['high']:.3f}]"
        met = {True: "yes", False: "**no**", None: ""}[item["met"]]
        lines.append(
            f"| {item['title']} | {value}{interval} | {item['positives']} of {item['n']} | {item['bar']} | {met} |"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Score the folders and print the table."""
    parser = argparse.ArgumentParser(prog="scores", description=__doc__)
    parser.add_argument("test", type=Path)
    parser.add_argument("validation", type=Path)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    train = features(options.train, workers=options.workers) if options.train else None
    test, validation = (features(folder, workers=options.workers) for folder in (options.test, options.validation))
    rows = compare(test, validation, train)
    print(show(rows))
    for item in rows:
        print(f"{item['title']}: {item['chosen']}")
    if options.out:
        write_json(options.out, rows)
