import { type Database, sqlMigration, tables } from '../../store-kit/index.ts';

export const sshMigrations = [
  sqlMigration('0025-notebook-ssh', [
    `CREATE TABLE notebook_ssh (
      notebook_id TEXT PRIMARY KEY,
      port INTEGER NOT NULL UNIQUE
    )`,
  ]),
];

interface Tables {
  notebook_ssh: { notebook_id: string; port: number };
  notebooks: { id: string };
}

/** Which port of the host belongs to which instance; an instance keeps its own until it is deleted. */
export function sshStore(database: Database) {
  const db = tables<Tables>(database);
  return {
    async port(id: string): Promise<number | undefined> {
      return (await db.selectFrom('notebook_ssh').select('port').where('notebook_id', '=', id).executeTakeFirst())
        ?.port;
    },
    async list(): Promise<{ id: string; port: number }[]> {
      return db.selectFrom('notebook_ssh').select(['notebook_id as id', 'port']).execute();
    },
    /** Gives an instance a port of the range, its own where it has one; undefined when all are taken. */
    async allot(id: string, range: { first: number; last: number }): Promise<number | undefined> {
      return database.transaction().execute(async trx => {
        const inside = tables<Tables>(trx);
        // Those of instances that are gone are free again.
        await inside
          .deleteFrom('notebook_ssh')
          .where('notebook_id', 'not in', inside.selectFrom('notebooks').select('id'))
          .execute();
        const rows = await inside.selectFrom('notebook_ssh').selectAll().execute();
        const own = rows.find(row => row.notebook_id === id);
        if (own && own.port >= range.first && own.port <= range.last) return own.port;
        const taken = new Set(rows.map(row => row.port));
        for (let port = range.first; port <= range.last; port++) {
          if (taken.has(port)) continue;
          await inside.deleteFrom('notebook_ssh').where('notebook_id', '=', id).execute();
          await inside.insertInto('notebook_ssh').values({ notebook_id: id, port }).execute();
          return port;
        }
        return undefined;
      });
    },
  };
}
