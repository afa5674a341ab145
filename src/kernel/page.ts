/** A window on a list: `offset` is a record offset, whatever the wire calls it. */
export interface Page {
  offset: number;
  limit: number;
}

/** One window of a list with the number of all that matched. */
export interface Paged<T> {
  total: number;
  items: T[];
}
