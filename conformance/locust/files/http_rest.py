#: `rest()` and `rest_()` of `HttpUser`: JSON both ways, assertions as failures.
#: Compared: requests (the time stamp of `rest_` apart), names, failures with their texts.
from support.bounded import finish

from locust import HttpUser, task


class Rester(HttpUser):
    @task
    def rest_calls(self):
        with self.rest("GET", "/json") as response:
            print(response.js["slideshow"]["author"], response.status_code)
        with self.rest("POST", "/post", json={"a": 1}) as response:
            print(response.js["json"], response.js["headers"]["Accept"])
        with self.rest("GET", "/html", name="no JSON") as response:
            print(response.js)
        with self.rest("GET", "/status/204", name="empty") as response:
            print(response.js)
        with self.rest("GET", "/json", name="wrong") as response:
            assert response.js["slideshow"]["author"] == "nobody", "another author"
        with self.rest("GET", "/json", name="wrong, told") as response:
            assert response.js == {}, "not empty,"
        with self.rest("GET", "/json", name="wrong, untold") as response:
            assert response.js is None
        with self.rest("GET", "/get", name="broken") as response:
            print(response.js["nothing"])
        with self.rest("GET", "/get?close=before", name="closed") as response:
            print(response.js)
        with self.rest("GET", "/status/500", name="failed"):
            pass
        with self.rest("GET", "/headers", headers={"Accept": "text/plain"}, name="own header") as response:
            print(response.js["headers"]["Accept"], response.js["headers"]["Content-Type"])
        with self.rest_("GET", "/get?x=1") as response:
            print(sorted(response.js["args"]))
        with self.rest_("GET", "/get", name="stamped"):
            pass
        finish(self)
