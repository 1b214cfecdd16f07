#: Events of one's own, listeners that are taken away again, the order of listeners.
#: Compared: printed lines.
from support.bounded import finish

from locust import HttpUser, events, task
from locust.event import EventHook

mine = EventHook()


@mine.add_listener
def first(word, **_kwargs):
    print("first", word)


@mine.add_listener
def second(word, **_kwargs):
    print("second", word)


@events.quitting.add_listener
def quitting_first(**_kwargs):
    print("added first, called last")


@events.quitting.add_listener
def quitting_second(**_kwargs):
    print("added second, called first")


@events.request.add_listener
def once(name, **_kwargs):
    print("seen", name)
    events.request.remove_listener(once)


class Firing(HttpUser):
    @task
    def fire(self):
        mine.fire(word="a", more=1)
        mine.fire(word="b", reverse=True)
        mine.remove_listener(first)
        mine.fire(word="c")
        self.client.get("/get")
        self.client.get("/json")
        finish(self)
