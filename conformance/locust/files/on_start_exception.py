#: An exception in `on_start` is told and counted, and the user is gone.
#: args: -u 2 -r 2
#: Compared: log, exceptions, exit code.
import gevent

from locust import HttpUser, events, task


class Broken(HttpUser):
    def on_start(self):
        self.client.get("/get", name="before it breaks")
        raise RuntimeError("not today")

    @task
    def never(self):
        self.client.get("/get", name="never")


n_errors = 0


@events.user_error.add_listener
def seen(user_instance, exception, **_kwargs):
    global n_errors
    n_errors += 1
    print(type(user_instance).__name__, exception)
    if n_errors == 2:
        gevent.spawn_later(0.1, user_instance.environment.runner.quit)
