#: Tasks as functions: in a dictionary with weights, in a list, in a list of pairs; methods after them.
#: Compared: which tasks there are, in order, and what they request.
from support.bounded import finish

from locust import HttpUser, TaskSet, User, task


def first(user):
    user.client.get("/get", name="first of " + type(user).__name__)


def second(user):
    user.client.get("/get", name="second of " + type(user).__name__)


class ByPairs(TaskSet):
    tasks = [(first, 2), (second, 1)]

    @task(3)
    def method(self):
        pass


class Listed(User):
    abstract = True
    tasks = [first, second, first]


class Tasked(HttpUser):
    tasks = {first: 1, second: 3}

    @task
    def own(self):
        pass

    def on_start(self):
        for kind in (Tasked, ByPairs, Listed):
            print([t.__name__ for t in kind.tasks])
        for chosen in dict.fromkeys(self.tasks[:4]):
            chosen(self)
        finish(self)
