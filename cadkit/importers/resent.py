"""Images that an archive sent twice: the same pixels under another instance UID.

Comparing every image with every other would mean to decode them all. Only images of one woman, side, view and size that
also agree in what is known of the exposure can be the same, so that these few are decoded and compared.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path

from cadkit.dicom import DicomError, pixels_fingerprint
from cadkit.errors import Problem
from cadkit.importers.found import FoundImage, Naming, Sorted, leave_out
from cadkit.progress import track
from cadkit.tasks import Workers, run


def leave_out_resent(files: Sorted, naming: Naming, workers: Workers, quiet: bool) -> None:
    """Leave out all but one of the images with the same stored values; the one of the earliest study stays."""
    groups: dict[tuple[object, ...], list[FoundImage]] = defaultdict(list)
    for image in files.images:
        groups[_alike(image)].append(image)
    candidates = [image for group in groups.values() if len(group) > 1 for image in group]
    if not candidates:
        return
    prints = run(_fingerprint, [image.path for image in candidates], workers=workers if len(candidates) > 8 else 1)
    same: dict[tuple[object, ...], list[FoundImage]] = defaultdict(list)
    for image, value in zip(
        candidates, track(prints, "comparing repeated images", len(candidates), quiet), strict=True
    ):
        if value:
            same[(*_alike(image), value)].append(image)
    gone = set()
    for images in same.values():
        kept, *others = sorted(images, key=lambda image: image.header.study_date or dt.date.max)
        for image in others:
            reason = f"it has the pixels of {kept.image_id} under another instance UID"
            problem = Problem("same-pixels", reason, mend="Delete the one that was sent again.")
            leave_out(files.found, image.path, image.relative, naming, problem, image.header)
            gone.add(image.image_id)
    files.images = [image for image in files.images if image.image_id not in gone]
    files.found.problems = [problem for problem in files.found.problems if problem.item not in gone]


def _alike(image: FoundImage) -> tuple[object, ...]:
    """What two copies of one exposure have in common."""
    header = image.header
    whose = image.patient, image.issuer, header.side, header.view.name, header.rows, header.columns
    exposed = header.date if header.date_source.startswith("Acquisition") else None
    if header.exposure_mas is not None and header.thickness_mm is not None:
        return (*whose, exposed, header.kvp, header.exposure_mas, header.thickness_mm)
    if header.date is not None:
        return (*whose, header.date, header.time)
    return (*whose, header.transfer_syntax, header.pixel_bytes)


def _fingerprint(path: Path) -> str:
    """Of the stored values; empty where they cannot be decoded, which prepare will say."""
    try:
        return pixels_fingerprint(path)
    except DicomError:
        return ""
