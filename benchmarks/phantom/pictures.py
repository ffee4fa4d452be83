"""A population's pictures as arrays, with and without lesions, so that scores and networks need not draw them again.

    python -m benchmarks.phantom pictures FOLDER --exams 500 --seed 3 [--malignant 0.21 --benign 0.35]

The pictures are what a user sees, 8 bits deep: display values times 255 (the coding as stored values, two makes of
device, is left out). Right breasts are mirrored, so that all face right. Breast b of the table has the pictures 2b
(CC) and 2b + 1 (MLO).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import cadkit.phantom
from cadkit import progress, tasks
from cadkit.files import fingerprint, write_json
from cadkit.phantom.population import BreastPlan, ExamPlan, population
from cadkit.phantom.projection import VIEWS, frame_of
from cadkit.phantom.rendering import render_twins, scene
from cadkit.phantom.settings import PhantomSettings

SIZE = (512, 416)
MALIGNANT, OTHER = 1, 2  # bits of a mask: malignant lesions, benign and high-risk ones
_TABLE = "breasts.json"
_ARRAYS = ("shown", "clean", "masks")
Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Breast:
    """What is known of one breast of one exam.

    Attributes:
        malignant, benign: labels, 0 or 1; `benign` counts high-risk lesions as well.
        malignant_forms, other_forms: forms of what is drawn; a label without forms is occult.
        boxes: for each view the breast's pixels: top, bottom, left, right.
        lesions: for each view the box and bit of every lesion that it shows.
    """

    exam: str
    patient: str
    side: str
    malignant: int
    benign: int
    malignant_forms: tuple[str, ...]
    other_forms: tuple[str, ...]
    density: str
    site: str
    vendor: str
    boxes: tuple[Box, ...]
    lesions: tuple[tuple[tuple[Box, int], ...], ...]

    @property
    def occult(self) -> bool:
        """Labelled, but nothing is drawn."""
        return bool(self.malignant or self.benign) and not (self.malignant_forms or self.other_forms)


@dataclass(frozen=True)
class Pictures:
    """A population: `shown` and `clean` (without lesions) and `masks` are n x rows x columns, n = 2 x breasts."""

    breasts: list[Breast]
    shown: Pixels
    clean: Pixels
    masks: Pixels
    spacing_mm: float
    settings: dict[str, Any]

    def column(self, name: str) -> NDArray[Any]:
        """One attribute of all breasts."""
        return np.array([getattr(breast, name) for breast in self.breasts])


def recipe() -> str:
    """Fingerprint of the phantom's source: pictures of another one are not its pictures."""
    files = sorted(Path(cadkit.phantom.__file__).parent.glob("*.py"))
    return fingerprint(*(file.read_bytes() for file in files))


def draw(folder: Path, settings: PhantomSettings, workers: int = 2) -> Pictures:
    """Draw a population into a folder, or open what the same settings and source have drawn there before."""
    recorded = {"recipe": recipe(), **json.loads(json.dumps(settings.recorded(), default=str))}
    if (folder / _TABLE).exists() and json.loads((folder / _TABLE).read_text())["settings"] == recorded:
        return open_pictures(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _TABLE).unlink(missing_ok=True)
    exams = population(settings)
    shape = (4 * len(exams), settings.rows, settings.columns)
    for name in _ARRAYS:
        np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=np.uint8, shape=shape).flush()
    work = [(folder, settings, exam, 4 * number) for number, exam in enumerate(exams)]
    drawn = progress.track(tasks.run(_draw_exam, work, workers=workers), f"drawing {folder.name}", len(exams))
    breasts = [asdict(breast) for pair in drawn for breast in pair]
    spacing = frame_of(settings.rows, settings.columns).spacing_mm
    write_json(folder / _TABLE, {"settings": recorded, "spacing_mm": spacing, "breasts": breasts})
    return open_pictures(folder)


def open_pictures(folder: Path) -> Pictures:
    """What `draw` has written; the arrays stay on disk."""
    table = json.loads((folder / _TABLE).read_text())
    breasts = [_breast(row) for row in table["breasts"]]
    shown, clean, masks = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS)
    return Pictures(breasts, shown, clean, masks, table["spacing_mm"], table["settings"])


def _breast(row: dict[str, Any]) -> Breast:
    lists = {name: tuple(row[name]) for name in ("malignant_forms", "other_forms")}
    boxes = tuple(tuple(box) for box in row["boxes"])
    lesions = tuple(tuple((tuple(box), bit) for box, bit in view) for view in row["lesions"])
    return Breast(**{**row, **lists, "boxes": boxes, "lesions": lesions})


def _draw_exam(task: tuple[Path, PhantomSettings, ExamPlan, int]) -> list[Breast]:
    folder, settings, exam, first = task
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r+") for name in _ARRAYS}
    breasts = []
    for number, plan in enumerate(exam.breasts):
        boxes, lesions = _draw_breast(arrays, settings, exam, plan, first + 2 * number)
        forms = [(lesion.label == "malignant", lesion.form) for lesion in plan.lesions]
        breasts.append(
            Breast(
                exam=exam.exam_id,
                patient=exam.patient_id,
                side=plan.side,
                malignant=int(plan.malignant),
                benign=int(plan.benign or getattr(plan, "high_risk", False)),
                malignant_forms=tuple(form for malignant, form in forms if malignant),
                other_forms=tuple(form for malignant, form in forms if not malignant),
                density=exam.density,
                site=getattr(exam, "site", ""),
                vendor=exam.vendor,
                boxes=tuple(boxes),
                lesions=tuple(lesions),
            )
        )
    return breasts


def _draw_breast(
    arrays: dict[str, Pixels], settings: PhantomSettings, exam: ExamPlan, plan: BreastPlan, first: int
) -> tuple[list[Box], list[tuple[tuple[Box, int], ...]]]:
    """Both views of a breast, from picture `first` on."""
    content = scene(settings, exam, plan)
    facing = slice(None, None, -1 if plan.side == "R" else 1)
    boxes, lesions = [], []
    for place, view in enumerate(VIEWS, start=first):
        picture, healthy = render_twins(settings, exam, plan, view, content)
        shown = _eight_bits(picture.display[:, facing])
        found = []
        bits = np.zeros(shown.shape, dtype=np.uint8)
        for lesion, mask in zip(plan.lesions, picture.masks, strict=True):
            bit = MALIGNANT if lesion.label == "malignant" else OTHER
            if mask.any():
                bits |= np.uint8(bit) * mask[:, facing]
                found.append((_box(mask[:, facing]), bit))
        clean = shown
        if plan.lesions:
            clean = _eight_bits(healthy()[:, facing])
        arrays["shown"][place], arrays["clean"][place], arrays["masks"][place] = shown, clean, bits
        boxes.append(_box(shown > 0))
        lesions.append(tuple(found))
    return boxes, lesions


def _eight_bits(display: NDArray[np.float32]) -> Pixels:
    return np.rint(display * 255).astype(np.uint8)


def _box(inside: NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def settings_of(
    exams: int, seed: int, malignant: float, benign: float, difficulty: str = "standard"
) -> PhantomSettings:
    """A population of women with one exam each, at the size of the trial."""
    return PhantomSettings(
        exams=exams,
        rows=SIZE[0],
        columns=SIZE[1],
        seed=seed,
        difficulty=difficulty,
        malignant=malignant,
        benign=benign,
        visits=(1.0, 0.0, 0.0, 0.0),
    )


def main(arguments: list[str]) -> None:
    """Draw one population and say what it holds."""
    parser = argparse.ArgumentParser(prog="pictures", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--exams", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--malignant", type=float, default=0.25)
    parser.add_argument("--benign", type=float, default=0.30)
    parser.add_argument("--difficulty", default="standard")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    settings = settings_of(options.exams, options.seed, options.malignant, options.benign, options.difficulty)
    print(describe(draw(options.folder, settings, options.workers)))


def describe(pictures: Pictures) -> dict[str, int]:
    """Counts of a population."""
    malignant, benign = pictures.column("malignant") == 1, pictures.column("benign") == 1
    seen = np.array([bool(breast.malignant_forms) for breast in pictures.breasts])
    seen_other = np.array([bool(breast.other_forms) for breast in pictures.breasts])
    return {
        "women": len(set(pictures.column("patient"))),
        "breasts": len(pictures.breasts),
        "malignant": int(malignant.sum()),
        "malignant, occult": int((malignant & ~seen).sum()),
        "benign": int(benign.sum()),
        "benign, occult": int((benign & ~seen_other).sum()),
        "both": int((malignant & benign).sum()),
    }
