"""Making a phantom on disk: exam by exam, in parallel, resumable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cadkit import progress as bars
from cadkit import tasks
from cadkit.dicom.writing import stored_values, write_mammogram
from cadkit.errors import InputError
from cadkit.files import atomic, read_toml, write_toml
from cadkit.phantom import tables
from cadkit.phantom.population import BreastPlan, ExamPlan, population
from cadkit.phantom.projection import VIEWS, frame_of
from cadkit.phantom.rendering import render, scene
from cadkit.phantom.settings import ENRICHED, PhantomSettings

SETTINGS_FILE = "phantom.toml"
DEFAULT_SIZE = (1024, 832)
_Task = tuple[Path, PhantomSettings, ExamPlan]


def make_phantom(
    folder: str | os.PathLike[str],
    *,
    exams: int = 200,
    size: tuple[int, int] = DEFAULT_SIZE,
    seed: int = 0,
    difficulty: str = "standard",
    malignant: float = ENRICHED["malignant"],
    benign: float = ENRICHED["benign"],
    interval: float | None = None,
    visits: tuple[float, float, float, float] = (0.60, 0.22, 0.12, 0.06),
    readers: int = 0,
    workers: tasks.Workers = None,
    quiet: bool = False,
) -> Path:
    """Simulate a screening population and write it as a dataset of DICOM mammograms with exact masks.

    The same arguments give the same files, whatever the number of workers. Killed at any moment, the
    same call goes on where it was: an exam whose files are all there is not made again, and the tables
    come last. The pixels are written as two makes of device would (`cadkit.dicom.writing.VENDORS`).

    Args:
        folder: to make; new, empty or an unfinished phantom of the same settings.
        exams: number of exams, each with L and R, CC and MLO.
        size: rows and columns of every image; the pixel spacing follows from a field of view of 240 mm
            by 150 mm at least.
        seed: of all randomness.
        difficulty: `easy` or `standard` (see `cadkit.phantom.difficulty` and `cadkit.phantom.mix`).
        malignant, benign: shares of breasts with that label; those of screening are in
            `cadkit.phantom.settings.SCREENING`.
        interval: share of the cancers that come up between two screenings; None takes the difficulty's.
        visits: shares of women with one, two, three and four exams.
        readers: of a reader study, beside the two of screening (`cadkit.phantom.readers`).
        workers: processes; None takes one per processor; or a cluster (`cadkit.tasks.run`).
        quiet: show no progress.

    Returns:
        The folder.

    Raises:
        InputError: the folder holds something else or a phantom of other settings, or a setting is out
            of range.
        Failure: the disk is full or a worker was killed.
    """
    folder = Path(folder)
    settings = PhantomSettings(
        exams=exams,
        rows=size[0],
        columns=size[1],
        seed=seed,
        difficulty=difficulty,
        malignant=malignant,
        benign=benign,
        interval=interval,
        visits=visits,
        readers=readers,
    )
    _claim(folder, settings)
    plan = population(settings)
    missing = [exam for exam in plan if not _complete(folder, exam)]
    done = tasks.run(_make_exam, _items(folder.absolute(), settings, missing), workers=workers, ordered=False)
    for _ in bars.track(done, "making the phantom's exams", len(missing), quiet=quiet):
        pass
    if missing or not (folder / "dataset.toml").exists():
        tables.write(folder, settings, plan)
    return folder


def read_settings(folder: Path) -> PhantomSettings:
    """The settings that a phantom was made with.

    Raises:
        InputError: the folder is no phantom, or of another version of the recipe.
    """
    recorded = read_toml(folder / SETTINGS_FILE)
    names = set(PhantomSettings.__dataclass_fields__)
    known = {name: value for name, value in recorded.items() if name in names}
    for name in ("split", "visits"):
        known[name] = tuple(known.get(name, ()))
    try:
        settings = PhantomSettings(**known)
    except TypeError:
        settings = None
    if settings is None or settings.recorded() != recorded:
        raise InputError(
            "these are not the settings of a phantom that this version makes",
            file=folder / SETTINGS_FILE,
            mend="Make a new one with `cadkit phantom`.",
        )
    return settings


def _claim(folder: Path, settings: PhantomSettings) -> None:
    """Mark the folder as this phantom's, or refuse it."""
    if folder.exists() and not folder.is_dir():
        raise InputError("not a folder", file=folder, mend="Name another folder.")
    mark = folder / SETTINGS_FILE
    if mark.exists():
        recorded, wanted = read_toml(mark), settings.recorded()
        other = sorted(name for name in wanted if recorded.get(name) != wanted[name])
        if other:
            raise InputError(
                f"the folder holds a phantom of other settings: {', '.join(other)}",
                file=folder,
                mend="Name another folder, or delete this one.",
            )
        return
    # A kill while the mark was written leaves its hidden part, which is not somebody's file.
    if folder.exists() and any(not entry.name.startswith(f".{SETTINGS_FILE}.") for entry in folder.iterdir()):
        raise InputError(
            "the folder is not empty and holds no phantom", file=folder, mend="Name a new or an empty folder."
        )
    write_toml(mark, settings.recorded())


def _items(folder: Path, settings: PhantomSettings, exams: list[ExamPlan]) -> Iterator[_Task]:
    for exam in exams:
        yield folder, settings, exam


def _files(exam: ExamPlan) -> Iterator[str]:
    for breast in exam.breasts:
        for view in VIEWS:
            yield tables.image_file(exam, breast.side, view)
            for lesion in breast.findings:
                yield tables.mask_file(exam, exam.finding_id(breast.side, view, lesion))


def _complete(folder: Path, exam: ExamPlan) -> bool:
    return all((folder / name).exists() for name in _files(exam))


def _make_exam(task: _Task) -> int:
    """Write the files of one exam that are not there yet; each is whole or absent. Returns the exam's index."""
    folder, settings, exam = task
    for breast in exam.breasts:
        content = scene(settings, exam, breast)
        for number, view in enumerate(VIEWS):
            picture = render(settings, exam, breast, view, content)
            _write_masks(folder, exam, breast, view, picture.masks)
            _write_image(folder, settings, exam, breast.side, view, picture.display, number)
    return exam.index


def _write_masks(
    folder: Path, exam: ExamPlan, breast: BreastPlan, view: str, masks: tuple[NDArray[np.bool_], ...]
) -> None:
    for lesion, mask in zip(breast.lesions, masks, strict=True):
        if lesion not in breast.findings:
            continue
        path = folder / tables.mask_file(exam, exam.finding_id(breast.side, view, lesion))
        with atomic(path) as part:
            Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0))).save(part, format="PNG", compress_level=4)


def _write_image(
    folder: Path,
    settings: PhantomSettings,
    exam: ExamPlan,
    side: str,
    view: str,
    display: NDArray[np.float32],
    number: int,
) -> None:
    write_mammogram(
        folder / tables.image_file(exam, side, view),
        stored_values(display, exam.vendor),
        side="L" if side == "L" else "R",
        view=view,
        vendor=exam.vendor,
        spacing_mm=frame_of(settings.rows, settings.columns).spacing_mm,
        patient_id=exam.patient_id,
        accession=exam.accession,
        image_id=exam.image_id(side, view),
        date=exam.date,
        age_years=exam.age,
        patient_name=f"Phantom^{exam.patient_id}",
        instance_number=2 * (side == "R") + number + 1,
    )
