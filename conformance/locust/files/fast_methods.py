#: Each method of `FastHttpUser.client`.
#: Compared: requests with all headers, names, counts.
from support.bounded import finish

from locust import FastHttpUser, task


class Visitor(FastHttpUser):
    @task
    def everything(self):
        self.client.get("/get")
        self.client.get("/get?q=1", headers={"X-One": "1", "Accept": "text/plain"})
        self.client.get("/get", params={"a": "1", "b": "x y"})
        self.client.post("/post", data={"a": "1", "b": "zwei"})
        self.client.post("/post", data="plain text")
        self.client.post("/post", data=b"\x00\xff")
        self.client.post("/post", json={"a": [1, 2.5, None, True], "ü": "é"})
        self.client.post("/post", json={"a": 1}, headers={"Content-Type": "application/vnd.x+json"})
        self.client.post("/post")
        self.client.put("/put", data="x")
        self.client.put("/put", json=[1])
        self.client.patch("/patch", data="x")
        self.client.delete("/delete")
        self.client.head("/get")
        self.client.options("/get")
        self.client.request("GET", "/anything/x")
        self.client.request("REPORT", "/anything/x")
        self.client.get("/anything/ü/%7E~?q=a b")
        finish(self)
