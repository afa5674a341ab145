/**
 * A value that is mostly there at once. What every request asks is mostly remembered, and waiting for what is there costs more than to
 * find it. Who `await`s need not know.
 */
export type Soon<T> = T | Promise<T>;

/** Goes on with a value, at once where it is there. */
export function then<T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** What `work` finds, or what `otherwise` makes of its failure, whether it is thrown at once or later. */
export function orElse<T>(work: () => Soon<T>, otherwise: (error: unknown) => Soon<T>): Soon<T> {
  try {
    const found = work();
    return found instanceof Promise ? found.catch(otherwise) : found;
  } catch (error) {
    return otherwise(error);
  }
}

/** Thrown by `atOnce`. */
export const NOT_YET = new Error('not there yet');

/** A value that is there; throws NOT_YET where it is still to come, and then lets nobody wait for it. */
export function atOnce<T>(value: Soon<T>): T {
  if (!(value instanceof Promise)) return value;
  value.catch(() => {}); // whoever asks again meets it again
  throw NOT_YET;
}
