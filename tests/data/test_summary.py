"""What a dataset holds: counts against the tables by hand, prevalence against formulas worked out on paper."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
import pytest

from cadkit.data import Dataset
from cadkit.data.prevalence import prevalence
from cadkit.data.summary import Group, Summary, summarize
from cadkit.errors import ProblemsError

MakeDataset = Callable[..., Dataset]
Summarize = Callable[[Mapping[str, str]], Summary]


@pytest.fixture
def of(make_dataset: MakeDataset) -> Summarize:
    """The summary of the dataset made by hand (tests/conftest.py) with other tables."""
    folder = make_dataset(pixels=False).folder

    def summary(changes: Mapping[str, str]) -> Summary:
        for name, text in changes.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        return summarize(folder)

    return summary


def counts(groups: tuple[Group, ...]) -> dict[str, tuple[int, int, int, int]]:
    return {group.name: (group.patients, group.exams, group.breasts, group.images) for group in groups}


def test_the_dataset_made_by_hand(of: Summarize) -> None:
    """Five test exams of four women, one training exam of a fifth; four images each; one breast unknown."""
    summary = of({})
    assert counts((summary.whole,)) == {"all": (5, 6, 12, 24)}
    assert summary.findings == 4
    assert counts(summary.groups["split"]) == {"train": (1, 1, 2, 4), "test": (4, 5, 10, 20)}
    assert counts(summary.groups["view"]) == {"CC": (5, 6, 12, 12), "MLO": (5, 6, 12, 12)}
    assert counts(summary.groups["density"]) == {"B": (5, 6, 12, 24)}
    assert set(summary.groups) == {"split", "view", "density", "birads"}
    # Malignant: e1-L, e3-R, e5-L and t1-R, of women 1, 2, 4 and 9; e4-L is not known.
    malignant = summary.whole.labels["malignant"]
    assert (malignant.positives, malignant.known, malignant.unknown, malignant.patients) == (4, 11, 1, 4)
    assert summary.exams_per_patient == {1: 4, 2: 1}
    assert (summary.dates, summary.ages, summary.readers, summary.problems) == (None, None, (), ())
    assert (summary.views.complete, summary.views.exams, sum(summary.views.missing.values())) == (6, 6, 0)
    assert [(f.rows, f.columns, f.pixel_spacing_mm, f.vendor, f.images) for f in summary.formats] == [
        (50, 40, 0.5, None, 24)
    ]
    # f1 and f2 are one lesion; e5-L and t1-R are malignant without a finding.
    assert [(f.label, f.kind, f.findings, f.lesions, f.images) for f in summary.finding_groups] == [
        ("benign", "mass", 1, 1, 1),
        ("malignant", "mass", 3, 2, 3),
    ]
    assert summary.not_drawn == {"malignant": 2, "benign": 0}
    assert summary.store.state == "none"
    assert json.loads(json.dumps(summary.as_dict()))["groups"]["split"][1]["labels"]["malignant"]["positives"] == 3


def test_views_that_are_missing(of: Summarize) -> None:
    rows = ("e1,L,CC", "e1,L,MLO", "e1,R,CC", "e1,R,MLO", "e2,L,CC", "e2,L,CC", "e2,L,MLO", "e3,R,MLO", "e3,L,XCCL")
    text = "image_id,exam_id,side,view\n" + "".join(f"i{n},{row}\n" for n, row in enumerate(rows))
    summary = of({"images.csv": text, "findings.csv": "finding_id,image_id,label,shape\n"})
    views = summary.views
    assert (views.exams, views.complete, views.one_side, views.without_images, views.repeated) == (3, 1, 1, 3, 1)
    assert views.missing == {"L CC": 1, "L MLO": 1, "R CC": 2, "R MLO": 1}
    # A view counts the breasts that have it: XCCL is one of e3-L alone.
    assert counts(summary.groups["view"]) == {"CC": (1, 2, 3, 4), "MLO": (2, 3, 4, 4), "XCCL": (1, 1, 1, 1)}
    assert summary.formats[0].rows is None


def test_years_ages_vendors_and_what_is_unknown(of: Summarize) -> None:
    exams = (
        "exam_id,patient_id,date,age,split\ne1,p1,2019-12-31,39.9,train\ne2,p1,2020-01-01,40,train\n"
        "e3,p2,2020-06-01,,\ne4,p3,,80,\ne5,p4,2018-01-01,79.9,\nt1,p9,2018-03-01,61,\n"
    )
    images = "image_id,exam_id,side,view,manufacturer\na,e1,L,CC,Sample\nb,e1,R,CC,\nc,e3,L,CC,Sample\n"
    summary = of({"exams.csv": exams, "images.csv": images, "findings.csv": "finding_id,image_id,label,shape\n"})
    assert summary.dates == ("2018-01-01", "2020-06-01")
    assert [(g.name, g.exams) for g in summary.groups["year"]] == [
        ("2018", 2),
        ("2019", 1),
        ("2020", 2),
        ("unknown", 1),
    ]
    assert [(g.name, g.exams) for g in summary.groups["age"]] == [
        *(("below 40", 1), ("40-49", 1), ("60-69", 1), ("70-79", 1), ("80 or more", 1), ("unknown", 1)),
    ]
    assert [(g.name, g.exams) for g in summary.groups["split"]] == [("train", 2), ("none", 4)]
    assert counts(summary.groups["vendor"]) == {"Sample": (2, 2, 2, 2), "unknown": (1, 1, 1, 1)}
    assert summary.ages is not None
    assert (summary.ages.known, summary.ages.unknown, summary.ages.lowest, summary.ages.median) == (5, 1, 39.9, 61.0)


def test_folds_labels_of_exams_readers_and_states(of: Summarize) -> None:
    summary = of(
        {
            "dataset.toml": 'name = "x"\nlabels = ["recalled"]\n',
            "exams.csv": "exam_id,patient_id,fold,recalled\ne1,p1,1,1\ne2,p1,1,0\ne3,p2,0,0\ne4,p3,10,\n",
            "breasts.csv": "exam_id,side,reader_1,recall_1\ne1,L,0.5,0\n",
            "images.csv": "image_id,exam_id,side,view\na,e1,L,CC\n",
            "findings.csv": "finding_id,image_id,label,shape,coordinates\n",
            "problems.csv": "step,rule,item,file,row,value,reason,mend\n"
            + "".join(f"import,{r},,,,,,\n" for r in "abb"),
            "store/store.toml": "complete = true\nimages = 1\nfailed = 2\n",
        }
    )
    assert summary.level == {"recalled": "exam"}
    assert summary.whole.labels["recalled"].known == 3
    assert [group.name for group in summary.groups["fold"]] == ["0", "1", "10"]
    assert summary.readers == ("reader_1", "recall_1")
    assert [(p.rule, p.count) for p in summary.problems] == [("b", 2), ("a", 1)]
    assert (summary.store.state, summary.store.prepared, summary.store.failed) == ("complete", 1, 2)


def test_a_dataset_that_contradicts_itself_is_not_counted(of: Summarize) -> None:
    with pytest.raises(ProblemsError, match="unknown-exam"):
        of({"breasts.csv": "exam_id,side,malignant,benign\nnobody,L,1,0\n"})


def rows(positives: list[list[int | None]]) -> pl.DataFrame:
    """A row per breast; one list per patient."""
    table = [(f"p{n}", value) for n, values in enumerate(positives) for value in values]
    return pl.DataFrame(table, schema={"patient_id": pl.String, "ill": pl.Int8}, orient="row")


def test_the_interval_by_pencil() -> None:
    """Four women of two breasts, 1, 0, 0 and 2 positive: share 3/8; residuals 1/4, -3/4, -3/4, 5/4 squared sum to 11/4.

    Variance 4/3 * 11/4 / 64 = 11/192; on the logit scale its root over 3/8 * 5/8 is 1.02127, times 1.95996.
    """
    found = prevalence(rows([[1, 0], [0, 0], [0, 0], [1, 1]]), "ill")
    assert (found.positives, found.known, found.patients, found.share) == (3, 8, 2, 0.375)
    logit, width = np.log(0.6), 1.959964 * np.sqrt(11 / 192) / (0.375 * 0.625)
    assert found.low == pytest.approx(1 / (1 + np.exp(-(logit - width))), abs=1e-6)
    assert found.high == pytest.approx(1 / (1 + np.exp(-(logit + width))), abs=1e-6)


def test_unknown_breasts_enter_no_share() -> None:
    found = prevalence(rows([[1, None], [0, 0], [None, None], [0, 1]]), "ill")
    assert (found.positives, found.known, found.unknown, found.patients, found.share) == (2, 5, 3, 2, 0.4)
    nothing = prevalence(rows([[None], [None]]), "ill")
    assert (nothing.known, nothing.share, nothing.low, nothing.high) == (0, None, None, None)


@pytest.mark.parametrize(("value", "low", "high"), [(0, 0.0, 0.2775), (1, 0.7225, 1.0)])
def test_alike_patients_count_once(value: int, low: float, high: float) -> None:
    """Wilson's interval of 0 of 10 is 0 to 0.2775 (Newcombe 1998), however many breasts the ten women have."""
    found = prevalence(rows([[value] * 4] * 10), "ill")
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_interval_covers_what_it_should() -> None:
    """Women with correlated breasts: the clustered interval covers about 95%, Wilson's over breasts clearly less."""
    from statsmodels.stats.proportion import proportion_confint

    rng = np.random.default_rng(0)
    clustered = independent = 0
    for _ in range(300):
        risk = rng.beta(0.6, 2.4, size=120)
        ill = (rng.random((120, 6)) < risk[:, None]).astype(int)
        found = prevalence(rows(ill.tolist()), "ill")
        assert found.low is not None
        assert found.high is not None
        clustered += found.low <= 0.2 <= found.high
        low, high = proportion_confint(ill.sum(), ill.size, method="wilson")
        independent += low <= 0.2 <= high
    assert 0.91 <= clustered / 300 <= 0.99
    assert independent / 300 < 0.9
