#: `environment.runner.quit()` from a task: what the task had done counts, what it does next does not happen.
#: Compared: requests, counts, exit code, order of events.
from locust import HttpUser, events, task


class Quitter(HttpUser):
    @task
    def work(self):
        for n in range(3):
            self.client.get(f"/get?{n}", name="/get")
        self.environment.runner.quit()
        print("after quit()")
        self.client.get("/get?never", name="never")

    def on_stop(self):
        print("on_stop")


for name in ("test_stopping", "test_stop", "quitting", "quit"):
    getattr(events, name).add_listener(lambda name=name, **_kwargs: print(name))
