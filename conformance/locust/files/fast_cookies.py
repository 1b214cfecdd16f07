#: Cookies with `FastHttpUser`.
#: Compared: requests, what the target says it got.
from support.bounded import finish

from locust import FastHttpUser, task


class Monster(FastHttpUser):
    @task
    def eat(self):
        self.client.get("/cookies/set?a=1&b=two", name="set")
        print(self.client.get("/cookies").json())
        print(sorted(cookie.name for cookie in self.client.cookiejar))
        self.client.get("/cookies", headers={"Cookie": "c=once"})
        self.client.get("/cookies/delete?a", name="delete")
        print(self.client.get("/cookies").json())
        self.client.cookiejar.clear()
        print(self.client.get("/cookies").json())
        finish(self)
