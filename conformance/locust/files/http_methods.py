#: Each method of `HttpUser.client` with the bodies and parameters that are usual with it.
#: Compared: requests with all headers, names, counts.
from support.bounded import finish

from locust import HttpUser, task


class Visitor(HttpUser):
    @task
    def everything(self):
        self.client.get("/get")
        self.client.get("/get", params={"a": "1", "b": ["x", "y z"], "c": None})
        self.client.get("/get?q=1", params=[("q", "2")])
        self.client.get("/headers", headers={"X-One": "1", "Accept": "text/plain", "User-Agent": "me/1"})
        self.client.get("/headers", headers={"Accept-Encoding": None, "Connection": "close"})
        self.client.post("/post", {"a": "1", "b": "é ß"})
        self.client.post("/post", data="plain text")
        self.client.post("/post", json={"a": [1, 2.5, None, True], "ü": "é"})
        self.client.post("/post")
        self.client.put("/put", {"a": "1"})
        self.client.put("/put", json=[])
        self.client.patch("/patch", data=b"\x00\xff")
        self.client.delete("/delete")
        self.client.delete("/delete", json={"id": 7})
        self.client.head("/get")
        self.client.options("/get")
        self.client.request("GET", "/anything/x")
        self.client.request("POST", "/anything/x", data="y", headers={"Content-Type": "text/csv"})
        self.client.request("REPORT", "/anything/x")
        finish(self)
