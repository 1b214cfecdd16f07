#: The events of a run with all their arguments, in order.
#: Compared: printed lines.
from support.bounded import finish

from locust import HttpUser, events, task


def tell(name, **arguments):
    shown = []
    for key, value in sorted(arguments.items()):
        shown.append(f"{key}={value}" if isinstance(value, (int, type(None))) else f"{key}:{type(value).__name__}")
    print(name, " ".join(shown))


def listen(name):
    getattr(events, name).add_listener(lambda **arguments: tell(name, **arguments))


for name in (
    "init",
    "test_start",
    "spawning_complete",
    "test_stopping",
    "test_stop",
    "quitting",
    "quit",
    "user_error",
    "reset_stats",
    "report_to_master",
    "worker_report",
    "worker_connect",
    "cpu_warning",
    "usage_monitor",
    "heartbeat_sent",
    "heartbeat_received",
):
    listen(name)


@events.init_command_line_parser.add_listener
def parser(parser):
    print("init_command_line_parser", type(parser).__name__)


class Visitor(HttpUser):
    def on_start(self):
        print("on_start", self.environment.runner.state)

    @task
    def visit(self):
        print("task", self.environment.runner.state)
        self.client.get("/get")
        finish(self)

    def on_stop(self):
        print("on_stop")


print("loaded")
