#: Lengths of many kinds of answers, and that times are about what the target took.
#: args: --json
#: Compared: bytes; times in their bounds.
from support.bounded import finish

from locust import FastHttpUser, HttpUser, events, task

took = {}


@events.request.add_listener
def seen(name, response_time, **_kwargs):
    took[name] = response_time


class Measured(HttpUser):
    @task
    def measure(self):
        Fast.host = self.host
        for client, of in ((self.client, "http "), (Fast(self.environment).client, "fast ")):
            client.get("/get", name=of + "first")
            client.get("/get?delay=200ms", name=of + "200 ms")
            client.get("/drip?numbytes=10&duration=0.3", name=of + "drip")
            client.get("/redirect-to?url=/get%3Fdelay%3D100ms", name=of + "redirected")
            client.get("/bytes/0", name=of + "nothing")
            client.get("/bytes/1000000", name=of + "much")
            client.head("/bytes/1000", name=of + "head")
            client.get("/status/204", name=of + "204")
        for name, least in (("200 ms", 200), ("drip", 250), ("redirected", 100)):
            print(name, [least <= took[of + name] < least + 2000 for of in ("http ", "fast ")])
        finish(self)


class Fast(FastHttpUser):
    abstract = True
