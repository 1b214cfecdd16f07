#: `--list`, `--show-task-ratio`, `--show-task-ratio-json`: what there is, without a run.
#: bare
#: args: -f cli_list.py
#: case list: --list
#: case short: -l
#: case ratio: --show-task-ratio
#: case ratio_json: --show-task-ratio-json
#: case ratio_users: --show-task-ratio -u 10 First Third
#: case ratio_json_users: --show-task-ratio-json -u 10
#: Compared: what is printed, exit code.
from locust import HttpUser, SequentialTaskSet, TaskSet, task


class Inner(SequentialTaskSet):
    @task
    def one(self):
        pass

    @task(2)
    def two(self):
        pass


class Outer(TaskSet):
    tasks = {Inner: 2}

    @task(6)
    def plain(self):
        pass


class First(HttpUser):
    weight = 3
    tasks = [Outer]

    @task(3)
    def own(self):
        pass


class Second(HttpUser):
    fixed_count = 1

    @task
    def own(self):
        pass


class Third(HttpUser):
    @task
    def own(self):
        pass
