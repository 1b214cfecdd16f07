#: Ten users with task sets, waits and failures, each with its own count of rounds.
#: args: -u 10 -r 10
#: order: any
#: Compared: exact counts, failures.

from support.bounded import Party

from locust import HttpUser, SequentialTaskSet, between, task

party = Party(10)


class Rounds(SequentialTaskSet):
    def on_start(self):
        self.n_rounds = 0

    @task
    def look(self):
        self.client.get(f"/anything/{self.n_rounds}", name="/anything/[n]")

    @task(2)
    def judge(self):
        with self.client.get("/get", catch_response=True) as response:
            if self.n_rounds == 2:
                response.failure("third round")

    @task
    def count(self):
        self.n_rounds += 1
        if self.n_rounds == 4:
            party.leave(self)


class Walker(HttpUser):
    wait_time = between(0, 0.02)
    tasks = [Rounds]
