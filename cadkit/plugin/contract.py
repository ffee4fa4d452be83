"""The plugin contract: what a model is, what it is asked and what it answers.

A model subclasses `Model`, states a `ModelInfo` and writes one of `predict_image`, `predict_breast`,
`predict_exam` or `predict`. Whatever level it answers at is kept; a level that an answer leaves out
is pooled from the one below by `ModelInfo.pooling`, never from above.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
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
_SLIVER = 1e-6
"""Pixels that rounding may leave beside a picture."""


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
    _: KW_ONLY
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
        points, boxes = self._cut(shape)
        kept = ((points >= 0) & (points <= shape[::-1])).all(1)
        if boxes is not None:
            kept &= (boxes[:, 2:] > boxes[:, :2]).all(1)
        labels = None if self.labels is None else self.labels[kept]
        return Marks(self.scores[kept], points[kept], None if boxes is None else boxes[kept], labels)

    def clipped(self, shape: tuple[int, int]) -> Marks:
        """As `within`, but all are kept: what lies outside the picture is moved to its border."""
        points, boxes = self._cut(shape)
        return Marks(self.scores, np.clip(points, 0, shape[::-1]), boxes, self.labels)

    def _cut(self, shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Points, of which those in the middle of their boxes go along, and boxes cut at a picture's borders."""
        if self.boxes is None:
            return self.points, None
        middle = np.isclose(self.points, (self.boxes[:, :2] + self.boxes[:, 2:]) / 2).all(axis=1, keepdims=True)
        boxes = np.clip(self.boxes, 0, np.tile(shape[::-1], 2))
        return np.where(middle, (boxes[:, :2] + boxes[:, 2:]) / 2, self.points), boxes


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
        self.window: tuple[float, float, float, float] | None = None
        if window is not None:
            x0, y0, x1, y1 = window
            self.window = float(x0), float(y0), float(x1), float(y1)
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

        Raises:
            ValueError: a tile is turned or mirrored.
        """
        for tile in (tile for row in tiles for tile in row):
            if not tile.matrix.axis_aligned or tile.matrix.values[0] <= 0 or tile.matrix.values[4] <= 0:
                raise ValueError("tiles of a map are plain ones, as Image.tiles gives them: one is turned or mirrored")
        rows, columns = tiles[0][0].image.shape
        middles = [row[0].matrix(0, row[0].size[0] / 2)[1] for row in tiles]
        across = [tile.matrix(tile.size[1] / 2, 0)[0] for tile in tiles[0]]
        return cls(values, edges=(halfway_edges(middles, rows), halfway_edges(across, columns)))

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

    def within(self, shape: tuple[int, int]) -> Saliency:
        """The map without what lies outside a picture of so many rows and columns: cells are cut at its borders.

        Args:
            shape: of the picture in whose pixels window and edges are. One that the map does not meet is covered
                by a single cell of 0.
        """
        x0, y0, x1, y1 = self.window or (0.0, 0.0, float(shape[1]), float(shape[0]))
        rows, columns = self.values.shape[1:]
        y, x = self.edges or (np.linspace(y0, y1, rows + 1), np.linspace(x0, x1, columns + 1))
        inside = min(x[0], y[0]) >= -_SLIVER and x[-1] <= shape[1] + _SLIVER and y[-1] <= shape[0] + _SLIVER
        if inside or (np.diff(y) <= 0).any() or (np.diff(x) <= 0).any():  # the core refuses edges that do not rise
            return self
        y, x = np.clip(y, 0, shape[0]), np.clip(x, 0, shape[1])
        down, across = np.flatnonzero(np.diff(y) > _SLIVER), np.flatnonzero(np.diff(x) > _SLIVER)
        if not len(down) or not len(across):
            return Saliency(np.zeros((len(self.values), 1, 1)))
        edges = y[[*down, down[-1] + 1]], x[[*across, across[-1] + 1]]
        window = float(edges[1][0]), float(edges[0][0]), float(edges[1][-1]), float(edges[0][-1])
        return Saliency(self.values[:, down][:, :, across], window, edges)


def halfway_edges(middles: Sequence[ArrayLike], end: float) -> NDArray[np.float64]:
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
            crop of the image with `frame=crop`: they are moved to prepared pixels, boxes and the cells of
            maps are cut at the borders of the picture, marks beside it are left out, and regions beside it
            moved to its border. A region of interest is a mark whose score is its attention.
        frame: `prepared` once a crop's places were moved.
        crop_of: id of the image whose crop was given, which is the one that is answered.

    Raises:
        ValueError: there is no such frame, or a saliency map was given for a turned crop.
    """

    scores: Scores
    extra: Mapping[str, Scores] = field(default_factory=dict)
    _: KW_ONLY
    marks: Marks | None = None
    saliency: Saliency | None = None
    rois: Marks | None = None
    frame: Frame | Crop = "prepared"
    crop_of: str | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        from cadkit.data import Crop

        if isinstance(self.frame, Crop):
            self._leave(self.frame)
        elif self.frame not in ("prepared", "file"):
            raise ValueError(f"frame is 'prepared', 'file' or a crop of the image, not {self.frame!r}")

    def _leave(self, crop: Crop) -> None:
        """Move the places from a crop's pixels to prepared ones."""
        self.frame, self.crop_of, shape = "prepared", crop.image.id, crop.image.shape
        if self.marks is not None:
            self.marks = self.marks.moved(crop.matrix).within(shape)
        if self.rois is not None:
            self.rois = self.rois.moved(crop.matrix).clipped(shape)
        if self.saliency is not None:
            self.saliency = self.saliency.moved(crop.matrix, crop.size).within(shape)


@dataclass
class BreastPrediction:
    """A model's answer for one breast; `images` by image id where it has them."""

    scores: Scores | None = None
    extra: Mapping[str, Scores] = field(default_factory=dict)
    _: KW_ONLY
    images: Mapping[str, ImagePrediction | Skipped] = field(default_factory=dict)


@dataclass
class ExamPrediction:
    """A model's answer for one exam; `images` by image id, `breasts` by side where it has them."""

    scores: Scores | None = None
    extra: Mapping[str, Scores] = field(default_factory=dict)
    _: KW_ONLY
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
