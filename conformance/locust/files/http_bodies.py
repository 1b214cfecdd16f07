#: Bodies of every kind that `requests` takes: text, bytes, forms, files, iterators, JSON of its own.
#: Compared: requests with lengths and digests.
import io
import json

from support.bounded import finish

from locust import HttpUser, task


class Body(HttpUser):
    @task
    def bodies(self):
        self.client.post("/post", data="ünïcode")
        self.client.post("/post", data=b"bytes")
        self.client.post("/post", data={"k": ["1", "2"], "empty": ""})
        self.client.post("/post", data=[("k", "1"), ("k", "2")])
        self.client.post("/post", data=io.BytesIO(b"from a file"))
        self.client.post("/post", data=(part for part in [b"one", b"two"]))
        self.client.post("/post", data=json.dumps({"a": 1}), headers={"Content-Type": "application/json"})
        self.client.post("/post", json={"nested": {"list": [1, {"x": None}]}})
        self.client.post("/post", json="text")
        self.client.post("/post", json=0)
        self.client.post("/post", data="x" * 100_000)
        self.client.put("/put", data=bytearray(b"array"))
        self.client.get("/anything", data="a body with GET")
        finish(self)
