"""Preparing on a cluster one of whose workers is killed: the store is that of one process, file by file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from cadkit.prepare import open_dataset, prepare
from cadkit.prepare.preview import preview

distributed = pytest.importorskip("distributed", reason="pip install 'cadkit[dask]'")
IMAGES = tuple(f"e{number}-{side}-CC" for number in range(4) for side in "LR")


def _dataset(folder: Path) -> Path:
    """Half ellipses of noise, of which one file is damaged."""
    folder.mkdir()
    (folder / "dataset.toml").write_text('name = "drawn"\n[labels]\nmalignant = "drawn"\n')
    exams = [f"e{number}" for number in range(4)]
    (folder / "exams.csv").write_text("exam_id,patient_id\n" + "".join(f"{e},p-{e}\n" for e in exams))
    (folder / "breasts.csv").write_text(
        "exam_id,side,malignant\n" + "".join(f"{e},{side},0\n" for e in exams for side in "LR")
    )
    y, x = np.mgrid[:240, :200]
    breast = ((y - 120) / 96) ** 2 + (x / 120) ** 2 < 1
    lines = ["image_id,exam_id,side,view,file,bits"]
    for number, name in enumerate(IMAGES):
        exam, side, view = name.split("-")
        noise = np.random.default_rng(number).integers(1000, 4096, breast.shape)
        picture = (breast * noise).astype(np.uint16)[:, :: 1 if side == "L" else -1]
        Picture.fromarray(np.ascontiguousarray(picture)).save(folder / f"{name}.png")
        lines.append(f"{name},{exam},{side},{view},{name}.png,12")
    (folder / f"{IMAGES[5]}.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (folder / "images.csv").write_text("\n".join(lines) + "\n")
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    """Every file of a store, and problems.csv."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("store/**/*") if path.is_file()}
    return files | {"problems.csv": (folder / "problems.csv").read_bytes()}


def _die_in_the_middle_of_a_write(mark: str) -> None:
    """Done on one worker: its next image is half written when it is killed."""
    import os
    import signal
    from pathlib import Path

    from cadkit.prepare import image

    def half(path: Path, *_: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f".{path.name}.{os.getpid()}.part").write_text("half")
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)

    image.write_array = half  # type: ignore[assignment]


def test_a_killed_worker_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = _dataset(tmp_path / "alone")
    prepare(alone, workers=1, quiet=True)
    monkeypatch.chdir(tmp_path)
    _dataset(Path("D"))
    for name in IMAGES:  # the date of a file is part of what is known of it
        (Path("D") / f"{name}.png").unlink()
        (Path("D") / f"{name}.png").hardlink_to(alone / f"{name}.png")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="CRITICAL"
    ) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            client.wait_for_workers(2)
            first = next(iter(client.nthreads()))
            client.run(_die_in_the_middle_of_a_write, str(tmp_path / "killed"), workers=[first])
        report = prepare(Path("D"), workers=cluster.scheduler_address, quiet=True)
    assert (tmp_path / "killed").exists()
    assert (report.done, report.failed) == (7, 1)
    assert _contents(Path("D")) == _contents(alone)


def test_the_sheet_shows_images_and_doubts(tmp_path: Path) -> None:
    folder = _dataset(tmp_path / "D")
    Picture.fromarray(np.full((240, 200), 900, np.uint16)).save(folder / f"{IMAGES[2]}.png")
    prepare(folder, workers=1, quiet=True)
    with Picture.open(preview(folder, tmp_path / "sheet.png", n=4)) as sheet:
        colors = np.asarray(sheet)
    # Four tiles side by side; the doubtful image (no background) comes first and alone is framed in orange.
    assert colors.shape == (358, 4 * 240, 3)
    orange = (colors == (255, 170, 60)).all(axis=2)
    assert orange[:, :240].any()
    assert not orange[:, 240:].any()
    tiles = [colors[2:290, left + 2 : left + 230] for left in range(0, 960, 240)]
    assert all(tile.max() > 100 for tile in tiles)
    assert len(open_dataset(folder).images) == 8
