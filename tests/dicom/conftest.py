"""Small DICOM files, made from scratch so that no test depends on cadkit's own writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import config
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

Maker = Callable[..., Path]


def coded(value: str, scheme: str, meaning: str = "") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def mammogram(stored: np.ndarray[Any, Any] | None, **attributes: Any) -> FileDataset:
    """A plain L CC For Presentation mammogram of 12 bits; `attributes` replace, None removes."""
    dataset = FileDataset(None, {}, preamble=b"\0" * 128)  # type: ignore[arg-type]
    dataset.file_meta = FileMetaDataset()
    values: dict[str, Any] = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2",
        "SOPInstanceUID": generate_uid(entropy_srcs=["a"]),
        "StudyInstanceUID": generate_uid(entropy_srcs=["b"]),
        "SeriesInstanceUID": generate_uid(entropy_srcs=["c"]),
        "PatientID": "P-7",
        "AccessionNumber": "A-7",
        "Modality": "MG",
        "ImageType": ["DERIVED", "PRIMARY"],
        "ImageLaterality": "L",
        "ViewCodeSequence": Sequence([coded("399162004", "SCT")]),
        "StudyDate": "20200102",
        "PhotometricInterpretation": "MONOCHROME2",
        "SamplesPerPixel": 1,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
    }
    if stored is not None:
        values |= {"Rows": stored.shape[0], "Columns": stored.shape[1]}
    values |= attributes
    for keyword, value in values.items():
        if value is not None:
            _set(dataset, keyword, value)
    return dataset


def _set(dataset: Dataset, keyword: str, value: Any) -> None:
    """Set what is meant to be wrong as well, without pydicom's warning."""
    mode = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    try:
        setattr(dataset, keyword, value)
    finally:
        config.settings.reading_validation_mode = mode


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    """`make(stored, syntax=..., **attributes)` writes a file and returns its path."""

    def write(
        stored: np.ndarray[Any, Any] | None,
        *,
        syntax: str = ExplicitVRLittleEndian,
        name: str = "image.dcm",
        change: Callable[[FileDataset], None] | None = None,
        encoder: str = "",
        **attributes: Any,
    ) -> Path:
        dataset = mammogram(stored, **attributes)
        plain = syntax if syntax in _NATIVE else ExplicitVRLittleEndian
        dataset.file_meta.TransferSyntaxUID = plain
        if stored is not None:
            order = ">" if syntax == ExplicitVRBigEndian else "<"
            dataset.PixelData = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
            if len(dataset.PixelData) % 2:
                dataset.PixelData += b"\0"
            dataset["PixelData"].VR = "OW" if dataset.BitsAllocated > 8 else "OB"
        if change is not None:
            change(dataset)
        if syntax != plain:
            dataset.compress(syntax, encoding_plugin=encoder, generate_instance_uid=False)
        dataset.set_original_encoding(None, None)
        path = tmp_path / name
        dataset.save_as(path, enforce_file_format=True)
        return path

    return write


_NATIVE = (ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, "1.2.840.10008.1.2.1.99")
