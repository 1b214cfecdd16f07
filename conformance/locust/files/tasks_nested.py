#: Task sets in task sets: `interrupt` with and without rescheduling, `parent`, `user`, `client`, their own `on_start` and
#: `on_stop`.
#: Compared: the order of all of it, requests.
from support.bounded import finish

from locust import HttpUser, SequentialTaskSet, TaskSet, constant, task


class Inner(TaskSet):
    def on_start(self):
        print("inner starts", type(self.parent).__name__, type(self.user).__name__, self.client is self.user.client)

    def on_stop(self):
        print("inner stops")

    @task
    def work(self):
        self.client.get("/get", name="inner")
        self.interrupt()


class Patient(TaskSet):
    wait_time = constant(0.01)

    def on_stop(self):
        print("patient stops")

    @task
    def work(self):
        self.client.get("/get", name="patient")
        self.interrupt(reschedule=False)


class Outer(SequentialTaskSet):
    def on_start(self):
        print("outer starts")

    def on_stop(self):
        print("outer stops")

    @task
    def before(self):
        self.client.get("/get", name="before")

    tasks = [Inner, Patient]

    @task
    class Within(TaskSet):
        @task
        def work(self):
            self.client.get("/get", name="within")
            self.interrupt()

    @task
    def after(self):
        self.client.get("/get", name="after")
        finish(self)


class Nester(HttpUser):
    tasks = {Outer: 1}

    def on_start(self):
        print("user starts")

    def on_stop(self):
        print("user stops")
