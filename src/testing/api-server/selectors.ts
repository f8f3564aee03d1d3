import { badRequest } from './status.ts';

export type Labels = Readonly<Record<string, string>>;

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
    for (;;) {
      requirements.push(this.#requirement());
      const token = this.#take();
      if (token === '') return requirements;
      if (token !== ',') throw problem(`found '${token}', expected: ',' or 'end of string'`);
      if (this.#peek() === '') throw problem(`found '', expected: identifier after ','`);
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
      case '>':
      case '<':
        return { key, operator, values: [this.#value(key)] };
      default:
        throw problem(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  #key(): string {
    const token = this.#take();
    if (token === '' || SYMBOLS.includes(token)) {
      throw problem(`found '${token}', expected: identifier`);
    }
    return token;
  }

  #value(key: string): string {
    const token = this.#peek();
    if (token === '' || token === ',') return '';
    if (SYMBOLS.includes(token)) throw problem(`found '${token}', expected: identifier`);
    this.#take();
    assertLabelValue(key, token);
    return token;
  }

  #values(): string[] {
    if (this.#take() !== '(') {
      throw problem(`found '${this.#tokens[this.#next - 1] ?? ''}' expected: '('`);
    }
    const values: string[] = [];
    for (;;) {
      const token = this.#take();
      if (token === ')') return values.length === 0 ? [''] : values;
      if (token === ',') continue;
      if (token === '') throw problem("found '', expected: ',' or ')'");
      values.push(token);
    }
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

function assertLabelValue(key: string, value: string): void {
  if (value.length <= 63 && /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/.test(value)) return;
  throw problem(
    `values[0][${key}]: Invalid value: "${value}": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
  );
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
export function parseFieldSelector(text: string, known: readonly string[]): FieldRequirement[] {
  const requirements: FieldRequirement[] = [];
  for (const term of text.split(/(?<!\\),/)) {
    if (term === '') continue;
    const match = /^([^=!]*)(==|!=|=)(.*)$/s.exec(term);
    if (!match) {
      throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
    }
    const [, field = '', operator, value = ''] = match;
    if (!known.includes(field)) {
      const names = known.map((name) => `"${name}"`).join(', ');
      throw badRequest(`"${field}" is not a known field selector: only ${names}`);
    }
    requirements.push({ field, equal: operator !== '!=', value: value.replace(/\\(.)/g, '$1') });
  }
  return requirements;
}
