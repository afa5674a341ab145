/** One value of a condition key. */
export type Scalar = string | number | boolean;
/** What a request says about a condition key. */
export type ContextValue = Scalar | readonly Scalar[];
/** Condition keys of a request, e.g. `g:UserName`, `modelarts:poolType`. Absent, null and empty lists are the same. */
export type Context = Readonly<Record<string, unknown>>;

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function find(context: Context, key: string, lowerKey: string): unknown {
  if (Object.hasOwn(context, key)) return context[key];
  for (const name of Object.keys(context))
    if (name.length === key.length && name.toLowerCase() === lowerKey) return context[name];
  return undefined;
}

/**
 * The values of `key`, which is compared without regard to case (a Deny on `modelarts:pooltype` must not lapse in
 * silence). An empty list means that the request does not carry the key.
 */
export function contextValues(context: Context, key: string, lowerKey: string): readonly Scalar[] {
  const value = find(context, key, lowerKey);
  if (isScalar(value)) return [value];
  return Array.isArray(value) ? value.filter(isScalar) : [];
}
