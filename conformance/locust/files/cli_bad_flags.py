#: Command lines that can't be.
#: case unknown: --no-such-flag
#: case run_time: -t soon
#: case users: -u many
#: case spawn_rate_zero: -r 0
#: case history_without_csv: --csv-full-history
#: case autoquit: --autoquit 1
#: case stop_timeout: -s soon
#: case equal_signs: --users=x
#: case old_flag: --no-web
#: case master_worker: --master --worker
#: Compared: exit code, what is printed.
from locust import HttpUser, task


class Visitor(HttpUser):
    @task
    def visit(self):
        self.client.get("/get")
