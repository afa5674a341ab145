/** A field of a request, as the model declares it. */
export interface ApiField {
  name: string;
  /** `file`, or a type of JSON Schema. */
  type: string;
  description: string;
  required: boolean;
}

/** One API of a model. */
export interface Api {
  /** Begins with a slash. */
  url: string;
  /** Upper case. */
  method: string;
  /** What requests should be, where the model says so. */
  content: 'form' | 'json' | undefined;
  fields: readonly ApiField[];
  /** A request of the declared form, as JSON text; `{}` where nothing is declared. */
  sample: string;
}

const DEFAULT: Api = { url: '/', method: 'POST', content: undefined, fields: [], sample: '{}' };
const DEEPEST = 12;

type Members = Record<string, unknown>;

/**
 * The APIs of a model from the text of `apis` (behaviour/inference.md 1). Unknown and misspelt members are tolerated, as they are at the import;
 * a model that declares none takes POST at `/`.
 */
export function apisOf(text: string | undefined): readonly Api[] {
  let list: unknown;
  try {
    list = JSON.parse(text ?? '[]');
  } catch {
    // As if none were declared: predictions are then made by hand.
  }
  const apis = Array.isArray(list) ? list.filter(isMembers).map(apiOf) : [];
  return apis.length > 0 ? apis : [DEFAULT];
}

function apiOf(api: Members): Api {
  const request = membersOf(api.request);
  const type = String(request['Content-type'] ?? request['Content-Type'] ?? '');
  const schema = membersOf(request.data);
  const required = Array.isArray(schema.required) ? schema.required : [];
  const fields = Object.entries(membersOf(schema.properties)).map(([name, value]) => {
    const property = membersOf(value);
    return {
      name,
      type: typeof property.type === 'string' ? property.type : 'string',
      description: typeof property.description === 'string' ? property.description : '',
      required: required.includes(name),
    };
  });
  const form = /multipart|form/i.test(type) || fields.some(field => field.type === 'file');
  return {
    url: typeof api.url === 'string' && api.url.startsWith('/') ? api.url : '/',
    method: typeof api.method === 'string' ? api.method.toUpperCase() : 'POST',
    content: form ? 'form' : /json/i.test(type) ? 'json' : undefined,
    fields,
    sample: JSON.stringify(sampleOf({ type: 'object', ...schema }, 0), null, 2),
  };
}

function sampleOf(schema: Members, depth: number): unknown {
  if (schema.default !== undefined) return schema.default;
  if (depth > DEEPEST) return null;
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(membersOf(schema.properties)).map(([name, value]) => [
          name,
          sampleOf(membersOf(value), depth + 1),
        ]),
      );
    case 'array':
      return isMembers(schema.items) ? [sampleOf(schema.items, depth + 1)] : [];
    case 'number':
    case 'integer':
      return typeof schema.minimum === 'number' ? schema.minimum : 0;
    case 'boolean':
      return false;
    default:
      return '';
  }
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function membersOf(value: unknown): Members {
  return isMembers(value) ? value : {};
}
