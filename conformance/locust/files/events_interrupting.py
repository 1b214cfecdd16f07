#: `StopUser` and `RescheduleTask` raised by a listener of `request` reach the task.
#: Compared: requests, order.
import gevent

from locust import HttpUser, events, task
from locust.exception import RescheduleTask, StopUser


@events.request.add_listener
def judge(name, **_kwargs):
    if name == "again":
        raise RescheduleTask()
    if name == "stop":
        raise StopUser()


class Judged(HttpUser):
    n = 0

    @task
    def work(self):
        self.n += 1
        if self.n == 1:
            self.client.get("/get", name="again")
            print("never printed")
        self.client.get("/get", name="stop")
        print("never printed")

    def on_stop(self):
        print("rounds", self.n)
        gevent.spawn(self.environment.runner.quit)
