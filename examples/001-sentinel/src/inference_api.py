"""The inference API on port 8000: Squall's bundled target has it.

`SQUALL` names the program if it is not on the PATH, `PORT` another port.
"""

import os
import sys


def main():
    squall = os.environ.get("SQUALL", "squall")
    words = [squall, "demo-target", "--listen", os.environ.get("PORT", "8000"), *sys.argv[1:]]
    try:
        os.execvp(squall, words)
    except FileNotFoundError:
        sys.exit(f"{squall}: not found; SQUALL names the program")


if __name__ == "__main__":
    main()
