"""Views, view modifiers and sides: the codes of DICOM and the strings that stand in for them.

Codes: PS3.16 CID 4014 (views), CID 4015 (view modifiers) and CID 244 (laterality), in SNOMED CT (SCT) and in the
retired SNOMED RT form that older objects write under SRT, SNM3 or 99SDM.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydicom.dataset import Dataset

from cadkit.dicom.elements import items_of, number_of, text_of

# name: (SCT code, SRT code, meaning)
_VIEWS = {
    "CC": ("399162004", "R-10242", "cranio-caudal"),
    "MLO": ("399368009", "R-10226", "medio-lateral oblique"),
    "ML": ("399260004", "R-10224", "medio-lateral"),
    "LM": ("399352003", "R-10228", "latero-medial"),
    "LMO": ("399099002", "R-10230", "latero-medial oblique"),
    "FB": ("399196006", "R-10244", "caudo-cranial (from below)"),
    "SIO": ("399188001", "R-102D0", "superolateral to inferomedial oblique"),
    "ISO": ("441555000", "R-40AAA", "inferomedial to superolateral oblique"),
    "XCCL": ("399192008", "R-1024A", "cranio-caudal exaggerated laterally"),
    "XCCM": ("399101009", "R-1024B", "cranio-caudal exaggerated medially"),
    "specimen": ("127457009", "G-8310", "tissue specimen from breast"),
}
_MODIFIERS = {
    "magnification": ("399163009", "R-102D6", "magnification"),
    "spot compression": ("399055006", "R-102D7", "spot compression"),
    "implant displaced": ("399209000", "R-102D5", "implant displaced"),
    "rolled lateral": ("399197002", "R-102D3", "rolled lateral"),
    "rolled medial": ("399226006", "R-102D4", "rolled medial"),
    "rolled inferior": ("414493004", "R-102CA", "rolled inferior"),
    "rolled superior": ("415670009", "R-102C9", "rolled superior"),
    "tangential": ("399110001", "R-102C2", "tangential"),
    "cleavage": ("399161006", "R-102D2", "cleavage"),
    "axillary tail": ("399011000", "R-102D1", "axillary tail"),
    "nipple in profile": ("442581004", "R-40AB3", "nipple in profile"),
    "anterior compression": ("441752004", "P2-00161", "anterior compression"),
    "infra-mammary fold": ("442593008", "R-40ABE", "infra-mammary fold"),
    "axillary tissue": ("442580003", "R-40AB2", "axillary tissue"),
}
_OLDER_VIEWS = {"Y-X1770": "XCCL", "Y-X1771": "XCCM"}
_SIDES = {"L": ("7771000", "G-A101"), "R": ("24028007", "G-A100"), "B": ("51440002", "G-A102")}

CODE_OF_VIEW: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {name: (sct, "SCT", meaning) for name, (sct, _, meaning) in _VIEWS.items()}
)
"""View name to (code value, coding scheme, meaning)."""
CODE_OF_MODIFIER: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {name: (sct, "SCT", meaning) for name, (sct, _, meaning) in _MODIFIERS.items()}
)
"""Modifier name to (code value, coding scheme, meaning)."""

STANDARD_VIEWS = frozenset({"CC", "MLO"})
"""The two views of a screening exam."""

_SNOMED_RT = frozenset({"SRT", "SNM3", "99SDM"})
_CONTACT_MAGNIFICATION = 1.2
_HARMLESS = frozenset({"nipple in profile"})


def _by_code(table: Mapping[str, tuple[str, str, str]]) -> dict[tuple[str, str], str]:
    codes: dict[tuple[str, str], str] = {}
    for name, (sct, srt, _) in table.items():
        codes["SCT", sct] = name
        codes["SRT", srt] = name
    return codes


_VIEW_BY_CODE = _by_code(_VIEWS) | {("SRT", code): name for code, name in _OLDER_VIEWS.items()}
_MODIFIER_BY_CODE = _by_code(_MODIFIERS)
_SIDE_BY_CODE = {
    (scheme, code): side for side, (sct, srt) in _SIDES.items() for scheme, code in (("SCT", sct), ("SRT", srt))
}
_VIEW_BY_MEANING = {meaning: name for name, (_, _, meaning) in _VIEWS.items()} | {
    "craniocaudal": "CC",
    "mediolateral oblique": "MLO",
    "mediolateral": "ML",
    "lateromedial": "LM",
    "lateromedial oblique": "LMO",
    "caudocranial": "FB",
    "caudo-cranial": "FB",
    "superolateral to inferomedial": "SIO",
    "exaggerated craniocaudal laterally": "XCCL",
    "exaggerated craniocaudal medially": "XCCM",
    "tissue specimen": "specimen",
}
_MODIFIER_BY_MEANING = {meaning: name for name, (_, _, meaning) in _MODIFIERS.items()} | {
    "spot": "spot compression",
    "magnified": "magnification",
}
# What ViewPosition and hand-made names say beside the view itself. AT and CV name a modifier as if
# it were a view; the breast is then seen in an oblique or a cranio-caudal direction that nobody wrote.
_MODIFIER_SUFFIXES = {
    "ID": "implant displaced",
    "RL": "rolled lateral",
    "RM": "rolled medial",
    "RI": "rolled inferior",
    "RS": "rolled superior",
    "TAN": "tangential",
    "MAG": "magnification",
    "M": "magnification",
    "S": "spot compression",
}
_MODIFIER_AS_VIEW = {"AT": "axillary tail", "CV": "cleavage", "TAN": "tangential"}
# Longest first, so that XCCL is not read as CC nor MLO and LMO as ML and LM.
_SUBSTRINGS = ("XCCL", "XCCM", "LMO", "MLO", "SIO", "ISO", "CC", "ML", "LM")


@dataclass(frozen=True)
class View:
    """The direction in which a breast was seen.

    Attributes:
        name: a key of `CODE_OF_VIEW`, `AT`, `CV` or `TAN` where only a modifier is known, or an empty
            string where nothing tells.
        modifiers: keys of `CODE_OF_MODIFIER`, sorted.
        source: the attribute that told: `ViewCodeSequence`, `ViewPosition` or nothing.
        conflict: what ViewPosition says, if it disagrees.
        meaning_conflict: what the meaning beside the code says, if it disagrees with the code.
    """

    name: str
    modifiers: tuple[str, ...]
    source: str
    conflict: str = ""
    meaning_conflict: str = ""

    @property
    def standard(self) -> bool:
        """True for a view of a screening exam: CC or MLO without a modifier that matters."""
        return self.name in STANDARD_VIEWS and not set(self.modifiers) - _HARMLESS


def code_item(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence (PS3.3 section 8.8)."""
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def view_of(dataset: Dataset) -> View:
    """The view that a header tells, codes before strings.

    Read are ViewCodeSequence (0054,0220) and ViewModifierCodeSequence (0054,0222), the latter inside the view's
    item and at top level; else ViewPosition (0018,5101). PaddleDescription (0018,11A4) and a
    EstimatedRadiographicMagnificationFactor (0018,1114) above 1.2 add spot and magnification. When a code and
    the string disagree the code is kept.
    """
    modifiers: set[str] = set()
    coded = meant = ""
    for item in items_of(dataset, "ViewCodeSequence"):
        if not coded and (by_code := _VIEW_BY_CODE.get(_code(item))):
            by_meaning = _VIEW_BY_MEANING.get(text_of(item, "CodeMeaning").casefold(), by_code)
            meant = by_meaning if by_meaning != by_code else ""
        coded = coded or _lookup(item, _VIEW_BY_CODE, _VIEW_BY_MEANING)
        modifiers |= _modifiers_of(item)
        # Some devices code a modifier where the view should stand.
        modifiers |= {_lookup(item, _MODIFIER_BY_CODE, _MODIFIER_BY_MEANING)} - {""}
    modifiers |= _modifiers_of(dataset) | _paddle(text_of(dataset, "PaddleDescription"))
    written, more = view_from_text(text_of(dataset, "ViewPosition"))
    modifiers |= more
    if (number_of(dataset, "EstimatedRadiographicMagnificationFactor") or 1.0) > _CONTACT_MAGNIFICATION:
        modifiers.add("magnification")
    ordered = tuple(sorted(modifiers))
    if coded:
        disagrees = written if written and written != coded and written not in _MODIFIER_AS_VIEW else ""
        return View(coded, ordered, "ViewCodeSequence", disagrees, meant)
    if written:
        return View(written, ordered, "ViewPosition")
    return View("", ordered, "")


def view_from_text(text: str) -> tuple[str, frozenset[str]]:
    """View and modifiers that a string such as `LMLO`, `CCID` or `medio-lateral oblique` names.

    Exact names come before suffixes, suffixes before substrings.

    Returns:
        The view's name (empty if none is recognised) and the modifiers' names.
    """
    plain = text.strip()
    if plain.casefold() in _VIEW_BY_MEANING:
        return _VIEW_BY_MEANING[plain.casefold()], frozenset()
    word = re.sub(r"[^A-Z]", "", plain.upper())
    if not word or word == "FLATFIELD":
        return "", frozenset()
    for candidate in (word, word[1:] if word[0] in "LR" else word):
        if candidate in _VIEWS:
            return candidate, frozenset()
        if candidate in _MODIFIER_AS_VIEW:
            return candidate, frozenset({_MODIFIER_AS_VIEW[candidate]})
        for suffix, modifier in _MODIFIER_SUFFIXES.items():
            if candidate.endswith(suffix) and candidate.removesuffix(suffix) in _VIEWS:
                return candidate.removesuffix(suffix), frozenset({modifier})
    for name in _SUBSTRINGS:
        if name in word:
            return name, frozenset()
    return "", frozenset()


def side_of_view_text(text: str) -> str:
    """`L` or `R` if a string such as `LCC` or `R MLO` names the side before the view; else empty."""
    word = re.sub(r"[^A-Z]", "", text.upper())
    return word[0] if word[:1] in ("L", "R") and word not in _VIEWS and word[1:] in _VIEWS else ""


def side_from_text(text: str) -> str:
    """`L`, `R` or `B` for a laterality written as a letter or a word in any case; else empty."""
    word = text.strip().upper()
    names = {"L": "L", "LEFT": "L", "R": "R", "RIGHT": "R", "B": "B", "BOTH": "B", "BILATERAL": "B"}
    return names.get(word, "")


def side_from_code(item: Dataset) -> str:
    """`L`, `R` or `B` for an item of a laterality code sequence; else empty."""
    return _SIDE_BY_CODE.get(_code(item), "")


def _modifiers_of(item: Dataset) -> set[str]:
    found = {
        _lookup(modifier, _MODIFIER_BY_CODE, _MODIFIER_BY_MEANING)
        for modifier in items_of(item, "ViewModifierCodeSequence")
    }
    return found - {""}


def _paddle(text: str) -> set[str]:
    upper = text.upper()
    found = set()
    if "SPOT" in upper or "SPT" in upper:
        found.add("spot compression")
    if "MAG" in upper:
        found.add("magnification")
    return found


def _lookup(item: Dataset, codes: Mapping[tuple[str, str], str], meanings: Mapping[str, str]) -> str:
    name = codes.get(_code(item))
    return name or meanings.get(text_of(item, "CodeMeaning").casefold(), "")


def _code(item: Dataset) -> tuple[str, str]:
    scheme = text_of(item, "CodingSchemeDesignator").upper()
    return ("SRT" if scheme in _SNOMED_RT else scheme, text_of(item, "CodeValue"))
