"""The numbers of a GMIC network, and its three presets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """Numbers that fix the network. The defaults are the paper's (Shen et al. 2021, sections 2.2 and 3.3).

    Attributes:
        window: height and width in pixels of the images that it is meant for. The network reads any size;
            this one states the scale that the other numbers belong to.
        labels: number of labels scored (two in the paper: benign, malignant).
        channels: channels of the input; patches are cut from the first one.
        top_t: share of the cells of a saliency map that its pooling averages, in (0, 1] (eq. 7).
        rois: number K of patches retrieved from an image.
        patch: height and width of a patch in pixels.
        global_widths: channels of the five layers of the global ResNet-22.
        global_strides: their strides; the total stride is four times their product.
        global_blocks: residual blocks in each of them (two in ResNet-22).
        prior: share of cells that answer before anything is learnt, in (0, 1): the saliency convolution then has a
            bias and non-negative weights at first, so that a random start answers where the image has structure,
            and rarely. None as published: no bias (eq. 2), for a global network that was trained before.
        local_widths: channels of the four layers of the local ResNet-18; the last is L.
        local_strides: their strides; the total stride is four times their product.
        attention: hidden units M of the gated attention (eq. 8).
    """

    window: tuple[int, int] = (2944, 1920)
    labels: int = 2
    channels: int = 1
    top_t: float = 0.02
    rois: int = 6
    patch: tuple[int, int] = (256, 256)
    global_widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    global_strides: tuple[int, ...] = (1, 2, 2, 2, 2)
    global_blocks: int = 2
    prior: float | None = None
    local_widths: tuple[int, ...] = (64, 128, 256, 512)
    local_strides: tuple[int, ...] = (1, 2, 2, 2)
    attention: int = 128

    def __post_init__(self) -> None:
        counts = (self.labels, self.channels, self.rois, self.attention, self.global_blocks, *self.patch, *self.window)
        if min(counts) < 1:
            raise ValueError("labels, channels, rois, attention, global_blocks, patch and window must be at least 1")
        if not 0 < self.top_t <= 1:
            raise ValueError(f"top_t is a share of the cells, in (0, 1], not {self.top_t}")
        if self.prior is not None and not 0 < self.prior < 1:
            raise ValueError(f"prior is a share, in (0, 1), not {self.prior}")
        if len(self.global_widths) != 5 or len(self.global_strides) != 5:
            raise ValueError("ResNet-22 has five layers: give five global_widths and five global_strides")
        if len(self.local_widths) != 4 or len(self.local_strides) != 4:
            raise ValueError("ResNet-18 has four layers: give four local_widths and four local_strides")

    def map_size(self, image: tuple[int, int] | None = None) -> tuple[int, int]:
        """Rows and columns of the saliency map of an image of this height and width (default: the window)."""
        rows, columns = (self._cells(length) for length in image or self.window)
        return rows, columns

    def _cells(self, length: int) -> int:
        cells = (length - 1) // 2 + 1  # 7x7, stride 2, padding 3
        cells = (cells - 3) // 2 + 1  # pooling 3x3, stride 2, no padding
        for stride in self.global_strides:  # 3x3, padding 1
            cells = (cells - 1) // stride + 1
        return cells


# The scaled-down networks stride late and `tiny` has half the blocks: a cell would otherwise see the whole image, and
# with image labels alone nothing tells such a network to answer where the lesion is. Receptive fields: 883 of 2944
# pixels in the paper's network, 467 of 1024 in `small`, 99 of 320 in `tiny`.
PRESETS: dict[str, Architecture] = {
    # Total stride 64: map 46x30, windows of 4x4 cells, 28 cells pooled.
    "paper": Architecture(),
    # Total stride 32: map 32x20, windows of 3x3 cells, 13 cells pooled.
    "small": Architecture(
        window=(1024, 640),
        patch=(96, 96),
        global_widths=(16, 16, 32, 64, 128),
        global_strides=(1, 1, 2, 2, 2),
        prior=0.02,
        local_widths=(32, 64, 128, 256),
        attention=64,
    ),
    # Total stride 8: map 40x26, windows of 6x6 cells, 21 cells pooled.
    "tiny": Architecture(
        window=(320, 208),
        patch=(48, 48),
        global_widths=(8, 16, 24, 32, 64),
        global_strides=(1, 1, 1, 1, 2),
        global_blocks=1,
        prior=0.02,
        local_widths=(16, 32, 48, 64),
        local_strides=(1, 2, 2, 1),
        attention=32,
    ),
}
