"""Load test of the Sentinel inference API: card transactions are scored one by one, sometimes several at once.

    locust -f loadtest/locustfile.py --host=http://localhost:8000

Light load is 10 users, medium 100, heavy 500.
"""

import numpy as np

from locust import HttpUser, between, events, task

COMPONENTS = 28
RNG = np.random.default_rng(42)


def transaction():
    """A card transaction: 28 anonymous components, an amount of skewed distribution, the second of the day."""
    components = RNG.normal(0.0, 1.0, COMPONENTS)
    fields = {f"V{n + 1}": float(value) for n, value in enumerate(components)}
    fields["amount"] = round(float(RNG.lognormal(3.0, 1.2)), 2)
    fields["time"] = float(RNG.integers(0, 172_800))
    return fields


class SentinelUser(HttpUser):
    """Somebody whose payments are checked."""

    wait_time = between(0.01, 0.05)

    @task(10)
    def predict(self):
        with self.client.post("/predict", json=transaction(), catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
                return
            result = response.json()
            if result.get("prediction") not in (0, 1):
                response.failure("no prediction in the answer")
            elif not 0.0 <= result["fraud_probability"] <= 1.0:
                response.failure(f"probability {result['fraud_probability']}")
            else:
                response.success()

    @task(2)
    def predict_batch(self):
        batch = [transaction() for _ in range(5)]
        with self.client.post(
            "/predict", json={"instances": batch}, name="/predict [batch]", catch_response=True
        ) as response:
            if response.ok and response.json()["count"] == len(batch):
                response.success()
            else:
                response.failure("not every transaction was scored")

    @task(1)
    def health(self):
        self.client.get("/health")


@events.test_stop.add_listener
def summary(environment, **_kwargs):
    total = environment.stats.total
    print(f"requests: {total.num_requests}, failures: {total.num_failures}")
    print(f"p95: {total.get_response_time_percentile(0.95)} ms")
