"""The plugin contract: what a model is, what it is asked and what it answers.

A model subclasses `Model`, states a `ModelInfo` and writes one of `predict_image`, `predict_breast`,
`predict_exam` or `predict`. Whatever level it answers at is kept; a level that an answer leaves out
is pooled from the one below by `ModelInfo.pooling`, never from above.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cadkit.plugin.config import Config as BaseConfig

if TYPE_CHECKING:
    from cadkit.data import Affine, Breast, Crop, Exam, Image
    from cadkit.plugin.run import Run

API = 1
POOLINGS = ("mean", "max", "sum")
Frame = Literal["prepared", "file"]
Scores = Mapping[str, float]


@dataclass(frozen=True)
class ModelInfo:
    """What the core must know of a model before it runs.

    Attributes:
        labels: what is scored: 0/1 columns of breasts.csv or exams.csv, or `column=value`.
        scores: `probability` (0 to 1, calibration is judged) or `risk` (any scale, larger is worse).
        unit: what one sample of a torch model is: image, breast or exam.
        views: of an image model: the only views that it scores; of a `TorchModel` of breasts or exams: exactly
            one image of each. A model that writes `predict_breast` or `predict_exam` is handed all that there is.
        pooling: how image scores become a breast's and breast scores an exam's: mean, max or sum.
        localizes: what the FROC is made of: `marks`, peaks of `saliency`, or nothing.
        learns: what training needs beyond labels: points, boxes, masks.
        findings: labels of findings by index in training; () for `labels`.
        maps: names of prediction folders that may be given as further channels (`--maps`).
        paper: reference.
        api: version of this contract that the model was written for.
    """

    labels: tuple[str, ...]
    scores: Literal["probability", "risk"]
    unit: Literal["image", "breast", "exam"] = "image"
    views: tuple[str, ...] = ()
    pooling: tuple[str, str] = ("mean", "max")
    localizes: Literal["", "marks", "saliency"] = ""
    learns: tuple[str, ...] = ("labels",)
    findings: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    paper: str = ""
    api: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.labels, tuple) or not self.labels:
            raise ValueError(f"labels is a tuple of at least one name, such as ('malignant',), not {self.labels!r}")
        if self.scores not in ("probability", "risk"):
            raise ValueError(f"scores is 'probability' or 'risk', not {self.scores!r}")
        if len(self.pooling) != 2 or any(way not in POOLINGS for way in self.pooling):
            raise ValueError(
                f"pooling is two of {', '.join(POOLINGS)} (over views, over breasts), not {self.pooling!r}"
            )
        if self.localizes not in ("", "marks", "saliency"):
            raise ValueError(f"localizes is '', 'marks' or 'saliency', not {self.localizes!r}")


@dataclass(frozen=True)
class Skipped:
    """The answer of a model that does not score a unit; an exception would be a defect."""

    reason: str


def _array(values: ArrayLike | None, width: int | None = None) -> NDArray[np.float64] | None:
    if values is None:
        return None
    array = np.asarray(values, dtype=np.float64)
    return array if width is None else array.reshape(-1, width)


class Marks:
    """Scored points or boxes of one image.

    Attributes:
        scores: float64, n, or n x labels for marks scored for every label.
        points: n x 2, (x, y), or None: the centres of the boxes.
        boxes: n x 4, (x0, y0, x1, y1), half open, or None.
        labels: n indices into the model's labels; None where `scores` has a column per label, or the
            model has one label.
    """

    def __init__(
        self,
        scores: ArrayLike,
        points: ArrayLike | None = None,
        boxes: ArrayLike | None = None,
        labels: ArrayLike | None = None,
    ) -> None:
        self.boxes = _array(boxes, 4)
        given = _array(points, 2)
        if given is None:
            if self.boxes is None:
                raise ValueError("marks need points or boxes")
            given = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        self.points: NDArray[np.float64] = given
        scores = np.asarray(scores, dtype=np.float64)
        self.scores = np.full(len(self.points), float(scores)) if scores.ndim == 0 else scores
        self.labels = None if labels is None else np.asarray(labels, dtype=np.int64).reshape(-1)
        counts = {len(self.points), len(self.scores)} | ({len(self.boxes)} if self.boxes is not None else set())
        if self.labels is not None:
            counts.add(len(self.labels))
        if len(counts) != 1:
            raise ValueError(f"marks with unequal numbers of scores, points, boxes and labels: {sorted(counts)}")

    def __len__(self) -> int:
        return len(self.points)

    def moved(self, matrix: Affine) -> Marks:
        """The marks after a map, such as `crop.matrix` from a crop's pixels to prepared ones."""
        points = np.stack(matrix(self.points[:, 0], self.points[:, 1]), 1)
        boxes = None if self.boxes is None else [matrix.box(box) for box in self.boxes.tolist()]
        return Marks(self.scores, points, boxes, self.labels)

    def within(self, shape: tuple[int, int]) -> Marks:
        """Boxes cut at the borders of a picture of so many rows and columns, without the marks that lie outside it.

        A point that was the middle of its box is that of what is left of it.
        """
        size = np.array(shape[::-1], dtype=np.float64)
        points, boxes = self.points, self.boxes
        if boxes is not None:
            middle = np.isclose(points, (boxes[:, :2] + boxes[:, 2:]) / 2).all(axis=1, keepdims=True)
            boxes = np.clip(boxes, 0, np.tile(size, 2))
            points = np.where(middle, (boxes[:, :2] + boxes[:, 2:]) / 2, points)
        kept = ((points >= 0) & (points <= size)).all(1)
        if boxes is not None:
            kept &= (boxes[:, 2:] > boxes[:, :2]).all(1)
        labels = None if self.labels is None else self.labels[kept]
        return Marks(self.scores[kept], points[kept], None if boxes is None else boxes[kept], labels)


class Saliency:
    """A map of an image on equal cells of a window, or on uneven cells with stated edges.

    Attributes:
        values: float32, labels x rows x columns, 0 to 1.
        window: (x0, y0, x1, y1) that the map covers; None for the whole image.
        edges: (y edges, x edges) of the cells, rows + 1 and columns + 1 numbers, in the window's frame;
            None for equal cells.
    """

    def __init__(
        self,
        values: ArrayLike,
        window: tuple[float, float, float, float] | None = None,
        edges: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> None:
        self.values = np.asarray(values, dtype=np.float32)
        if self.values.ndim != 3:
            raise ValueError(f"a saliency map has the shape labels x rows x columns, not {self.values.shape}")
        self.window = None if window is None else tuple(float(v) for v in window)
        self.edges: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        if edges is not None:
            y, x = (np.asarray(e, dtype=np.float64) for e in edges)
            if (len(y) - 1, len(x) - 1) != self.values.shape[1:]:
                raise ValueError(f"{len(y)} and {len(x)} edges do not fit a map of {self.values.shape[1:]} cells")
            self.edges = y, x

    @classmethod
    def of_tiles(cls, values: ArrayLike, tiles: Sequence[Sequence[Crop]]) -> Saliency:
        """A map of one value per tile (`Image.tiles`): every place has that of the tile whose middle is nearest.

        Args:
            values: labels x rows x columns of tiles, 0 to 1.
            tiles: the crops, which neither turn nor mirror.
        """
        rows, columns = tiles[0][0].image.shape
        middles = [row[0].matrix(0, row[0].size[0] / 2)[1] for row in tiles]
        across = [tile.matrix(tile.size[1] / 2, 0)[0] for tile in tiles[0]]
        return cls(values, edges=(_between(middles, rows), _between(across, columns)))

    def moved(self, matrix: Affine, size: tuple[int, int]) -> Saliency:
        """The map after a map of the plane, such as `crop.matrix` from a crop's pixels to prepared ones.

        Args:
            matrix: it may scale, shift and mirror.
            size: rows and columns of what the map covers where it states no window.

        Raises:
            ValueError: the matrix turns or shears, so that the cells are no rows and columns any more.
        """
        if not matrix.axis_aligned:
            raise ValueError("a saliency map of a turned crop has no window: give it for a plain one")
        a, _, c, _, e, f = matrix.values
        left_right, up_down = (-1 if factor < 0 else 1 for factor in (a, e))
        values = self.values[:, ::up_down, ::left_right]
        edges = None
        if self.edges is not None:
            edges = (e * self.edges[0] + f)[::up_down], (a * self.edges[1] + c)[::left_right]
        return Saliency(values, matrix.box(self.window or (0, 0, size[1], size[0])), edges)


def _between(middles: Sequence[ArrayLike], end: float) -> NDArray[np.float64]:
    """Edges half way between rising middles, from 0 to the end of the picture."""
    at = np.asarray(middles, dtype=np.float64)
    return np.concatenate([[0.0], (at[1:] + at[:-1]) / 2, [float(end)]])


@dataclass
class ImagePrediction:
    """A model's answer for one image.

    Attributes:
        scores: by label.
        extra: further scores, name -> label -> value; judged like scores, under `<name>.<label>`.
        marks, saliency, rois: in prepared pixels, in the file's with `frame="file"`, or in those of a
            crop of the image with `frame=crop`: they are moved to prepared pixels, boxes of marks are cut
            at the borders of the picture, and marks beside it are left out. A region of interest is a
            mark whose score is its attention.
        frame: `prepared` once a crop's places were moved.

    Raises:
        ValueError: there is no such frame, or a saliency map was given for a turned crop.
    """

    scores: Scores
    extra: Mapping[str, Scores] = field(default_factory=dict)
    marks: Marks | None = None
    saliency: Saliency | None = None
    rois: Marks | None = None
    frame: Frame | Crop = "prepared"

    def __post_init__(self) -> None:
        if isinstance(self.frame, str):
            if self.frame not in ("prepared", "file"):
                raise ValueError(f"frame is 'prepared', 'file' or a crop of the image, not {self.frame!r}")
            return
        crop, self.frame = self.frame, "prepared"
        if self.marks is not None:
            self.marks = self.marks.moved(crop.matrix).within(crop.image.shape)
        if self.rois is not None:
            self.rois = self.rois.moved(crop.matrix)
        if self.saliency is not None:
            self.saliency = self.saliency.moved(crop.matrix, crop.size)


@dataclass
class BreastPrediction:
    """A model's answer for one breast; `images` by image id where it has them."""

    scores: Scores | None = None
    extra: Mapping[str, Scores] = field(default_factory=dict)
    images: Mapping[str, ImagePrediction | Skipped] = field(default_factory=dict)


@dataclass
class ExamPrediction:
    """A model's answer for one exam; `images` by image id, `breasts` by side where it has them."""

    scores: Scores | None = None
    extra: Mapping[str, Scores] = field(default_factory=dict)
    images: Mapping[str, ImagePrediction | Skipped] = field(default_factory=dict)
    breasts: Mapping[str, BreastPrediction | Skipped] = field(default_factory=dict)


class Model:
    """A model of screening mammography. Subclass it, state `info`, write one method.

    Class attributes:
        info: `ModelInfo`; `__init__` may set `self.info` from the config.
        Config: a `cadkit.Config` class.
        wants: what the user asked for beyond scores (`marks`, `saliency`, `rois`), set before a
            prediction, for a model to whom maps are costly.
        device: where the user wants it to run: `auto`, `cpu`, `cuda`, `cuda:1`, ...; set before `load`.
    """

    Config: ClassVar[type[BaseConfig]] = BaseConfig
    info: ModelInfo
    config: Any
    wants: frozenset[str] = frozenset({"marks", "rois"})
    device: str = "auto"

    def __init__(self, config: BaseConfig | None = None) -> None:
        self.config = config if config is not None else self.Config()

    @property
    def trainable(self) -> bool:
        """Whether the model has a method `train`."""
        return hasattr(self, "train")

    def load(self, run: Run) -> None:
        """Read what `train` wrote. A model that is not trained needs none."""

    def predict(self, exams: Iterable[Exam]) -> Iterator[ExamPrediction | Skipped]:
        """One answer per exam, in order. By default asks `predict_exam`, `_breast` or `_image`."""
        for exam in exams:
            yield self.predict_exam(exam)

    def predict_exam(self, exam: Exam) -> ExamPrediction | Skipped:
        """Answer one exam. By default every breast, or every image, on its own."""
        if type(self).predict_breast is not Model.predict_breast:
            return ExamPrediction(breasts={side: self.predict_breast(b) for side, b in exam.breasts.items()})
        return ExamPrediction(images={image.id: self._image(image) for image in exam.images})

    def predict_breast(self, breast: Breast) -> BreastPrediction | Skipped:
        """Answer one breast."""
        raise NotImplementedError

    def predict_image(self, image: Image) -> ImagePrediction | Skipped:
        """Answer one image."""
        raise NotImplementedError(
            f"{type(self).__name__} writes none of predict, predict_exam, predict_breast and predict_image"
        )

    def _image(self, image: Image) -> ImagePrediction | Skipped:
        if self.info.views and image.view not in self.info.views:
            return Skipped(f"view {image.view}: the model scores {', '.join(self.info.views)} only")
        if image.exam.lacks_pixels(image.id):
            return Skipped("the image could not be prepared")
        return self.predict_image(image)
