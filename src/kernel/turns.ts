/** Runs work of one name one after the other, and work of different names side by side. What it throws is the caller's alone. */
export type InTurn = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** Turns that nobody else takes part in. */
export function turnsByName(): InTurn {
  const turns = new Map<string, Promise<unknown>>();
  return <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const mine = (turns.get(name) ?? Promise.resolve()).then(work);
    const over = mine
      .catch(() => undefined) // told to whoever waits for `mine`
      .then(() => {
        if (turns.get(name) === over) turns.delete(name);
      });
    turns.set(name, over);
    return mine;
  };
}
