export { type Change, watchChanges, watchRows } from './changes.ts';
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
export {
  type Bindable,
  commitDirectly,
  type Database,
  isAtRest,
  openSqlite,
  type Reader,
  readerOf,
  tables,
  type Writer,
  writerOf,
} from './sqlite.ts';
