#: `on_stop` runs for users that wait when the run is quit from outside, and its requests count.
#: args: -u 3 -r 3
#: order: any
#: Compared: requests, counts.
import gevent

from locust import HttpUser, constant, events, task

n_waiting = 0


class Sleeper(HttpUser):
    wait_time = constant(60)

    @task
    def work(self):
        global n_waiting
        self.client.get("/get")
        n_waiting += 1
        if n_waiting == 3:
            gevent.spawn_later(0.1, self.environment.runner.quit)

    def on_stop(self):
        self.client.post("/post", name="on_stop")


@events.test_stop.add_listener
def stopped(**_kwargs):
    print("stopped")
