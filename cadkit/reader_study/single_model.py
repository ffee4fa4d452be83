"""One model against readers: the model is a fixed reader, without variance between models.

Hillis (2013), Stat Med 32:5175-5197, and Chakraborty (2017), chapter 22: psi(j) is the value of reader j minus that of
the model. With cases fixed a one-sample t test of psi; with cases random as well, the covariances are those of the
differences psi, not of the values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cadkit.errors import InputError
from cadkit.reader_study.inference import Estimate, estimate, hillis
from cadkit.reader_study.mrmc import Covariance, analyse
from cadkit.reader_study.obuchowski_rockette import squares
from cadkit.reader_study.ratings import FloatArray, IntArray, RatingStudy, Study

_ONE_READER = "one reader says nothing of the variance between readers"


@dataclass(frozen=True, eq=False)
class ModelAgainstReaders:
    """Readers minus model.

    Attributes:
        fom, model, readers, covariance: what was compared.
        model_value: figure of merit of the model.
        reader_values: of every reader.
        readers_mean: their mean.
        var_readers: sample variance of the differences psi, which is that of the readers' values.
        var_error, cov2: mean variance and covariance of the differences psi.
        differences: readers' mean minus model, with random readers and fixed cases (RRFC) and both random (RRRC).
    """

    fom: str
    model: str
    readers: tuple[str, ...]
    covariance: str
    model_value: float
    reader_values: FloatArray
    readers_mean: float
    var_readers: float
    var_error: float
    cov2: float
    differences: dict[str, Estimate]


def model_against_readers(
    study: Study,
    model: str,
    *,
    fom: str = "auc",
    covariance: Covariance = "jackknife",
    threshold: float | None = None,
    ci: float = 0.95,
) -> ModelAgainstReaders:
    """Test whether readers differ from one model on the same cases.

    Args:
        study: of one modality, the model among its readers; fully crossed.
        model: the name of that reader.
        fom, covariance, threshold, ci: as `analyse` takes them.

    Raises:
        InputError: there is no such reader, no other reader, more than one modality, or what `analyse` refuses.
    """
    file = study.source or None
    if model not in study.readers or len(study.readers) < 2:
        raise InputError(
            "the model is not among the readers, or there is no other", file=file, row="--models", value=model,
            mend=f"The readers are {', '.join(study.readers)}.",
        )  # fmt: skip
    if len(study.modalities) != 1:
        raise InputError("a model is compared with readers in one modality", file=file,
                         value=", ".join(study.modalities), mend="Leave the others out.")  # fmt: skip
    result = analyse(study, fom=fom, method="or", covariance=covariance, threshold=threshold, ci=ci)
    assert result.matrix is not None
    values, matrix = result.values[0], result.matrix
    at = study.readers.index(model)
    others = np.delete(np.arange(len(values)), at)
    psi = values[others] - values[at]
    against = matrix[others, at]
    of_psi = matrix[np.ix_(others, others)] - against[:, None] - against[None, :] + matrix[at, at]
    found = squares(psi[None, :], of_psi)
    r = len(others)
    denominator = found.reader + max(r * found.cov2, 0.0) if r > 1 else float("nan")
    df = hillis(denominator, found.reader, r - 1) if r > 1 else None
    reason = _ONE_READER if r == 1 else None
    return ModelAgainstReaders(
        result.fom, model, tuple(study.readers[j] for j in others), covariance, float(values[at]), values[others],
        float(values[others].mean()), found.reader, found.var_error, found.cov2,
        {
            "RRFC": estimate(psi.mean(), found.reader / r, r - 1, ci, test=True, reason=reason),
            "RRRC": estimate(psi.mean(), denominator / r, df, ci, test=True, reason=reason),
        },
    )  # fmt: skip


def compare_scores(
    truth: npt.ArrayLike,
    model: npt.ArrayLike,
    readers: npt.ArrayLike,
    *,
    names: tuple[str, ...] | None = None,
    cluster: npt.ArrayLike | None = None,
    fom: str = "auc",
    covariance: Covariance = "jackknife",
    threshold: float | None = None,
    ci: float = 0.95,
) -> ModelAgainstReaders:
    """`model_against_readers` on arrays.

    Args:
        truth: n of 0 and 1.
        model: n scores.
        readers: r x n scores.
        names: of the readers.
        cluster: patient of every row, left out together (jackknife only); None: rows are independent.
        fom, covariance, threshold, ci: as `analyse` takes them.
    """
    table = np.vstack([np.asarray(model, dtype=np.float64)[None], np.asarray(readers, dtype=np.float64)])
    known = names or tuple(f"reader {number}" for number in range(1, len(table)))
    if len(known) != len(table) - 1 or "model" in known:
        raise ValueError("name every reader, and none of them 'model'")
    patients: IntArray | None = None
    if cluster is not None:
        patients = np.unique(np.asarray(cluster), return_inverse=True)[1].astype(np.int64)
    cases = tuple(str(number) for number in range(1, table.shape[1] + 1))
    study = RatingStudy(("model", *known), ("all",), cases, np.asarray(truth) == 1, table[None], patients)
    return model_against_readers(study, "model", fom=fom, covariance=covariance, threshold=threshold, ci=ci)
