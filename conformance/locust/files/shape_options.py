#: A shape that uses the common options, and one that ignores them with a warning; an abstract one does not count.
#: order: any
#: case common: -u 2 -r 5 -t 60 --use common
#: Compared: log, requests.
from locust import HttpUser, LoadTestShape, constant, events, task


@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--use")


class Visitor(HttpUser):
    wait_time = constant(60)

    @task
    def visit(self):
        self.client.get("/get")


class Abstract(LoadTestShape):
    abstract = True


class Common(Abstract):
    use_common_options = True
    n_ticks = 0

    def tick(self):
        self.n_ticks += 1
        options = self.runner.environment.parsed_options
        return (options.num_users, options.spawn_rate) if self.n_ticks < 2 else None
