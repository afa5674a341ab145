import { type Route, route } from '../../http/index.ts';
import { createAgency, createAuthorization, deleteAuthorization, listAuthorizations } from './authorization.api.ts';
import { ALL_USERS, type AuthorizationService } from './authorization.service.ts';

/** The handlers of the family's operations. */
export function authorizationRoutes(service: AuthorizationService): Route[] {
  return [
    route(createAgency, async call => ({
      agency_name: await service.createAgency(call.principal, call.body?.agency_name_suffix ?? ''),
    })),
    route(createAuthorization, async call => {
      const { content, type, user_id, user_name, user_type } = call.body;
      const input = {
        content,
        type: type as string | undefined,
        userId: user_id,
        userName: user_name,
        userType: user_type as string | undefined,
      };
      await service.create(call.principal, call.projectId, input);
      return { result: true };
    }),
    route(listAuthorizations, async call => {
      const rows = await service.list(call.projectId);
      const key = call.query.sort_by === 'create_time' ? 'created_at' : 'user_name';
      rows.sort((a, b) => (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0));
      if (call.query.order === 'desc') rows.reverse();
      const offset = call.query.offset ?? 0;
      return {
        total_count: rows.length,
        auth: rows.slice(offset, offset + (call.query.limit ?? 1000)).map(row => ({
          user_id: row.user_id,
          user_name: row.user_name,
          user_type: row.user_type,
          type: row.type,
          content: row.content,
          create_time: row.created_at,
        })),
      };
    }),
    route(deleteAuthorization, async call => {
      const id = await service.remove(call.principal, call.projectId, call.query.user_id);
      return id === ALL_USERS
        ? { result: true, success_message: 'Delete all-users auth info successfully!' }
        : { result: true };
    }),
  ];
}
