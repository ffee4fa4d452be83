"""Drawn exams have DICOM files for a plugin that hands them to another program."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

import cadkit
from cadkit.dicom import read_pixels
from cadkit.prediction import export_image
from cadkit.testing import exams

INFO = cadkit.ModelInfo(labels=("malignant",), scores="risk")


@pytest.mark.parametrize("margin", [exams.MARGIN, exams.WIDE_MARGIN])
def test_a_file_holds_what_original_says_with_the_breast_where_it_points(tmp_path: Path, margin: int) -> None:
    data = exams.draw([*exams.ORDINARY[:1], *exams.WITH_IMPLANT], INFO, margin=margin)
    for image in data.images:
        path = export_image(image, tmp_path)
        stored = read_pixels(path).stored
        assert np.array_equal(stored, image.original())
        picture = stored[:, ::-1] if image.side == "R" else stored
        rows, columns = image.shape
        assert np.array_equal(picture[margin : margin + rows, margin : margin + columns], image.raw() >> 4)
        read = dcmread(path, stop_before_pixels=True)
        code = {"CC": "399162004", "MLO": "399368009"}[image.view]  # PS3.16, CID 4014
        assert (read.ImageLaterality, read.ViewCodeSequence[0].CodeValue) == (image.side, code)
        assert read.PatientID == image.exam.patient_id
        assert read.BreastImplantPresent == ("YES" if image.columns["implant"] else "NO")


def test_of_exams_with_odd_views_and_unprepared_images_as_well(tmp_path: Path) -> None:
    data = exams.draw([*exams.MISSING_VIEW, *exams.EXTRA_IMAGE, *exams.UNPREPARED, *exams.ELONGATED], INFO)
    made = {image.id: read_pixels(export_image(image, tmp_path)).stored for image in data.images}
    assert {name: stored.any() for name, stored in made.items() if not stored.any()} == {"exam-unprepared-L-CC": False}
    assert made["exam-unprepared-L-CC"].shape == made["exam-unprepared-R-CC"].shape


def test_files_are_written_when_asked_for_and_removed_with_the_exams(tmp_path: Path) -> None:
    data = exams.draw(exams.ORDINARY[:1], INFO)
    source = data.pixel_source
    assert "_folder" not in vars(source)
    export_image(data.images[0], tmp_path)
    folder = vars(source)["_folder"]
    assert [path.name for path in folder.iterdir()] == [f"{data.images[0].id}.dcm"]
    del data, source
    gc.collect()  # exams and their dataset refer to each other
    assert not folder.exists()
