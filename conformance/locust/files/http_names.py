#: Under which name a request is counted: path, `name=`, `request_name`, `rename_request`, `request_meta`.
#: Compared: names and counts.
import os

from support.bounded import finish

from locust import HttpUser, task


class Namer(HttpUser):
    @task
    def name(self):
        self.client.get("/get?a=1&b=ü x")
        self.client.get("/anything/ü/%7E~", params={"q": "a b"})
        for n in range(3):
            self.client.get(f"/anything/{n}", name="/anything/[id]")
        self.client.request_name = "grouped"
        self.client.get("/get?1")
        self.client.get("/get?2", name="its own")
        self.client.request_name = None
        with self.client.rename_request("renamed"):
            self.client.get("/get?3")
            self.client.post("/post")
        self.client.get("/get")
        with self.client.get("/get?4", catch_response=True) as response:
            response.request_meta["name"] = "by meta"
        with self.client.get("/get?5", catch_response=True) as response:
            response.request_meta["request_type"] = "FETCH"
        self.client.get("http://" + os.environ["TARGET"] + "/get?absolute=1")
        self.client.get("HTTP://" + os.environ["TARGET"] + "/get")
        self.client.get("/status/404", name='quoted "name", with | and, comma')
        finish(self)
