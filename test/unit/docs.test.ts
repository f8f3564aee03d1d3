import { globSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { EXIT, EXIT_OF_ERROR } from '../../src/cli/exit-codes.ts';
import { addCommands } from '../../src/cli/commands.ts';
import { LINES } from '../../src/telemetry/log.ts';
import { readPage, rows } from '../cli/docs-tables.ts';

const PAGES = ['README.md', ...globSync('docs/**/*.md')];

const unquoted = (text = ''): string => text.replaceAll('`', '');

describe('the docs', () => {
  it('tell of each error code', () => {
    const codes = rows('docs/errors.md', 'code').map(([, code]) => unquoted(code));
    expect(codes.sort()).toEqual(Object.keys(EXIT_OF_ERROR).sort());
  });

  it('tell of each event, and at what level it is logged', () => {
    const events = rows('docs/telemetry.md', 'type').map(([, type, level]) => [
      unquoted(type),
      level,
    ]);
    const logged = Object.entries(LINES).map(([type, [level]]) => [type, level]);
    expect(events.sort()).toEqual(logged.sort());
  });

  it('tell of each rule of the guard', () => {
    const told = rows('docs/security.md', 'rule').flatMap(([, names = '']) =>
      names.split(', ').map(unquoted),
    );
    const manifests = ['elections', 'locks'].map((name) => readPage(`deploy/guard/${name}.yaml`));
    const rules = manifests.join().matchAll(/leasehold-guard\/([a-z]+)/g);
    expect(new Set(told)).toEqual(new Set([...rules].map(([, rule]) => rule)));
  });

  it('give exit codes that there are', () => {
    const known = new Set<number>([0, ...Object.values(EXIT)]);
    const told = ['docs/cli.md', 'docs/cli-repair.md'].flatMap((page) =>
      rows(page, 'code').map(([, code]) => code),
    );
    expect(told.filter((code) => code !== '128+n' && !known.has(Number(code)))).toEqual([]);
  });
});

describe('the command line', () => {
  const program = new Command();
  addCommands(program);
  const commands = new Map(program.commands.map((command) => [command.name(), command]));

  it('is told of in the README and in docs/cli.md, command by command', () => {
    const told = readPage('README.md').matchAll(/^\| `leasehold ([a-z]+)/gm);
    expect([...told].map(([, name]) => name).sort()).toEqual([...commands.keys()].sort());
    const named = rows('docs/cli.md', 'command').flatMap(([, names = '']) =>
      [...names.matchAll(/`([a-z]+)`/g)].map(([, name]) => name),
    );
    expect(named.sort()).toEqual([...commands.keys()].sort());
  });

  it.each([...commands])('has a manual of %s that fits, with its exit codes', (_, command) => {
    let manual = '';
    command.configureOutput({ writeOut: (text) => (manual += text) }).outputHelp();
    expect(manual).toMatch(/^Exit code: /m);
    expect(manual.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('has the commands and options that the docs and its own manuals use', () => {
    const manuals = globSync('src/cli/**/*.ts');
    const unknown: string[] = [];
    let count = 0;
    for (const page of [...PAGES, ...manuals]) {
      for (const [use, name = '', words = ''] of readPage(page).matchAll(
        /\bleasehold ([a-z]+)((?: [^\s|`'"\n]+)*)/g,
      )) {
        const command = commands.get(name);
        if (!command) continue;
        const [own = ''] = words.split(/ --(?= |$)/);
        for (const [, flag = ''] of own.matchAll(/(?<=\s\[?)(--[a-z-]+|-[a-zA-Z])(?=[\s\]]|$)/g)) {
          count += 1;
          const options = command.options.flatMap(({ short, long }) => [short, long]);
          if (flag !== '--help' && !options.includes(flag)) unknown.push(`${page}: ${use}`);
        }
      }
    }
    expect(unknown).toEqual([]);
    expect(count).toBeGreaterThan(50);
  });
});
