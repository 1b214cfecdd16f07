#: Tags that leave no task: a warning, and an exception for each attempt.
#: args: --tags nowhere
#: Compared: log, exceptions, exit code.
import gevent

from locust import HttpUser, events, tag, task

n_errors = 0


@events.user_error.add_listener
def count(user_instance, **_kwargs):
    global n_errors
    n_errors += 1
    if n_errors == 3:
        gevent.spawn(user_instance.user.environment.runner.quit)
        gevent.sleep(5)


class Tagged(HttpUser):
    @tag("read")
    @task
    def read(self):
        pass
