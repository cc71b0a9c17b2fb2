"""``python -m filterscope`` is the ``filterscope`` command."""

from filterscope.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
