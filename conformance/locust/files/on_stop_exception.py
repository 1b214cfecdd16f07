#: An exception in `on_stop` of a task set is told; one of the user ends its greenlet.
#: Compared: log, exit code.
from support.bounded import finish

from locust import HttpUser, TaskSet, task


class Steps(TaskSet):
    @task
    def work(self):
        self.client.get("/get")
        finish(self)

    def on_stop(self):
        raise ValueError("task set will not stop")


class Broken(HttpUser):
    tasks = [Steps]

    def on_stop(self):
        raise ValueError("user will not stop")
