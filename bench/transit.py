"""A file by the transit of magic-wormhole, each end a process that is given the key.

transit.py send FILE        prints its port, and ends when the other has the file
transit.py receive PORT FILE SIZE
"""
import sys

from twisted.internet import defer, reactor, task
from twisted.protocols import basic
from wormhole.transit import TransitReceiver, TransitSender

KEY = b"k" * 32


@defer.inlineCallbacks
def send(path):
    transit = TransitSender("", reactor=reactor)
    transit.set_transit_key(KEY)
    hints = yield transit.get_connection_hints()
    transit.add_connection_hints([])
    connecting = transit.connect()
    print(next(hint["port"] for hint in hints if hint["type"] == "direct-tcp-v1"), flush=True)
    pipe = yield connecting
    with open(path, "rb") as file:
        yield basic.FileSender().beginFileTransfer(file, pipe)
    yield pipe.receive_record()
    pipe.close()


@defer.inlineCallbacks
def receive(port, path, size):
    transit = TransitReceiver("", no_listen=True, reactor=reactor)
    transit.set_transit_key(KEY)
    yield transit.get_connection_hints()
    transit.add_connection_hints(
        [{"type": "direct-tcp-v1", "hostname": "127.0.0.1", "port": port, "priority": 0.0}]
    )
    pipe = yield transit.connect()
    with open(path, "wb") as file:
        yield pipe.writeToFile(file, size)
    pipe.send_record(b"whole")
    pipe.close()
    while pipe.transport.connected:  # The last record is on its way.
        yield task.deferLater(reactor, 0.01, lambda: None)


def run(role, *arguments):
    if role == "send":
        return send(*arguments)
    port, path, size = arguments
    return receive(int(port), path, int(size))


def ended(result):
    if result is not None:
        print(result, file=sys.stderr)
    reactor.stop()


reactor.callWhenRunning(lambda: run(*sys.argv[1:]).addBoth(ended))
reactor.run()
