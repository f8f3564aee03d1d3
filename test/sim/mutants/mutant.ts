import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What has to show that a mutant breaks the protocol. */
export type Evidence =
  /** One of these seeds of a scenario of the simulator. */
  | {
      readonly kind: 'simulation';
      readonly scenario: string;
      readonly first: number;
      readonly count: number;
      /** The invariants of which it may die; undefined for any. */
      readonly breaks: readonly string[] | undefined;
    }
  /** A directed test, for what the simulator does not contain. */
  | { readonly kind: 'test'; readonly file: string };

/** A patch of the shipped code that drops one safety rule of `docs/protocol.md`. */
export interface Mutant {
  /** Also of its file, less `.patch`. */
  readonly name: string;
  readonly path: string;
  /** Where on the page the rule stands. */
  readonly rule: string;
  /** In its words; ` / ` stands for what is left out. */
  readonly says: string;
  readonly evidence: Evidence;
}

/** All mutants, or those of these names. */
export function readMutants(names: readonly string[] = []): Mutant[] {
  const directory = import.meta.dirname;
  const all = readdirSync(directory)
    .filter((file) => file.endsWith('.patch'))
    .sort()
    .map((file) => readMutant(directory, file));
  for (const name of names) {
    if (!all.some((mutant) => mutant.name === name)) throw new Error(`no mutant ${name}`);
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

function readMutant(directory: string, file: string): Mutant {
  const path = join(directory, file);
  const fields = header(readFileSync(path, 'utf8'));
  const field = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new Error(`${file} does not say its ${name}`);
    return value;
  };
  // For people; but a mutant that does not say what it does is of no use to them.
  field('Without');
  const mutant = {
    name: file.replace(/\.patch$/, ''),
    path,
    rule: field('Rule'),
    says: field('Says'),
  };
  const test = fields.get('Test');
  if (test !== undefined) return { ...mutant, evidence: { kind: 'test', file: test } };
  const [, from, to] = /^(\d+)-(\d+)$/.exec(field('Seeds')) ?? [];
  const first = Number(from);
  const count = Number(to) - first + 1;
  if (!(count >= 1)) throw new Error(`${file}: Seeds are a range, such as 1-40`);
  const scenario = field('Scenario');
  const breaks = fields.get('Breaks')?.split(', ');
  return { ...mutant, evidence: { kind: 'simulation', scenario, first, count, breaks } };
}

/** `Name: value` above the diff; what is indented goes on with the line before. */
function header(patch: string): Map<string, string> {
  const [text = ''] = patch.split('\n--- ', 1);
  const fields = new Map<string, string>();
  for (const line of text.replaceAll(/\n +/g, ' ').split('\n')) {
    const [, name, value] = /^([A-Z][a-z]+): (.+)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) fields.set(name, value);
  }
  return fields;
}
