#: Exceptions in tasks: told, grouped, counted; the user goes on. The run fails by them.
#: csv
#: Compared: log, exceptions (by their file), exit code.
import gevent

from support.bounded import finish

from locust import HttpUser, SequentialTaskSet, constant, task


class Steps(SequentialTaskSet):
    wait_time = constant(0.01)

    def on_start(self):
        self.n_rounds = 0

    @task
    def value_error(self):
        raise ValueError("boom, with a comma and \"quotes\"")

    @task
    def deep(self):
        self.inner()

    def inner(self):
        {}["missing"]

    @task
    def fine(self):
        self.client.get("/get")
        self.n_rounds += 1
        if self.n_rounds == 3:
            # The files are written once a second.
            gevent.sleep(2.5)
            finish(self)


class Breaker(HttpUser):
    tasks = [Steps]
