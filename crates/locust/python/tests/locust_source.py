"""Runs test modules of a checkout of Locust on the installed Locust, with Squall laid over it or without.

`locust_source.py CHECKOUT real|squall test_http test_main.StandaloneIntegrationTests …` prints one line for each test: `ok`,
`failed` or `skipped`, and its name. The failures' texts go to standard error.
"""

import os
import sys
import unittest


class Listing(unittest.TextTestResult):
    """Says of each test how it ended."""

    def _tell(self, how, test):
        name = test.id().removeprefix("locust.test.")
        sys.__stdout__.write(f"{how} {name}\n")
        sys.__stdout__.flush()

    def addSuccess(self, test):
        super().addSuccess(test)
        self._tell("ok", test)

    def addError(self, test, err):
        super().addError(test, err)
        self._tell("failed", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._tell("failed", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._tell("skipped", test)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._tell("ok", test)


def main():
    checkout, whose, *names = sys.argv[1:]
    import locust

    if whose == "squall":
        from squall_locust import overlay, stopping

        overlay.install()
        stopping.install()
    # The installed package has no tests of its own.
    locust.__path__.append(os.path.join(checkout, "locust"))
    suite = unittest.defaultTestLoader.loadTestsFromNames([f"locust.test.{name}" for name in names])
    runner = unittest.TextTestRunner(stream=sys.stderr, resultclass=Listing)
    runner.run(suite)
    sys.stdout.flush()
    # Threads and servers of tests that failed are not waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
