"""Distributions with plugins that are broken in every way, as pip leaves them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

GOOD = """
import cadkit
class Good(cadkit.Model):
    info = cadkit.ModelInfo(labels=("malignant",), scores="risk", localizes="marks", paper="Somebody 2020")
    def predict_image(self, image): ...
class Config(cadkit.Config):
    presets = {"tiny": {}}
class Trains(Good):
    Config = Config
    def train(self, data, run): ...
"""
MODULES = {
    "fk_good": GOOD,
    "fk_import": "import a_module_that_nobody_has\n",
    "fk_exit": "import sys\nprint('licence expired')\nsys.exit('no licence')\n",
    "fk_prints": "import sys\nprint('hello')\nprint('there', file=sys.stderr)\n" + GOOD,
    "fk_bytes": "import os, atexit\nos.write(1, b'\\xff\\xfe 5')\natexit.register(print, 'bye')\n" + GOOD,
    "fk_api": GOOD.replace('paper="Somebody 2020"', "api=2"),
    "fk_os_exit": "import os\nos.write(1, b'5\\n')\nos._exit(3)\n",
    "fk_plain": "class Plain: pass\nclass NoInfo:\n    pass\n",
    "fk_no_info": "import cadkit\nclass NoInfo(cadkit.Model): pass\n",
    "fk_interrupt": "raise RuntimeError('two\\nlines')\n",
    "fk_signal": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n",
    "fk_stdin": "input()\n" + GOOD,
    "fk_sociable": "import sys\nassert 'fk_good' not in sys.modules, 'wants to be alone'\n" + GOOD,
}
POINTS = {
    "fake-good": {"good": "fk_good:Good", "trains": "fk_good:Trains"},
    "fake-import": {"missing-library": "fk_import:Good"},
    "fake-exit": {"exits": "fk_exit:Good"},
    "fake-prints": {"prints": "fk_prints:Good"},
    "fake-bytes": {"bytes": "fk_bytes:Good"},
    "fake-nothing": {"nothing": "fk_good:Nothing", "nowhere": "fk_nowhere:Model"},
    "fake-api": {"newer": "fk_api:Good"},
    "fake-gone": {"gone": "fk_os_exit:Good"},
    "fake-plain": {"plain": "fk_plain:Plain", "no-info": "fk_no_info:NoInfo"},
    "fake-raises": {"raises": "fk_interrupt:Good"},
    "fake-text": {"no-target": "not a module!"},
    "fake-signal": {"signal": "fk_signal:Good"},
    "fake-stdin": {"stdin": "fk_stdin:Good"},
    "fake-sociable": {"sociable": "fk_sociable:Good"},
    "twin-a": {"twin": "fk_good:Good"},
    "twin-b": {"twin": "fk_import:Good"},
}


@pytest.fixture
def good() -> str:
    """Text of a module with a model `Good` and one that is trained."""
    return GOOD


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed distributions as pip leaves them, first on the path, also of child processes."""
    folder = tmp_path / "site"
    folder.mkdir()
    for module, text in MODULES.items():
        (folder / f"{module}.py").write_text(text)
    for distribution, points in POINTS.items():
        info = folder / f"{distribution.replace('-', '_')}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        lines = "".join(f"{name} = {target}\n" for name, target in points.items())
        (info / "entry_points.txt").write_text(f"[cadkit.plugins]\n{lines}")
    twice = "doubled = fk_good:Good\ndoubled = fk_good:Trains\n"
    with (folder / "fake_good-1.5.dist-info" / "entry_points.txt").open("a") as points_file:
        points_file.write(twice)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    yield folder
    for module in MODULES:
        sys.modules.pop(module, None)
