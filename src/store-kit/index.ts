export { type Change, watchChanges } from './changes.ts';
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
  type Database,
  openSqlite,
  type Reader,
  readerOf,
  tables,
  type Writer,
  writeDirectly,
  writerOf,
} from './sqlite.ts';
