"""Joining a user's findings to images: coordinates checked, masks copied, names replaced."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cadkit.data.pseudonyms import Pseudonyms
from cadkit.data.shapes import mask_size, parse_region
from cadkit.data.tables import SHAPES
from cadkit.errors import InputError, Problem
from cadkit.files import atomic, inside
from cadkit.importers.found import Found, FoundImage
from cadkit.importers.joining import ImageIndex
from cadkit.importers.user_tables import UserTable

TABLE = "the table of findings"
"""What problems call it: its own name may be that of a person."""
COLUMNS = ("finding_id", "image_id", "lesion_id", "label", "kind", "shape", "coordinates", "mask")
_PER_FOLDER = 1000


@dataclass
class Marked:
    """What a table of findings says.

    Attributes:
        rows: of findings.csv.
        masks: file in the dataset to the file that is copied there.
        problems: rows that were left out.
        given: number of rows of the table.
    """

    rows: list[dict[str, str | None]] = field(default_factory=list)
    masks: dict[str, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    given: int = 0


def join_findings(table: UserTable, found: Found, source: Path, pseudonyms: Pseudonyms) -> Marked:
    """Join each row to an image by file or SOP instance UID.

    Masks are named relative to the table's folder, or by an absolute path. The user's names of findings and
    lesions are replaced by pseudonyms.

    Raises:
        InputError: a column is missing, or no row joins at all.
    """
    for name in ("label", "shape"):
        if name not in table.columns:
            raise InputError(f"the column {name} is missing", file=table.path, mend=f"Add the column {name}.")
    index = ImageIndex(found, source, table)
    marked = Marked(given=len(table.rows))
    count: Counter[str] = Counter()
    joined = 0
    for number, row in enumerate(table.rows, start=1):
        image = _image_of(index, row, TABLE, number, marked.problems)
        if image is None:
            continue
        joined += 1
        try:
            mask = _mask_of(row, table.path)
            _check(row, image, mask)
        except _Refused as refused:
            marked.problems.append(Problem(refused.rule, refused.reason, TABLE, number, item=image.image_id))
            continue
        count[image.image_id] += 1
        finding = f"{image.image_id}-{count[image.image_id]}"
        copied = None
        if mask is not None:
            copied = f"masks/{len(marked.masks) // _PER_FOLDER:04d}/{finding}.png"
            marked.masks[copied] = mask
        lesion = row.get("lesion_id")
        marked.rows.append(
            {
                "finding_id": finding,
                "image_id": image.image_id,
                "lesion_id": pseudonyms("lesion", lesion) if lesion else None,
                "label": row["label"],
                "kind": row.get("kind"),
                "shape": row["shape"],
                "coordinates": None if mask is not None else row.get("coordinates"),
                "mask": copied,
            }
        )
    if marked.given and not joined:
        raise InputError(
            f"none of the {marked.given} rows is about an image that was imported",
            file=table.path,
            mend=f"Compare {' and '.join(index.columns.values())} with the files.",
        )
    return marked


def copy_masks(marked: Marked, target: Path) -> None:
    """Copy the masks into the dataset; one that is there already as it should be is left."""
    for name, source in marked.masks.items():
        copy = target / name
        if copy.is_file() and copy.read_bytes() == source.read_bytes():
            continue
        with atomic(copy) as part:
            shutil.copyfile(source, part)


class _Refused(Exception):
    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule, self.reason = rule, reason


def _image_of(
    index: ImageIndex, row: Mapping[str, str | None], name: str, number: int, problems: list[Problem]
) -> FoundImage | None:
    images = index.find(row)
    if len(images) == 1:
        return images[0]
    if images:
        reason = f"{len(images)} files have this name, and it cannot be told which one is meant"
        mend = "Name the file by its path below the imported folder, or give sop_instance_uid."
        problems.append(Problem("finding-ambiguous", reason, name, number, mend=mend))
    elif index.was_left_out(row):
        reason = "the finding is in a file that was left out"
        problems.append(Problem("finding-on-left-out-file", reason, name, number))
    else:
        problems.append(Problem("finding-not-joined", "the finding is in an image that was not imported", name, number))
    return None


def _mask_of(row: Mapping[str, str | None], table: Path) -> Path | None:
    mask = row.get("mask")
    if row.get("shape") != "mask":
        return None
    if mask is None:
        raise _Refused("bad-coordinates", "a mask needs a file in the column mask")
    try:
        path = Path(mask) if Path(mask).is_absolute() else inside(table.parent, mask)
    except InputError:
        raise _Refused("file-outside", "the mask lies outside the table's folder") from None
    if not path.is_file():
        raise _Refused("missing-file", "the mask is not there")
    return path


def _check(row: Mapping[str, str | None], image: FoundImage, mask: Path | None) -> None:
    if not row["label"]:
        raise _Refused("finding-without-label", "the finding has no label")
    if row["shape"] not in SHAPES:
        raise _Refused("unknown-shape", f"the shape is not one of {', '.join(SHAPES)}")
    rows, columns = image.header.rows, image.header.columns
    if mask is not None:
        size = mask_size(mask)
        if size is None:
            raise _Refused("unreadable-mask", "the mask is not a picture")
        if size != (columns, rows):
            reason = f"the mask has {size[1]} rows and {size[0]} columns, its image {rows} and {columns}"
            raise _Refused("mask-of-another-size", reason)
        return
    try:
        x, y = parse_region(row["shape"] or "", row.get("coordinates"), None).center
    except ValueError as error:
        raise _Refused("bad-coordinates", str(error)) from None
    if not (0 <= x <= columns and 0 <= y <= rows):
        raise _Refused(
            "finding-outside-image", f"the finding lies outside its image of {rows} rows and {columns} columns"
        )
