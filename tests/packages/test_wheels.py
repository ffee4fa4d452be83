"""The wheels, installed outside the checkout in an environment that has their dependencies and nothing else of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

from cadkit.extras import EXTRA_OF

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of the environment."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in PROJECTS:
        words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
        subprocess.run(words, cwd=project, check=True, capture_output=True)
    wheels = sorted((folder / "dist").glob("*.whl"))
    assert len(wheels) == len(PROJECTS)
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env" / "bin" / "python"
    own = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    # A path in a .pth file is searched for packages, but .pth files in it, such as those of our checkout, are not read.
    (Path(own) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    words = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*words, "--force-reinstall", "--ignore-installed", *map(str, wheels)], check=True)
    return python.parent


def typed(binaries: Path, place: Path, line: str) -> subprocess.CompletedProcess[str]:
    """A command line in a folder outside the checkout."""
    settings = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    program, *words = line.split()
    return subprocess.run(
        [binaries / program, *words],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env={**settings, "COLUMNS": "200"},
    )


@pytest.mark.slow
def test_what_is_installed_is_the_wheel(binaries: Path, tmp_path: Path) -> None:
    (tmp_path / "where.py").write_text("import cadkit\nprint(cadkit.__file__)\n")
    found = typed(binaries, tmp_path, "python where.py").stdout
    assert found.startswith(str(binaries.parent))


@pytest.mark.slow
def test_the_commands_and_plugins_are_there(binaries: Path, tmp_path: Path) -> None:
    assert "evaluate" in typed(binaries, tmp_path, "cadkit --help").stdout
    listed = typed(binaries, tmp_path, "cadkit plugins --json").stdout
    for name in ("gmic", "faster_rcnn"):
        assert f'"name": "{name}"' in listed
    assert '"ok": false' not in listed


@pytest.mark.slow
def test_the_way_from_a_phantom_to_a_report(binaries: Path, tmp_path: Path) -> None:
    (tmp_path / "mean.py").write_text((ROOT / "examples" / "smallest_plugin" / "mean_intensity.py").read_text())
    for line in (
        "cadkit phantom D --exams 8 --size 96x72 --seed 1 --workers 1",
        "cadkit prepare D --workers 1",
        "cadkit info D --html D.html",
        "cadkit predict mean.py:MeanIntensity --data D --split all",
        "cadkit evaluate predictions/MeanIntensity-all --bootstrap 20",
        "cadkit plugin new seen --out new",
    ):
        done = typed(binaries, tmp_path, line)
        assert done.returncode == 0, (line, done.stderr)
    assert (tmp_path / "report" / "MeanIntensity-all" / "report.html").stat().st_size > 100_000


MISSING = """import sys
from importlib.abc import MetaPathFinder
class Without(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {package!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Without())
sys.argv = ["cadkit", *{words!r}]
from cadkit.cli import main
main()
"""


@pytest.mark.parametrize(
    ("package", "extra", "line"),
    [
        ("torch", "torch", "train gmic --data D"),
        ("torchvision", "torch", "train faster_rcnn --data D"),
        ("dask", "dask", "prepare {data} --dask tcp://127.0.0.1:1"),
    ],
)
def test_a_missing_extra_is_one_line_with_what_to_type(package: str, extra: str, line: str, tmp_path: Path) -> None:
    from cadkit.phantom import make_phantom

    data = make_phantom(tmp_path / "P", exams=1, size=(96, 72), workers=1, progress=False)
    script = MISSING.format(package=package, words=line.format(data=data).split())
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert f'pip install "cadkit[{extra}]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_every_package_of_an_extra_is_known_by_its_import() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {"dask-jobqueue": "dask_jobqueue", "pyyaml": "yaml"}
    for extra in ("torch", "dask"):
        packages = {requirement.partition(">")[0] for requirement in extras[extra]}
        assert {names.get(one, one) for one in packages} == {name for name, of in EXTRA_OF.items() if of == extra}


@pytest.mark.parametrize(
    ("shell", "sign"), [("bash", "complete -o"), ("zsh", "#compdef cadkit"), ("fish", "complete --command cadkit")]
)
def test_completion_prints_for_each_shell(shell: str, sign: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from cadkit.cli import main; main()"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "_CADKIT_COMPLETE": f"source_{shell}"},
    )  # fmt: skip
    assert done.returncode == 0
    assert sign in done.stdout
