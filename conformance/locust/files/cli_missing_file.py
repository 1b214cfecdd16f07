#: A locustfile that is not there.
#: bare
#: case named: -f nothing.py --headless
#: case default: --headless
#: case folder: -f support/nothing/ --headless
#: Compared: log, exit code.
