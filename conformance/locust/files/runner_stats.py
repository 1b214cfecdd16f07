#: What listeners and tasks read of `environment.stats` and of the runner.
#: Compared: printed lines.
from support.bounded import finish

from locust import HttpUser, events, task


def tell(environment, when):
    stats = environment.stats
    print(when, stats.num_requests, stats.num_failures, stats.total.num_requests, stats.total.fail_ratio)
    for (name, method), entry in sorted(stats.entries.items()):
        print("  entry", method, name, entry.num_requests, entry.num_failures, entry.total_content_length)
    for error in sorted(stats.errors.values(), key=lambda error: error.name):
        print("  error", error.method, error.name, error.occurrences, error.to_name())


class Visitor(HttpUser):
    @task
    def visit(self):
        for _ in range(4):
            self.client.get("/bytes/10")
        self.client.get("/status/404")
        self.client.get("/status/404")
        with self.client.get("/bytes/5", name="judged", catch_response=True) as response:
            response.failure("too short")
        tell(self.environment, "in the task")
        entry = self.environment.stats.get("/bytes/10", "GET")
        print(entry.num_requests, entry.avg_content_length, entry.fail_ratio, entry.min_response_time <= entry.max_response_time)
        print(entry.avg_response_time >= 0, entry.median_response_time >= 0, entry.get_response_time_percentile(0.95) >= 0)
        print(sum(entry.response_times.values()), sum(entry.num_reqs_per_sec.values()), entry.total_rps >= 0)
        print(self.environment.stats.get("nothing", "GET").num_requests)
        runner = self.environment.runner
        print(runner.state, runner.user_count, runner.target_user_count, runner.user_classes_count, type(runner).__name__)
        print(runner.stats is self.environment.stats, len(runner.errors), len(runner.exceptions), runner.worker_count)
        print(self.environment.host == self.host, self.environment.parsed_options.num_users, self.environment.web_ui)
        print([c.__name__ for c in self.environment.user_classes], self.environment.shape_class, self.environment.locustfile)
        finish(self)


@events.test_stop.add_listener
def test_stop(environment, **_kwargs):
    tell(environment, "test_stop")


@events.quitting.add_listener
def quitting(environment, **_kwargs):
    tell(environment, "quitting")


@events.quit.add_listener
def quit(exit_code, **_kwargs):
    print("quit", exit_code)
