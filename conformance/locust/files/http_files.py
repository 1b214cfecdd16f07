#: Multipart uploads: files by name, content type and header, with fields beside them.
#: Compared: requests with their parts (boundaries are random).
import io

from support.bounded import finish

from locust import HttpUser, task


class Uploader(HttpUser):
    @task
    def upload(self):
        self.client.post("/post", files={"f": ("a.txt", b"content")})
        self.client.post("/post", files={"f": ("a.csv", "x,y\n1,2\n", "text/csv", {"X-Part": "1"})})
        self.client.post("/post", files={"f": io.BytesIO(b"no name")}, data={"field": "value"})
        self.client.post("/post", files=[("f", ("1.txt", b"1")), ("f", ("2.txt", b"2"))])
        with open("data/rows.csv", "rb") as rows:
            self.client.post("/post", files={"rows": rows})
        with self.client.post("/post", files={"f": ("ü.txt", b"\x00\x01")}, catch_response=True) as response:
            print(sorted(response.json()["files"]))
        finish(self)
