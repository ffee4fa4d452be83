"""One of two processes that train a plugin together on drawn exams: `python -m cadkit.testing.rank RUN`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cadkit.files import write_json
from cadkit.plugin import Run
from cadkit.testing.exams import ORDINARY, draw
from cadkit.testing.watching import Diary, watched


def main(folder: str) -> None:
    """Train, and write what happened beside the run's files."""
    run = Run.open(Path(folder))
    plain = run.untrained_model()
    diary = Diary()
    model = watched(type(plain), diary)(plain.config)
    model.device = "cpu"
    try:
        model.train(draw(ORDINARY, plain.info).view(access="training"), run)
    except BaseException as error:
        # Of the two, one may only have lost its connection; the check tells both.
        write_json(run.folder / f"rank{os.environ['RANK']}-raised.json", f"{type(error).__name__}: {error}")
        raise
    run.close()
    write_json(run.folder / f"rank{os.environ['RANK']}.json", {"lists": diary.lists, "weights": diary.weights})


if __name__ == "__main__":
    main(sys.argv[1])
