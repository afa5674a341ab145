/** One value of a condition key. */
export type Scalar = string | number | boolean;
/** What a request says about a condition key. */
export type ContextValue = Scalar | readonly Scalar[];
/** Condition keys of a request, e.g. `g:UserName`, `modelarts:poolType`. Absent, null and empty lists are the same. */
export type Context = Readonly<Record<string, unknown>>;

/** Whether a value is a single one. */
export function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function find(context: Context, key: string, lowerKey: string): unknown {
  if (Object.hasOwn(context, key)) return context[key];
  for (const name of Object.keys(context))
    if (name.length === key.length && name.toLowerCase() === lowerKey) return context[name];
  return undefined;
}

/**
 * What the request says about `key`, which is compared without regard to case (a Deny on `modelarts:pooltype` must not
 * lapse in silence). Undefined when the request does not carry the key; a list is never empty.
 */
export function contextValue(context: Context, key: string, lowerKey: string): ContextValue | undefined {
  const value = find(context, key, lowerKey);
  if (isScalar(value)) return value;
  if (!Array.isArray(value)) return undefined;
  const values = value.filter(isScalar);
  return values.length === 0 ? undefined : values;
}

/** The same as a list, empty when the request does not carry the key. */
export function contextValues(context: Context, key: string, lowerKey: string): readonly Scalar[] {
  const value = contextValue(context, key, lowerKey);
  if (value === undefined) return [];
  return isScalar(value) ? [value] : value;
}
