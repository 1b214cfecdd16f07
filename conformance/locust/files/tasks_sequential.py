#: A sequential task set goes through its tasks in the order of their declaration, repeats them by weight, begins anew.
#: Compared: order of requests.
from support.bounded import finish

from locust import HttpUser, SequentialTaskSet, task


def function(taskset):
    taskset.client.get("/get", name="function")


class Steps(SequentialTaskSet):
    def on_start(self):
        self.n_rounds = 0

    @task
    def first(self):
        self.n_rounds += 1
        if self.n_rounds == 3:
            finish(self)
        self.client.get("/get", name="first")

    @task(2)
    def second(self):
        self.client.get("/get", name="second")

    tasks = [function]

    @task
    def third(self):
        self.client.get("/get", name="third")


class Walker(HttpUser):
    tasks = [Steps]
