import { type Bindable, type Database, rawOf } from './sqlite.ts';

/** Rows of one table were added, changed or removed. */
export interface Change {
  /** The table of things; of what refers to one, such as its events, the table of that thing. */
  table: string;
  /** The project it belongs to, or the account where it belongs to no project. */
  scope: string;
}

/** Columns that say who works on a row, not what it is. */
const LEASES = new Set(['next_at', 'lease_owner', 'lease_until']);

interface Column {
  name: string;
}

interface ForeignKey {
  table: string;
  from: string;
  to: string | null;
}

/**
 * Tells of every change to rows that belong to a project or an account, and to rows that refer to such, by whatever way they are
 * written. `told` is called within the writer's transaction, once for each row, so it must be quick and must not use the database; the
 * transaction may yet be undone. Tables named in `except` are left alone. `scopes` has, for tables whose columns and keys do not tell, the SQL of a
 * row's project or account; `row` is NEW or OLD. Call it once, when the schema is there.
 */
export function watchChanges(
  db: Database,
  except: readonly string[],
  told: (change: Change) => void,
  scopes: Readonly<Record<string, (row: string) => string>> = {},
): void {
  const raw = rawOf(db);
  if (!raw) return;
  raw.function('atelier_changed', { deterministic: false }, (table, scope) => {
    if (typeof table === 'string' && typeof scope === 'string') told({ table, scope });
    return null;
  });
  const names = raw.prepare("SELECT name FROM main.sqlite_master WHERE type = 'table'").all() as unknown as Column[];
  const columnsOf = (table: string) =>
    (raw.prepare('SELECT name FROM pragma_table_info(?)').all(table) as unknown as Column[]).map(({ name }) => name);
  const scopeOf = (table: string) => ['project_id', 'account_id'].find(name => columnsOf(table).includes(name));

  /** Whose a row is, as an expression on NEW or OLD, and which table it counts to. */
  function ownerOf(table: string): { table: string; scope: (row: string) => string } | undefined {
    const given = scopes[table];
    if (given) return { table, scope: given };
    const own = scopeOf(table);
    if (own) return { table, scope: row => `${row}.${own}` };
    const keys = raw!.prepare('SELECT "table", "from", "to" FROM pragma_foreign_key_list(?)').all(table);
    for (const { table: parent, from, to } of keys as unknown as ForeignKey[]) {
      const scope = scopeOf(parent);
      if (!scope) continue;
      const key = to ?? 'id';
      return { table: parent, scope: row => `(SELECT ${scope} FROM main.${parent} WHERE ${key} = ${row}.${from})` };
    }
    return undefined;
  }

  for (const { name } of names) {
    if (except.includes(name)) continue;
    const owner = ownerOf(name);
    if (!owner) continue;
    const columns = columnsOf(name).filter(column => !LEASES.has(column));
    const tell = (row: string) => `BEGIN SELECT atelier_changed('${owner.table}', ${owner.scope(row)}); END`;
    raw.exec(`
      CREATE TEMP TRIGGER changed_i_${name} AFTER INSERT ON main.${name} ${tell('NEW')};
      CREATE TEMP TRIGGER changed_u_${name} AFTER UPDATE OF ${columns.map(column => `"${column}"`).join(', ')} ON main.${name} ${tell('NEW')};
      CREATE TEMP TRIGGER changed_d_${name} AFTER DELETE ON main.${name} ${tell('OLD')};
    `);
  }
}

/**
 * Tells `changed` of every row of `table` that is changed or deleted, whatever statement does it, by the values of `columns`: at once, before it is
 * committed. For what is remembered of committed rows; see `isAtRest`. The table must exist.
 */
export function watchRows(
  db: Database,
  table: string,
  columns: readonly string[],
  changed: (...values: Bindable[]) => void,
): void {
  const raw = rawOf(db);
  if (!raw) return;
  const call = `changed_${table}`;
  raw.function(call, { varargs: true }, (...values) => {
    changed(...values);
    return null;
  });
  for (const event of ['UPDATE', 'DELETE']) {
    raw.exec(`CREATE TEMP TRIGGER ${call}_${event.toLowerCase()} AFTER ${event} ON main.${table}
      BEGIN SELECT ${call}(${columns.map(column => `OLD.${column}`).join()}); END`);
  }
}
