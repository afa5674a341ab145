import os
import random
import unittest

from model_service.answers import RequestError
from model_service.form_data import decode_body, parse_multipart
from tests.support import file_part, multipart

TYPE = 'multipart/form-data; boundary=frontier'


class Multipart(unittest.TestCase):
    def refused(self, body, content_type=TYPE, hint=''):
        with self.assertRaises(RequestError) as caught:
            parse_multipart(content_type, body)
        self.assertEqual((caught.exception.status, caught.exception.code), (400, 'MR.0101'))
        self.assertIn(hint, caught.exception.message)

    def test_files_and_texts(self):
        data = parse_multipart(TYPE, multipart([
            file_part('image', 'a.png', b'\x89PNG\r\n--frontie\r\n\x00'),
            file_part('image', 'b.png', b''),
            ('Content-Disposition: form-data; name="note"', 'grüße'.encode()),
        ]))
        self.assertEqual(sorted(data), ['image', 'note'])
        self.assertEqual(data['note'], 'grüße')
        self.assertEqual(data['image']['a.png'].read(), b'\x89PNG\r\n--frontie\r\n\x00')
        self.assertEqual(data['image']['a.png'].content_type, 'image/png')
        self.assertEqual(data['image']['b.png'].read(), b'')

    def test_two_files_of_one_name_are_both_kept(self):
        data = parse_multipart(TYPE, multipart([file_part('image', 'a.png', b'1'), file_part('image', 'a.png', b'2')]))
        self.assertEqual([f.read() for f in data['image'].values()], [b'1', b'2'])

    def test_file_names_as_clients_write_them(self):
        for parameter, name in (('filename="a \\"b\\".png"', 'a "b".png'), ('filename=plain.png', 'plain.png'),
                                ("filename=\"x\"; filename*=UTF-8''%E6%95%B0.png", '数.png'), ('filename="C:\\dir\\a.png"', 'C:\\dir\\a.png')):
            data = parse_multipart(TYPE, multipart([(f'Content-Disposition: form-data; name="image"; {parameter}', b'x')]))
            self.assertEqual(list(data['image']), [name])

    def test_quoted_boundary_preamble_and_epilogue(self):
        body = b'preamble\r\n' + multipart([file_part('k', 'f', b'x')], 'a b:c') + b'epilogue'
        self.assertEqual(parse_multipart('multipart/form-data; charset=utf-8; boundary="a b:c"', body)['k']['f'].read(), b'x')

    def test_malformed(self):
        whole = multipart([file_part('image', 'a.png', b'content')])
        self.refused(whole, 'multipart/form-data', 'boundary')
        self.refused(whole, 'multipart/form-data; boundary=other', 'does not contain its boundary')
        self.refused(whole[:-15], hint='closing boundary')
        self.refused(whole[:40], hint='no end of headers')
        self.refused(b'--frontier--\r\n', hint='no parts')
        self.refused(multipart([('Content-Type: image/png', b'x')]), hint='Content-Disposition')
        self.refused(multipart([('Content-Disposition: form-data; filename="a"', b'x')]), hint='no name')
        self.refused(multipart([('nonsense', b'x')]), hint='colon')
        self.refused(b'--frontier\r\n\r\nx\r\n--frontier--\r\n', hint='no headers')
        self.refused(multipart([('Content-Disposition: form-data; name="k"', b'x')] * 1001), hint='1000 parts')
        self.refused(multipart([('Content-Disposition: form-data; name="k"', b'x'), file_part('k', 'f', b'x')]), hint='both as text')

    def test_damaged_bodies_are_refused_or_read_but_never_crash(self):
        dice = random.Random(7)
        whole = multipart([file_part('image', 'a.png', os.urandom(64)), ('Content-Disposition: form-data; name="t"', b'text')])
        for _ in range(3000):
            body = bytearray(whole)
            for _ in range(dice.randint(1, 6)):
                place = dice.randrange(len(body))
                if dice.random() < 0.5:
                    body[place] = dice.randrange(256)
                else:
                    del body[place:place + dice.randint(1, 20)]
                body = body or bytearray(b'-')
            try:
                parse_multipart(TYPE, bytes(body))
            except RequestError:
                pass


class OtherBodies(unittest.TestCase):
    def test_json(self):
        self.assertEqual(decode_body('application/json; charset=utf-8', b'{"data": [1]}'), {'data': [1]})
        for body in (b'{', b'\xff', b'[' * 100000):
            with self.assertRaises(RequestError) as caught:
                decode_body('application/json', body)
            self.assertEqual(caught.exception.status, 400)

    def test_empty_and_unknown(self):
        with self.assertRaises(RequestError) as caught:
            decode_body('application/json', b'')
        self.assertIn('no body', caught.exception.message)
        with self.assertRaises(RequestError) as caught:
            decode_body('video/mp4', b'x')
        self.assertEqual((caught.exception.status, caught.exception.code), (415, 'MR.0107'))

    def test_url_encoded_form(self):
        self.assertEqual(decode_body('application/x-www-form-urlencoded', b'a=1&b=%C3%A4&a=2'), {'a': ['1', '2'], 'b': 'ä'})


if __name__ == '__main__':
    unittest.main()
