#: `--stop-timeout`: running tasks come to their end, in the time they are given.
#: args: -u 2 -r 2
#: order: any
#: case enough: -s 10
#: case scarce: -s 1
#: case none:
#: Compared: requests that count, log, order of hooks.
import gevent

from locust import HttpUser, events, task

n_under_way = 0


class Slow(HttpUser):
    @task
    def work(self):
        global n_under_way
        self.client.get("/get", name="before")
        n_under_way += 1
        if n_under_way == 2:
            gevent.spawn_later(0.1, self.environment.runner.quit)
        delay = "600ms" if type(self) is Slow else "3s"
        self.client.get(f"/get?delay={delay}", name=f"{delay} long")
        self.client.get("/get", name=f"after {delay}")

    def on_stop(self):
        print("on_stop", type(self).__name__)


class Slower(Slow):
    pass


@events.test_stop.add_listener
def stopped(environment, **_kwargs):
    print("test_stop", environment.runner.user_count)
