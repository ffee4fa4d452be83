"""Views, modifiers and sides. Codes: PS3.16 CID 4014, 4015 and 244, written out here once more."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from cadkit.dicom.views import side_from_code, side_from_text, view_from_text, view_of

VIEWS = {
    "CC": ("399162004", "R-10242"), "MLO": ("399368009", "R-10226"), "ML": ("399260004", "R-10224"),
    "LM": ("399352003", "R-10228"), "LMO": ("399099002", "R-10230"), "FB": ("399196006", "R-10244"),
    "SIO": ("399188001", "R-102D0"), "ISO": ("441555000", "R-40AAA"), "XCCL": ("399192008", "R-1024A"),
    "XCCM": ("399101009", "R-1024B"), "specimen": ("127457009", "G-8310"),
}  # fmt: skip
MODIFIERS = {
    "magnification": ("399163009", "R-102D6"), "spot compression": ("399055006", "R-102D7"),
    "implant displaced": ("399209000", "R-102D5"), "rolled lateral": ("399197002", "R-102D3"),
    "rolled medial": ("399226006", "R-102D4"), "rolled inferior": ("414493004", "R-102CA"),
    "rolled superior": ("415670009", "R-102C9"), "tangential": ("399110001", "R-102C2"),
    "cleavage": ("399161006", "R-102D2"), "axillary tail": ("399011000", "R-102D1"),
    "nipple in profile": ("442581004", "R-40AB3"), "anterior compression": ("441752004", "P2-00161"),
    "infra-mammary fold": ("442593008", "R-40ABE"), "axillary tissue": ("442580003", "R-40AB2"),
}  # fmt: skip


def coded(value: str, scheme: str, meaning: str = "", modifiers: list[Dataset] | None = None) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    if modifiers is not None:
        item.ViewModifierCodeSequence = Sequence(modifiers)
    return item


def header(**values: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize("name", VIEWS)
def test_every_code_in_every_scheme(name: str) -> None:
    modern, retired = VIEWS[name]
    for value, scheme in ((modern, "SCT"), (retired, "SRT"), (retired, "SNM3"), (retired, "99SDM")):
        view = view_of(header(ViewCodeSequence=Sequence([coded(value, scheme)])))
        assert (view.name, view.source) == (name, "ViewCodeSequence")


@pytest.mark.parametrize("name", MODIFIERS)
def test_modifiers_inside_the_view_and_at_top_level(name: str) -> None:
    modern, retired = MODIFIERS[name]
    inside = header(ViewCodeSequence=Sequence([coded("399162004", "SCT", modifiers=[coded(modern, "SCT")])]))
    top = header(
        ViewCodeSequence=Sequence([coded("399162004", "SCT", modifiers=[])]),
        ViewModifierCodeSequence=Sequence([coded(retired, "SRT")]),
    )
    for dataset in (inside, top):
        view = view_of(dataset)
        assert view.modifiers == (name,)
        assert view.standard == (name == "nipple in profile")


def test_older_codes_of_exaggerated_views() -> None:
    assert view_of(header(ViewCodeSequence=Sequence([coded("Y-X1770", "SRT")]))).name == "XCCL"
    assert view_of(header(ViewCodeSequence=Sequence([coded("Y-X1771", "SNM3")]))).name == "XCCM"


def test_a_code_of_another_scheme_is_not_a_view_but_its_meaning_is() -> None:
    assert view_of(header(ViewCodeSequence=Sequence([coded("399162004", "99X")]))).name == ""
    meaning = coded("1", "99X", "medio-lateral oblique")
    assert view_of(header(ViewCodeSequence=Sequence([meaning]))).name == "MLO"


@pytest.mark.parametrize(
    ("text", "name", "modifiers"),
    [
        ("CC", "CC", set()), ("mlo ", "MLO", set()), ("ML", "ML", set()), ("LM", "LM", set()),
        ("LMO", "LMO", set()), ("XCCL", "XCCL", set()), ("L MLO", "MLO", set()), ("RCC", "CC", set()),
        ("R-MLO", "MLO", set()), ("LML", "ML", set()), ("CCID", "CC", {"implant displaced"}),
        ("MLOID", "MLO", {"implant displaced"}), ("MLID", "ML", {"implant displaced"}),
        ("CCRL", "CC", {"rolled lateral"}), ("CCRM", "CC", {"rolled medial"}), ("CCM", "CC", {"magnification"}),
        ("AT", "AT", {"axillary tail"}), ("CV", "CV", {"cleavage"}), ("FB", "FB", set()), ("SIO", "SIO", set()),
        ("LEFT XCCL VIEW", "XCCL", set()), ("cranio-caudal", "CC", set()), ("FLATFIELD", "", set()), ("", "", set()),
        ("AP", "", set()),
    ],
)  # fmt: skip
def test_strings(text: str, name: str, modifiers: set[str]) -> None:
    assert view_from_text(text) == (name, frozenset(modifiers))


def test_the_code_wins_over_the_string_and_the_conflict_is_kept() -> None:
    view = view_of(header(ViewCodeSequence=Sequence([coded("399162004", "SCT")]), ViewPosition="MLO"))
    assert (view.name, view.conflict) == ("CC", "MLO")


@pytest.mark.parametrize(
    ("values", "modifiers"),
    [
        ({"PaddleDescription": "10CM ROUND SPOT"}, ("spot compression",)),
        ({"PaddleDescription": "SPT MAG 7.5"}, ("magnification", "spot compression")),
        ({"EstimatedRadiographicMagnificationFactor": "1.8"}, ("magnification",)),
        ({"EstimatedRadiographicMagnificationFactor": "1.08"}, ()),
    ],
)
def test_spot_and_magnification_without_a_modifier(values: dict[str, str], modifiers: tuple[str, ...]) -> None:
    assert view_of(header(ViewPosition="CC", **values)).modifiers == modifiers


def test_sides() -> None:
    words = ["l", " L ", "Left", "R", "right", "BILATERAL", "B", "", "U"]
    assert [side_from_text(word) for word in words] == ["L", "L", "L", "R", "R", "B", "B", "", ""]
    codes = [("7771000", "SCT"), ("G-A100", "SRT"), ("51440002", "SCT"), ("7771000", "SRT")]
    assert [side_from_code(coded(*code)) for code in codes] == ["L", "R", "B", ""]
