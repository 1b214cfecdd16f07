#: SIGINT ends the run as its time would: hooks run, what was done counts, what is under way does not.
#: Compared: exit code, log, counts.
#: interrupt: INT 4
from locust import HttpUser, constant, events, task


class Visitor(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/get?1", name="/get")
        self.client.get("/status/404")
        self.client.get("/get?2", name="/get")
        self.client.get("/get?delay=60s", name="under way")

    def on_stop(self):
        print("on_stop")


for name in ("test_stopping", "test_stop", "quitting"):
    getattr(events, name).add_listener(lambda name=name, **_kwargs: print(name))
