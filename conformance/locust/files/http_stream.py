#: `stream=True`: lines and pieces as they come; the length that counts is the one the head tells.
#: Compared: requests, counts, bytes (by `--json`).
#: args: --json
from support.bounded import finish

from locust import HttpUser, task


class Streamer(HttpUser):
    @task
    def stream(self):
        response = self.client.get("/stream/5", stream=True)
        print([line[:20] for line in response.iter_lines()])
        response = self.client.get("/bytes/5000", stream=True)
        print([len(piece) for piece in response.iter_content(2048)])
        response = self.client.get("/bytes/300000", stream=True, name="left unread")
        response.close()
        response = self.client.get("/drip?numbytes=5&duration=0.05", stream=True, name="drip")
        print(len(response.raw.read()))
        with self.client.get("/bytes/100", stream=True, name="caught", catch_response=True) as response:
            if len(response.content) != 100:
                response.failure("not whole")
        print(len(self.client.get("/bytes/1000").content))
        finish(self)
