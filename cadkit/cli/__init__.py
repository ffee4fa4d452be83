"""The command line: one file per family of commands, no logic, nothing heavy imported before it is needed."""

from __future__ import annotations

import os
import sys

_INTERRUPTED = 130
_STOPPED = "cadkit: stopped. Type the same command again to go on; a training goes on with `cadkit train --resume RUN`."


def main() -> None:
    """Run a command; errors are one or two lines and an exit status, a traceback only with --debug."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    from cadkit.cli.app import app
    from cadkit.errors import CadkitError
    from cadkit.extras import install_command

    try:
        app(prog_name="cadkit")
    except CadkitError as error:
        if debug:
            raise
        print(f"cadkit: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:  # what typer makes of ctrl-C, without a word
            print(_STOPPED, file=sys.stderr)
        raise
    except KeyboardInterrupt:
        print(_STOPPED, file=sys.stderr)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        if missing := install_command(error):
            print(f"cadkit: {missing}", file=sys.stderr)
            sys.exit(2)
        print(
            f"cadkit: {type(error).__name__}: {error}\n"
            "This should not have happened. Type the command again with --debug for the details of a report.",
            file=sys.stderr,
        )
        sys.exit(1)
