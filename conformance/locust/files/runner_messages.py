#: Messages to oneself without workers: `register_message`, `send_message`.
#: Compared: printed lines, log.
from support.bounded import finish

from locust import HttpUser, events, task


def got(environment, msg, **_kwargs):
    print(msg.type, msg.data, msg.node_id, type(environment).__name__)


@events.init.add_listener
def register(environment, **_kwargs):
    environment.runner.register_message("greeting", got)
    try:
        environment.runner.register_message("greeting", got)
    except Exception as error:
        print(error)


class Sender(HttpUser):
    @task
    def send(self):
        self.environment.runner.send_message("greeting", {"hello": ["world", 1]})
        self.environment.runner.send_message("greeting")
        self.environment.runner.send_message("unknown")
        finish(self)
