"""Ends of runs that depend on what was done, not on time."""

import gevent

from locust.exception import StopUser


def _user(user_or_taskset):
    return getattr(user_or_taskset, "user", user_or_taskset)


def finish(user_or_taskset):
    """Stops this user, and the whole run as soon as its `on_stop` is through."""
    user = _user(user_or_taskset)
    runner = user.environment.runner
    _wait_for_all(runner)
    user.greenlet.rawlink(lambda _greenlet: gevent.spawn(runner.quit))
    raise StopUser()


def _wait_for_all(runner):
    """Who leaves while others are still to come would be made up for by one more."""
    while runner.state == "spawning":
        gevent.sleep(0.005)


class Party:
    """The run of several users: it ends when the last of them has left."""

    def __init__(self, n_users):
        self.n_left = n_users

    def leave(self, user_or_taskset):
        """Stops this user."""
        _wait_for_all(_user(user_or_taskset).environment.runner)
        self.n_left -= 1
        if self.n_left == 0:
            finish(user_or_taskset)
        raise StopUser()
