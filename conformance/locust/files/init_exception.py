#: An exception in a user's `__init__`.
#: args: -t 1
#: Compared: log, exit code.
from locust import HttpUser, task


class Broken(HttpUser):
    def __init__(self, environment):
        super().__init__(environment)
        raise KeyError("no such setting")

    @task
    def never(self):
        pass
