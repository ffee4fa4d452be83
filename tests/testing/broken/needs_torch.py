"""A plugin that imports torch for one line of its prediction."""

from __future__ import annotations

import torch

import cadkit


class NeedsTorch(cadkit.Model):
    info = cadkit.ModelInfo(("malignant",), "risk")

    def predict_image(self, image: cadkit.Image) -> cadkit.ImagePrediction:
        return cadkit.ImagePrediction({"malignant": float(torch.from_numpy(image.pixels()).mean())})
