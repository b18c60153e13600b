"""``python -m headwater``: the command line of just this Python, whatever comes first on the path."""

import sys

from headwater.cli import main

if __name__ == "__main__":  # worker processes import this file too
    sys.exit(main())
