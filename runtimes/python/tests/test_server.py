import json
import os
import shutil
import socket
import threading
import time
import unittest

from tests.support import ROOT, ServerProcess, file_part, multipart, package

SERVICE = '''
import time
import log
from model_service.model_service import SingleNodeService
logger = log.getLogger(__name__)

class Number:
    def tolist(self):
        return 5

class Unlucky(Exception):
    pass

class Echo(SingleNodeService):
    def _preprocess(self, data):
        if 'sleep' in data:
            time.sleep(float(data['sleep']))
        if 'raise' in data:
            logger.info('about to raise')
            raise Unlucky('secret detail')
        if 'need' in data:
            return data['image']
        if 'nan' in data:
            return {'n': float('nan'), 'm': Number(), 3: {1}}
        if 'large' in data:
            return 'x' * int(data['large'])
        return {k: [len(f.read()) for f in v.values()] for k, v in data.items() if k.startswith('image')} or data
    def _inference(self, data):
        return data
'''
TYPE = {'Content-Type': 'multipart/form-data; boundary=frontier'}


class LiveServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = package({'customize_service.py': SERVICE})
        cls.server = ServerProcess(cls.directory, SERVICE_MAX_BODY='1048576', SERVICE_READ_TIMEOUT='2', SERVICE_CONCURRENCY='2', SERVICE_MAX_QUEUE='4').ready()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        shutil.rmtree(cls.directory)

    def setUp(self):
        self.connection = self.server.connect()
        self.addCleanup(self.connection.close)

    def ask(self, method, path, body=None, headers=None, connection=None, **options):
        connection = connection or self.connection
        connection.request(method, path, body, headers or {}, **options)
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None, response

    def post(self, value, connection=None):
        return self.ask('POST', '/', json.dumps(value), {'Content-Type': 'application/json'}, connection)[:2]

    def raw(self, data):
        """The whole answer to raw bytes, until the server closes."""
        with socket.create_connection(('127.0.0.1', self.server.port), 10) as sock:
            sock.sendall(data)
            sock.settimeout(10)
            answer = b''
            while True:
                piece = sock.recv(65536)
                if not piece:
                    return answer
                answer += piece

    def test_health_and_answers_on_one_connection(self):
        self.assertEqual(self.ask('GET', '/health')[:2], (200, {'status': 'OK'}))
        sock = self.connection.sock
        self.assertEqual(self.post({'a': 1}), (200, {'a': 1}))
        status, body, _ = self.ask('POST', '/', multipart([file_part('image', 'a', b'123'), file_part('image', 'b', b'1')]), TYPE)
        self.assertEqual((status, body), (200, {'image': [3, 1]}))
        self.assertIs(self.connection.sock, sock)

    def test_chunked_body_and_continue(self):
        self.assertEqual(self.ask('POST', '/', iter([b'{"a":', b'', b' 2}']), {'Content-Type': 'application/json'}, encode_chunked=True)[:2], (200, {'a': 2}))
        with socket.create_connection(('127.0.0.1', self.server.port), 10) as sock:
            sock.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n')
            self.assertEqual(sock.recv(100), b'HTTP/1.1 100 Continue\r\n\r\n')
            sock.sendall(b'{"a":1}')
            self.assertIn(b'200 OK', sock.recv(1000))

    def test_pipelined_requests_are_answered_in_order(self):
        one = b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n'
        answer = self.raw(one + b'{"a":1}' + one + b'{"a":2}' + one.replace(b'Host', b'Connection: close\r\nHost') + b'{"a":3}')
        self.assertEqual([int(p[0:1]) for p in answer.split(b'{"a": ')[1:]], [1, 2, 3])

    def test_refusals_name_the_cause(self):
        cases = [
            (('POST', '/', b'{oops', {'Content-Type': 'application/json'}), 400, 'MR.0101', 'not valid JSON'),
            (('POST', '/', b'', {}), 400, 'MR.0101', 'no body'),
            (('POST', '/', multipart([file_part('image', 'a', b'1')])[:-10], TYPE), 400, 'MR.0101', 'closing boundary'),
            (('POST', '/', b'x', {'Content-Type': 'video/mp4'}), 415, 'MR.0107', 'video/mp4'),
            (('POST', '/nowhere', b'{}', {}), 404, 'MR.0106', '/nowhere'),
            (('GET', '/', None, {}), 405, 'MR.0106', 'POST'),
            (('POST', '/', multipart([('Content-Disposition: form-data; name="image"', b'text')]), TYPE), 400, 'MR.0102', 'text field'),
            (('POST', '/', b'{"need": 1}', {}), 400, 'MR.0102', "lacks the field 'image'"),
            (('POST', '/', b'7', {}), 400, 'MR.0102', 'a number'),
        ]
        for request, status, code, words in cases:
            got, body, _ = self.ask(*request)
            self.assertEqual((got, body['erno']), (status, code), request)
            self.assertIn(words, body['msg'])

    def test_an_exception_of_the_model_stays_in_the_log(self):
        status, body, _ = self.ask('POST', '/', b'{"raise": 1}')
        self.assertEqual((status, body), (500, {'erno': 'MR.0105', 'msg': 'Recognition failed', 'words_result': {}}))
        self.assertIn('secret detail', self.server.text())
        self.assertIn('INFO', self.server.text())

    def test_values_that_json_lacks(self):
        self.assertEqual(self.post({'nan': 1}), (200, {'n': None, 'm': 5, '3': [1]}))

    def test_oversize_bodies_are_refused_with_an_answer(self):
        self.assertEqual(self.ask('POST', '/', b' ' * 2000000)[:1], (413,))
        answer = self.raw(b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n' + b'10000\r\n' + b'x' * 65536 + b'\r\nfffff\r\n')
        self.assertIn(b' 413 ', answer)
        self.assertIn(b'1 MiB', answer)

    def test_malformed_http(self):
        for head, status in ((b'NONSENSE\r\n\r\n', 400), (b'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400),
                             (b'POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400),
                             (b'POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n', 400), (b'POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n', 501),
                             (b'GET / HTTP/2.0\r\n\r\n', 505), (b'GET / HTTP/1.1\r\nA : b\r\n\r\n', 400),
                             (b'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n', 400), (b'GET / HTTP/1.1\r\nA: ' + b'b' * 70000, 431)):
            self.assertIn(b'HTTP/1.1 %d ' % status, self.raw(head)[:30], head[:60])

    def test_a_slow_request_is_timed_out_and_holds_nobody_up(self):
        with socket.create_connection(('127.0.0.1', self.server.port), 10) as slow:
            slow.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{')
            self.assertEqual(self.post({'a': 1})[0], 200)
            self.assertIn(b' 408 ', slow.recv(1000))

    def test_large_answers_arrive_whole(self):
        self.assertEqual(len(self.post({'large': 30000000})[1]), 30000000)

    def test_many_connections_at_once_get_their_own_answers(self):
        wrong = []

        def client(number):
            connection = self.server.connect()
            for turn in range(20):
                while True:
                    status, body = self.post({'n': number, 't': turn}, connection)
                    if status != 503:
                        break
                if (status, body) != (200, {'n': number, 't': turn}):
                    wrong.append((status, body))
            connection.close()

        threads = [threading.Thread(target=client, args=(n,)) for n in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_busy_service_queues_then_refuses_and_stays_healthy(self):
        results = []

        def client():
            connection = self.server.connect()
            results.append(self.post({'sleep': 0.5}, connection)[0])
            connection.close()

        threads = [threading.Thread(target=client) for _ in range(9)]
        for thread in threads:
            thread.start()
        time.sleep(0.25)
        began = time.monotonic()
        self.assertEqual(self.ask('GET', '/health')[0], 200)
        self.assertLess(time.monotonic() - began, 0.25)
        for thread in threads:
            thread.join()
        self.assertEqual((results.count(200), results.count(503)), (6, 3))


class Stopping(unittest.TestCase):
    def start(self, source=SERVICE, **env):
        directory = package({'customize_service.py': source})
        self.addCleanup(shutil.rmtree, directory)
        server = ServerProcess(directory, **env)
        self.addCleanup(server.close)
        return server

    def test_what_is_in_flight_is_answered_and_then_it_ends(self):
        server = self.start(SERVICE_LINGER='0.3').ready()
        idle, busy, later = server.connect(), server.connect(), server.connect()
        idle.request('GET', '/health')
        idle.getresponse().read()
        busy.request('POST', '/', b'{"sleep": 1}')
        time.sleep(0.2)
        server.terminate()
        time.sleep(0.1)
        later.request('GET', '/health')
        answer = later.getresponse()
        self.assertEqual((answer.status, answer.getheader('Connection')), (503, 'close'))
        answer = busy.getresponse()
        self.assertEqual((answer.status, answer.getheader('Connection'), json.loads(answer.read())), (200, 'close', {'sleep': 1}))
        self.assertEqual(server.exit_code(5), 0)
        self.assertIn('model service stopped', server.text())

    def test_the_grace_ends(self):
        server = self.start(SERVICE_GRACE='0.5').ready()
        connection = server.connect()
        connection.request('POST', '/', b'{"sleep": 30}')
        time.sleep(0.3)
        began = time.monotonic()
        server.terminate()
        self.assertEqual(server.exit_code(5), 0)
        self.assertLess(time.monotonic() - began, 3)
        self.assertIn('1 requests were cut off', server.text())

    def test_not_ready_while_loading(self):
        server = self.start('import time\ntime.sleep(1)\n' + SERVICE)
        for method, path in (('GET', '/health'), ('POST', '/')):
            connection = server.connect()
            connection.request(method, path, b'{}')
            answer = connection.getresponse()
            self.assertEqual((answer.status, json.loads(answer.read())['erno']), (503, 'MR.0104'))
        server.ready()


def seed_cases():
    for path in (os.environ.get('ATELIER_SEED_CASES'), os.path.join(ROOT, '../../../shared/seed-cases')):
        if path and os.path.isdir(os.path.join(path, 'mnist')):
            return os.path.join(path, 'mnist')
    return None


class WithPyTorch(unittest.TestCase):
    """Runs where PyTorch is (in the preset image): the document's service, with fresh weights."""

    def test_the_documents_service_answers_images_and_refuses_others(self):
        try:
            import torch
            import torchvision  # noqa: F401
        except ImportError:
            self.skipTest('PyTorch is not installed here')
        seed = seed_cases()
        if seed is None:
            self.skipTest('the seed cases are not here')
        directory = package({})
        self.addCleanup(shutil.rmtree, directory)
        shutil.copy(os.path.join(seed, 'infer/customize_service.py'), directory)
        weights = {'conv1.weight': (32, 1, 3, 3), 'conv1.bias': (32,), 'conv2.weight': (64, 32, 3, 3), 'conv2.bias': (64,),
                   'fc1.weight': (128, 9216), 'fc1.bias': (128,), 'fc2.weight': (10, 128), 'fc2.bias': (10,)}
        torch.save({name: torch.zeros(shape) for name, shape in weights.items()}, os.path.join(directory, 'mnist.pt'))
        server = ServerProcess(directory)
        self.addCleanup(server.close)
        server.ready()
        sample = os.path.join(seed, 'samples', sorted(os.listdir(os.path.join(seed, 'samples')))[0])
        with open(sample, 'rb') as f:
            image = f.read()
        for content, status, wanted in ((image, 200, [{'image': 0}]), (b'no image', 400, 'not an image'), (image[:120], 400, 'image')):
            connection = server.connect()
            connection.request('POST', '/', multipart([file_part('image', 'a.png', content)]), TYPE)
            answer = connection.getresponse()
            body = json.loads(answer.read())
            self.assertEqual(answer.status, status, body)
            self.assertTrue(body == wanted or wanted in body.get('msg', ''), body)


if __name__ == '__main__':
    unittest.main()
