import { test } from 'node:test';
import { runConformance } from '../conformance.ts';
import { containerSubject, staticBusybox, TEST_IMAGE } from './testing.ts';

const busybox = staticBusybox();
if (busybox === undefined) {
  test('container driver', { skip: 'needs a static busybox (apt-get install busybox-static)' }, () => {});
} else {
  runConformance('container', () => containerSubject(busybox), { image: TEST_IMAGE });
}
