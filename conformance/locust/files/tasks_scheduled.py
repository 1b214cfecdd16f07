#: `schedule_task`, `get_next_task` and `execute_task` of a task set's own.
#: Compared: order of requests.
from support.bounded import finish

from locust import HttpUser, TaskSet, task


class Planner(TaskSet):
    n = 0

    def get_next_task(self):
        return self.plan

    def execute_task(self, chosen):
        print("executes", chosen.__name__)
        super().execute_task(chosen)

    @task
    def plan(self):
        Planner.n += 1
        if Planner.n == 2:
            finish(self)
        self.schedule_task(self.last)
        self.schedule_task(self.first, first=True)

    def first(self):
        self.client.get("/get", name="first")

    def last(self):
        self.client.get("/get", name="last")


class Visitor(HttpUser):
    tasks = [Planner]
