#: A Markov task set with a transition to nowhere can't be made.
#: Compared: log, exit code.
from locust import HttpUser, MarkovTaskSet, transition


class Broken(MarkovTaskSet):
    @transition("nowhere")
    def start(self):
        pass


class Lost(HttpUser):
    tasks = [Broken]
