#: `--config-users`: attributes of user classes from the command line or a file.
#: args: -u 3 -r 3
#: order: any
#: case json: --config-users {"user_class_name":"First","fixed_count":2,"greeting":"hello"}
#: case file: --config-users data/users.json
#: case unknown: --config-users {"user_class_name":"Nobody","weight":1}
#: Compared: requests, log, exit code.
from support.bounded import Party

from locust import HttpUser, task

party = Party(3)


class First(HttpUser):
    greeting = "nothing"

    @task
    def visit(self):
        self.client.get("/anything/" + self.greeting, name=type(self).__name__)
        party.leave(self)


class Second(First):
    weight = 5
