#: A Markov task set goes from task to task by weighted transitions; the generator is seeded.
#: Compared: the way it takes, requests.
import random

from support.bounded import finish

from locust import HttpUser, MarkovTaskSet, transition, transitions

random.seed(7)


class Shop(MarkovTaskSet):
    def on_start(self):
        self.way = []

    def step(self, name):
        self.way.append(name)
        self.client.get("/get", name=name)
        if len(self.way) == 40:
            print(" ".join(self.way))
            finish(self)

    @transition("browse")
    def enter(self):
        self.step("enter")

    @transitions({"browse": 3, "buy": 1, "leave": 1})
    def browse(self):
        self.step("browse")

    @transitions([("browse", 2), "leave"])
    def buy(self):
        self.step("buy")

    @transition("enter", weight=2)
    def leave(self):
        self.step("leave")


class Shopper(HttpUser):
    tasks = [Shop]
