#: Names with `FastHttpUser`: the URL as it was given, `name=`, `request_name`, `rename_request`, `request_meta`.
#: Compared: names and counts.
import os

from support.bounded import finish

from locust import FastHttpUser, task


class Namer(FastHttpUser):
    @task
    def name(self):
        self.client.get("/get?a=1&b=2")
        for n in range(3):
            self.client.get(f"/anything/{n}", name="/anything/[id]")
        self.client.request_name = "grouped"
        self.client.get("/get?1")
        self.client.get("/get?2", name="its own")
        self.client.request_name = None
        with self.client.rename_request("renamed"):
            self.client.get("/get?3")
        with self.client.get("/get?4", catch_response=True) as response:
            response.request_meta["name"] = "by meta"
        response = self.client.get("http://" + os.environ["TARGET"] + "/get?absolute", name="absolute")
        print(response.url.endswith("/get?absolute"))
        self.client.get("/redirect/1")
        finish(self)
