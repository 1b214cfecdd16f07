#: Several locustfiles, a folder of them, the same class twice.
#: bare
#: order: any
#: case list: -f data/locustfiles/one.py,data/locustfiles/two.py --headless --only-summary -u 2 -r 2 --host http://{TARGET}
#: case folder: -f data/locustfiles --headless --only-summary -u 2 -r 2 --host http://{TARGET}
#: case duplicate: -f data/locustfiles/one.py,data/duplicate.py --headless --only-summary --host http://{TARGET}
#: case missing: -f data/locustfiles/one.py,nothing.py --headless --only-summary --host http://{TARGET}
#: Compared: requests, log, exit code.
