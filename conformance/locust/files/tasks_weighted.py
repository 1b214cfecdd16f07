#: Weighted tasks picked at random, the generator seeded: the same two hundred picks.
#: Compared: counts of each task, in order.
import random

from support.bounded import finish

from locust import HttpUser, task

random.seed(2026)
N_PICKS = 200


class Picker(HttpUser):
    def on_start(self):
        self.picked = []

    def pick(self, name):
        self.picked.append(name)
        if len(self.picked) % 20 == 0:
            self.client.get("/get", name=name)
        if len(self.picked) == N_PICKS:
            print("".join(self.picked))
            finish(self)

    @task(6)
    def often(self):
        self.pick("o")

    @task(3)
    def usual(self):
        self.pick("u")

    @task
    def seldom(self):
        self.pick("s")
