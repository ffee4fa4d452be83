"""DICOM mammography: headers, what a file is, the pixel chain, and writing. Knows nothing of datasets."""

from cadkit.dicom.attributes import Header, read_header
from cadkit.dicom.errors import DicomError
from cadkit.dicom.pixels import Pixels, pixels_fingerprint, read_pixels
from cadkit.dicom.triage import Rules, Verdict, classify
from cadkit.dicom.views import View
from cadkit.dicom.writing import stored_values, write_mammogram

__all__ = [
    "DicomError",
    "Header",
    "Pixels",
    "Rules",
    "Verdict",
    "View",
    "classify",
    "pixels_fingerprint",
    "read_header",
    "read_pixels",
    "stored_values",
    "write_mammogram",
]
