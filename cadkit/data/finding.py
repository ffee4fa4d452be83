"""A finding: an annotation in one image."""

from __future__ import annotations

from dataclasses import dataclass

from cadkit.data.shapes import Region


@dataclass(frozen=True)
class Finding:
    """An annotation in one image, in the frame of whoever asks (file or prepared pixels).

    Attributes:
        id: of the finding.
        image_id: the image that it lies in.
        lesion_id: the lesion that it shows; two views of one lesion share it. The finding's own id
            where the table says nothing.
        label: malignant, benign, ...
        kind: mass, calcification, distortion, asymmetry, ... or empty.
        region: its shape.
    """

    id: str
    image_id: str
    lesion_id: str
    label: str
    kind: str
    region: Region

    @property
    def center(self) -> tuple[float, float]:
        """Centre of mass (x, y)."""
        return self.region.center

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1, half open."""
        return self.region.box
