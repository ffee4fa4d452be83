"""A sheet of prepared images, as networks will see them, with the numbers that tell whether something went wrong."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw

from cadkit.data.tables import read_problems
from cadkit.files import atomic
from cadkit.prepare.store import Store

_ACROSS = 6
_TILE, _CAPTION, _LINE = (240, 300), 58, 13
_PLAIN, _DOUBTFUL = (150, 150, 150), (255, 170, 60)
_CHARACTERS = 38

Row = Mapping[str, str]


def preview(folder: str | os.PathLike[str], out_png: str | os.PathLike[str], *, n: int = 24) -> Path:
    """Draw prepared images, those with a problem first and up to half of the sheet, the rest evenly spread.

    Below each: its id and size, the share of the file's picture that was kept, the share of its white pixels that
    are clipped, and the level of the background before it was set to 0 (see `docs/formats.md`); and the rules of
    problems.csv that it met.

    Args:
        folder: a prepared dataset.
        out_png: the picture to write.
        n: number of images.

    Raises:
        InputError: the dataset was not prepared.
    """
    folder = Path(folder)
    store = Store(folder / "store")
    flags = _flags(folder)
    chosen = _chosen(folder, flags, len(store), n)
    rows = -(-len(chosen) // _ACROSS)
    height = _TILE[1] + _CAPTION
    sheet = Picture.new("RGB", (min(len(chosen), _ACROSS) * _TILE[0], rows * height))
    for number, row in enumerate(chosen):
        at = number % _ACROSS * _TILE[0], number // _ACROSS * height
        _draw(sheet, at, store, row, flags.get(row["image_id"], []))
    out = Path(out_png)
    with atomic(out) as part:
        sheet.save(part, format="PNG")
    return out


def _flags(folder: Path) -> dict[str, list[str]]:
    """Rules of the prepare step's problems by image."""
    flags = defaultdict(list)
    for row in read_problems(folder).iter_rows(named=True):
        if row["step"] == "prepare":
            flags[row["item"]].append(row["rule"])
    return flags


def _chosen(folder: Path, flags: Mapping[str, list[str]], images: int, n: int) -> list[Row]:
    """Rows of the index; one is held at a time."""
    spread = {round(place) for place in np.linspace(0, images - 1, min(n, images))}
    doubtful: list[Row] = []
    others: list[Row] = []
    with (folder / "store" / "index.csv").open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if row["image_id"] in flags and len(doubtful) < max(1, n // 2):
                doubtful.append(row)
            elif number in spread:
                others.append(row)
    return [*doubtful, *others][:n]


def _draw(sheet: Picture.Image, at: tuple[int, int], store: Store, row: Row, rules: list[str]) -> None:
    left, top = at
    pixels = store.read(row["image_id"])
    step = max(1, min(pixels.shape[0] // _TILE[1], pixels.shape[1] // _TILE[0]))
    grey = Picture.fromarray((pixels[::step, ::step] >> 8).astype(np.uint8))
    grey.thumbnail((_TILE[0] - 4, _TILE[1] - 4), Picture.Resampling.BOX)
    sheet.paste(grey.convert("RGB"), (left + 2, top + 2))
    draw = ImageDraw.Draw(sheet)
    color = _DOUBTFUL if rules else _PLAIN
    draw.rectangle((left + 1, top + 1, left + grey.width + 2, top + grey.height + 2), outline=color)
    for number, line in enumerate(_caption(row, rules)):
        draw.text((left + 4, top + _TILE[1] + number * _LINE), line[:_CHARACTERS], fill=color)


def _caption(row: Row, rules: list[str]) -> list[str]:
    rows, columns = int(row["rows"]), int(row["columns"])
    kept = rows * columns / (int(row["file_rows"]) * int(row["file_columns"]))
    return [
        row["image_id"],
        f"{row['view']} {rows}x{columns}, {kept:.0%} of the file",
        f"clipped {float(row['clipped_share']):.1%}, background {float(row['background_level']) / 65535:.1%}",
        ", ".join(rules),
    ]
