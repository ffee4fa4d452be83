"""Exams, breasts, images and findings, and the tables that hold them."""

from cadkit.data.affine import Affine
from cadkit.data.crop import Crop
from cadkit.data.dataset import Dataset
from cadkit.data.exam import Breast, Exam, Image
from cadkit.data.finding import Finding
from cadkit.data.pixel_source import PixelSource
from cadkit.data.shapes import Box, Circle, Mask, Point, Polygon, Region
from cadkit.data.tables import Meta
from cadkit.data.truth import TruthHidden

__all__ = [
    "Affine",
    "Box",
    "Breast",
    "Circle",
    "Crop",
    "Dataset",
    "Exam",
    "Finding",
    "Image",
    "Mask",
    "Meta",
    "PixelSource",
    "Point",
    "Polygon",
    "Region",
    "TruthHidden",
]
