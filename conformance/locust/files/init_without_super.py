#: A user's `__init__` that forgets its base class.
#: args: -t 1
#: Compared: log, exit code.
from locust import HttpUser, task


class Forgetful(HttpUser):
    def __init__(self, environment):
        pass

    @task
    def never(self):
        pass
