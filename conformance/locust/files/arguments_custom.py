#: Arguments that a locustfile adds to the command line: types, defaults, environment, groups, unknown ones.
#: case defaults:
#: case given: --word hello --count 7 --flag --choice two --many a b
#: case wrong_type: --count many
#: case wrong_choice: --choice three
#: case unknown: --wrod hello
#: Compared: printed lines, log, exit code.
from support.bounded import finish

from locust import HttpUser, events, task


@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--word", type=str, default="nothing", help="a word", env_var="MY_WORD")
    parser.add_argument("--count", type=int, default=3, include_in_web_ui=False)
    parser.add_argument("--flag", action="store_true")
    group = parser.add_argument_group("mine")
    group.add_argument("--choice", choices=["one", "two"], default="one")
    parser.add_argument("--many", nargs="*", default=[], is_multiple=True)
    parser.add_argument("--secret", default="s", is_secret=True, is_required=True)


@events.init.add_listener
def init(environment, **_kwargs):
    options = environment.parsed_options
    print(options.word, options.count, options.flag, options.choice, options.many, options.secret)


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/anything/" + self.environment.parsed_options.word)
        finish(self)
