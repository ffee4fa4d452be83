"""What the free texts of a header say, as words of this page and nothing else.

SeriesDescription (0008,103E) and ProtocolName (0018,1030) are typed by people: they may hold names and even the
diagnosis, so no text leaves this module, only whether it holds a word that is known here. They describe a series, not
an image, and are the last to be asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from cadkit.dicom.elements import text_of

# Names under which makers sell pictures computed from tomosynthesis: Hologic, Fuji, GE, Siemens, Hologic, IMS.
_PRODUCTS = ("C-VIEW", "S-VIEW", "V-PREVIEW", "INSIGHT 2D", "INTELLIGENT 2D", "G-VIEW")
_PURPOSES = tuple(
    (purpose, re.compile(pattern))
    for purpose, pattern in (
        ("quality-control", r"\bFLAT ?FIELD|\bQUALITY CONTROL\b|\bQC\b|\bACR PHANTOM\b"),
        ("recombined", r"\bRECOMBINED\b|\bSUBTRACT(ED|ION)\b"),
        ("stereotactic", r"\bSTEREO"),
        ("needle", r"\bNEEDLE\b|\bHOOK ?WIRE\b|\bWIRE LOCALI"),
        ("galactogram", r"\bGALACTOGRA|\bDUCTOGRA"),
        ("specimen", r"\bSPECIMEN"),
        ("tomosynthesis", r"\bTOMOSYNTHESIS\b|\bROUTINE3D\b"),
        ("screen", r"\bCAPTURE\b|\bSCREEN\b|\bSC\b"),
    )
)
_SIDES = {"L": "L", "LT": "L", "LEFT": "L", "R": "R", "RT": "R", "RIGHT": "R"}
_VIEWS = ("CC", "MLO", "ML", "LM", "LMO", "XCCL", "XCCM", "SIO", "ISO", "FB")


@dataclass(frozen=True)
class Said:
    """What the texts of one header say; empty where they say nothing, or two things.

    Attributes:
        product: name of a product whose pictures are computed from tomosynthesis.
        purpose: `quality-control`, `recombined`, `stereotactic`, `needle`, `galactogram`, `specimen`,
            `tomosynthesis` or `screen`.
        side: `L` or `R`.
        view: a view such as `CC`.
    """

    product: str
    purpose: str
    side: str
    view: str


def said_by(dataset: Dataset) -> Said:
    """The known words of SeriesDescription, and of ProtocolName where the former says nothing."""
    series, protocol = text_of(dataset, "SeriesDescription").upper(), text_of(dataset, "ProtocolName").upper()
    if not series and not protocol:
        return Said("", "", "", "")
    here, there = _sides_and_views(series), _sides_and_views(protocol)
    # Words are parted by blanks, by GE with underscores.
    words = f"{series} | {protocol}".replace("_", " ")
    return Said(
        product=_product(series, text_of(dataset, "Manufacturer").upper()),
        purpose=next((purpose for purpose, pattern in _PURPOSES if pattern.search(words)), ""),
        side=here[0] or there[0],
        view=here[1] or there[1],
    )


def _product(series: str, manufacturer: str) -> str:
    for name in _PRODUCTS:
        if name in series:
            return name
    # CV also names a cleavage view; C-View is Hologic's, and its series name the view as well.
    if manufacturer.startswith(("HOLOGIC", "LORAD")):
        words = re.findall(r"[A-Z0-9-]+", series)
        if "CV" in words and _sides_and_views(series)[1]:
            return "C-VIEW"
    return ""


def _sides_and_views(text: str) -> tuple[str, str]:
    """The one side and the one view that a text names, in words such as `L CC`, `RMLO` or `LEFT ML`."""
    sides, views = set(), set()
    for word in re.findall(r"[A-Z]+", text):
        if word in _SIDES:
            sides.add(_SIDES[word])
        elif word in _VIEWS:
            views.add(word)
        elif word[0] in "LR" and word[1:] in _VIEWS:
            sides.add(word[0])
            views.add(word[1:])
    return sides.pop() if len(sides) == 1 else "", views.pop() if len(views) == 1 else ""
