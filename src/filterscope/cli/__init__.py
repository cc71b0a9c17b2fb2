"""The ``filterscope`` command: what a run recorded, and what a checkpoint holds, without writing Python.

A file per sub-command. Each adds its parser here and imports what it needs only once it runs, so that ``--help`` is
quick and a summary of a run needs neither torch nor matplotlib.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from filterscope.cli import animate, export, plot, summary
from filterscope.cli.console import UserError, note, plain_warnings
from filterscope.version import __version__

_DESCRIPTION = "Look at the 1-D filters that a run recorded, or that a checkpoint holds."
_EXAMPLES = """\
a run is a directory that TensorBoard is pointed at, written with
Conv1dFilterMonitor() in the Trainer:

  filterscope summary lightning_logs/version_0
  filterscope plot lightning_logs/version_0 --layer 'encoder.*' --epoch 20
  filterscope animate lightning_logs/version_0 --layer stem -o stem.gif
  filterscope export lightning_logs/version_0 -o filters.npz

a checkpoint is Lightning's, or a file of torch.save(model.state_dict(), ...):

  filterscope summary last.ckpt
  filterscope plot last.ckpt --kind response --sample-rate 16000

'filterscope COMMAND --help' tells more. Exit status: 0 done, 1 it could not be
done (one line says why), 2 wrong usage.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    _replace_closed()
    options = _parser().parse_args(argv)
    # Names of layers can hold what the terminal's encoding lacks.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        with plain_warnings():
            options.run(options)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        _drop_stdout()
        return 141
    except UserError as error:
        note(str(error))
        return 1
    except OSError as error:
        _drop_stdout()
        reason = error.strerror or str(error)
        note(f"{error.filename}: {reason}" if error.filename else reason)
        return 1
    return 0


def _replace_closed() -> None:
    """Let what is said go nowhere where a shell closed the stream (``2>&-``): Python has ``None`` there."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - as long as the process lasts


def _drop_stdout() -> None:
    """Let go of what could not be written: Python would try, and complain, again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "filterscope", description=_DESCRIPTION, epilog=_EXAMPLES, formatter_class=form, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"filterscope {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (summary, plot, animate, export):
        command = commands.add_parser(
            module.__name__.rpartition(".")[2],
            help=module.SHORT,
            description=module.DESCRIPTION,
            epilog=module.EXAMPLES,
            formatter_class=form,
            allow_abbrev=False,
        )
        command.set_defaults(run=module.run)
        module.add_arguments(command)
    return parser
