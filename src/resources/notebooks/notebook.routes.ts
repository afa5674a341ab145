import { type Call, type Route, route } from '../../http/index.ts';
import { ownerOf, type Principal } from '../../kernel/principal.ts';
import type { Flavor } from '../flavors/index.ts';
import {
  createNotebook,
  createNotebookTags,
  deleteNotebook,
  deleteNotebookTags,
  listAllNotebooks,
  listNotebookEvents,
  listNotebookFlavors,
  listNotebooks,
  renewLease,
  showLease,
  showNotebook,
  showNotebookLog,
  showNotebookTags,
  showSwitchableFlavors,
  startNotebook,
  stopNotebook,
  updateNotebook,
} from './notebook.api.ts';
import type { Notebook } from './notebook.model.ts';
import type { NotebookService } from './notebook.service.ts';
import { eventView, flavorView, leaseView, notebookView, pageView } from './notebook.view.ts';

/** Handlers of notebook instances. `addressOf`: its origin for browsers; `logs`: the last lines of output. */
export function notebookRoutes(
  notebooks: NotebookService,
  addressOf: (id: string) => string,
  logs: (notebook: Notebook, lines: number) => Promise<string>,
  sshUri: (id: string) => Promise<string | undefined>,
): Route[] {
  async function show(call: Pick<Call<never>, 'principal'>, notebook: Notebook) {
    return notebookView(notebook, {
      mayOpen: mayOpen(call.principal, notebook),
      address: addressOf(notebook.id),
      queue: await notebooks.queueOf(notebook),
      sshUri: await sshUri(notebook.id),
    });
  }
  async function list(
    call: Pick<Call<typeof listNotebooks>, 'principal' | 'projectId' | 'workspaceId' | 'query'>,
    all: boolean,
  ) {
    const found = await notebooks.list(call.principal, place(call), call.query, all);
    const items = await Promise.all(found.items.map(notebook => show(call, notebook)));
    return pageView({ total: found.total, items }, call.query);
  }
  return [
    route(listNotebooks, call => list(call, false)),
    route(listAllNotebooks, call => list(call, true)),

    route(createNotebook, async call => show(call, await notebooks.create(call.principal, place(call), call.body))),
    route(showNotebook, async call => show(call, await notebooks.get(call.projectId, call.params.id))),
    route(updateNotebook, async call =>
      show(call, await notebooks.update(call.principal, call.projectId, call.params.id, call.body)),
    ),
    route(deleteNotebook, async call =>
      show(call, await notebooks.remove(call.principal, call.projectId, call.params.id)),
    ),
    route(startNotebook, async call =>
      show(call, await notebooks.start(call.principal, call.projectId, call.params.id, call.query)),
    ),
    route(stopNotebook, async call => show(call, await notebooks.stop(call.principal, call.projectId, call.params.id))),

    route(showLease, async call => leaseView((await notebooks.get(call.projectId, call.params.id)).stopRule)),
    route(renewLease, async call => {
      const raw = { type: call.body?.type, duration: call.query.duration ?? call.body?.duration };
      return leaseView(await notebooks.renew(call.projectId, call.params.id, raw));
    }),

    route(listNotebookFlavors, async call => flavorPage(notebooks.flavors(), call.query)),
    route(showSwitchableFlavors, async call => {
      await notebooks.get(call.projectId, call.params.id);
      return flavorPage(notebooks.flavors(), call.query);
    }),

    route(showNotebookTags, async call => {
      const tags = await notebooks.tagsOf(place(call));
      return { tags: [...tags].map(([key, values]) => ({ key, values: [...values] })) };
    }),
    route(createNotebookTags, async call => {
      const tags = call.body.tags.map(({ key, value }) => ({ key, value: value ?? '' }));
      await notebooks.tag(call.projectId, call.params.resource_id, tags);
      return null;
    }),
    route(deleteNotebookTags, async call => {
      const tags = call.body.tags.map(({ key, value }) => ({ key, value: value ?? undefined }));
      await notebooks.untag(call.projectId, call.params.resource_id, tags);
      return null;
    }),

    route(listNotebookEvents, async call => {
      const { total, events } = await notebooks.events(call.projectId, call.params.id, {
        offset: call.query.offset ?? 0,
        limit: call.query.limit ?? 50,
        order: call.query.order === 'asc' ? 'asc' : 'desc',
      });
      return { total, events: events.map(eventView) };
    }),
    route(showNotebookLog, async call => ({
      content: await logs(await notebooks.get(call.projectId, call.params.id), call.query.lines ?? 200),
    })),
  ];
}

function place({ projectId, workspaceId }: { projectId: string; workspaceId: string }) {
  return { projectId, workspaceId };
}

/**
 * Who is shown the token: whose the instance is, the account, and whoever started the present run. Inside one has the rights of the
 * owner's agency, so being allowed to look at an instance is not enough.
 */
function mayOpen(principal: Principal, notebook: Notebook): boolean {
  if (principal.kind === 'root') return true;
  const { id } = ownerOf(principal);
  return id === notebook.userId || id === notebook.startedBy.id;
}

function flavorPage(
  flavors: readonly Flavor[],
  query: {
    category?: string | null | undefined;
    limit?: number;
    offset?: number;
    sort_dir?: string | null | undefined;
  },
) {
  const wanted = flavors.filter(flavor => !query.category || flavor.type === query.category.toUpperCase());
  const sorted = (query.sort_dir ?? '').toUpperCase() === 'DESC' ? wanted.toReversed() : wanted;
  const { limit = 100, offset = 0 } = query;
  const items = sorted.slice(offset, offset + limit).map(flavorView);
  return { ...pageView({ total: wanted.length, items }, { limit, offset }), flavors: items };
}
