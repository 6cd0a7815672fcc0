"""Compiles the kernels where that is still to be done, so that nothing waits for it later."""

import sys

from dex.router.kernel import kernels_on


def main() -> None:
    """Say whether the router uses kernels; by then its modules, and with them the kernels, are loaded."""
    if not kernels_on():
        sys.exit("numba is not installed, or switched off: the router uses numpy.\n  Way out: make setup FAST=1")
    sys.stdout.write("The router's kernels are compiled.\n")


if __name__ == "__main__":
    main()
