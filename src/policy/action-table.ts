/** Names of actions by service and resource type, parted by spaces. */
export type ActionTable = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The actions of a table, as `service:resourceType:action`. */
export function actionsOf(table: ActionTable): string[] {
  return Object.entries(table).flatMap(([service, types]) =>
    Object.entries(types).flatMap(([type, names]) =>
      names
        .trim()
        .split(/\s+/)
        .map(name => `${service}:${type}:${name}`),
    ),
  );
}
