"""A user that is stopped while it waits makes no further request.

Locust ends such a user in the next turn of gevent's loop. If the user's wait is over in the same turn, as happens to many at
once when the process got no CPU for a moment, each still sends a request that nobody records.
"""

import functools

from gevent import GreenletExit
from locust.user.task import LOCUST_STATE_WAITING, TaskSet
from locust.user.users import User


def install():
    stop = User.stop
    wait = TaskSet.wait

    @functools.wraps(stop)
    def stop_noting(self, force=False):
        if self._state == LOCUST_STATE_WAITING:
            self._is_stopped = True
        return stop(self, force)

    @functools.wraps(wait)
    def wait_noticing(self):
        wait(self)
        if getattr(self.user, "_is_stopped", False):
            raise GreenletExit

    User.stop = stop_noting
    TaskSet.wait = wait_noticing
