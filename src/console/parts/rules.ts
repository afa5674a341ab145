import type { TSchema } from 'typebox';
import { Errors } from 'typebox/value';
import type { Operation } from '../../wire/operation.ts';
import { type T, useTexts } from '../texts/index.ts';

/** A rule as forms of Ant Design take them. */
interface Rule {
  required: boolean;
  validator(rule: unknown, value: unknown): Promise<void>;
}

/** JSON Schema as far as it is looked at here. */
interface Shape {
  properties?: Record<string, TSchema & Shape>;
  required?: string[];
  anyOf?: (TSchema & Shape)[];
  items?: TSchema & Shape;
  type?: string;
}

/**
 * Rules of a form's fields, from the body of the operation that it will send: `rules('metadata', 'name')`. What the server would refuse is said
 * as one types, in the words of `texts`.
 */
export function useRules(op: Operation<TSchema, TSchema, TSchema, string>): (...path: string[]) => Rule[] {
  const t = useTexts();
  return (...path) => {
    const found = fieldOf(op.body as TSchema & Shape, path);
    return [
      {
        required: found.required,
        async validator(_, value) {
          if (value === undefined || value === null || value === '') {
            if (found.required) throw new Error(t('required'));
            return;
          }
          const [error] = Errors(found.schema, value);
          if (error) throw new Error(explain(t, error));
        },
      },
    ];
  };
}

/** The schema at a path of members; `[]` steps into a list. */
function fieldOf(body: TSchema & Shape, path: readonly string[]): { schema: TSchema; required: boolean } {
  let schema = body;
  let required = false;
  for (const step of path) {
    const holder = variantWith(schema, step);
    const next = step === '[]' ? holder?.items : holder?.properties?.[step];
    if (!next) throw new Error(`the body has no member ${path.join('.')}`);
    required = holder?.required?.includes(step) ?? false;
    schema = next;
  }
  return { schema, required };
}

/** Of a schema that allows null besides, the part that does not. */
function variantWith(schema: TSchema & Shape, step: string): (TSchema & Shape) | undefined {
  const has = (part: Shape) => (step === '[]' ? part.items : part.properties?.[step]) !== undefined;
  return has(schema) ? schema : schema.anyOf?.find(has);
}

function explain(t: T, { keyword, params }: { keyword: string; params: object }): string {
  const limit = 'limit' in params ? Number(params.limit) : 0;
  switch (keyword) {
    case 'minLength':
      return t('tooShort', { limit });
    case 'maxLength':
      return t('tooLong', { limit });
    case 'minimum':
      return t('tooSmall', { limit });
    case 'maximum':
      return t('tooLarge', { limit });
    default:
      return t('invalid');
  }
}
