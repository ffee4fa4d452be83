"""Which breast an image shows, when several attributes say so and they may disagree.

The written rule, nearest to the image first: ImageLaterality (0020,0062), FrameLaterality (0020,9072), the modifier of
AnatomicRegionSequence (0008,2218), a letter before the view in ViewPosition (0018,5101); then what describes the
series: Laterality (0020,0060), SeriesDescription and ProtocolName; PatientOrientation (0020,0020) last. The first that
speaks is believed, and every other that contradicts it is listed. (PS3.3 C.8.11.7, C.7.3.1, C.7.6.1.1.1.)
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from cadkit.dicom.elements import items_of, text_of, texts_of
from cadkit.dicom.views import side_from_code, side_from_text, side_of_view_text
from cadkit.errors import Problem

DESCRIPTION = "the series' description"


def side_of(dataset: Dataset, described: str, notes: list[Problem]) -> tuple[str, str]:
    """Side (`L`, `R`, `B` or empty) and the attribute that told.

    Args:
        dataset: a header.
        described: the side that the description of the series names, or empty.
        notes: takes a `side-conflict` when attributes disagree.
    """
    found = _claims(dataset, described)
    if not found:
        return "", ""
    side, source = found[0]
    others = [f"{whence} {other}" for other, whence in found[1:] if other != side]
    if others:
        reason = f"{source} says {side}, but {' and '.join(others)}; {side} is kept"
        mend = "Look at the image; if it is wrong, give its side in a table of corrections."
        notes.append(Problem("side-conflict", reason, mend=mend))
    return side, source


def oriented_obliquely(dataset: Dataset) -> bool:
    """Whether PatientOrientation says that the columns run towards the feet and aside, as in an oblique view."""
    row, column = _orientation(dataset)
    return row in ("A", "P") and column in ("FL", "FR")


def _claims(dataset: Dataset, described: str) -> list[tuple[str, str]]:
    frame = ""
    for group in items_of(dataset, "SharedFunctionalGroupsSequence")[:1]:
        for anatomy in items_of(group, "FrameAnatomySequence")[:1]:
            frame = side_from_text(text_of(anatomy, "FrameLaterality"))
    found = [
        (side_from_text(text_of(dataset, "ImageLaterality")), "ImageLaterality"),
        (frame, "FrameLaterality"),
    ]
    for region in items_of(dataset, "AnatomicRegionSequence"):
        for modifier in items_of(region, "AnatomicRegionModifierSequence"):
            found.append((side_from_code(modifier), "AnatomicRegionSequence"))
    found += [
        (side_of_view_text(text_of(dataset, "ViewPosition")), "ViewPosition"),
        (side_from_text(text_of(dataset, "Laterality")), "Laterality"),
        (described, DESCRIPTION),
    ]
    # The column direction of a mammogram points to the medial side: to the right in a left breast. A picture
    # that was turned by 90 degrees has other directions and says nothing here.
    row, column = _orientation(dataset)
    if row in ("A", "P", ""):
        medial = column.removeprefix("F")
        found.append(({"L": "R", "R": "L"}.get(medial[:1], ""), "PatientOrientation"))
    return [(side, source) for side, source in found if side]


def _orientation(dataset: Dataset) -> tuple[str, str]:
    row, column, *_ = (*texts_of(dataset, "PatientOrientation"), "", "")
    return row.upper()[:1], column.upper()
