export {
  claimDue,
  freeLeases,
  LEASE_COLUMNS_SQL,
  type LeaseColumns,
  nextDue,
  pokeRow,
  releaseLease,
  renewLease,
} from './leases.ts';
export { type Migration, migrate, sqlMigration } from './migrations.ts';
export { type Database, openSqlite, type Reader, readerOf, tables } from './sqlite.ts';
