"""The command line: one file per family of commands, no logic, nothing heavy imported before it is needed."""

from __future__ import annotations

import os
import sys

_INTERRUPTED = 130
_READERS = ("typer", "click")  # libraries that read the command line
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
            _show(error)
        else:
            print(f"cadkit: {error}", *_hint(error), sep="\n", file=sys.stderr)
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


def _hint(error: BaseException) -> tuple[str, ...]:
    """How to see more, of a failure that stands for another exception: most likely one of a plugin."""
    from cadkit.errors import CadkitError, Failure

    other = isinstance(error, Failure) and error.__cause__ is not None and not isinstance(error.__cause__, CadkitError)
    return ("Type the command again with --debug for the traceback.",) if other else ()


def _show(error: BaseException) -> None:
    """Print a traceback from the command on, without the frames that read the command line."""
    import traceback

    steps, start = [], error.__traceback__
    while start is not None:
        steps.append(start)
        start = start.tb_next
    reading = [n for n, step in enumerate(steps) if step.tb_frame.f_globals.get("__name__", "").startswith(_READERS)]
    first = reading[-1] + 1 if reading else 0
    traceback.print_exception(type(error), error, steps[first] if first < len(steps) else error.__traceback__)
