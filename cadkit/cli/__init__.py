"""The command line: one file per family of commands, no logic, nothing heavy imported before it is needed."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run a command; errors are one or two lines and an exit status, a traceback only with --debug."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    from cadkit.cli.app import app
    from cadkit.errors import CadkitError

    try:
        app(prog_name="cadkit")
    except CadkitError as error:
        if debug:
            raise
        print(f"cadkit: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        print("cadkit: stopped. Type the same command again to go on.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        print(
            f"cadkit: {type(error).__name__}: {error}\n"
            "This should not have happened. Type the command again with --debug for the details of a report.",
            file=sys.stderr,
        )
        sys.exit(1)
