"""A function that scores an image, from a folder of images to a report; works in a notebook as it stands.

    python function.py D

D is a prepared dataset: `cadkit import dicom FOLDER D`, then `cadkit prepare D`.
"""

import sys

import cadkit


def texture(image: cadkit.Image) -> float:
    """Standard deviation of the pixels inside the breast."""
    pixels = image.pixels()
    return float(pixels[pixels > 0].std())


if __name__ == "__main__":
    data = cadkit.open(sys.argv[1])
    predictions = cadkit.predict(texture, data)
    report = cadkit.evaluate({"texture": predictions}, data, bootstrap=500)
    print(report)
    print(report.methods())
    print(f"{report.folder}/report.html")
