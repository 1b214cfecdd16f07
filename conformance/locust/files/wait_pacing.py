#: `constant_pacing`, `constant_throughput` and `constant` in a run: how long five rounds take.
#: args: -u 3 -r 3
#: order: any
#: Compared: counts, and that the time is in its bounds: not shorter, and not longer than a busy machine explains.
import time

import gevent

from support.bounded import Party

from locust import HttpUser, constant, constant_pacing, constant_throughput, task

party = Party(3)


class Base(HttpUser):
    abstract = True

    def on_start(self):
        self.n_rounds = 0
        self.began = time.perf_counter()

    @task
    def work(self):
        self.n_rounds += 1
        if self.n_rounds == 6:
            took = time.perf_counter() - self.began
            print(type(self).__name__, self.least <= took < self.least + 4)
            party.leave(self)
        self.client.get("/get", name=type(self).__name__)
        gevent.sleep(0.02)


class Pacing(Base):
    wait_time = constant_pacing(0.1)
    least = 0.48


class Throughput(Base):
    wait_time = constant_throughput(10)
    least = 0.48


class Constant(Base):
    wait_time = constant(0.1)
    least = 0.6
