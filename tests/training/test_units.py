"""Units of image, breast and exam models, and which of them an epoch holds."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import polars as pl
import pytest

from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.plugin import ModelInfo
from cadkit.training import balanced
from cadkit.training.sampling import pad_to_multiple
from cadkit.training.units import Finder, address_of, images_by_slot, units_of


def with_images(data: Dataset, change: pl.Expr | None = None, extra: list[dict[str, str]] | None = None) -> Dataset:
    images = data.tables["images"] if change is None else data.tables["images"].filter(change)
    if extra:
        images = pl.concat([images, pl.DataFrame(extra)])
    return Dataset(
        data.folder, data.meta, {**data.tables, "images": images}, data.fingerprint, pixel_source=data.pixel_source
    )


def info(**values: object) -> ModelInfo:
    return ModelInfo(("malignant",), "risk", **values)  # type: ignore[arg-type]


def test_image_units_and_views(tiny: ModuleType) -> None:
    exam = tiny.dataset(3).exams[0]
    units, skipped = units_of(exam, info(views=("CC",)))
    assert [u.id for u in units] == ["e000-L-CC", "e000-R-CC"]
    assert [u.id for u, _ in skipped] == ["e000-L-MLO", "e000-R-MLO"]


def test_an_image_that_was_not_prepared_is_skipped_with_the_reason(tiny: ModuleType) -> None:
    data = tiny.dataset(3)
    del data.pixel_source.pictures["e000-R-CC"]
    units, skipped = units_of(data.exams[0], info())
    assert len(units) == 3
    assert "could not be prepared" in skipped[0][1].reason


def test_a_breast_or_exam_model_wants_every_view(tiny: ModuleType) -> None:
    data = with_images(tiny.dataset(3), pl.col("image_id") != "e000-R-MLO")
    breasts, skipped = units_of(data.exams[0], info(unit="breast", views=("CC", "MLO")))
    assert [u.id for u in breasts] == ["e000/L"]
    assert skipped[0][0].id == "e000/R"
    assert "R-MLO" in skipped[0][1].reason
    exams, skipped = units_of(data.exams[0], info(unit="exam", views=("CC", "MLO")))
    assert not exams
    assert "R-MLO" in skipped[0][1].reason


def test_a_repeated_view_gives_every_combination(tiny: ModuleType) -> None:
    data = tiny.dataset(3)
    data.pixel_source.pictures["again"] = data.pixel_source.pictures["e000-L-CC"]
    data = with_images(data, extra=[{"image_id": "again", "exam_id": "e000", "side": "L", "view": "CC"}])
    exams, _ = units_of(data.exams[0], info(unit="exam", views=("CC", "MLO")))
    assert [images_by_slot(e)["L-CC"].id for e in exams] == ["e000-L-CC", "again"]
    assert all(list(images_by_slot(e)) == ["L-CC", "L-MLO", "R-CC", "R-MLO"] for e in exams)
    breasts, _ = units_of(data.exams[0], info(unit="breast", views=("CC", "MLO")))
    assert [(b.side, images_by_slot(b)["CC"].id) for b in breasts] == [
        ("L", "e000-L-CC"),
        ("L", "again"),
        ("R", "e000-R-CC"),
    ]


@pytest.mark.parametrize("unit", ["image", "breast", "exam"])
def test_units_are_found_again_by_their_address(tiny: ModuleType, unit: str) -> None:
    data = tiny.dataset(6)
    find = Finder(data, kept=1)
    for exam in data.exams:
        for one in units_of(exam, info(unit=unit))[0]:
            found = find(address_of(one))
            assert type(found) is type(one)
            assert found.id == one.id
            assert {s: i.id for s, i in images_by_slot(found).items()} == {
                s: i.id for s, i in images_by_slot(one).items()
            }


def test_balanced_takes_all_positive_exams_and_as_many_negative_ones(tiny: ModuleType) -> None:
    data = tiny.dataset(30)

    def malignant(exam: object) -> float:
        return exam.truth("malignant")  # type: ignore[attr-defined, no-any-return]

    drawn = []
    for seed in range(3):
        items = balanced(data.exams, malignant, np.random.default_rng(seed), lambda e: e.images)
        exams = {unit.exam.id for unit, _ in items}
        assert len(items) == 4 * len(exams)
        positive = {f"e{n:03d}" for n in range(0, 30, 3)}
        assert positive < exams
        assert len(exams) == 20
        drawn.append(exams)
    assert drawn[0] != drawn[1]


def test_balanced_leaves_unknown_exams_out_and_says_when_there_is_nothing(tiny: ModuleType) -> None:
    data = tiny.dataset(6)
    truth = {"e000": 1.0, "e001": math.nan, "e002": None, "e003": 0, "e004": True, "e005": False}
    items = balanced(data.exams, lambda e: truth[e.id], np.random.default_rng(0), lambda e: e.images)
    assert {unit.exam.id for unit, _ in items} == {"e000", "e003", "e004", "e005"}
    with pytest.raises(InputError, match="no exam of the training split has a finding"):
        balanced(data.exams, lambda e: 0, np.random.default_rng(0), lambda e: e.images)


def test_padding_begins_anew() -> None:
    assert pad_to_multiple([1, 2, 3], 4) == [1, 2, 3, 1]  # type: ignore[list-item, comparison-overlap]
    assert pad_to_multiple([1, 2], 5) == [1, 2, 1, 2, 1]  # type: ignore[list-item, comparison-overlap]
    assert pad_to_multiple([], 4) == []
