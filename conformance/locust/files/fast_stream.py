#: Streams with `FastHttpUser`: `stream=True`, `iter_lines`, `iter_content`.
#: args: --json
#: Compared: requests, counts, bytes.
from support.bounded import finish

from locust import FastHttpUser, task


class Streamer(FastHttpUser):
    @task
    def stream(self):
        print([line[:20] for line in self.client.iter_lines("/stream/5")])
        response = self.client.get("/bytes/5000", stream=True)
        print(len(response.stream.read()), response.status_code)
        response = self.client.get("/stream/3", stream=True, name="by pieces")
        print(sum(len(piece) for piece in response.iter_content(64)))
        response = self.client.get("/html", stream=True, name="read later")
        print(len(response.content) > 0)
        print(len(self.client.get("/bytes/1000").content))
        finish(self)
