#: `requests` in user code, outside of the client: it reaches the target, cooperates, and is not counted.
#: Compared: requests, counts.
#: order: any
import time

import gevent
import requests

from support.bounded import finish

from locust import HttpUser, task


class Mixed(HttpUser):
    @task
    def work(self):
        print(requests.get(self.host + "/get?plain").status_code)
        session = requests.Session()
        print(session.post(self.host + "/post", json={"a": 1}).json()["json"])
        began = time.perf_counter()
        jobs = [gevent.spawn(requests.get, self.host + "/get?delay=1s") for _ in range(4)]
        gevent.joinall(jobs, timeout=10)
        print("at once", time.perf_counter() - began < 3.5)
        self.client.get("/get", name="counted")
        finish(self)
