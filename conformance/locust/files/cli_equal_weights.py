#: `--equal-weights`: classes and tasks lose their weights.
#: args: -u 4 -r 4 --equal-weights
#: order: any
#: Compared: users by class, tasks.
from support.bounded import Party

from locust import HttpUser, TaskSet, task

party = Party(4)


class Steps(TaskSet):
    @task(7)
    def inner(self):
        pass


class First(HttpUser):
    weight = 100
    tasks = [Steps]

    @task(5)
    def often(self):
        pass

    @task
    def seldom(self):
        pass

    def on_start(self):
        print(type(self).__name__, sorted(t.__name__ for t in self.tasks), self.weight)
        self.client.get("/get", name=type(self).__name__)
        party.leave(self)


class Second(First):
    weight = 1
