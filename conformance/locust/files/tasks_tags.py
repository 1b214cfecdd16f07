#: Tasks chosen by tags, on methods, functions and task sets.
#: case none:
#: case one: --tags read
#: case two: --tags read admin
#: case exclude: --exclude-tags slow
#: case both: --tags read --exclude-tags slow
#: case exclude_nested: -E nested
#: Compared: the tasks that are left, requests.
from support.bounded import finish

from locust import HttpUser, TaskSet, tag, task


@tag("read")
def function(user):
    user.client.get("/get", name="function")


@tag("nested")
class Inner(TaskSet):
    @tag("read")
    @task
    def inner_read(self):
        pass

    @tag("write")
    @task
    def inner_write(self):
        pass


class Tagged(HttpUser):
    tasks = [function, Inner]

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
        print(sorted(t.__name__ for t in self.tasks), sorted(t.__name__ for t in Inner.tasks))
        if function in self.tasks:
            function(self)
        finish(self)
