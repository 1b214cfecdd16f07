#: With a web interface, started and ended by itself.
#: bare
#: args: -f cli_autostart.py --host http://{TARGET} --web-host 127.0.0.1 --web-port {PORT} --autostart --autoquit 0 -t 4
#: Compared: requests, log, exit code.
from locust import HttpUser, constant, events, task


class Visitor(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/get")


@events.init.add_listener
def init(web_ui, runner, **_kwargs):
    print(type(web_ui).__name__, type(runner).__name__)
