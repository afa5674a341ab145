import { derivedUuid } from '../../kernel/ids.ts';
import { NOTEBOOK_IMAGE_ID } from './image.api.ts';
import { type Image, parseImageRef } from './image.ts';
import { engines, NOTEBOOK_IMAGE } from './preset-image.ts';

/** The preset images as images of every project; sizes are 0, as nobody stores them. */
export function presetImages(): Image[] {
  const notebook = preset({
    id: NOTEBOOK_IMAGE_ID,
    name: 'pytorch-notebook',
    swrPath: NOTEBOOK_IMAGE,
    description:
      'PyTorch 1.13.1, Python 3.11 and JupyterLab (Jupyter Notebook 6.4 where PyPI could not be reached) on Debian 12',
    resourceCategories: ['CPU', 'GPU'],
    devServices: ['NOTEBOOK', 'SSH'],
    serviceType: 'DEV',
  });
  const others = engines().map(engine =>
    preset({
      id: derivedUuid(`preset/${engine.engineId}`),
      name: engine.engineId,
      swrPath: engine.imageRef,
      description: Object.entries(engine.contains)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
      resourceCategories: ['CPU'],
      devServices: [],
      serviceType: 'COMMON',
    }),
  );
  return [notebook, ...others];
}

type Described = 'id' | 'name' | 'swrPath' | 'description' | 'resourceCategories' | 'devServices' | 'serviceType';

function preset(image: Pick<Image, Described>): Image {
  const { namespace, tag } = parseImageRef(image.swrPath);
  return {
    ...image,
    namespace,
    tag,
    projectId: '',
    accountId: '',
    workspaceId: '0',
    owner: { id: '', name: '' },
    arch: process.arch === 'arm64' ? 'AARCH64' : 'X86_64',
    origin: 'CUSTOMIZE',
    type: 'BUILD_IN',
    visibility: 'PUBLIC',
    status: 'ACTIVE',
    statusMessage: '',
    size: 0,
    createdAt: 0,
    updatedAt: 0,
  };
}
