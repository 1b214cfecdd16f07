#: `LOCUST_USER_CLASSES` names the classes.
#: env: LOCUST_USER_CLASSES=Second
from support.bounded import finish

from locust import HttpUser, task


class First(HttpUser):
    @task
    def once(self):
        self.client.get("/get", name=type(self).__name__)
        finish(self)


class Second(First):
    pass
