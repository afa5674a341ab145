import Type, { type TProperties, type TSchema } from 'typebox';

/** An object that tolerates members it does not know, as the services do. */
export function open<P extends TProperties>(properties: P) {
  return Type.Object(properties, { additionalProperties: true });
}

/** A string that is one of `values`. */
export function oneOf<const V extends readonly string[]>(values: V) {
  return Type.Union(values.map(value => Type.Literal(value))) as unknown as TSchema & { static: V[number] };
}

/** A value of schema `S` or null. */
export function nullable<S extends TSchema>(schema: S) {
  return Type.Union([schema, Type.Null()]);
}

/** A JSON object of any shape. */
export const anyObject = Type.Record(Type.String(), Type.Unknown());

/** Integer in a query string with bounds and a default. */
export function queryInteger(minimum: number, maximum: number, fallback?: number) {
  return Type.Optional(Type.Integer({ minimum, maximum, ...(fallback === undefined ? {} : { default: fallback }) }));
}

export type { Static, TSchema } from 'typebox';
export { Type };
