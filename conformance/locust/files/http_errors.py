#: What goes wrong beneath HTTP: nobody listens, the connection ends early, garbage, a time-out.
#: Compared: failures with their texts; the requests that reached the target.
from support.bounded import finish

from locust import HttpUser, task


class Unlucky(HttpUser):
    @task
    def errors(self):
        self.tell(self.client.get("http://127.0.0.1:9/refused"))
        for close in ("before", "mid-head", "garbage", "mid-body", "reset"):
            self.tell(self.client.get(f"/get?close={close}", name=close))
        self.tell(self.client.get("/get?delay=5s", name="read time-out", timeout=0.2))
        self.tell(self.client.get("/get?delay=5s", name="pair of time-outs", timeout=(1, 0.2)))
        with self.client.get("/get?close=before", name="caught", catch_response=True) as response:
            print(response.status_code, response.content, repr(response.text), response.error is not None)
        with self.client.get("/get?close=before", name="forgiven", catch_response=True) as response:
            response.success()
        self.client.get("/get", name="afterwards")
        finish(self)

    def tell(self, response):
        try:
            ok = response.ok
        except Exception as error:
            ok = type(error).__name__
        print(response.status_code, ok, type(response.error).__name__, repr(response.text)[:20])
