#: `interrupt` in a task set's `on_start` gives control back before any of its tasks.
#: Compared: order, requests.
from support.bounded import finish

from locust import HttpUser, SequentialTaskSet, TaskSet, task


class Unwilling(TaskSet):
    def on_start(self):
        print("unwilling")
        self.interrupt()

    @task
    def never(self):
        print("never printed")


class Steps(SequentialTaskSet):
    tasks = [Unwilling]

    @task
    def end(self):
        self.client.get("/get")
        finish(self)


class Visitor(HttpUser):
    tasks = [Steps]
