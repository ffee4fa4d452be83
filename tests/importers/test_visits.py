"""Which images make an exam: folders, studies of a day, outside priors, repeats, implants, mosaics."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cadkit.data.pseudonyms import Pseudonyms
from cadkit.dicom import Header, Rules, View, read_header, stored_values, write_mammogram
from cadkit.importers.found import Found, Naming
from cadkit.importers.grouping import Grouping, group
from cadkit.importers.scanning import Scan

NAMING = Naming(Pseudonyms(b"0" * 16))
VIEWS = [("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO")]
DAY, YEARS_BEFORE = dt.date(2020, 1, 2), dt.date(2016, 5, 6)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Header:
    """The header of a mammogram, of which tests change what they are about."""
    path = tmp_path_factory.mktemp("plain") / "a.dcm"
    pixels = stored_values(np.full((80, 70), 0.5, np.float32))
    write_mammogram(
        path, pixels, side="L", view="CC", spacing_mm=1.0, patient_id="P", accession="", image_id="a", date=DAY
    )
    return replace(read_header(path), patient_id="Miller", accession="")


def scans(plain: Header, study: str, views: Iterable[tuple[str, str]] = VIEWS, **changes: Any) -> list[Scan]:
    """One file for each side and view; `modifiers` are those of the view."""
    made = []
    modifiers = changes.pop("modifiers", ())
    for side, view in views:
        uid = f"{study}.{side}{view}.{changes.get('time', '')}.{changes.get('date', '')}.{'+'.join(modifiers)}"
        header = replace(
            plain,
            **({"study_uid": study, "side": side, "view": View(view, modifiers, "ViewCodeSequence")} | changes),
        )
        made.append(Scan(Path("files") / f"{len(made)}-{uid}", replace(header, sop_instance_uid=uid), None))
    return made


def grouped(files: Iterable[Scan], by_study: bool = False, **naming: Any) -> Found:
    how = Grouping(by_study=by_study, compare=False)
    return group(files, Path("files"), Rules(), replace(NAMING, **naming), how)


def rules(found: Found) -> dict[str, int]:
    return dict(Counter(problem.rule for problem in found.problems))


def sizes(found: Found) -> list[int]:
    return sorted(len(exam.images) for exam in found.exams)


def test_two_halves_of_a_visit_are_one_exam(plain: Header) -> None:
    found = grouped([*scans(plain, "1", VIEWS[:2]), *scans(plain, "2", VIEWS[2:])])
    assert sizes(found) == [4]
    assert rules(found) == {"studies-joined": 1}
    assert found.exams[0].studies == {"1", "2"}


def test_added_views_of_the_day_belong_to_the_screening_exam(plain: Header) -> None:
    found = grouped([*scans(plain, "2", [("L", "ML")]), *scans(plain, "1")])
    assert sizes(found) == [5]
    assert rules(found) == {"studies-joined": 1}


def test_two_studies_that_each_show_four_views_stay_two_exams(plain: Header) -> None:
    files = [*scans(plain, "1"), *scans(plain, "2")]
    assert sizes(grouped(files)) == [4, 4]
    assert rules(grouped(files)) == {"same-day-exams": 1}
    one_request = [Scan(s.path, replace(s.header, accession="A"), None) for s in files if s.header]
    assert sizes(grouped(one_request)) == [8]
    assert rules(grouped(one_request)) == {"studies-joined": 1, "view-repeated": 4}


def test_added_views_beside_two_complete_studies_stay_alone_unless_a_number_joins_them(plain: Header) -> None:
    both = [*scans(plain, "1", accession="A"), *scans(plain, "2", accession="B")]
    assert sizes(grouped([*both, *scans(plain, "3", [("L", "ML")])])) == [1, 4, 4]
    assert sizes(grouped([*both, *scans(plain, "3", [("L", "ML")], accession="B")])) == [4, 5]


def test_other_days_and_other_women_are_other_exams(plain: Header) -> None:
    files = [
        *scans(plain, "1", VIEWS[:2]),
        *scans(plain, "2", VIEWS[2:], date=DAY + dt.timedelta(days=1)),
        *scans(plain, "3", VIEWS[2:], patient_id="Meyer"),
    ]
    found = grouped(files)
    assert sizes(found) == [2, 2, 2]
    assert len({exam.patient_id for exam in found.exams}) == 2
    assert "studies-joined" not in rules(found)


def test_the_order_of_files_changes_no_name(plain: Header) -> None:
    files = [*scans(plain, "1", VIEWS[:2]), *scans(plain, "2", VIEWS[2:]), *scans(plain, "3", [("L", "ML")])]
    names = {exam.exam_id for exam in grouped(files).exams}
    assert {exam.exam_id for exam in grouped(reversed(files)).exams} == names
    assert {exam.exam_id for exam in grouped(files[:2]).exams} == names


def test_outside_priors_filed_into_todays_study_are_an_exam_of_their_own(plain: Header) -> None:
    today = scans(plain, "1")
    found = grouped([*today, *scans(plain, "1", date=YEARS_BEFORE)])
    assert sizes(found) == [4, 4]
    assert [exam.date for exam in found.exams] == [YEARS_BEFORE, DAY]
    assert rules(found) == {"study-parted": 1}
    # Today's exam keeps the name that it has without the priors.
    assert found.exams[1].exam_id == grouped(today).exams[0].exam_id


def test_images_without_a_date_stay_with_their_study(plain: Header) -> None:
    assert sizes(grouped([*scans(plain, "1", VIEWS[:3]), *scans(plain, "1", VIEWS[3:], date=None)])) == [4]
    assert sizes(grouped([*scans(plain, "1", VIEWS[:2], date=None), *scans(plain, "2", VIEWS[2:], date=None)])) == [
        2,
        2,
    ]


def test_exams_by_study_if_asked(plain: Header) -> None:
    files = [*scans(plain, "1", VIEWS[:2]), *scans(plain, "2", VIEWS[2:]), *scans(plain, "2", date=YEARS_BEFORE)]
    found = grouped(files, by_study=True)
    assert sizes(found) == [2, 6]
    assert rules(found)["dates-apart"] == 1
    assert "studies-joined" not in rules(found)


def test_repeats_are_kept_numbered_by_time_and_the_last_is_preferred(plain: Header) -> None:
    files = [*scans(plain, "1"), *scans(plain, "1", [("L", "CC")], time="093000"),
             *scans(plain, "1", [("L", "CC")], time="091500")]  # fmt: skip
    found = grouped([Scan(s.path, replace(s.header, time=s.header.time or "0900"), None) for s in files if s.header])
    here = [i for i in found.images if (i.header.side, i.header.view.name) == ("L", "CC")]
    assert sorted((i.header.time, i.repeat, i.preferred) for i in here) == [
        ("090000", 1, False), ("091500", 2, False), ("093000", 3, True),
    ]  # fmt: skip
    assert rules(found) == {"view-repeated": 1}


def test_implants_full_and_displaced(plain: Header) -> None:
    """Eight images: the displaced ones are kept, but those with the whole implant are the standard views."""
    full = scans(plain, "1", implant=True)
    displaced = scans(plain, "1", implant=True, modifiers=("implant displaced",))
    found = grouped([*full, *displaced])
    assert sizes(found) == [8]
    assert {(i.preferred, i.header.view.modifiers) for i in found.images} == {
        (True, ()),
        (False, ("implant displaced",)),
    }
    assert {image.repeat for image in found.images} == {1}
    assert rules(found) == {}


def test_a_mosaic_is_no_repeat_and_no_standard_view(plain: Header) -> None:
    found = grouped([*scans(plain, "1", VIEWS[1:]), *scans(plain, "1", VIEWS[:1], partial=True, time="1"),
                     *scans(plain, "1", VIEWS[:1], partial=True, time="2")])  # fmt: skip
    assert sizes(found) == [5]
    assert not [image for image in found.images if image.header.partial and image.preferred]
    assert rules(found) == {"view-missing": 1}


def test_an_ordinary_image_is_preferred_to_a_later_synthesised_one(plain: Header) -> None:
    later = scans(plain, "1", [("L", "CC")], time="235959", product="C-VIEW")
    how = Grouping(compare=False)
    found = group([*scans(plain, "1"), *later], Path("files"), Rules(allow_synthesised=True), NAMING, how)
    assert {image.verdict.kind for image in found.images if image.preferred} == {"mammogram"}
    joined = [*scans(plain, "1"), *scans(plain, "2", product="C-VIEW")]
    found = group(joined, Path("files"), Rules(allow_synthesised=True), NAMING, how)
    assert sizes(found) == [8]


def test_a_copy_is_left_out_but_another_image_under_its_uid_is_kept(plain: Header) -> None:
    files = scans(plain, "1")
    first = files[0].header
    assert first is not None
    copy = Scan(Path("files/copy"), first, None)
    other = Scan(Path("files/other"), replace(first, side="R"), None)
    found = grouped([*files, copy, other])
    assert sizes(found) == [5]
    assert rules(found) == {"duplicate-instance": 1, "uid-reused": 1, "view-repeated": 1}
    assert len({image.image_id for image in found.images}) == 5


def test_an_issuer_that_some_files_lack(plain: Header) -> None:
    found = grouped([*scans(plain, "1", VIEWS[:2]), *scans(plain, "1", VIEWS[2:], patient_issuer="H")])
    assert sizes(found) == [4]
    assert rules(found) == {"issuer-missing": 1}


def test_one_number_of_two_archives_is_two_women(plain: Header) -> None:
    files = [*scans(plain, "1", patient_issuer="G"), *scans(plain, "2", patient_issuer="H")]
    assert len({exam.patient_id for exam in grouped(files).exams}) == 2
    assert {exam.patient_id for exam in grouped(files, keep_ids=True).exams} == {"Miller (G)", "Miller (H)"}


def test_files_without_study_or_patient(plain: Header) -> None:
    found = grouped([*scans(plain, "", accession="A"), *scans(plain, "2", patient_id="")])
    assert sizes(found) == [4, 4]
    assert rules(found) == {"no-study": 4, "no-patient": 4}
