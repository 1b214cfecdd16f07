#: A locustfile that imports what is not there, or raises while it is read.
#: case import:
#: case raise: --raise
#: Compared: log, exit code.
import sys

if "--raise" in sys.argv:
    raise ValueError("while it is read")
import no_such_module_at_all  # noqa: F401
