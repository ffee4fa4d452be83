"""Every reference value of FROC and localization, to its printed precision."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.reference import froc

VALUES = Path(__file__).parent / "values"


def within(reference: Path, *folders: str) -> list[Any]:
    """What was compared, all of it within its tolerance."""
    compared = [row for row in froc.compare(reference, folders) if row.deviation is not None]
    assert not [row for row in compared if row.deviation > row.tolerance]
    return compared


def test_froc_and_localization() -> None:
    seen = Counter((row.folder, row.quantity) for row in within(VALUES, "froc_monai", "localization"))
    # Seven sets of marks, and the overlap tables where one-to-one matching agrees.
    assert seen["froc_monai", "curve_fpi"] == seen["froc_monai", "curve_sensitivity"] == 11
    assert (seen["froc_monai", "sensitivity_at_fpi"], seen["froc_monai", "fpi_at_sensitivity"]) == (98, 12)
    maps = {quantity: count for (folder, quantity), count in seen.items() if folder == "localization"}
    assert maps == {"pxap": 10, "dice_best": 10, "dice_soft_squared": 11, "pxap_mean": 1, "pxap_pooled": 2}


def test_figures_of_merit_of_readers(shared: Path) -> None:
    compared = within(shared / "reference", "tony_froc")
    # Ten of each; the weighted ones for two sets of weights.
    foms = Counter(row.given["fom"] for row in compared if row.quantity == "reader_fom")
    wanted = ["AFROC", "AFROC1", "HrAuc", "HrSe", "HrSp", "MaxLLF", "MaxNLF", "MaxNLFAllCases"]
    assert foms == {**dict.fromkeys(wanted, 10), "wAFROC": 20, "wAFROC1": 20}
    curves = Counter(row.quantity for row in compared if row.quantity.startswith("curve"))
    assert curves == {f"curve {kind}": 10 for kind in ("FROC", "AFROC", "wAFROC", "ROC")}


def test_values_are_the_published_ones(shared: Path) -> None:
    for path in VALUES.glob("*/*"):
        published = shared / "reference" / path.relative_to(VALUES)
        if path.name != "README.md":
            assert path.read_bytes() == published.read_bytes()
