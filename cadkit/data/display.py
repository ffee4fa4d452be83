"""Dataset, exam, breast and image as a notebook shows them. What of the truth is hidden stays hidden."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cadkit import html
from cadkit.data.affine import Affine
from cadkit.data.finding import Finding
from cadkit.data.tables import SPLITS
from cadkit.data.truth import TruthHidden

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from cadkit.data.dataset import Dataset
    from cadkit.data.exam import Breast, Exam, Image

HIDDEN = "hidden"
_ABOUT = ("split", "age", "density")  # of an exam; none of them is truth
_LARGE, _SMALL = 480, 240  # pixels of a picture's height: of one image, of several side by side
_MOST = 8  # pictures of an exam
_GREYS = 248
# Okabe and Ito's palette, which people with any colour vision tell apart.
_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00", "#0072B2")
_RING = 2  # pixels that an outline is wide; it lies around the finding and hides none of it


def dataset_html(data: Dataset) -> str:
    """Counts of patients, exams, images and findings of the whole and of each split, and how often each label is 1."""
    exams = data.tables["exams"]
    parts = [("all", exams)]
    if "split" in exams.columns and exams["split"].null_count() < exams.height:
        parts += [(name, exams.filter(pl.col("split") == name)) for name in SPLITS]
        parts.append(("no split", exams.filter(pl.col("split").is_null())))
    labels = tuple(data.meta.labels)
    of_breasts = [label for label in labels if label in data.breast_columns]
    heads = [
        "", "patients", "exams", "images", "findings",
        *(f"{label} ({'breasts' if label in of_breasts else 'exams'})" for label in labels),
    ]  # fmt: skip
    rows = [_part(data, name, part) for name, part in parts if part.height or name == "all"]
    prepared = "prepared" if data.prepared else f"not prepared: cadkit prepare {data.folder}"
    return html.title(data.meta.name, f"{data.folder}; {prepared}") + html.table(heads, rows)


def _part(data: Dataset, name: str, exams: pl.DataFrame) -> list[object]:
    whole = exams.height == data.tables["exams"].height
    ids = exams.select("exam_id")

    def own(table: str) -> pl.DataFrame:
        frame = data.tables[table]
        return frame if whole else frame.join(ids, on="exam_id", how="semi")

    images = own("images")
    counts: list[object] = [name, exams["patient_id"].n_unique(), exams.height, images.height]
    if _hides(data, exams):
        return counts + [HIDDEN] * (1 + len(data.meta.labels))
    findings = data.tables["findings"]
    counts.append((findings if whole else findings.join(images.select("image_id"), on="image_id", how="semi")).height)
    breasts = own("breasts")
    return counts + [_share(breasts if label in breasts.columns else exams, label) for label in data.meta.labels]


def _hides(data: Dataset, exams: pl.DataFrame) -> bool:
    """Whether the truth of any of the exams is hidden in this view; their sum would tell of it."""
    if data.access == "training":
        return "split" in exams.columns and bool((exams["split"] == "test").any())
    return data.access == "prediction"


def _share(rows: pl.DataFrame, label: str) -> str:
    if label not in rows.columns:
        return "no column"
    positive, unknown = int((rows[label] == 1).sum()), rows[label].null_count()
    known = rows.height - unknown
    share = f" ({positive / known:.1%})" if known else ""
    return f"{positive:,} of {known:,}{share}" + (f", {unknown:,} unknown" if unknown else "")


def exam_html(exam: Exam) -> str:
    """What is known of an exam, the truth of its breasts, and its images side by side."""
    about = [(name, exam.columns[name]) for name in _ABOUT if name in exam.columns]
    return (
        html.title(f"exam {exam.id}")
        + html.facts([("patient", exam.patient_id), *about, ("images", len(exam.images))])
        + _truths(tuple(exam.breasts.values()))
        + _side_by_side(exam.images)
    )


def breast_html(breast: Breast) -> str:
    """The truth of a breast, and its images side by side."""
    return html.title(f"breast {breast.id}") + _truths([breast]) + _side_by_side(breast.images)


def _truths(breasts: Sequence[Breast]) -> str:
    if not breasts:
        return ""
    labels = breasts[0].exam.labels
    rows = [[breast.side, *(_truth(breast, label) for label in labels)] for breast in breasts]
    return html.table(["breast", *labels], rows)


def _truth(breast: Breast, label: str) -> str:
    try:
        value = breast.truth(label)
    except TruthHidden:
        return HIDDEN
    return "unknown" if math.isnan(value) else f"{value:.0f}"


def image_html(image: Image) -> str:
    """The prepared picture with its findings outlined, its size and spacing."""
    if not image.prepared:
        return html.title(f"image {image.id}", f"{image.side}-{image.view}, not prepared")
    rows, columns = image.shape
    spacing = f", {image.spacing_mm:g} mm a pixel" if image.spacing_mm is not None else ""
    said = f"{image.side}-{image.view}, {rows} x {columns} pixels as prepared{spacing}"
    return html.title(f"image {image.id}", said) + _figure(image, _LARGE) + _legend(image)


def _side_by_side(images: Sequence[Image]) -> str:
    pictures = "".join(
        '<figure style="display: inline-block; margin: 4px; vertical-align: top">'
        f"{_figure(image, _SMALL) if image.prepared else '(not prepared)'}"
        f"<figcaption>{escape(f'{image.side}-{image.view} {image.id}')}</figcaption></figure>"
        for image in images[:_MOST]
    )
    more = html.line(f"{len(images) - _MOST} more images are not shown.") if len(images) > _MOST else ""
    return f"<div>{pictures}</div>{more}" + (_legend(*images) if images else "")


def _found(image: Image) -> tuple[Finding, ...] | None:
    """The findings of an image; None where they are hidden."""
    try:
        return image.findings if image.prepared else ()
    except TruthHidden:
        return None


def _legend(*images: Image) -> str:
    found = [_found(image) for image in images]
    if None in found:
        return html.line("Whether there are findings is hidden here.")
    labels = sorted({finding.label for own in found for finding in own or ()})
    swatches = [f'<span style="color: {_colour(label, images[0])}">&#9632;</span> {escape(label)}' for label in labels]
    return f"<p>Findings: {', '.join(swatches)}</p>" if labels else html.line("No findings are drawn.")


def _colour(label: str, image: Image) -> str:
    known = image.exam.labels
    place = known.index(label) if label in known else len(known)
    return _COLOURS[place % len(_COLOURS)]


def _figure(image: Image, height: int) -> str:
    out = io.BytesIO()
    picture = draw(image, height)
    picture.save(out, format="PNG", optimize=True)
    data = base64.b64encode(out.getvalue()).decode("ascii")
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img src="data:image/png;base64,{data}" {size} alt="{escape(image.id)}">'


def draw(image: Image, height: int) -> Picture:
    """The prepared picture at most `height` pixels high, its findings outlined where the truth may be seen.

    It faces right, as a model reads it. Its grey values reach from the darkest to the brightest half per cent of the
    breast, for the eye.
    """
    from PIL import Image as Pictures

    raw = image.raw()
    step = max(1, raw.shape[0] // (2 * height))
    grey = _stretched(raw[::step, ::step])
    scale = min(1.0, height / raw.shape[0])
    size = max(1, round(raw.shape[1] * scale)), max(1, round(raw.shape[0] * scale))
    small = np.asarray(Pictures.fromarray(grey).resize(size, Pictures.Resampling.LANCZOS))
    indexed = (small.astype(np.uint16) * (_GREYS - 1) // 255).astype(np.uint8)
    for finding in _found(image) or ():
        ring = _ring(finding, size[0] / raw.shape[1], size[1] / raw.shape[0], indexed.shape)
        indexed[ring] = _GREYS + _COLOURS.index(_colour(finding.label, image))
    picture = Pictures.fromarray(indexed)
    picture.putpalette(_palette())
    return picture


def _stretched(raw: Any) -> Any:
    pixels = raw.astype(np.float32)
    inside = pixels[pixels > 0]
    low, high = (float(v) for v in np.percentile(inside, [0.5, 99.5])) if inside.size else (0.0, 1.0)
    low = min(low, 0.9 * high)
    grey = np.where(pixels > 0, np.clip((pixels - low) / max(high - low, 1e-6), 0, 1) * 235 + 20, 0)
    return grey.astype(np.uint8)


def _ring(finding: Finding, across: float, down: float, shape: tuple[int, ...]) -> Any:
    """Pixels around a finding, which has at least one, in a picture of another scale."""
    from scipy import ndimage

    region = finding.region.moved(Affine.scale(across, down))
    inside = region.raster((shape[0], shape[1]))
    x, y = region.center
    row, column = min(max(int(y), 0), shape[0] - 1), min(max(int(x), 0), shape[1] - 1)
    if not inside.any():
        inside = inside.copy()
        inside[row, column] = True
    return ndimage.binary_dilation(inside, iterations=_RING) & ~inside


def _palette() -> list[int]:
    greys = [round(255 * n / (_GREYS - 1)) for n in range(_GREYS) for _ in range(3)]
    return greys + [int(colour[at : at + 2], 16) for colour in _COLOURS for at in (1, 3, 5)]
