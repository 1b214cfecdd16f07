#: A custom argument from the environment, beaten by the command line.
#: env: MY_WORD=from-environment
#: case environment:
#: case flag: --word from-flag
from support.bounded import finish

from locust import HttpUser, events, task


@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--word", default="nothing", env_var="MY_WORD")


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/anything/" + self.environment.parsed_options.word)
        finish(self)
