/**
 * The condition key that tells the public resource pool from a dedicated one (behaviour/permissions.md 2). `named`: what a request has
 * where the pool is named; it is a dedicated one where any of these is a name, whatever else is there.
 */
export function poolType(...named: readonly (string | undefined)[]): Record<string, unknown> {
  return { 'modelarts:poolType': named.some(name => name?.trim()) ? 'dedicated' : 'public' };
}
