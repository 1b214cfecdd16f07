#: Cookies of a session, of a request, of a jar of one's own; two users keep theirs apart.
#: Compared: requests, what the target says it got.
from support.bounded import finish

from locust import HttpUser, task


class Monster(HttpUser):
    @task
    def eat(self):
        self.client.get("/cookies/set?a=1&b=two", name="set")
        print(self.client.get("/cookies").json())
        print(sorted(self.client.cookies.get_dict().items()))
        self.client.get("/cookies", cookies={"c": "once"})
        self.client.get("/cookies")
        self.client.cookies.set("d", "mine", path="/cookies")
        self.client.get("/cookies")
        self.client.get("/get")
        self.client.get("/cookies/delete?a", name="delete")
        print(self.client.get("/cookies").json())
        response = self.client.get("/cookies/set/e/5", allow_redirects=False)
        print(response.cookies.get_dict())
        self.client.cookies.clear()
        self.client.get("/cookies")
        finish(self)
