/** One window of a list with the number of all that matched. */
export interface Paged<T> {
  total: number;
  items: T[];
}
