import { declaredRoutes } from '../../http/declared.ts';
import { notebooksOperations } from './notebook.api.ts';

export { notebooksOperations };

/** Notebook instances: who may do what is decided; there are none yet. */
export const notebooksRoutes = declaredRoutes(notebooksOperations, 'notebook instances');
