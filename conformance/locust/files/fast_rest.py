#: `rest()` and `rest_()` of `FastHttpUser`.
#: Compared: names, failures with their texts, printed lines.
from support.bounded import finish

from locust import FastHttpUser, task


class Rester(FastHttpUser):
    @task
    def rest_calls(self):
        with self.rest("GET", "/json") as response:
            print(response.js["slideshow"]["author"], response.status_code)
        with self.rest("POST", "/post", json={"a": 1}) as response:
            print(response.js["json"], response.js["headers"]["Accept"])
        with self.rest("GET", "/html", name="no JSON") as response:
            print(response.js)
        with self.rest("GET", "/json", name="wrong") as response:
            assert response.js["slideshow"]["author"] == "nobody", "another author"
        with self.rest("GET", "/get", name="broken") as response:
            print(response.js["nothing"])
        with self.rest("GET", "/get?close=before", name="closed") as response:
            print(response.js)
        with self.rest("GET", "/status/500", name="failed"):
            pass
        with self.rest_("GET", "/get?x=1") as response:
            print(sorted(response.js["args"]))
        finish(self)
