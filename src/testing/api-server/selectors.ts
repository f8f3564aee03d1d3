import { labelValueProblems, qualifiedNameProblems } from './names.ts';
import type { Resource } from './resources.ts';
import { badRequest } from './status.ts';

type Labels = Readonly<Record<string, string>>;

interface Requirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | '=' | '!=' | 'exists' | '!' | '>' | '<';
  readonly values: readonly string[];
}

export type LabelSelector = (labels: Labels) => boolean;

/**
 * Reads `app=web,tier in (a, b),!legacy`.
 *
 * @throws StatusError 400 as the API server words it
 */
export function parseLabelSelector(text: string): LabelSelector | undefined {
  const requirements = new LabelSelectorParser(text).parse();
  if (requirements.length === 0) return undefined;
  return (labels) => requirements.every((requirement) => isMet(requirement, labels));
}

function isMet({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case 'in':
    case '=':
      return value !== undefined && values.includes(value);
    case 'notin':
    case '!=':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case '>':
      return value !== undefined && Number(value) > Number(values[0]);
    case '<':
      return value !== undefined && Number(value) < Number(values[0]);
  }
}

const SYMBOLS = ['==', '!=', '!', '=', '>', '<', '(', ')', ','];

class LabelSelectorParser {
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(text: string) {
    this.#tokens = text.match(/==|!=|[!=<>(),]|[^\s!=<>(),]+/g) ?? [];
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    if (this.#tokens.length === 0) return requirements;
    if (this.#isSymbol() && this.#peek() !== '!') {
      throw badRequest(`found '${this.#peek()}', expected: !, identifier, or 'end of string'`);
    }
    for (;;) {
      requirements.push(this.#requirement());
      const token = this.#take();
      if (token === '') return requirements;
      if (token !== ',') throw badRequest(`found '${token}', expected: ',' or 'end of string'`);
      if (this.#isSymbol() && this.#peek() !== '!') {
        throw badRequest(`found '${this.#peek()}', expected: identifier after ','`);
      }
    }
  }

  #requirement(): Requirement {
    if (this.#peek() === '!') {
      this.#take();
      return { key: this.#key(), operator: '!', values: [] };
    }
    const key = this.#key();
    const operator = this.#peek();
    if (operator === '' || operator === ',') return { key, operator: 'exists', values: [] };
    this.#take();
    switch (operator) {
      case 'in':
      case 'notin':
        return { key, operator, values: this.#values() };
      case '=':
      case '==':
        return { key, operator: '=', values: [this.#value(key)] };
      case '!=':
        return { key, operator, values: [this.#value(key)] };
      case '>':
      case '<':
        return { key, operator, values: [this.#integer()] };
      default:
        throw problem(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  #key(): string {
    if (this.#isSymbol()) throw problem(`found '${this.#peek()}', expected: identifier`);
    const key = this.#take();
    const [why] = qualifiedNameProblems(key);
    if (why !== undefined) throw problem(invalidValue('<nil>', key, why));
    return key;
  }

  #value(key: string): string {
    const token = this.#peek();
    if (token === '' || token === ',') return '';
    if (SYMBOLS.includes(token)) throw problem(`found '${token}', expected: identifier`);
    this.#take();
    const [why] = labelValueProblems(token);
    if (why !== undefined) throw problem(invalidValue(`values[0][${key}]`, token, why));
    return token;
  }

  #integer(): string {
    const token = this.#take();
    if (/^[-+]?\d+$/.test(token)) return token;
    const why = "for 'Gt', 'Lt' operators, the value must be an integer";
    throw problem(invalidValue('values[0]', token, why));
  }

  #values(): string[] {
    if (this.#take() !== '(') {
      throw problem(`found '${this.#tokens[this.#next - 1] ?? ''}' expected: '('`);
    }
    const values: string[] = [];
    for (;;) {
      const token = this.#take();
      if (token === ')') return [...values, ''];
      if (token === '') throw problem("found '', expected: ',' or ')'");
      if (token === ',') {
        values.push('');
        continue;
      }
      values.push(token);
      const next = this.#take();
      if (next === ')') return values;
      if (next !== ',') throw problem(`found '${next}', expected: ',' or ')'`);
    }
  }

  /** At the end, too. */
  #isSymbol(): boolean {
    return this.#peek() === '' || SYMBOLS.includes(this.#peek());
  }

  #peek(): string {
    return this.#tokens[this.#next] ?? '';
  }

  #take(): string {
    return this.#tokens[this.#next++] ?? '';
  }
}

function problem(what: string): Error {
  return badRequest(`unable to parse requirement: ${what}`);
}

function invalidValue(at: string, value: string, why: string): string {
  return `${at}: Invalid value: ${JSON.stringify(value)}: ${why}`;
}

export interface FieldRequirement {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

/**
 * Reads `metadata.name=invoices,spec.nodeName!=a`.
 *
 * @throws StatusError 400 when the text or a field is unknown
 */
export function parseFieldSelector(text: string, resource: Resource): FieldRequirement[] {
  const requirements: FieldRequirement[] = [];
  for (const term of text.split(/(?<!\\),/).sort()) {
    if (term === '') continue;
    const match = /^([^=!]*)(==|!=|=)(.*)$/s.exec(term);
    if (!match) {
      throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    }
    const [, field = '', operator, value = ''] = match;
    if (!(field in resource.fields)) throw badRequest(unknownField(field, resource));
    requirements.push({ field, equal: operator !== '!=', value: value.replace(/\\(.)/g, '$1') });
  }
  return requirements;
}

/** Kinds with fields of their own word it in another way. */
function unknownField(field: string, { fields }: Resource): string {
  const names = Object.keys(fields);
  if (names.length > 2) return `field label not supported: ${field}`;
  const known = names.map((name) => JSON.stringify(name)).join(', ');
  return `${JSON.stringify(field)} is not a known field selector: only ${known}`;
}
