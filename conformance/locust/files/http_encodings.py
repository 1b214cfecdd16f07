#: Compressed answers: what is counted is the body as the user sees it.
#: args: --json
#: Compared: requests, counts, bytes.
import os

from support.bounded import finish

from locust import FastHttpUser, HttpUser, task


class Unpacker(HttpUser):
    @task
    def unpack(self):
        fast = FastUnpacker(self.environment)
        for client, of in ((self.client, ""), (fast.client, "fast ")):
            for path in ("/gzip", "/deflate", "/brotli"):
                response = client.get(path, name=of + path)
                print(response.status_code, sorted(response.json()), response.headers["Content-Encoding"])
            client.get("/gzip", headers={"Accept-Encoding": "identity"}, name=of + "identity")
        finish(self)


class FastUnpacker(FastHttpUser):
    abstract = True
    host = "http://" + os.environ["TARGET"]
