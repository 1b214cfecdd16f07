#: What a response says of itself, with `requests`' names.
#: Compared: printed lines.
import datetime

import requests

from support.bounded import finish

from locust import HttpUser, task


class Reader(HttpUser):
    @task
    def read(self):
        r = self.client.get("/response-headers?X-One=1&X-Two=zwei&Content-Type=application/json", name="headers")
        print(isinstance(r, requests.Response), type(r).__name__)
        print(r.status_code, r.ok, r.reason, r.encoding, r.apparent_encoding, r.is_redirect)
        print(r.headers["x-one"], r.headers.get("X-TWO"), "x-three" in r.headers, sorted(r.json().items()))
        print(isinstance(r.elapsed, datetime.timedelta), r.elapsed.total_seconds() < 5, r.history, r.links)
        print(r.url.endswith("X-One=1&X-Two=zwei&Content-Type=application/json"))
        print(r.request.method, r.request.path_url, r.request.body, sorted(r.request.headers))
        r = self.client.post("/post", json={"a": 1})
        print(r.request.body, r.request.headers["Content-Type"], r.request.headers["Content-Length"])
        r = self.client.get("/encoding/utf8")
        print(r.encoding, len(r.content), len(r.text))
        r.encoding = "latin-1"
        print(r.encoding, len(r.text))
        r = self.client.get("/html")
        try:
            r.json()
        except requests.exceptions.JSONDecodeError as error:
            print("not JSON", error)
        r = self.client.get("/status/404")
        try:
            r.raise_for_status()
        except requests.HTTPError as error:
            print(error.response.status_code, str(error).split(" for url")[0])
        print(list(self.client.get("/json").iter_lines())[:2])
        finish(self)
