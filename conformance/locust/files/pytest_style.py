#: Functions in pytest's style instead of user classes, with the fixtures `session` and `fastsession`.
#: args: -t 5 -u 2 -r 2
#: tries: 3
#: order: any
#: about: GET /get 3..100000
#: about: GET /json 3..100000
#: about: Aggregated 6..200000
#: Compared: names, requests without their number.
import gevent


def test_session(session):
    session.get("/get")
    gevent.sleep(0.2)


def test_fastsession(fastsession):
    fastsession.get("/json")
    gevent.sleep(0.2)
