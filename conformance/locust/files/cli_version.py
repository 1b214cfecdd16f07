#: `--version`.
#: bare
#: case long: --version
#: case short: -V
#: Compared: exit code, what is printed.
