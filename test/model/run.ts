/**
 * `npm run model`: explores the protocol exhaustively within the bounds of each configuration. Exits
 * with 1 if something is wrong with it, or if a mutant is not found.
 */
import { parseArgs } from 'node:util';
import { MUTANTS, SUBJECTS, subjectNamed } from './catalogue.ts';
import type { Mutant, Subject } from './catalogue.ts';
import type { Exploration } from './explorer.ts';

const { values } = parseArgs({
  options: {
    /** One configuration. */
    config: { type: 'string' },
    /** One rule dropped, or `all` in turn. */
    mutant: { type: 'string' },
    /** Also the configurations that take minutes. */
    all: { type: 'boolean', default: false },
  },
});

if (values.mutant === undefined) runConfigurations();
else if (values.mutant === 'all') MUTANTS.forEach((mutant) => runMutant(mutant, false));
else runMutant(mutantNamed(values.mutant), true);

function runConfigurations(): void {
  const { config, all } = values;
  const subjects = config === undefined ? SUBJECTS : [subjectNamed(config)];
  console.log('configuration              states  depth  seconds');
  for (const subject of subjects) {
    if (subject.large && !all && config === undefined) continue;
    const found = subject.explore();
    console.log(row(subject.name, found));
    if (!found.complete) console.log(`    not finished: more states than fit`);
    if (found.finding || !found.complete) process.exitCode = 1;
    if (found.finding) show(found.finding);
  }
}

function runMutant({ rule, sentence, subject }: Mutant, withTrace: boolean): void {
  const shown: Subject = values.config === undefined ? subject : subjectNamed(values.config);
  const found = shown.explore(rule);
  console.log(`${row(rule, found)}  ${found.finding?.what ?? 'NOT FOUND'}`);
  if (!found.finding) process.exitCode = 1;
  if (!withTrace) return;
  console.log(`    without: ${sentence} (configuration ${shown.name})`);
  if (found.finding) show(found.finding);
}

function mutantNamed(rule: string): Mutant {
  const mutant = MUTANTS.find((one) => one.rule === rule);
  if (mutant) return mutant;
  const rules = MUTANTS.map((one) => one.rule).join(', ');
  throw new Error(`no rule is named ${rule}: use one of ${rules}`);
}

function row(name: string, { states, depth, seconds }: Exploration): string {
  const number = String(states).padStart(9);
  return `${name.padEnd(24)}${number}  ${String(depth).padStart(5)}  ${seconds.toFixed(1).padStart(7)}`;
}

function show({ what, trace }: { what: string; trace: readonly string[] }): void {
  console.log(`    ${what}; * is what need not have happened`);
  for (const line of trace) console.log(line);
}
