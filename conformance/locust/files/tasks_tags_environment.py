#: Tags from the environment, as a list in brackets.
#: env: LOCUST_TAGS=[read,admin]
#: env: LOCUST_EXCLUDE_TAGS=[slow]
#: Compared: the tasks that are left.
from support.bounded import finish

from locust import HttpUser, tag, task


class Tagged(HttpUser):
    @tag("read")
    @task
    def read(self):
        pass

    @tag("read", "slow")
    @task
    def slow_read(self):
        pass

    @tag("admin")
    @task
    def admin(self):
        pass

    @task
    def untagged(self):
        pass

    def on_start(self):
        print(sorted(t.__name__ for t in self.tasks), self.environment.parsed_options.tags)
        self.client.get("/get")
        finish(self)
