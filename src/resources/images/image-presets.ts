import { derivedId, type Image, parseImageRef } from './image.ts';
import { engines } from './preset-image.ts';

/** The preset images as images of every project; sizes are 0, as nobody stores them. */
export function presetImages(): Image[] {
  return engines().map(engine => {
    const ref = parseImageRef(engine.imageRef);
    return {
      id: derivedId(`preset/${engine.engineId}`),
      projectId: '',
      accountId: '',
      workspaceId: '0',
      owner: { id: '', name: '' },
      name: engine.engineId,
      namespace: ref.namespace,
      tag: ref.tag,
      swrPath: engine.imageRef,
      description: Object.entries(engine.contains)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
      arch: process.arch === 'arm64' ? 'AARCH64' : 'X86_64',
      origin: 'CUSTOMIZE',
      type: 'BUILD_IN',
      resourceCategories: ['CPU'],
      devServices: ['NOTEBOOK', 'SSH'],
      serviceType: 'COMMON',
      visibility: 'PUBLIC',
      status: 'ACTIVE',
      statusMessage: '',
      size: 0,
      createdAt: 0,
      updatedAt: 0,
    };
  });
}
