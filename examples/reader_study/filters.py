"""Two models without training, to have something to compare readers with: a bright disc, and a fine bright speck."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

import cadkit

_SKIN_MM = 5.0  # what lies so near the skin is not looked at


class _Filter(cadkit.Model):
    """Scores an image by the highest response of a difference of Gaussians inside the breast."""

    info = cadkit.ModelInfo(labels=("malignant",), scores="probability", pooling=("mean", "max"), localizes="saliency")
    sigma_mm: float
    wider: float
    middle: float
    slope: float

    def predict_image(self, image: cadkit.Image) -> cadkit.ImagePrediction:
        pixels = image.pixels()
        breast = pixels > 0
        spacing = image.spacing_mm or 1.0
        inside = ndimage.binary_erosion(breast, iterations=max(1, round(_SKIN_MM / spacing)))
        inside = inside if inside.any() else breast
        level = float(pixels[inside].mean())
        filled = np.where(breast, pixels, level) / max(level, 1e-6)
        sigma = self.sigma_mm / spacing
        response = ndimage.gaussian_filter(filled, sigma) - ndimage.gaussian_filter(filled, self.wider * sigma)
        chance = 1 / (1 + np.exp(-self.slope * (np.where(inside, response, response.min()) - self.middle)))
        saliency = cadkit.Saliency(np.where(inside, chance, 0.0)[None])
        return cadkit.ImagePrediction({"malignant": float(chance[inside].max())}, saliency=saliency)


class Discs(_Filter):
    """Masses: bright over several millimetres."""

    sigma_mm, wider, middle, slope = 6.0, 4.0, 1.05, 5.0


class Specks(_Filter):
    """Calcifications: bright over a millimetre or two."""

    sigma_mm, wider, middle, slope = 1.5, 1.6, 0.27, 25.0
