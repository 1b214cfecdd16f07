#: `with`, `success()` and `failure()` without `catch_response=True`, or without the block.
#: Compared: exceptions with their texts; what counts.
from support.bounded import finish

from locust import HttpUser, SequentialTaskSet, task


class Steps(SequentialTaskSet):
    @task
    def block_without_catch(self):
        with self.client.get("/get", name="block"):
            print("never printed")

    @task
    def success_without_catch(self):
        self.client.get("/get", name="success").success()

    @task
    def failure_without_catch(self):
        self.client.get("/get", name="failure").failure("no")

    @task
    def failure_without_block(self):
        response = self.client.get("/get", name="no block", catch_response=True)
        response.failure("never counted")

    @task
    def forgotten_block(self):
        response = self.client.get("/get", name="forgotten", catch_response=True)
        print(response.status_code)

    @task
    def end(self):
        finish(self)


class Sloppy(HttpUser):
    tasks = [Steps]
