"""A prediction in a process of its own, to be killed: worker.py DATASET OUT BLOCK_AT FILE_LIMIT.

Scores are made of the exam's name. At the exam number BLOCK_AT the model waits for ever.
"""

from __future__ import annotations

import resource
import sys
import threading
import zlib
from pathlib import Path

import numpy as np

import cadkit
from cadkit.data import Affine, Dataset
from cadkit.errors import CadkitError
from cadkit.prediction import predict_model as predict

LABELS = ("malignant", "benign")


class Blank:
    """40 x 30 pixels of nothing for every image."""

    def shape(self, image_id):
        return 40, 30

    def read(self, image_id, box):
        return np.zeros((40, 30), dtype=np.uint16)

    def to_file(self, image_id):
        return Affine()

    def best_center(self, image_id, size):
        return 0, 0

    def has(self, image_id):
        return True


class Named(cadkit.Model):
    """Scores, marks and maps that depend on the image's name alone."""

    info = cadkit.ModelInfo(labels=LABELS, scores="probability", localizes="marks")
    block_at = -1
    asked = 0

    def predict_exam(self, exam):
        if self.asked == self.block_at:
            threading.Event().wait()
        self.asked += 1
        if exam.id == "e2":
            return cadkit.Skipped("a reason with a line\u2028separator, \x85 and \x1c")
        return super().predict_exam(exam)

    def predict_image(self, image):
        rng = np.random.default_rng(zlib.crc32(image.id.encode()))
        return cadkit.ImagePrediction(
            dict(zip(LABELS, rng.random(2).tolist(), strict=True)),
            marks=cadkit.Marks(rng.random((3, 2)), points=rng.random((3, 2)) * 30),
            rois=cadkit.Marks([0.5], boxes=[[1, 2, 3, 4]]),
            saliency=cadkit.Saliency(rng.random((2, 4, 3))),
        )


def run(dataset: str, out: str, block_at: int = -1) -> None:
    model = Named()
    model.block_at = block_at
    data = Dataset.open(Path(dataset), Blank())
    predict(model, data, out, record={"model": "named", "split": "all"}, saliency=True, quiet=True)


if __name__ == "__main__":
    dataset, out, block_at, limit = sys.argv[1:]
    if int(limit):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        run(dataset, out, int(block_at))
    except CadkitError as error:
        print(type(error).__name__, error, file=sys.stderr)
        sys.exit(error.exit_status)
