"""What a file is, and whether it is taken: rules in a fixed order, each with a name and a reason.

Which objects are 2-D mammograms follows from the SOP class (PS3.4 B.5), ImageType (PS3.3 C.7.6.1.1.2) and, for
pictures computed from tomosynthesis, from what makers write, as no single attribute says `synthetic`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cadkit.dicom.attributes import Header
from cadkit.dicom.files import encapsulated, uid_of
from cadkit.errors import Problem

_ROOT = "1.2.840.10008.5.1.4.1.1."
MG_PRESENTATION = _ROOT + "1.2"
MG_PROCESSING = _ROOT + "1.2.1"
_DX = {_ROOT + "1.1": "presentation", _ROOT + "1.1.1": "processing"}
_CR = _ROOT + "1"
_TOMOSYNTHESIS = _ROOT + "13.1.3"
_PROJECTIONS = {_ROOT + "13.1.4", _ROOT + "13.1.5"}
_SECONDARY = {_ROOT + "7", *(f"{_ROOT}7.{kind}" for kind in (1, 2, 3, 4))}
_RECOMBINED = {"RECOMBINED", "SUBTRACTION", "SUBTRACTED", "HIGH_ENERGY"}
_FILM_MODALITIES = {"RG", "MG", "CR", "DX"}
_DRAWN = {"DV", "DRW", "SYN"}
CUT_SHORT = "the file ends before its compressed pixels do"
_MONOCHROME = {"MONOCHROME1", "MONOCHROME2"}


@dataclass(frozen=True)
class Rules:
    """What to take besides 2-D mammograms, For Presentation.

    Attributes:
        allow_processing: raw images (For Processing), which look unlike a maker's presentation.
        allow_film: digitised film and mammograms wrapped as secondary captures.
        allow_synthesised: 2-D pictures computed from tomosynthesis.
        allow_diagnostic: magnification and spot compression views, which show a part of a breast and larger.
        min_size: an image with a shorter side than this, in pixels, is no mammogram.
        max_pixels: rows times columns times frames that a header may claim.
    """

    allow_processing: bool = False
    allow_film: bool = False
    allow_synthesised: bool = False
    allow_diagnostic: bool = False
    min_size: int = 64
    max_pixels: int = 100_000_000


@dataclass(frozen=True)
class Verdict:
    """What a file is and what to do with it.

    Attributes:
        kind: `mammogram`, `processing`, `synthesised`, `tomosynthesis`, `film`, `secondary`, `quality-control`,
            `recombined`, `stereotactic`, `needle`, `galactogram`, `specimen`, `other-anatomy` or `not-an-image`.
        take: whether it is an image of the dataset.
        rule: stable name of the rule that decided.
        reason: why, in one sentence.
        mend: what would make it taken, if anything.
    """

    kind: str
    take: bool
    rule: str
    reason: str
    mend: str = ""

    def problem(self, item: str = "") -> Problem:
        """The verdict as a row of `problems.csv`."""
        return Problem(self.rule, self.reason, mend=self.mend, item=item)


CORRECTABLE = ("mammogram", "synthesised", "processing", "film", "leave-out")
"""Kinds that a person may give to a file against the rules."""


def classify(header: Header, rules: Rules | None = None, kind: str = "") -> Verdict:
    """Decide by the header alone; the first rule that speaks decides.

    In order: what kind of object it is (images of quality control come first, as they can look real), whether
    that kind is wanted, whether this file of that kind is usable, and whether it was taken as a mammogram of a
    whole breast.

    Args:
        header: of the file.
        rules: what to take.
        kind: one of `CORRECTABLE` that a person has given, which replaces the rules of kind; empty otherwise.
    """
    rules = rules or Rules()
    if kind == "leave-out":
        return _no(kind, "corrected", "a person has said that it shall be left out")
    verdict = Verdict(kind, True, "corrected", "a person has said what it is") if kind else _kind(header)
    unwanted = _unwanted(verdict, rules)
    if unwanted is not None:
        return unwanted
    for check in _CHECKS:
        refusal = check(header, rules)
        if refusal is not None:
            return Verdict(verdict.kind, False, *refusal)
    if kind:
        return verdict
    return _by_purpose(header) or _by_view(header, verdict, rules) or verdict


def _kind(header: Header) -> Verdict:
    if header.quality_control or header.purpose == "quality-control":
        return _no("quality-control", "quality-control", "an image of the device's quality control, not of a breast")
    by_class = _by_class(header)
    if by_class.rule != "sop-class":
        return by_class
    by_type = _by_image_type(header)
    return by_type or by_class


def _by_class(header: Header) -> Verdict:
    sop = header.sop_class
    if not sop and header.modality != "MG":
        return _no("not-an-image", "no-sop-class", "the file does not say what kind of object it is")
    if sop in _PROJECTIONS:
        return _no("tomosynthesis", "tomosynthesis-projection", "a projection of a tomosynthesis scan")
    if sop in _SECONDARY:
        return _secondary(header)
    if sop in _DX or sop == _CR:
        if header.modality != "MG" and not header.breast and not header.view.name:
            return _no("other-anatomy", "other-anatomy", "a radiograph that does not say it shows a breast")
        if _DX.get(sop) == "processing":
            return _processing()
    elif sop not in ("", MG_PRESENTATION, MG_PROCESSING, _TOMOSYNTHESIS):
        name = uid_of(sop).name if uid_of(sop).name != sop else "an unknown kind of object"
        return _no("not-an-image", "sop-class-unwanted", f"not a mammogram but {name}")
    if sop == MG_PROCESSING or "PROCESSING" in header.intent:
        return _processing()
    return Verdict("mammogram", True, "sop-class", "a 2-D mammogram for presentation")


def _processing() -> Verdict:
    return Verdict("processing", True, "for-processing", "raw detector data (For Processing)")


def _secondary(header: Header) -> Verdict:
    film = (
        header.pixel_bytes is not None
        and header.frames == 1
        and header.photometric in _MONOCHROME
        and header.modality in _FILM_MODALITIES
        and (header.breast or bool(header.view.name))
        and header.conversion_type not in _DRAWN
        and (header.conversion_type in ("DF", "SI") or header.bits_stored > 8)
    )
    if film:
        return Verdict("film", True, "digitised-film", "a digitised film or a mammogram in a secondary capture")
    if header.pixel_bytes is None:
        return _no(
            "secondary",
            "secondary-without-pixels",
            "a secondary capture without pixel data, such as a maker's private tomosynthesis object",
        )
    return _no("secondary", "secondary-capture", "a secondary capture, such as a copy of a screen")


def _by_image_type(header: Header) -> Verdict | None:
    """Pictures and slices out of tomosynthesis, and other special images, in the order of two public classifiers."""
    parts = set(header.image_type)
    if header.frames > 1:
        return _no("tomosynthesis", "several-frames", f"a volume of {header.frames} frames")
    if header.product:
        return _synthesised("product-name", f"the series is named {header.product}")
    if "TOMO_2D" in parts or any("GENERATED_2D" in part for part in header.image_type[3:]):
        return _synthesised("image-type-2d", "ImageType says that it was computed from tomosynthesis")
    if "TOMO" in parts:
        return _no("tomosynthesis", "image-type-tomo", "a slice of a tomosynthesis volume")
    if header.volume_slice:
        return _no("tomosynthesis", "volume-slice", "a slice of a volume, or a picture computed from it")
    if header.purpose == "tomosynthesis" and "ORIGINAL" not in (*header.image_type, "")[0]:
        return _no("tomosynthesis", "series-tomosynthesis", "a derived image of a series that is named tomosynthesis")
    if parts & _RECOMBINED or header.purpose == "recombined":
        return _no("recombined", "contrast-recombined", "a recombined or high-energy image of contrast mammography")
    if any(part.startswith("STEREO") for part in parts):
        return _no("stereotactic", "stereotactic", "a stereotactic image of a biopsy")
    flavour = header.image_type[2] if len(header.image_type) > 2 else ""
    old_fuji = header.model.upper().startswith("FDR-3000AWS") and flavour != "POST_CONTRAST"
    if old_fuji and header.image_type[:2] == ("DERIVED", "PRIMARY"):
        return _synthesised("workstation-3000", "a derived image of this workstation was computed from tomosynthesis")
    if header.sop_class == _TOMOSYNTHESIS:
        return _no("tomosynthesis", "tomosynthesis-class", "a tomosynthesis object of one frame")
    return None


_PURPOSES = {
    "stereotactic": "an image of a stereotactic biopsy",
    "needle": "an image of the placement of a needle or wire",
    "galactogram": "a galactogram: contrast in the ducts",
    "specimen": "a radiograph of excised tissue",
}


def _by_purpose(header: Header) -> Verdict | None:
    """What the names of series and paddle tell of images that have the view code of a mammogram."""
    if header.purpose == "screen" and header.laterality_source != "ImageLaterality":
        return _no("secondary", "screen-save", "the series is named a screen save, and nothing gives the image's side")
    reason = _PURPOSES.get(header.purpose)
    return _no(header.purpose, header.purpose, reason) if reason else None


def _by_view(header: Header, kind: Verdict, rules: Rules) -> Verdict | None:
    """Magnification and spot compression: a part of the breast, seen larger than in any other image."""
    if rules.allow_diagnostic:
        return None
    mend = "Take it with the option diagnostic=yes, if it is wanted."
    if "magnification" in header.view.modifiers:
        return Verdict(kind.kind, False, "magnification-view", "a magnification view, not of a whole breast", mend)
    if "spot compression" in header.view.modifiers:
        return Verdict(kind.kind, False, "spot-view", "a spot compression view, not of a whole breast", mend)
    return None


def _synthesised(rule: str, reason: str) -> Verdict:
    return Verdict("synthesised", True, rule, reason)


def _no(kind: str, rule: str, reason: str) -> Verdict:
    return Verdict(kind, False, rule, reason)


def _unwanted(kind: Verdict, rules: Rules) -> Verdict | None:
    if not kind.take:
        return kind
    mends = {
        "processing": (
            rules.allow_processing,
            "Export the For Presentation image, or take it with the option processing=yes.",
        ),
        "film": (rules.allow_film, "Take it with the option film=yes, if the dataset is one of films."),
        "synthesised": (rules.allow_synthesised, "Take it with the option synthesised=yes, if it is wanted."),
    }
    allowed, mend = mends.get(kind.kind, (True, ""))
    return None if allowed else Verdict(kind.kind, False, kind.rule, kind.reason, mend)


_Refusal = tuple[str, str, str]


def _has_pixels(header: Header, rules: Rules) -> _Refusal | None:
    if header.pixel_bytes is None:
        return "no-pixels", "the file has no pixel data", "Fetch it again with its pixels."
    return None


def _is_picture(header: Header, rules: Rules) -> _Refusal | None:
    if header.photometric not in _MONOCHROME or header.samples != 1:
        return "not-monochrome", "the picture is in colour or does not say how it is stored", ""
    if header.burned_in:
        return "burned-in", "the header says that annotation is burned into the picture", ""
    return None


def _is_breast(header: Header, rules: Rules) -> _Refusal | None:
    if header.view.name == "specimen":
        return "specimen", "a radiograph of excised tissue", ""
    if not header.view.name:
        return "no-view", "nothing in the header tells the view", "Give view codes, or list the image by hand."
    if header.side == "B":
        return "both-sides", "the header gives both sides for one picture", "Give the side in a table."
    if not header.side:
        return "no-side", "nothing in the header tells the side", "Give ImageLaterality, or list the image by hand."
    return None


def _fits(header: Header, rules: Rules) -> _Refusal | None:
    rows, columns = header.rows, header.columns
    if min(rows, columns) < rules.min_size:
        size = f"{rows} x {columns}"
        return "too-small", f"{size} pixels are too few for a mammogram", f"The least side is {rules.min_size}."
    claimed = rows * columns * header.frames
    if claimed > rules.max_pixels:
        return "too-large", f"the header claims {claimed} pixels", f"The limit is {rules.max_pixels}."
    return None


def whole(header: Header) -> tuple[str, str, str] | None:
    """Rule, reason and mend if the file holds fewer pixels than its header claims, else None."""
    held = header.pixel_bytes or 0
    if encapsulated(uid_of(header.transfer_syntax)):
        needed = 1
    else:
        needed = header.rows * header.columns * header.frames * header.samples * max(1, header.bits_allocated // 8)
    if held >= needed:
        return None
    reason = f"the file ends early: {held} bytes of pixels of {needed}" if needed > 1 else CUT_SHORT
    return "truncated", reason, "Fetch it again from the archive."


_CHECKS: tuple[Callable[[Header, Rules], _Refusal | None], ...] = (
    _has_pixels,
    _is_picture,
    _is_breast,
    _fits,
    lambda header, rules: whole(header),
)
