"""Squall's Python side of `squall locust`: laid over the user's own `locust` package, never in place of it.

`__main__` starts it, `overlay` puts the Rust client and the Rust statistics under Locust's classes, `runner` does what
`locust.main` does, and `link` and `reporter` tell the Rust side, which prints, writes files and decides the exit code.
"""
