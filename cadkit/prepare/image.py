"""Preparing one image: read, background to 0, crop, turn, best centre, write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cadkit.data.affine import Affine
from cadkit.data.finding import Finding
from cadkit.data.windows import window_size
from cadkit.errors import InputError, Problem
from cadkit.files import fingerprint, sha256_of
from cadkit.prepare.arrays import (
    Damaged,
    Pixels,
    array_path,
    checksum,
    open_array,
    read_part,
    read_record,
    write_array,
)
from cadkit.prepare.background import Background, zero_background
from cadkit.prepare.centers import best_center
from cadkit.prepare.crop import BreastWindow, Faces, Scale, breast_window, direction_of_content
from cadkit.prepare.reading import Reading, Unreadable, read_file
from cadkit.prepare.recipe import recipe_fingerprint

_LEAST_BACKGROUND = 0.02
_DARK = 0.25 * 65535

INDEX = (
    *("image_id", "view", "rows", "columns", "file_rows", "file_columns", "a", "b", "c", "d", "e", "f"),
    *("pixel_spacing_mm", "faces", "window_top", "window_bottom", "window_left", "window_right"),
    *("distance_from_starting_side", "rightmost_top", "rightmost_bottom", "rightmost_x"),
    *("bottom_row", "bottom_first", "bottom_last", "center_row", "center_column"),
    *("nyu_center_row", "nyu_center_column"),
    *("background", "background_threshold", "background_level", "share_background", "clipped_share"),
    *("sha256", "pixels_checksum"),
)
"""Columns of index.csv."""


@dataclass(frozen=True)
class Task:
    """One image to be prepared.

    Attributes:
        image_id: of the image.
        path: its file.
        row: what images.csv says of it: frame, bits, rows, columns, pixel_spacing_mm.
        view: CC, MLO, ...
        faces: the way the nipple points in the file.
        findings: its findings, in the file's frame.
        store: folder of the store.
        verify: read an image that is there already and compare its checksum.
    """

    image_id: str
    path: Path
    row: Mapping[str, Any]
    view: str
    faces: Faces
    findings: tuple[Finding, ...]
    store: Path
    verify: bool = False

    @property
    def request(self) -> str:
        """Fingerprint of what is to be done."""
        return fingerprint(recipe_fingerprint(), self.view, self.faces, json.dumps(dict(self.row), sort_keys=True))


@dataclass(frozen=True)
class Outcome:
    """What became of an image.

    Attributes:
        state: `done`, `kept` (it was there already) or `failed`.
        index: its row of index.csv; None if it failed.
        problems: what failed or is doubtful.
    """

    state: Literal["done", "kept", "failed"]
    index: dict[str, Any] | None
    problems: tuple[Problem, ...]


def prepare_image(task: Task) -> Outcome:
    """Prepare one image, unless it is there already and nothing changed.

    Raises:
        Failure: the disk is full. A bad image does not raise: it is an outcome with a problem.
    """
    target = array_path(task.store, task.image_id)
    if record := _still_good(task, target):
        problems = tuple(Problem(**problem) for problem in record["problems"])
        return Outcome("kept", record["index"], (*problems, *_findings_on_background(task, record["index"], None)))
    try:
        pixels, record = _make(task)
    except Unreadable as error:
        target.unlink(missing_ok=True)
        return Outcome("failed", None, (Problem(error.rule, error.reason, mend=error.mend, item=task.image_id),))
    write_array(target, pixels, record)
    problems = tuple(Problem(**problem) for problem in record["problems"])
    return Outcome("done", record["index"], (*problems, *_findings_on_background(task, record["index"], pixels)))


def _still_good(task: Task, target: Path) -> dict[str, Any] | None:
    record = read_record(target)
    if record is None or record.get("request") != task.request:
        return None
    try:
        state = task.path.stat()
    except OSError:
        return None
    source = record["source"]
    if state.st_size != source["bytes"]:
        return None
    if state.st_mtime_ns != source["mtime_ns"] and sha256_of(task.path) != source["sha256"]:
        return None
    if task.verify:
        index = record["index"]
        try:
            whole = read_part(open_array(target), (0, index["rows"], 0, index["columns"]))
        except Damaged:
            return None
        if checksum(whole) != index["pixels_checksum"]:
            return None
    return record


def _make(task: Task) -> tuple[Pixels, dict[str, Any]]:
    reading = read_file(task.path, task.row)
    state, sha256 = task.path.stat(), sha256_of(task.path)
    scale = Scale.of(task.row.get("pixel_spacing_mm"), reading.pixels.shape[0])
    picture, background = zero_background(reading.pixels, scale, reading.padding)
    mask = picture > 0
    window = breast_window(mask, task.faces, scale)
    if window is None:
        raise Unreadable(
            "no-breast",
            "no breast is left after the crop's erosion: the picture is blank, or very small",
            "Look at the file; correct pixel_spacing_mm if it is wrong.",
        )
    top, bottom, left, right = window.window
    turn = 1 if task.faces == "right" else -1
    pixels = np.ascontiguousarray(picture[top:bottom, left:right][:, ::turn])
    breast = mask[top:bottom, left:right][:, ::turn]
    gmic, nyu = (
        best_center(breast, task.view, window_size(name, task.view), window.rightmost_x, window.bottom_row)
        for name in ("gmic", "nyu")
    )
    steps = [
        *reading.steps,
        ("background", background.parameters()),
        ("crop", {"iterations": scale.iterations, "buffer": scale.buffer, "window": list(window.window)}),
        ("turn", {"mirrored": task.faces == "left"}),
    ]
    problems = _doubts(task, reading, background, direction_of_content(mask))
    record = {
        "image_id": task.image_id,
        "request": task.request,
        "source": {"bytes": state.st_size, "mtime_ns": state.st_mtime_ns, "sha256": sha256},
        "index": _index(task, reading, pixels, window, (*gmic, *nyu), background) | {"sha256": sha256},
        "steps": steps,
        "problems": [problem.as_row() for problem in problems],
    }
    return pixels, record


def _index(
    task: Task,
    reading: Reading,
    pixels: Pixels,
    window: BreastWindow,
    centers: tuple[int, int, int, int],
    background: Background,
) -> dict[str, Any]:
    top, bottom, left, right = window.window
    return {
        "image_id": task.image_id,
        "view": task.view,
        "rows": pixels.shape[0],
        "columns": pixels.shape[1],
        "file_rows": reading.pixels.shape[0],
        "file_columns": reading.pixels.shape[1],
        **dict(zip("abcdef", window.to_file.values, strict=True)),
        "pixel_spacing_mm": task.row.get("pixel_spacing_mm"),
        "faces": task.faces,
        "window_top": top,
        "window_bottom": bottom,
        "window_left": left,
        "window_right": right,
        "distance_from_starting_side": window.distance_from_starting_side,
        "rightmost_top": window.rightmost_rows[0],
        "rightmost_bottom": window.rightmost_rows[1],
        "rightmost_x": window.rightmost_x,
        "bottom_row": window.bottom_row,
        "bottom_first": window.bottom_columns[0],
        "bottom_last": window.bottom_columns[1],
        "center_row": centers[0],
        "center_column": centers[1],
        "nyu_center_row": centers[2],
        "nyu_center_column": centers[3],
        "background": background.method,
        "background_threshold": background.threshold,
        "background_level": round(background.level, 1),
        "share_background": round(background.share, 6),
        "clipped_share": round(background.clipped, 6),
        "pixels_checksum": checksum(pixels),
    }


def _doubts(task: Task, reading: Reading, background: Background, content: Faces | None) -> list[Problem]:
    """What a person should look at; the image is kept as it is."""
    problems = [
        Problem(note.rule, note.reason, value=note.value, mend=note.mend, item=task.image_id) for note in reading.notes
    ]
    if content not in (None, task.faces):
        problems.append(
            Problem(
                "orientation-doubt",
                f"the breast seems to face {content}, the tables say {task.faces}",
                "images.csv",
                value=task.faces,
                mend="Look at the image; if it is so, write the column faces of images.csv.",
                item=task.image_id,
            )
        )
    if background.share < _LEAST_BACKGROUND or background.level > _DARK:
        what = "bright" if background.level > _DARK else "missing"
        problems.append(
            Problem(
                "no-background",
                f"the background is {what}: {background.share:.1%} of the picture are background",
                value=f"{background.level / 65535:.3f}",
                mend="Look at the image: an inverted picture, a frame or grey air makes the crop too large.",
                item=task.image_id,
            )
        )
    return problems


def _findings_on_background(task: Task, index: Mapping[str, Any], pixels: Pixels | None) -> list[Problem]:
    """A finding whose centre is no breast: wrong side, wrong image or wrong scale of its coordinates."""
    if not task.findings:
        return []
    back = Affine(tuple(index[name] for name in "abcdef")).inverse()
    array = None if pixels is not None else open_array(array_path(task.store, task.image_id))
    problems = []
    for finding in task.findings:
        try:
            x, y = back(*finding.center)
        except InputError as error:
            problems.append(Problem("unreadable-mask", str(error), "findings.csv", item=finding.id))
            continue
        row, column = int(np.floor(y)), int(np.floor(x))
        inside = 0 <= row < index["rows"] and 0 <= column < index["columns"]
        if inside:
            box = row, row + 1, column, column + 1
            value = pixels[row, column] if pixels is not None else read_part(array, box)[0, 0]
        if not inside or value == 0:
            problems.append(
                Problem(
                    "finding-on-background",
                    f"the centre of the finding lies on the background of image {task.image_id}",
                    "findings.csv",
                    value=" ".join(f"{part:g}" for part in finding.center),
                    mend="Check its side, its image, and that y counts downwards in pixels of the file.",
                    item=finding.id,
                )
            )
    return problems
