"""One process of a training that torch's launcher started: `python -m cadkit.training.ranks RUN DATA DEVICE`."""

from __future__ import annotations

import os
import sys

from cadkit.errors import CadkitError
from cadkit.training.running import train


def main(arguments: list[str]) -> int:
    """Train as the process that the environment names; the exit status."""
    run_folder, data_folder, device = arguments
    try:
        train(None, data_folder, resume=run_folder, device=device)
    except CadkitError as error:
        print(f"process {os.environ.get('RANK', '0')}: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
