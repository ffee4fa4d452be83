"""A plugin that prints when it is imported."""

from __future__ import annotations

import cadkit

print("licensed to a hospital")


class Prints(cadkit.Model):
    info = cadkit.ModelInfo(("malignant",), "risk")

    def predict_image(self, image: cadkit.Image) -> cadkit.ImagePrediction:
        return cadkit.ImagePrediction({"malignant": float(image.pixels().mean())})
