"""The one error of these tools, and how a command ends with it: a sentence, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable


class ToolError(Exception):
    """What went wrong and what to do about it, in one sentence."""


def run_command(main: Callable[[], int | None]) -> None:
    """Run `main` as a command: exit 0 (or its number), 1 with one sentence on stderr, 130 on Ctrl-C."""
    try:
        code = main()
    except ToolError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code or 0)
