import shutil
import sys
import unittest

from tests.support import ServerProcess, package

SERVICE = '''
from model_service.pytorch_model_service import PTServingBaseService
class Digits(PTServingBaseService):
    def __init__(self, model_name, model_path):
        super().__init__(model_name, model_path)
    def _inference(self, data):
        return data
'''


class Loading(unittest.TestCase):
    def ends(self, files, code, *words):
        directory = package(files)
        self.addCleanup(shutil.rmtree, directory)
        server = ServerProcess(directory)
        self.addCleanup(server.close)
        self.assertEqual(server.exit_code(), code, server.text())
        last = server.text().strip().splitlines()[-1]
        self.assertIn('model service failed to start: ', last)
        for word in words:
            self.assertIn(word, last)
        return server.text()

    def test_incomplete_packages(self):
        self.ends({'m.pt': ''}, 10, 'customize_service.py is missing')
        self.ends({'customize_service.py': SERVICE}, 10, 'no model file (*.pt or *.pth)')
        self.ends({'customize_service.py': SERVICE, 'a.pt': '', 'b.pth': ''}, 10, '2 model files', 'a.pt, b.pth')

    def test_code_that_does_not_import(self):
        self.ends({'customize_service.py': 'import no_such_module', 'm.pt': ''}, 11, 'no_such_module', 'dependencies')
        self.ends({'customize_service.py': 'x = (\n', 'm.pt': ''}, 11, 'line 1', 'not valid Python')
        self.assertIn('Traceback', self.ends({'customize_service.py': 'raise KeyError("k")', 'm.pt': ''}, 11, "KeyError: 'k'"))

    def test_service_classes(self):
        self.ends({'customize_service.py': 'x = 1', 'm.pt': ''}, 12, 'no service class')
        second = SERVICE + SERVICE.replace('class Digits', 'class Letters')
        self.ends({'customize_service.py': second, 'm.pt': ''}, 12, 'Digits, Letters')

    def test_constructor_that_raises(self):
        text = self.ends({'customize_service.py': SERVICE.replace('super().__init__(model_name, model_path)', 'raise OSError("torn")'), 'm.pt': ''},
                         13, 'Digits.__init__ failed: OSError: torn')
        self.assertIn('line 5', text)

    def test_bad_setting(self):
        directory = package({'customize_service.py': SERVICE, 'm.pt': ''})
        self.addCleanup(shutil.rmtree, directory)
        server = ServerProcess(directory, SERVICE_GRACE='soon')
        self.addCleanup(server.close)
        self.assertEqual(server.exit_code(), 2)
        self.assertIn('SERVICE_GRACE', server.text())

    def test_neighbours_can_be_imported_both_ways(self):
        from model_service import package as loader
        directory = package({'customize_service.py': SERVICE + 'from .neighbour_a import A\nimport neighbour_a\nclass Deeper(Digits):\n    value = A\n',
                             'neighbour_a.py': 'A = 7', 'm.pth': ''})
        self.addCleanup(shutil.rmtree, directory)
        self.addCleanup(sys.path.remove, directory)
        service, name, path = loader.load(directory, 'm')
        self.assertEqual((service.value, name, path), (7, 'Deeper', directory + '/m.pth'))
        self.assertEqual((service.model_name, service.model_path), ('m', path))


if __name__ == '__main__':
    unittest.main()
