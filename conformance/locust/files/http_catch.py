#: `catch_response`: who decides between success and failure.
#: Compared: counts, failures, their texts.
from support.bounded import finish

from locust import HttpUser, task
from locust.exception import ResponseError


class Judge(HttpUser):
    @task
    def judge(self):
        with self.client.get("/get", name="untouched", catch_response=True):
            pass
        with self.client.get("/status/500", name="untouched 500", catch_response=True):
            pass
        with self.client.get("/status/404", name="forgiven", catch_response=True) as response:
            response.success()
        with self.client.get("/get", name="failed", catch_response=True) as response:
            response.failure("not as expected")
        with self.client.get("/get", name="failed by exception", catch_response=True) as response:
            response.failure(ValueError("of another kind"))
        with self.client.get("/get", name="failed by a number", catch_response=True) as response:
            response.failure(7)
        with self.client.get("/get", name="last word", catch_response=True) as response:
            response.failure("first")
            response.success()
        with self.client.get("/get", name="last word", catch_response=True) as response:
            response.success()
            response.failure("second")
        with self.client.get("/get", name="raised", catch_response=True):
            raise ResponseError("raised in the block")
        with self.client.get("/status/503", name="raise_for_status", catch_response=True) as response:
            try:
                response.raise_for_status()
            except Exception as error:
                print(type(error).__name__, str(error).split(" for url")[0])
                response.success()
        finish(self)
