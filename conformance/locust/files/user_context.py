#: `context()` of a user and `context=` of a request reach the listeners of `request`.
#: Compared: printed lines.
from support.bounded import finish

from locust import FastHttpUser, HttpUser, events, task


class Contextual(HttpUser):
    def context(self):
        return {"user": "contextual", "n": 1}

    @task
    def ask(self):
        self.client.get("/get")
        self.client.get("/get", context={"n": 2, "more": True}, name="more")
        Fast.host = self.host
        Fast(self.environment).client.get("/get", context={"x": 1}, name="fast")
        finish(self)


class Fast(FastHttpUser):
    abstract = True

    def context(self):
        return {"fast": True}


@events.request.add_listener
def seen(name, context, **_kwargs):
    print(name, sorted(context.items()))
