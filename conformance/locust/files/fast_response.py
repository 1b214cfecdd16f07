#: What a response of `FastHttpUser` says of itself.
#: Compared: printed lines.
from support.bounded import finish

from locust import FastHttpUser, task


class Reader(FastHttpUser):
    @task
    def read(self):
        r = self.client.get("/response-headers?X-One=1&X-Two=zwei", name="headers")
        print(type(r).__name__, r.status_code, r.ok, r.headers["x-one"], r.headers.get("X-TWO"), "x-three" in r.headers)
        print(sorted(r.json().items()), r.encoding, type(r.content).__name__, type(r.text).__name__)
        print(r.url.endswith("/response-headers?X-One=1&X-Two=zwei"), r.request.method, r.request.url == r.url)
        r = self.client.post("/post", json={"a": 1})
        print(r.request.body, r.request.payload, r.json()["json"], len(r.history))
        r = self.client.get("/encoding/utf8")
        print(len(r.content), len(r.text), r.encoding)
        r = self.client.get("/html")
        try:
            r.json()
        except ValueError as error:
            print("not JSON", error)
        r = self.client.get("/status/404")
        try:
            r.raise_for_status()
        except Exception as error:
            print(type(error).__name__, error.code)
        r = self.client.head("/get")
        print(r.status_code, r.content, r.headers["content-type"])
        r = self.client.get("/status/204")
        print(r.status_code, r.content)
        finish(self)
