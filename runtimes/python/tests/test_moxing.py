import json
import os
import shutil
import tempfile
import unittest
from unittest import mock

import moxing as mox
from modelarts.session import Session
from moxing import credentials, s3
from tests.fake_s3 import FakeS3


class Signature(unittest.TestCase):
    def test_the_published_example_of_signature_version_4(self):
        empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
        given = s3.authorization(
            'GET', '/test.txt', '',
            {'Host': 'examplebucket.s3.amazonaws.com', 'Range': 'bytes=0-9', 'x-amz-content-sha256': empty, 'x-amz-date': '20130524T000000Z'},
            empty, 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'AKIAIOSFODNN7EXAMPLE', 'us-east-1', '20130524T000000Z')
        self.assertTrue(given.endswith('Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'))


class Storage(unittest.TestCase):
    def setUp(self):
        self.storage = FakeS3()
        self.addCleanup(self.storage.close)
        self.addCleanup(s3.close_idle)
        self.objects = self.storage.buckets['b']
        self.dir = tempfile.mkdtemp(prefix='atelier-moxing-')
        self.addCleanup(shutil.rmtree, self.dir)
        self.environment(S3_ENDPOINT=self.storage.endpoint, S3_ACCESS_KEY_ID='AK', S3_SECRET_ACCESS_KEY='SK')
        patch = mock.patch.object(s3.time, 'sleep')
        self.slept = patch.start()
        self.addCleanup(patch.stop)

    def environment(self, **variables):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(('S3_', 'AWS_', 'MA_', 'ACCESS', 'SECRET', 'SECURITY'))}
        patch = mock.patch.dict(os.environ, {**kept, **variables}, clear=True)
        patch.start()
        self.addCleanup(patch.stop)

    def local(self, name, data=None):
        path = os.path.join(self.dir, name)
        if data is not None:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'wb') as f:
                f.write(data)
        return path

    def test_read_write_append_and_open(self):
        mox.file.write('obs://b/a b/ü+&%~.txt', 'grüße')
        self.assertEqual(self.objects, {'a b/ü+&%~.txt': 'grüße'.encode()})
        self.assertEqual(mox.file.read('s3://b/a b/ü+&%~.txt'), 'grüße')
        mox.file.append('obs://b/log', 'one\n')
        mox.file.append('obs://b/log', 'two\n')
        with mox.file.File('obs://b/log') as f:
            self.assertEqual(list(f), ['one\n', 'two\n'])
        with mox.file.File('obs://b/new', 'wb') as f:
            f.write(b'\x00\x01')
        with mox.file.File('obs://b/new', 'a') as f:
            f.write('end')
        self.assertEqual(mox.file.read('obs://b/new', binary=True), b'\x00\x01end')
        with self.assertRaises(ZeroDivisionError), mox.file.File('obs://b/never', 'w') as f:
            f.write('half')
            1 / 0
        self.assertNotIn('never', self.objects)

    def test_looking_around(self):
        for key in ('d/1.png', 'd/2.png', 'd/3.txt', 'd/sub/4.png', 'd/sub/deep/5.png', 'd2/x', 'd/empty/'):
            self.objects[key] = b'12'
        self.assertTrue(mox.file.exists('obs://b/d') and mox.file.exists('obs://b/d/1.png') and mox.file.exists('obs://b'))
        self.assertFalse(mox.file.exists('obs://b/d/1') or mox.file.exists('obs://nowhere/d') or mox.file.is_directory('obs://b/d/1.png'))
        self.assertEqual(mox.file.list_directory('obs://b/d'), ['1.png', '2.png', '3.txt', 'empty', 'sub'])
        self.assertEqual(mox.file.list_directory('obs://b/d', recursive=True),
                         ['1.png', '2.png', '3.txt', 'empty', 'sub', 'sub/4.png', 'sub/deep', 'sub/deep/5.png'])
        self.assertEqual(mox.file.list_directory('obs://b/d/', only_dirs=True), ['empty', 'sub'])
        self.assertEqual(mox.file.glob('obs://b/d/*.png'), ['obs://b/d/1.png', 'obs://b/d/2.png'])
        self.assertEqual(len(mox.file.glob('obs://b/d/**/*.png')), 4)
        self.assertEqual([(d, sorted(n), f) for d, n, f in mox.file.walk('obs://b/d')][0], ('obs://b/d', ['empty', 'sub'], ['1.png', '2.png', '3.txt']))
        self.assertEqual((mox.file.get_size('obs://b/d/1.png'), mox.file.get_size('obs://b/d', recursive=True)), (2, 12))
        self.assertFalse(mox.file.stat('obs://b/d/1.png').is_directory)
        with self.assertRaises(FileNotFoundError):
            mox.file.list_directory('obs://b/none')

    def test_directories_go_both_ways(self):
        for name in ('a', 'sub/b', 'sub/deep/c'):
            self.local('up/' + name, name.encode() * 10)
        os.makedirs(self.local('up/hollow'))
        mox.file.copy_parallel(self.local('up'), 'obs://b/out/')
        self.assertEqual(sorted(self.objects), ['out/a', 'out/hollow/', 'out/sub/b', 'out/sub/deep/c'])
        mox.file.copy_parallel('obs://b/out', self.local('down'))
        with open(self.local('down/sub/deep/c')) as f:
            self.assertEqual(f.read(), 'sub/deep/c' * 10)
        self.assertTrue(os.path.isdir(self.local('down/hollow')))
        mox.file.rename('obs://b/out', 'obs://b/moved')
        self.assertEqual(sorted(self.objects), ['moved/a', 'moved/hollow/', 'moved/sub/b', 'moved/sub/deep/c'])
        with self.assertRaises(IsADirectoryError):
            mox.file.remove('obs://b/moved')
        mox.file.remove('obs://b/moved', recursive=True)
        self.assertEqual(self.objects, {})

    def test_a_key_cannot_leave_the_target_directory(self):
        self.objects.update({'evil/../../escaped': b'x'})
        with self.assertRaises(OSError) as caught:
            mox.file.copy_parallel('obs://b/evil', self.local('down'))
        self.assertIn('leave the target directory', str(caught.exception))

    def test_large_files_go_in_parts_and_come_in_ranges(self):
        data = os.urandom(1000) * 250 + b'tail'
        with mock.patch.object(s3, 'PART', 65536):
            mox.file.copy(self.local('large', data), 'obs://b/large')
            self.assertEqual(self.objects['large'], data)
            mox.file.copy('obs://b/large', self.local('back/'))
        with open(self.local('back/large'), 'rb') as f:
            self.assertEqual(f.read(), data)
        self.assertGreaterEqual(sum('partNumber' in path for _, path in self.storage.requests), 4)
        self.assertEqual(os.listdir(self.local('back')), ['large'])

    def test_passing_faults_are_repeated_and_lasting_ones_named(self):
        self.storage.faults = [503, 0, 500]
        mox.file.write('obs://b/x', 'y')
        self.assertEqual((self.objects['x'], self.slept.call_count), (b'y', 3))
        with self.assertRaises(PermissionError) as caught:
            mox.file.read('obs://b/secret/key')
        for words in ('obs://b/secret/key', 'agency x is not allowed obs:object:GetObject', 'AccessDenied', '403'):
            self.assertIn(words, str(caught.exception))
        with self.assertRaises(FileNotFoundError) as caught:
            mox.file.copy('obs://b/none', self.local('none'))
        self.assertIn('obs://b/none', str(caught.exception))
        self.assertEqual(os.listdir(self.dir), [])
        self.storage.faults = [503] * 20
        with self.assertRaises(OSError) as caught:
            mox.file.read('obs://b/x')
        self.assertIn('SlowDown', str(caught.exception))

    def test_a_storage_that_is_away_is_named(self):
        self.environment(S3_ENDPOINT='http://127.0.0.1:9', S3_ACCESS_KEY_ID='AK', S3_SECRET_ACCESS_KEY='SK')
        with self.assertRaises(OSError) as caught:
            mox.file.read('obs://b/x')
        self.assertIn('127.0.0.1:9 does not answer', str(caught.exception))

    def test_renewed_credentials_are_taken_from_the_file(self):
        file = self.local('credentials.json', json.dumps({'access': 'T1', 'secret': 'S1', 'securitytoken': 'first', 'expires_at': 'x'}).encode())
        self.environment(S3_ENDPOINT=self.storage.endpoint, S3_ACCESS_KEY_ID='AK', S3_SECRET_ACCESS_KEY='wrong', MA_CREDENTIALS_FILE=file)
        self.storage.keys = {'T1': ('S1', 'first')}
        mox.file.write('obs://b/x', '1')
        # The first pair expires; the platform writes the next while the job waits for its repetition.
        self.storage.keys = {'T2': ('S2', 'second')}

        def renew(_):
            self.local('credentials.json', json.dumps({'access': 'T2', 'secret': 'S2', 'securitytoken': 'second'}).encode())

        self.slept.side_effect = renew
        mox.file.write('obs://b/x', '2')
        self.assertEqual(self.objects['x'], b'2')

    def test_what_is_missing_is_said(self):
        self.environment(S3_ENDPOINT=self.storage.endpoint)
        with self.assertRaises(PermissionError) as caught:
            mox.file.read('obs://b/x')
        self.assertIn('MA_CREDENTIALS_FILE', str(caught.exception))
        self.environment(S3_ACCESS_KEY_ID='AK', S3_SECRET_ACCESS_KEY='SK')
        with self.assertRaises(OSError) as caught:
            mox.file.read('obs://b/x')
        self.assertIn('S3_ENDPOINT', str(caught.exception))
        with self.assertRaises(ValueError):
            s3.split('obs:///key')

    def test_endpoint_without_protocol(self):
        self.environment(S3_ENDPOINT='store:7081', S3_USE_HTTPS='0')
        self.assertEqual(credentials.endpoint(), (False, 'store', 7081))
        self.environment(S3_ENDPOINT='store')
        self.assertEqual(credentials.endpoint(), (True, 'store', 443))

    def test_session_moves_data(self):
        session = Session(region_name='r')
        session.upload_data('/b/up/', self.local('f', b'1'))
        session.download_data('/b/up/', self.local('got'))
        self.assertEqual((session.region_name, os.listdir(self.local('got'))), ('r', ['f']))


class Local(unittest.TestCase):
    def test_local_paths_need_no_storage(self):
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        path = os.path.join(directory, 'a/f.txt')
        mox.file.shift('os', 'mox')
        mox.file.make_dirs(os.path.dirname(path))
        mox.file.write(path, 'x')
        mox.file.append(path, 'y')
        mox.file.copy(path, os.path.join(directory, 'b/'))
        self.assertEqual(mox.file.read(os.path.join(directory, 'b/f.txt')), 'xy')
        self.assertEqual(mox.file.list_directory(directory, recursive=True), ['a', 'a/f.txt', 'b', 'b/f.txt'])
        mox.file.remove(directory + '/b', recursive=True)
        self.assertEqual(mox.file.list_directory(directory), ['a'])


if __name__ == '__main__':
    unittest.main()
