import cadkit


class MeanIntensity(cadkit.Model):
    """Scores an image by the mean intensity inside the breast."""

    info = cadkit.ModelInfo(labels=("malignant",), scores="risk")

    def predict_image(self, image: cadkit.Image) -> cadkit.ImagePrediction:
        pixels = image.pixels()  # float32, H x W, prepared frame
        return cadkit.ImagePrediction({"malignant": float(pixels[pixels > 0].mean())})
