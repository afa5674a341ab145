import { Failure } from '../../kernel/failure.ts';

/** A hyperparameter as the API carries it; values always travel as strings. */
export interface Parameter {
  name: string;
  value?: string | undefined;
  description?: string | undefined;
  i18n_description?: unknown;
  constraint?: ParameterConstraint | undefined;
}

interface ParameterConstraint {
  type?: string | undefined;
  editable?: boolean | undefined;
  required?: boolean | undefined;
  sensitive?: boolean | undefined;
  valid_type?: string | undefined;
  valid_range?: string[] | null | undefined;
}

export const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const TYPES = ['String', 'Integer', 'Float', 'Boolean'];
const LONGEST_VALUE = 4096;

function refuse(code: string, message: string, solution?: string): Failure {
  return new Failure({ code: `ModelArts.${code}`, status: 400, message, ...(solution ? { solution } : {}) });
}

/**
 * Checks the declared hyperparameters of an algorithm or a job (behaviour/training.md 1).
 * Throws Failure 2765 (name or text), 2767 (repeated), 2825 (type), 2768 (value does not fit the type), 2770 (range), 2769 (value
 * out of range), 2766 (a locked parameter without value).
 */
export function checkParameters(parameters: readonly Parameter[]): void {
  const seen = new Set<string>();
  for (const [index, parameter] of parameters.entries()) {
    const at = `parameters[${index}]`;
    if (!NAME.test(parameter.name)) {
      throw refuse(
        '2765',
        `StringParameterError: [${at}.name] is "${String(parameter.name).slice(0, 100)}"; a name has 1 to 64 letters, digits, underscores and hyphens.`,
      );
    }
    if (seen.has(parameter.name)) {
      throw refuse('2767', `ParameterKeyRepeat: the hyperparameter ${parameter.name} is given more than once.`);
    }
    seen.add(parameter.name);
    if ((parameter.value ?? '').length > LONGEST_VALUE) {
      throw refuse(
        '2765',
        `StringParameterError: the value of hyperparameter ${parameter.name} has more than ${LONGEST_VALUE} characters.`,
      );
    }
    if ((parameter.value ?? '').includes('\0')) {
      throw refuse(
        '2765',
        `StringParameterError: the value of hyperparameter ${parameter.name} holds a NUL character.`,
      );
    }
    const constraint = parameter.constraint;
    if (!constraint) continue;
    checkConstraint(parameter.name, constraint);
    const { value } = parameter;
    if (constraint.editable === false && (value === undefined || value === '') && constraint.required !== false) {
      throw refuse(
        '2766',
        `DoNotHaveDefaultValue: the hyperparameter ${parameter.name} is not editable and has no value.`,
        'Give it a value or make it editable.',
      );
    }
    if (value !== undefined && value !== '') checkValue(parameter.name, value, constraint);
  }
}

/** Throws Failure 2768 or 2769 when `value` does not fit the type or the range. */
function checkValue(name: string, value: string, constraint: ParameterConstraint): void {
  const type = constraint.type ?? 'String';
  const fits =
    type === 'Integer'
      ? /^[+-]?\d{1,18}$/.test(value)
      : type === 'Float'
        ? /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value)
        : type === 'Boolean'
          ? /^(true|false)$/i.test(value)
          : true;
  if (!fits) {
    throw refuse(
      '2768',
      `DefaultValueTypeError: the hyperparameter ${name} is "${value.slice(0, 100)}", which is not of type ${type}.`,
    );
  }
  const range = constraint.valid_range ?? [];
  const rule = (constraint.valid_type ?? 'None').toLowerCase();
  if (rule === 'choice' && range.length > 0 && !range.includes(value)) {
    throw refuse(
      '2769',
      `DefaultValueIsNotInRange: the hyperparameter ${name} is "${value.slice(0, 100)}"; allowed: ${range.join(', ')}.`,
    );
  }
  if (rule === 'range' && range.length === 2 && (type === 'Integer' || type === 'Float')) {
    const number = Number(value);
    if (number < Number(range[0]) || number > Number(range[1])) {
      throw refuse(
        '2769',
        `DefaultValueIsNotInRange: the hyperparameter ${name} is ${value}; allowed: from ${range[0]} to ${range[1]}.`,
      );
    }
  }
}

function checkConstraint(name: string, constraint: ParameterConstraint): void {
  const type = constraint.type ?? 'String';
  if (!TYPES.includes(type)) {
    throw refuse(
      '2825',
      `ParamTypeError: the hyperparameter ${name} has type "${type.slice(0, 50)}"; allowed: ${TYPES.join(', ')}.`,
    );
  }
  if ((constraint.valid_type ?? 'None').toLowerCase() !== 'range') return;
  const range = constraint.valid_range ?? [];
  const [low, high] = range.map(Number);
  if (range.length !== 2 || !Number.isFinite(low) || !Number.isFinite(high) || low! > high!) {
    throw refuse(
      '2770',
      `RangeError: valid_range of hyperparameter ${name} must be two numbers, the lower first; it is ${JSON.stringify(range).slice(0, 100)}.`,
    );
  }
}

/**
 * The values a job runs with: those it gives, checked against what its algorithm declares, else the algorithm's own.
 * Throws Failure 2814 where the job does not match the algorithm, 2766 where a required value is missing.
 */
export function mergeParameters(
  declared: readonly Parameter[],
  given: readonly Parameter[] | undefined,
  customization: boolean,
): Parameter[] {
  if (!given) {
    for (const parameter of declared) requireValue(parameter);
    return declared.filter(parameter => parameter.value !== undefined && parameter.value !== '');
  }
  const byName = new Map(declared.map(parameter => [parameter.name, parameter]));
  const merged: Parameter[] = [];
  for (const parameter of given) {
    const own = byName.get(parameter.name);
    if (!own && !customization) {
      throw refuse(
        '2814',
        `AlgorithmNotMatch: the algorithm declares no hyperparameter ${parameter.name} and allows no further ones.`,
        `It declares: ${[...byName.keys()].join(', ') || 'none'}.`,
      );
    }
    const constraint = own?.constraint ?? parameter.constraint;
    const value = parameter.value ?? own?.value;
    if (own && own.constraint?.editable === false && value !== own.value) {
      throw refuse('2814', `AlgorithmNotMatch: the algorithm locks the hyperparameter ${own.name} at "${own.value}".`);
    }
    const entry: Parameter = { ...own, ...parameter, value, ...(constraint ? { constraint } : {}) };
    if (constraint && value !== undefined && value !== '') checkValue(parameter.name, value, constraint);
    if (own) requireValue(entry);
    merged.push(entry);
  }
  const present = new Set(given.map(parameter => parameter.name));
  for (const own of declared) {
    if (present.has(own.name) || own.constraint?.required === false) continue;
    requireValue(own);
    if (own.value !== undefined && own.value !== '') merged.push(own);
  }
  return merged;
}

function requireValue(parameter: Parameter): void {
  if (parameter.constraint?.required !== true) return;
  if (parameter.value !== undefined && parameter.value !== '') return;
  throw refuse('2766', `DoNotHaveDefaultValue: the hyperparameter ${parameter.name} is required and has no value.`);
}
