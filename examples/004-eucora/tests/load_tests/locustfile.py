"""Load test of the deployment API: teams that deploy, reviewers with a backlog, publishers to five planes, a burst.

    locust -f tests/load_tests/locustfile.py --headless -u 100 -r 10 -t 5m \\
        --host http://localhost:8000 --csv results/scenario1_deployments

Every user logs in once and keeps the session in its cookies.
"""

import random
import uuid
from datetime import datetime

from locust import HttpUser, between, events, task

PASSWORD = "test123"
APPS = ["nginx", "redis", "postgresql", "mongodb", "elasticsearch"]
RINGS = ["CANARY", "PILOT", "DEPARTMENT", "GLOBAL"]
LOGIN = "/api/v1/auth/login/"


class SessionUser(HttpUser):
    """Somebody who has to log in."""

    abstract = True
    host = "http://localhost:8000"
    username = "loadtest_user"

    def on_start(self):
        credentials = {"username": self.username, "password": PASSWORD}
        with self.client.post(LOGIN, credentials, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"could not log in: {response.status_code}")
                return
            response.success()
        self.client.headers["X-CSRFToken"] = self.client.cookies["csrftoken"]

    def expect(self, response, *statuses):
        if response.status_code in statuses:
            response.success()
        else:
            response.failure(f"status {response.status_code}")


class DeploymentUser(SessionUser):
    """Scenario 1: several teams deploy at once."""

    wait_time = between(0.5, 2.0)

    def on_start(self):
        super().on_start()
        self.created = []

    @task(3)
    def create_deployment(self):
        order = {
            "app_name": f"{random.choice(APPS)}-{uuid.uuid4().hex[:8]}",
            "version": f"{random.randint(1, 5)}.{random.randint(0, 9)}.{random.randint(0, 9)}",
            "target_ring": random.choice(RINGS),
            "evidence_pack_id": str(uuid.uuid4()),
        }
        with self.client.post("/api/v1/deployments/", order, catch_response=True) as response:
            self.expect(response, 200, 201)
            if response.ok:
                self.created.append(response.json()["id"])

    @task(1)
    def list_deployments(self):
        with self.client.get(
            "/api/v1/deployments/?limit=50", name="/api/v1/deployments/", catch_response=True
        ) as response:
            self.expect(response, 200)

    @task(1)
    def get_deployment_details(self):
        deployment = random.choice(self.created) if self.created else str(uuid.uuid4())
        with self.client.get(
            f"/api/v1/deployments/{deployment}/",
            name="/api/v1/deployments/{id}/",
            catch_response=True,
        ) as response:
            self.expect(response, 200, 404)


class CABApprovalUser(SessionUser):
    """Scenario 2: reviewers work off a backlog of more than a hundred approvals."""

    wait_time = between(1.0, 3.0)
    username = "cab_approver"

    def on_start(self):
        super().on_start()
        self.pending = []

    @task(4)
    def list_pending_approvals(self):
        with self.client.get(
            "/api/v1/cab/pending/?limit=100", name="/api/v1/cab/pending/", catch_response=True
        ) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
                return
            approvals = response.json()["approvals"]
            if len(approvals) < 100:
                response.failure(f"only {len(approvals)} approvals are pending")
            self.pending = [approval["id"] for approval in approvals]

    @task(3)
    def approve_deployment(self):
        self.decide("approve", {"comments": "Approved for production deployment"})

    @task(1)
    def reject_deployment(self):
        self.decide("reject", {"comments": "Insufficient testing evidence"})

    def decide(self, verdict, fields):
        approval = random.choice(self.pending) if self.pending else str(uuid.uuid4())
        with self.client.post(
            f"/api/v1/cab/{approval}/{verdict}/",
            json=fields,
            name=f"/api/v1/cab/{{id}}/{verdict}/",
            catch_response=True,
        ) as response:
            # 404: another reviewer was quicker.
            self.expect(response, 200, 404)


class ConnectorPublishingUser(SessionUser):
    """Scenario 3: publishing to five execution planes in parallel."""

    wait_time = between(0.5, 1.5)
    username = "publisher_user"

    def on_start(self):
        super().on_start()
        self.published = []

    def publish(self, plane):
        deployment = str(uuid.uuid4())
        order = {
            "deployment_id": deployment,
            "target_plane": plane,
            "config": {"ring": random.choice(RINGS[:2]), "target_count": random.randint(50, 500)},
        }
        with self.client.post(
            "/api/v1/connectors/publish/",
            json=order,
            name=f"/api/v1/connectors/publish/ [{plane}]",
            catch_response=True,
        ) as response:
            self.expect(response, 200)
            self.published.append(deployment)

    @task(2)
    def publish_to_intune(self):
        self.publish("INTUNE")

    @task(2)
    def publish_to_jamf(self):
        self.publish("JAMF")

    @task(2)
    def publish_to_sccm(self):
        self.publish("SCCM")

    @task(2)
    def publish_to_landscape(self):
        self.publish("LANDSCAPE")

    @task(2)
    def publish_to_ansible(self):
        self.publish("ANSIBLE")

    @task(1)
    def query_connector_status(self):
        deployment = random.choice(self.published) if self.published else str(uuid.uuid4())
        with self.client.get(
            f"/api/v1/connectors/status/{deployment}/",
            name="/api/v1/connectors/status/{id}/",
            catch_response=True,
        ) as response:
            self.expect(response, 200, 404)

    @task(1)
    def remediate_deployment(self):
        deployment = random.choice(self.published) if self.published else str(uuid.uuid4())
        order = {
            "deployment_id": deployment,
            "reason": "Device compliance drift detected",
            "action": "REINSTALL",
        }
        with self.client.post(
            "/api/v1/connectors/remediate/", json=order, catch_response=True
        ) as response:
            self.expect(response, 200, 404)


class HighLoadDeploymentUser(SessionUser):
    """Scenario 4: a burst of a thousand users who do nothing but deploy."""

    wait_time = between(0.1, 0.5)

    @task
    def create_deployment_burst(self):
        order = {
            "app_name": f"burst-{uuid.uuid4().hex[:8]}",
            "version": f"{random.randint(1, 5)}.0.0",
            "target_ring": "CANARY",
            "evidence_pack_id": str(uuid.uuid4()),
        }
        with self.client.post(
            "/api/v1/deployments/", order, name="/api/v1/deployments/ [burst]", catch_response=True
        ) as response:
            self.expect(response, 200, 201)


@events.request.add_listener
def slow(request_type, name, response_time, exception, **_kwargs):
    if exception:
        print(f"FAIL: {request_type} {name} - {exception}")
    elif response_time > 1000:
        print(f"SLOW: {request_type} {name} took {response_time:.0f}ms")


@events.test_start.add_listener
def started(environment, **_kwargs):
    print(f"Load test started: {datetime.now().isoformat()} on {environment.host}")


@events.test_stop.add_listener
def stopped(environment, **_kwargs):
    total = environment.stats.total
    print(f"Total requests: {total.num_requests}")
    print(f"Total failures: {total.num_failures}")
    print(f"Average response time: {total.avg_response_time:.0f}ms")
    for percentile in (0.5, 0.95, 0.99):
        value = total.get_response_time_percentile(percentile)
        print(f"{percentile:.0%} of requests within {value:.0f}ms")
    print(f"Max response time: {total.max_response_time:.0f}ms")
