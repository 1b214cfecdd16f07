#: `process_exit_code`, set at different moments, beats everything.
#: case task: --when task
#: case test_stop: --when test_stop
#: case quitting: --when quitting
#: case zero: --when quitting --code 0 --fail
#: case by_ratio: --when ratio --fail
#: Compared: exit code, log.
from support.bounded import finish

from locust import HttpUser, events, task


@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--when")
    parser.add_argument("--code", type=int, default=42)
    parser.add_argument("--fail", action="store_true")


def decide(environment, when):
    options = environment.parsed_options
    if options.when == when:
        environment.process_exit_code = options.code
    if options.when == "ratio" and when == "quitting":
        total = environment.stats.total
        print(total.fail_ratio, total.num_requests, total.num_failures)
        environment.process_exit_code = 7 if total.fail_ratio > 0.1 else 0


@events.test_stop.add_listener
def test_stop(environment, **_kwargs):
    decide(environment, "test_stop")


@events.quitting.add_listener
def quitting(environment, **_kwargs):
    decide(environment, "quitting")


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/status/500" if self.environment.parsed_options.fail else "/get")
        decide(self.environment, "task")
        finish(self)
