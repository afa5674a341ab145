import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';

export const portMigrations = [
  sqlMigration('0025-notebook-ssh', [
    `CREATE TABLE notebook_ssh (
      notebook_id TEXT PRIMARY KEY,
      port INTEGER NOT NULL UNIQUE
    )`,
  ]),
  sqlMigration('0029-notebook-ports', [
    `CREATE TABLE notebook_ports (
      notebook_id TEXT NOT NULL,
      use TEXT NOT NULL,
      port INTEGER NOT NULL UNIQUE,
      PRIMARY KEY (notebook_id, use)
    )`,
    `INSERT INTO notebook_ports (notebook_id, use, port) SELECT notebook_id, 'ssh', port FROM notebook_ssh`,
    'DROP TABLE notebook_ssh',
  ]),
];

interface Tables {
  notebook_ports: { notebook_id: string; use: string; port: number };
  notebooks: { id: string };
}

export type PortStore = ReturnType<typeof portStore>;

/** Which port of the host belongs to which instance, for one use of them; an instance keeps its own until it is deleted. */
export function portStore(database: Database, use: 'ssh' | 'web') {
  const db = tables<Tables>(database);
  return {
    async port(id: string): Promise<number | undefined> {
      const rows = db.selectFrom('notebook_ports').select('port').where('use', '=', use);
      return (await rows.where('notebook_id', '=', id).executeTakeFirst())?.port;
    },
    async list(): Promise<{ id: string; port: number }[]> {
      return db.selectFrom('notebook_ports').select(['notebook_id as id', 'port']).where('use', '=', use).execute();
    },
    /**
     * Gives an instance a port of the range, its own where it has one; undefined when all are taken. `besides`: ports that cannot be had,
     * its own included.
     */
    async allot(
      id: string,
      range: { first: number; last: number },
      besides: ReadonlySet<number> = new Set(),
    ): Promise<number | undefined> {
      return database.transaction().execute(async trx => {
        const inside = tables<Tables>(trx);
        // Those of instances that are gone are free again.
        await inside
          .deleteFrom('notebook_ports')
          .where('notebook_id', 'not in', inside.selectFrom('notebooks').select('id'))
          .execute();
        const rows = await inside.selectFrom('notebook_ports').selectAll().execute();
        const own = rows.find(row => row.notebook_id === id && row.use === use);
        if (own && own.port >= range.first && own.port <= range.last && !besides.has(own.port)) return own.port;
        const taken = new Set(rows.map(row => row.port));
        for (let port = range.first; port <= range.last; port++) {
          if (taken.has(port) || besides.has(port)) continue;
          await inside.deleteFrom('notebook_ports').where('notebook_id', '=', id).where('use', '=', use).execute();
          await inside.insertInto('notebook_ports').values({ notebook_id: id, use, port }).execute();
          return port;
        }
        return undefined;
      });
    },
  };
}
