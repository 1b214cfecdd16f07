#: A user without tasks: an exception for each attempt.
#: Compared: log, exceptions, exit code.
import gevent

from locust import HttpUser, events

n_errors = 0


@events.user_error.add_listener
def count(user_instance, exception, **_kwargs):
    global n_errors
    n_errors += 1
    if n_errors == 2:
        print(exception)
        gevent.spawn(user_instance.user.environment.runner.quit)
        gevent.sleep(5)


class Idle(HttpUser):
    task = "not a list of tasks"
