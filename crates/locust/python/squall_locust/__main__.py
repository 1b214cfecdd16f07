"""What `squall locust` starts in the user's Python: finds the real `locust`, lays ours over it, and runs.

Without the engine, or beside a Locust it was not tested with, the real Locust runs as it is, and a warning says so.
"""

import os
import sys

LOWEST_PYTHON = (3, 11)
# The versions of Locust whose insides the overlay was tested with: from the first, below the second.
LOCUST_FROM = (2, 47)
LOCUST_BELOW = (2, 48)


def tell(text):
    sys.stderr.write(f"squall: {text}\n")


def clean_environment():
    """Takes back what the Rust side put into the environment for this start, so that no subprocess inherits it."""
    own, _, users = os.environ.get("PYTHONPATH", "").partition(os.pathsep)
    if users:
        os.environ["PYTHONPATH"] = users
    elif own:
        del os.environ["PYTHONPATH"]
    if os.environ.get("PYTHONSAFEPATH") == "squall":
        del os.environ["PYTHONSAFEPATH"]
    return os.environ.pop("SQUALL_LOCUST_SOCKET", None)


def require_locust():
    if sys.version_info < LOWEST_PYTHON:
        found = ".".join(str(part) for part in sys.version_info[:3])
        tell(f"{sys.executable} is Python {found}; Locust needs 3.11 or later")
        tell("hint: activate another environment, or choose one with --python PATH")
        sys.exit(1)
    try:
        import locust
    except ModuleNotFoundError as error:
        if error.name != "locust":
            raise
        tell(f"{sys.executable} has no package `locust`")
        tell(f"hint: {sys.executable} -m pip install locust")
        sys.exit(1)
    return locust


def version_of(text):
    numbers = []
    for part in text.split(".")[:2]:
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def lay_over(locust):
    """Puts ours under Locust's classes; the reason why not, where that can't be."""
    if not LOCUST_FROM <= version_of(locust.__version__) < LOCUST_BELOW:
        tested = f"{LOCUST_FROM[0]}.{LOCUST_FROM[1]}"
        return f"Locust {locust.__version__} is not a version this was tested with ({tested})"
    if os.environ.get("LOCUST_SKIP_MONKEY_PATCH"):
        return "LOCUST_SKIP_MONKEY_PATCH is set"
    try:
        from squall_locust import overlay

        overlay.install()
    except ImportError as error:
        return f"the engine can't be loaded ({error})"
    return None


def main():
    socket_path = clean_environment()
    locust = require_locust()
    sys.argv[0] = "locust"
    reason = lay_over(locust)
    if reason is None and socket_path:
        from squall_locust import runner

        runner.main(socket_path)
        return
    if reason is not None:
        tell(f"warning: {reason}: the real Locust runs, at its own speed")
    import locust.main

    locust.main.main()


if __name__ == "__main__":
    main()
