import { NOTEBOOK_IMAGE_ID } from './image.api.ts';
import { NOTEBOOK_IMAGE } from './preset-image.ts';

/** The preset image of notebook instances as the API shows images (behaviour/notebooks.md 3). */
const SHOWN = {
  id: NOTEBOOK_IMAGE_ID,
  name: 'pytorch-notebook',
  tag: '1',
  namespace: 'atelier',
  swr_path: NOTEBOOK_IMAGE,
  description: 'PyTorch 1.13.1, Python 3.11 and Jupyter Notebook 6.4 on Debian 12',
  arch: process.arch === 'arm64' ? 'AARCH64' : 'X86_64',
  type: 'BUILD_IN',
  origin: 'CUSTOMIZE',
  status: 'ACTIVE',
  visibility: 'PUBLIC',
  service_type: 'DEV',
  dev_services: ['NOTEBOOK', 'SSH'],
  resource_categories: ['CPU', 'GPU'],
  workspace_id: '0',
};

/** The preset image of that id that notebook instances can run; undefined when there is none. */
export async function forNotebook(
  _scope: { projectId: string; workspaceId: string },
  id: string,
): Promise<{ id: string; ref: string; shown: Record<string, unknown> } | undefined> {
  return id === NOTEBOOK_IMAGE_ID ? { id, ref: NOTEBOOK_IMAGE, shown: SHOWN } : undefined;
}
