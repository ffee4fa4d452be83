"""What is resampled: patients, exams, or what a column names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cadkit import InputError, Predictions
from cadkit.cli.app import app
from cadkit.data import Dataset
from cadkit.evaluation import FrocRule, Settings
from cadkit.evaluation import evaluate_predictions as evaluate

MakeDataset = Callable[..., Dataset]
Hand = Callable[..., Predictions]
Seeds = Callable[..., list[Predictions]]


def text_of(hand: Hand, name: str = "breasts.csv") -> str:
    """A file of the folder written by hand in conftest.py."""
    return (hand().folder / name).read_text()


def settings(**changes: Any) -> Settings:
    return Settings(**{"split": "test", "bootstrap": 20, "cases": 0, "labels": ("malignant",), **changes})


SITES = {"e1": "a", "e2": "b", "e3": "b", "e4": "c", "e5": "c", "t1": "a"}


@pytest.fixture
def sites(make_dataset: MakeDataset) -> Dataset:
    patients = {"e1": "p1", "e2": "p1", "e3": "p2", "e4": "p3", "e5": "p4", "t1": "p9"}
    rows = [f"{e},{p},{SITES[e]},same,{'train' if e == 't1' else 'test'}" for e, p in patients.items()]
    return make_dataset({"exams.csv": "exam_id,patient_id,site,land,split\n" + "\n".join(rows) + "\n"}, pixels=False)


def test_what_is_resampled_is_the_patient_the_exam_or_a_column(sites: Dataset, hand: Hand, tmp_path: Path) -> None:
    for column, clusters in (("patient", 4), ("exam", 5), ("site", 3)):
        chosen = settings(cluster=column, froc=FrocRule(fp_images="normal"), stratify=True)
        report = evaluate([hand()], sites, tmp_path / "R", chosen)
        assert report["settings"]["cluster"] == column
        rows = {row["metric"]: row["clusters"] for row in report["results"]}
        assert (rows["auc"], rows["prauc"]) == (clusters, clusters)
        # e4-L and e5-L leave the FROC, their other breasts stay.
        assert rows["max_sensitivity"] == clusters
        divided = [warning["text"] for warning in report["warnings"] if warning["id"] == "clusters"]
        assert len(divided) == (column != "patient")
        assert all(f"Only {clusters} clusters of {column}" in text for text in divided)
        assert all("1 of 4 patients are in more than one" in text for text in divided)


def test_clusters_of_exams_equal_those_of_patients_with_one_exam_each(
    make_dataset: MakeDataset, hand: Hand, tmp_path: Path
) -> None:
    rows = [f"{e},{e},{'train' if e == 't1' else 'test'}" for e in SITES]
    data = make_dataset({"exams.csv": "exam_id,patient_id,split\n" + "\n".join(rows) + "\n"}, pixels=False)
    chosen = settings(froc=FrocRule(), bootstrap=60)
    plain, other = (
        evaluate([hand(), hand("b", {"breasts.csv": text_of(hand).replace("0.4", "0.1")})], data, tmp_path / "R",
                 settings(**{**vars(chosen), "cluster": how}))
        for how in ("patient", "exam")
    )  # fmt: skip
    assert plain["results"] == other["results"]
    assert plain["comparisons"] == other["comparisons"]


def test_the_command_takes_groups_tables_and_clusters_and_the_report_names_them(
    seeds: Seeds, sites: Dataset, hand: Hand, table: Callable[..., Path], tmp_path: Path
) -> None:
    runs = ",".join(str(run.folder) for run in seeds(2))
    words = ["evaluate", f"net={runs}", str(table("vendor.csv", text_of(hand))), "--data", str(sites.folder)]
    words += ["--label", "malignant", "--cluster", "site", "--bootstrap", "20", "--out", str(tmp_path / "R")]
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    for said in (
        "net (mean of 2 runs)",
        "vendor",
        "net \u2212 vendor",
        "whole sites drawn with replacement",
    ):
        assert said in done.output, said
    assert "seed0 \u2212" not in done.output
    page = (tmp_path / "R" / "report.html").read_text()
    for said in (
        "whole sites drawn with replacement",
        "3 sites</span>",
        "1 of 4 patients are in more than one cluster",
    ):
        assert said in page, said


def test_a_cluster_that_cannot_be(sites: Dataset, make_dataset: MakeDataset, hand: Hand, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--cluster: there is no such column.*'town'.*patient, exam or one of"):
        evaluate([hand()], sites, tmp_path / "R", settings(cluster="town"))
    with pytest.raises(InputError, match=r"--cluster: all exams have the same land"):
        evaluate([hand()], sites, tmp_path / "R", settings(cluster="land"))
    text = (sites.folder / "exams.csv").read_text().replace("e3,p2,b", "e3,p2,")
    gaps = make_dataset({"exams.csv": text}, pixels=False)
    with pytest.raises(InputError, match=r"exams\.csv, row 3: the cluster site is missing.*'e3'"):
        evaluate([hand()], gaps, tmp_path / "R", settings(cluster="site"))
