"""Every command and code block of the documentation runs, page by page, in a folder with a tiny dataset.

Sizes are made small; nothing else is changed. `pip install` is run by tests/packages/test_installs.py, in environments
of its own. A block that cannot be run says so in a comment on the page.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from doc_blocks import Block, blocks_of, commands_of, is_installation, run_command, run_python
from stand_ins import Cluster, in_bash, smaller_jobs, stand_ins

import cadkit
import cadkit.tasks
from cadkit.phantom import make_phantom
from cadkit.phantom.user_tables import export_user_tables
from cadkit.prepare import prepare

ROOT = Path(__file__).resolve().parents[2]
RUN = ("sh", "python", "console")
SMALLER = {
    r"--exams (?!240\b)\d+": "--exams 3 --size 96x72",
    r"--exams 240\b": "--exams 16 --size 96x72",
    r"--folds 5": "--folds 2",
    r"--preset (small|paper|tiny)": "--preset tiny --set epochs=1",
    r"train gmic\s*(#|$)": r"train gmic --set epochs=1 \1",
    r"/archive/screening": "archive",
    r" \[--workers N\]": " --workers 1",
    r"import dicom FILES": "import dicom archive",
    r"cadkit split D(?!.*--replace)": "cadkit split D --replace",
    r"split D (?=.*--replace)": "split D --force ",
    r"cadkit evaluate": "cadkit evaluate --bootstrap 20 --cases 1",
    r"cadkit compare": "cadkit compare --bootstrap 20",
    r"reader-study study.csv": "reader-study study.csv --bootstrap 20",
    r"/data/D": "D",
    r"--nworkers 16": "--nworkers 1",
    r"RUN_A RUN_B RUN_C": "runs/gmic-1 more/gmic-2 more/gmic-3",
    r"--fit-on RUN_A --fit-on RUN_B --fit-on RUN_C": "--fit-on runs/gmic-1 --fit-on more/gmic-2 --fit-on more/gmic-3",
}
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "plugins.md")]
"""docs/plugins.md is run by test_plugins_tutorial.py."""
MAKES_D = {"README.md", "index.md", "phantom.md", "importing.md"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a page may find: a dataset D, bare files with tables of labels, a run and score tables."""
    folder = tmp_path_factory.mktemp("world")
    made = folder / "D"
    make_phantom(made, exams=14, size=(96, 72), seed=5, workers=1, quiet=True)
    export_user_tables(made, folder)
    shutil.copytree(made / "images", folder / "archive")
    prepare(made, workers=1)
    shutil.copytree(made, folder / "phantom")
    run = cadkit.train("gmic", made, preset="tiny", runs=folder / "runs", epochs=1).folder
    for number in (2, 3):
        shutil.copytree(run, folder / "more" / f"gmic-{number}")
    tables(folder)
    readings(folder)
    for program in ("model", "vendor", "vendor_plugin.py"):
        shutil.copy(ROOT / "examples" / "own_scores" / program, folder)
    return folder


def tables(folder: Path) -> None:
    """Small tables of scores, made up."""
    draw = random.Random(0)
    rows = [(n // 2, n % 3 == 0) for n in range(60)]
    lines = [f"p{woman},{int(ill)},{ill + draw.random():.3f},{ill + 2 * draw.random():.3f}" for woman, ill in rows]
    (folder / "scores.csv").write_text("\n".join(["patient_id,cancer,vendor,ours", *lines]) + "\n")
    breasts = (folder / "D" / "breasts.csv").read_text().splitlines()
    scored = [",".join([*line.split(",")[:2], f"{draw.random():.3f}"]) for line in breasts[1:]]
    (folder / "vendor.csv").write_text("\n".join(["exam_id,side,malignant", *scored]) + "\n")
    women = sorted({exam.patient_id for exam in cadkit.open(folder / "D").exams})
    parts = [f"{woman},{('train', 'validation', 'test')[n % 3]}" for n, woman in enumerate(women)]
    (folder / "split.csv").write_text("\n".join(["patient_id,split", *parts]) + "\n")
    heads = ["patient_id,label,a,b", *lines]
    (folder / "TABLE.csv").write_text("\n".join(heads) + "\n")


def readings(folder: Path) -> None:
    """Small tables of readings, made up: a wide one, a long one of two modalities, and marks."""
    draw = random.Random(1)
    names = [f"Reader{n}" for n in (1, 2, 3)]
    heads = ["case_ID", "side", "label", *names, *(f"Recall{n}" for n in (1, 2, 3)), "AI_one", "AI_two"]
    wide = [",".join(heads)]
    long = ["reader,modality,case,rating,truth"]
    marks, lesions = ["reader,modality,case,rating,lesion"], ["case,lesion,weight"]
    cases = ["case,diseased"]
    for case in range(30):
        ill = case % 3 == 0
        scores = [ill + draw.gauss(0, 1) for _ in range(5)]
        recalls = [int(score > 0.5) for score in scores[:3]]
        wide += [",".join(map(str, (case, "L", int(ill), *scores[:3], *recalls, *scores[3:])))]
        cases.append(f"{case},{int(ill)}")
        lesions += [f"{case},1,1"] if ill else []
        for reader in names:
            for modality in ("film", "tomo"):
                rating = round(ill + draw.gauss(2, 1))
                long.append(f"{reader},{modality},{case},{rating},{int(ill)}")
                marks.append(f"{reader},{modality},{case},{rating},{'1' if ill and rating > 2 else 'NL'}")
    for name, lines in (("study", wide), ("readings", long), ("ratings", long), ("marks", marks), ("cases", cases),
                        ("lesions", lesions)):  # fmt: skip
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def beside(folder: Path) -> str:
    """The name of the folder, or of one beside it: a page shows several ways to make D."""
    number = 1
    while folder.exists():
        folder, number = folder.with_name(f"{folder.name.partition('-')[0]}-{number}"), number + 1
    return folder.name


def run_shell(block: Block, place: Path, cluster: Cluster) -> None:
    """Run the commands of a block, each as the reader's shell would."""
    for typed in commands_of(block, SMALLER):
        words = [cluster.address if word == "tcp://host:8786" else word for word in typed]
        if words[:2] == ["cadkit", "phantom"]:
            words[2] = beside(place / words[2])
        if words[0] == "dask":
            cluster.start(words)
        elif words[0] == "cadkit" and words[-1].endswith("-completion"):
            assert "completion" in in_bash(words, place)
        else:
            if "--dask" in words:
                shutil.rmtree(place / "D" / "store")
            run_command(words)


@pytest.fixture
def place(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the world, which is where commands run; on one processor."""
    folder = tmp_path / "here"
    shutil.copytree(world, folder)
    stand_ins(tmp_path / "programs", folder / "model")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path / "programs"), os.environ["PATH"])))
    monkeypatch.setattr(cadkit.tasks, "processors", lambda: 1)
    monkeypatch.setenv("CADKIT_CONFIG", str(tmp_path / "config"))
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_in_order(page: Path, place: Path, tmp_path: Path) -> None:
    if page.name in MAKES_D:
        shutil.rmtree(place / "D")
        shutil.rmtree(place / "runs")
    text, names = page.read_text(encoding="utf-8"), {"__name__": page.stem}
    with Cluster() as cluster:
        for block in blocks_of(page):
            if block.language == "yaml" and "jobqueue:" in block.text:
                (place / "slurm.yaml").write_text(smaller_jobs(block.text, tmp_path))
        for block in blocks_of(page):
            if block.reason or block.language not in RUN or is_installation(block):
                continue
            if block.language == "python":
                run_python(block, text, names)
            else:
                run_shell(block, place, cluster)


def test_no_block_is_left_out() -> None:
    blocks = [block for page in PAGES for block in blocks_of(page) if block.language in RUN]
    assert len(blocks) >= 50
    assert [(block.page, block.line) for block in blocks if block.reason] == []
